"""Tables of the chapter, from records."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from replications.papers.complexity_gradient_descent.estimands import at_best, chosen, gain, matched_gain
from replications.papers.complexity_gradient_descent.figures import (
    SETTINGS,
    mean_decay,
    recorded_schedules,
    recorded_settings,
)
from replications.papers.complexity_gradient_descent.schedules import SCHEDULES, TIED
from replications.papers.complexity_gradient_descent.study import MAPPED
from replications.statistics import minimum_detectable_effect, t_interval
from replications.study import Records

Row = dict[str, object]
NEAR = 0.01  # of test accuracy: what counts as near the best cell of a map


def signed(values: np.ndarray, scale: float = 1.0, digits: int = 4) -> str:
    """Mean ± half of the 95 % interval over seeds; the mean alone where there is one seed."""
    values = scale * np.asarray(values, dtype=float)
    half = f" ± {0.5 * t_interval(values).width:.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():+.{digits}f}{half}".replace("-", "−")


def schedules_in(records: Records, setting: str) -> list[Row]:
    """Every schedule of a setting at its own best λ_0: NLL, accuracy, and what it wins over the best constant and at equal Σηλ."""
    rows: list[Row] = []
    for name in recorded_schedules(records, setting):
        condition = f"{setting}-{name}"
        picked = [index for _, index in chosen(records, [condition])]
        last = len(records[condition][0].config["decays"]) - 1
        nll, accuracy = (at_best([condition], what)(records) for what in ("nll", "accuracy"))
        constant = name == "constant"
        rows.append(
            {
                "schedule": SCHEDULES[name].title,
                "mean λ": float(np.nanmedian(mean_decay(records, condition)[picked])),
                "at an edge": f"{sum(k in (0, last) for k in picked)} of {len(picked)}",
                "NLL": f"{nll.mean():.4f}",
                "accuracy": f"{accuracy.mean():.4f}",
                "NLL saved": None if constant else signed(gain(setting, [name], "nll")(records)),
                "accuracy won, points": None
                if constant
                else signed(gain(setting, [name], "accuracy")(records), 100, 2),
                "NLL saved at equal Σηλ": None if constant else signed(matched_gain(setting, [name], "nll")(records)),
            }
        )
    return rows


def best_of(records: Records) -> list[Row]:
    """In every setting: no L2, the best constant, and the schedule that validation images choose among those tied to η or the loss."""
    rows: list[Row] = []
    for setting in recorded_settings(records):
        tied = [name for name in recorded_schedules(records, setting) if name in TIED]
        names = [f"{setting}-{name}" for name in tied]
        picked = [SCHEDULES[name.removeprefix(f"{setting}-")].title for name, _ in chosen(records, names)]
        without = f"{'-'.join(setting.split('-')[:2])}-none"
        comparable = without in records and setting.endswith("sgd")
        rows.append(
            {
                "setting": SETTINGS[setting],
                "NLL, λ = 0": float(records.scalars(without, "nll").mean()) if comparable else None,
                "best constant": float(at_best([f"{setting}-constant"], "nll")(records).mean()),
                "best schedule": float(at_best(names, "nll")(records).mean()),
                "NLL saved": signed(gain(setting, tied, "nll")(records)),
                "accuracy won, points": signed(gain(setting, tied, "accuracy")(records), 100, 2),
                "NLL saved at equal Σηλ": signed(matched_gain(setting, tied, "nll")(records)),
                "chosen": ", ".join(f"{title} ({picked.count(title)})" for title in dict.fromkeys(picked)),
            }
        )
    return rows


def robustness(records: Records) -> list[Row]:
    """Cells of the map of learning rate and L2 coefficient that are near its best, by schedule."""
    rows: list[Row] = []
    for net in ("plain", "bn"):
        maps = {name: f"map-{net}-{name}" for name in MAPPED if f"map-{net}-{name}" in records}
        found = {name: np.mean(records.arrays(condition, "test_accuracy"), axis=0) for name, condition in maps.items()}
        for name, accuracy in found.items():
            gone = np.array(records.arrays(maps[name], "diverged_at")) >= 0
            best = max(values.max() for values in found.values())
            rows.append(
                {
                    "network": "batch norm" if net == "bn" else "no batch norm",
                    "schedule": SCHEDULES[name].title,
                    "best accuracy": float(accuracy.max()),
                    "cells within 1 point of the best": f"{int((accuracy > best - NEAR).sum())} of {len(accuracy)}",
                    "runs that diverged": f"{int(gone.sum())} of {gone.size}",
                }
            )
    return rows


def divergences(records: Records) -> list[Row]:
    """Every grid point at which a network diverged: how many seeds, and at which steps."""
    rows: list[Row] = []
    for condition in records.conditions:
        config = records[condition][0].config
        if "diverged_at" not in records[condition][0].arrays or "learning_rates" not in config:
            continue
        at = np.array(records.arrays(condition, "diverged_at"))  # (seeds, rates · decays)
        decays = config["decays"]
        for cell in np.flatnonzero((at >= 0).any(0)):
            steps = at[at[:, cell] >= 0, cell]
            rows.append(
                {
                    "condition": condition,
                    "η_0": f"{config['learning_rates'][cell // len(decays)]:g}",
                    "mean λ": f"{decays[cell % len(decays)]:g}",
                    "seeds": f"{len(steps)} of {len(at)}",
                    "step": f"{steps.min()}" if steps.min() == steps.max() else f"{steps.min()} to {steps.max()}",
                }
            )
    return rows


def detectable(records: Records, settings: Sequence[str]) -> list[Row]:
    """The smallest saving of NLL and winning of accuracy that the seeds could have shown, by schedule."""
    rows: list[Row] = []
    for setting in settings:
        for name in recorded_schedules(records, setting):
            won = {what: gain(setting, [name], what)(records) for what in ("nll", "accuracy")}
            if name in TIED and all(len(values) > 1 and values.std() > 0.0 for values in won.values()):
                rows.append(
                    {
                        "setting": SETTINGS[setting],
                        "schedule": SCHEDULES[name].title,
                        "NLL saved": float(won["nll"].mean()),
                        "detectable, nats": minimum_detectable_effect(won["nll"]),
                        "accuracy won, points": 100.0 * float(won["accuracy"].mean()),
                        "detectable, points": 100.0 * minimum_detectable_effect(won["accuracy"]),
                    }
                )
    return rows
