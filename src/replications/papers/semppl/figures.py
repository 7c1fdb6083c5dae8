"""SemPPL's figures and tables: few-label accuracy by arm, pseudo-labels over training, the sweep, the exact facts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from replications.figures import band, figure, palette
from replications.papers.semppl.exact import METRICS as EXACT
from replications.statistics import mean_and_deviation
from replications.study import Records
from replications.study.rules import finite

ONE = {
    "oracle": "true labels",
    "semppl": "SemPPL",
    "flips_20": "20 % wrong",
    "flips_40": "40 % wrong",
    "alpha_0": "α = 0",
    "random": "random class",
    "byol_semppl": "BYOL + semantic",
    "byol": "BYOL",
}
TEN = {"semppl_ten": "SemPPL", "alpha_0_ten": "α = 0"}
TITLES = {**ONE, **{arm: f"{title}, 10 % of labels" for arm, title in TEN.items()}}
BOUNDS = ("alpha_0", "semppl", "oracle")
SWEEP = {
    "sweep_alpha_0": "α = 0",
    "sweep": "as above",
    "sweep_alpha_0.2": "α = 0.2 (recalled)",
    "sweep_alpha_5": "α = 5",
    "sweep_k_1": "k = 1 (recalled)",
    "sweep_invariance_0": "λ = 0",
    "sweep_recalled": "c = 0.3, α = 0.2, λ = 5, k = 1 (all recalled)",
}


def scale(records: Records, arm: str = "semppl") -> str:
    """The scale of a set of records in words, for captions."""
    main = records[arm]
    config, seeds = main[0].config, len(main)
    return (
        f"profile {records.profile}: CIFAR-10 at {config['size']} pixels, {config['encoder']} encoder, "
        f"{main[0].cost.samples:,} images seen in {config['epochs']:g} epochs, {seeds} seed{'s' if seeds > 1 else ''}"
    )


def arms(records: Records) -> None:
    """Few-label accuracy of every arm, a point a seed, beside the untrained encoder's."""
    alt = (
        "Two panels of points, a row an arm and a point a seed: the accuracy of a linear probe fitted on the labels that "
        "training saw, 1 % left and 10 % right. A dashed line marks the untrained encoder."
    )
    with figure(alt, name="semppl-arms", width=7.4, height=3.2) as fig:
        for ax, titles, metric, title in zip(
            fig.subplots(1, 2, width_ratios=[3, 2]), (ONE, TEN), ("linear_1", "linear_10"), ("1 %", "10 %")
        ):
            shown = [arm for arm in titles if arm in records]
            for row, arm in enumerate(shown):
                values = 100 * records.scalars(arm, metric)
                ax.plot(values, [row] * len(values), "o", color=palette[_place(arm)], markersize=4.5)
                ax.plot(
                    [values.mean()] * 2, [row - 0.3, row + 0.3], color=palette[_place(arm)], linestyle="-", zorder=2
                )
            untrained = 100 * records.scalars("alpha_0", f"{metric}_random").mean()
            ax.axvline(untrained, color=palette[3], linestyle="--", linewidth=1, label="untrained encoder")
            ax.set_yticks(range(len(shown)), [titles[arm] for arm in shown])
            ax.set(title=f"{title} of the labels", xlabel="accuracy (%)", ylim=(max(len(shown), 1) - 0.5, -0.5))
            ax.legend(fontsize=7.5)


def labels(records: Records) -> None:
    """Accuracy of pseudo-labels over training, and how evenly they are given."""
    alt = (
        "Two panels against epochs: the share of pseudo-labels that are right, and the entropy of pseudo-labels over its "
        "largest value, which would fall if a few classes took over."
    )
    lines = ["oracle", "semppl", "alpha_0", "random", "semppl_ten", "alpha_0_ten"]
    with figure(alt, name="semppl-labels", width=7.4, height=3.2) as fig:
        for ax, (name, label) in zip(
            fig.subplots(1, 2), {"pseudo": "right pseudo-labels", "entropy": "entropy / log 10"}.items()
        ):
            for index, arm in enumerate(arm for arm in lines if arm in records):
                epochs, values = records.curve(arm, name)
                band(ax, epochs, values, TITLES[arm], index)
            ax.set(xlabel="epoch", ylabel=label)
        fig.axes[0].legend(fontsize=7.5)


def _place(arm: str) -> int:
    """Colour of an arm: with semantic positives, without, and the two bounds."""
    if arm in ("oracle", "random"):
        return 2
    return 1 if arm.startswith("alpha_0") or arm == "byol" else 0


def table(records: Records) -> list[dict[str, object]]:
    """A row an arm: few-label probes, pseudo-labels and purity at the end, means over seeds with their deviation."""
    rows: list[dict[str, object]] = [
        {
            "arm": "untrained encoder",
            "1 % labels": mean_and_deviation(100 * records.scalars("alpha_0", "linear_1_random")),
            "10 % labels": mean_and_deviation(100 * records.scalars("alpha_0", "linear_10_random")),
            "all labels": mean_and_deviation(100 * records.scalars("alpha_0", "linear_random")),
            "pseudo-labels": mean_and_deviation(100 * records.scalars("alpha_0", "pseudo_random")),
            "purity": None,
            "entropy": None,
            "seeds": len(records["alpha_0"]),
        }
    ]
    return rows + [_row(records, arm, title) for arm, title in TITLES.items() if arm in records]


def sweep(records: Records) -> list[dict[str, object]]:
    """The same for shorter trainings with one constant changed at a time; empty where they were not run."""
    return [_row(records, arm, title) for arm, title in SWEEP.items() if arm in records]


def _row(records: Records, arm: str, title: str) -> dict[str, object]:
    def percent(metric: str) -> str | None:
        return mean_and_deviation(100 * records.scalars(arm, metric))

    return {
        "arm": title,
        "1 % labels": percent("linear_1"),
        "10 % labels": percent("linear_10"),
        "all labels": percent("linear"),
        "pseudo-labels": percent("pseudo"),
        "purity": percent("purity"),
        "entropy": finite(float(records.scalars(arm, "entropy").mean())),
        "seeds": len(records[arm]),
    }


def exact(records: Records) -> list[dict[str, object]]:
    """Largest error over seeds of every fact that the definitions imply."""
    return [
        {"fact": metric.meaning, "unit": metric.unit, "largest": f"{records.scalars('algebra', name).max():.1e}"}
        for name, metric in EXACT.items()
    ]


def said(records: Records, difference: Callable[[Records], np.ndarray], *needed: str) -> str:
    """Mean difference in points for the prose, or that it was not run."""
    if any(arm not in records for arm in needed):
        return f"(not run at profile {records.profile})"
    return f"{100 * difference(records).mean():+.1f}".replace("-", "−")
