"""The figures of the chapter, after the paper's Appendix B, and its tables. Each takes records.

A run that stopped early keeps its last value to the end of the axis, faintly, so that curves of all seeds span it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from replications.figures import figure, palette
from replications.papers.recurrent_discounted_attention.method import ATTENTION
from replications.papers.recurrent_discounted_attention.study import OUTPUTS, UNITS
from replications.study import Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELS = {
    "rda-exp-tanh": "RDA-exp-tanh",
    "rda-sigmoid-id": "RDA-sigmoid-id",
    "rwa": "RWA",
    "gru": "GRU",
    "lstm": "LSTM",
}
PAPER = {  # steps, or test accuracy: Tables 2 to 6
    "multicopy": {"rda-exp-tanh": "1114", "rda-sigmoid-id": "1316", "rwa": "> 10000", "gru": "3984", "lstm": "4048"},
    "copy": {"rda-exp-tanh": "11831", "rda-sigmoid-id": "9840", "rwa": "5660", "gru": "5329", "lstm": "> 20000"},
    "length": {"rda-exp-tanh": "164", "rda-sigmoid-id": "414", "rwa": "133", "gru": "71", "lstm": "776"},
    "mnist": {"rda-exp-tanh": "0.985", "rda-sigmoid-id": "0.987", "rwa": "0.979", "gru": "0.985", "lstm": "0.114"},
    "permuted": {"rda-exp-tanh": "0.905", "rda-sigmoid-id": "0.913", "rwa": "0.899", "gru": "0.944", "lstm": "0.915"},
}


def _lines(ax: Axes, records: Records, task: str, name: str, units: Iterable[str] = UNITS) -> None:
    """One line a seed, coloured by unit; where a run ended its line ends, with a mark."""
    for index, unit in enumerate(units):
        style = palette.line(index) | {"marker": "", "linewidth": 1.2}
        for seed, record in enumerate(records[f"{task}-{unit}"]):
            curve = record.curves[name]
            y = np.array(curve.y, dtype=float)
            kept = np.isfinite(y)
            x = np.array(curve.x, dtype=float)[kept]
            ax.plot(x, y[kept], label=LABELS[unit] if seed == 0 else None, **style)
            ax.plot(x[-1:], y[kept][-1:], color=style["color"], marker="o", markersize=3, linestyle="")


def _plateau(ax: Axes, value: float, label: str) -> None:
    ax.axhline(value, color=palette["grey"], linestyle=":", linewidth=1.2, label=label)


def _curves(
    records: Records, task: str, name: str, plateau: float, plateau_label: str, panels: Sequence[tuple[str, str]]
) -> None:
    """Loss with its plateau on the left, and what else was watched on the right."""
    measured = " and ".join(label for _, label in panels)
    alt = (
        f"{measured} against updates, one line for each seed of RDA-exp-tanh, RDA-sigmoid-id, RWA, GRU and LSTM; a dot "
        f"marks where a run ended. A dotted line marks {plateau_label}."
    )
    with figure(alt, name=name, width=7.4 if len(panels) > 1 else 5.2, height=3.2) as fig:
        axes = np.atleast_1d(fig.subplots(1, len(panels)))
        for ax, (measure, label) in zip(axes, panels):
            _lines(ax, records, task, measure)
            ax.set(xlabel="update", ylabel=label)
        axes[0].set_yscale("log")
        _plateau(axes[0], plateau, plateau_label)
        axes[-1].legend(fontsize=7)
        if len(axes) > 1:  # the units are named on the right
            axes[0].legend(handles=[line for line in axes[0].lines if line.get_label() == plateau_label], fontsize=7)


def multicopy(records: Records) -> None:
    """The paper's Figure B(d): multiple-sequence copy."""
    panels = [("loss", "loss (nats a step)"), ("answers", "accuracy on answers")]
    _curves(records, "multicopy", "rda-multicopy", 8 * np.log(8) / 20, "plateau 8 ln(8)/20", panels)


def copy(records: Records) -> None:
    """The paper's Figure B(c): copy."""
    config = records["copy-gru"][0].config
    length = 2 * config["symbols"] + config["length"]
    level, label = config["symbols"] * np.log(7) / length, f"plateau {config['symbols']} ln(7)/{length}"
    _curves(
        records, "copy", "rda-copy", level, label, [("loss", "loss (nats a step)"), ("answers", "accuracy on answers")]
    )


def addition(records: Records) -> None:
    """The paper's Figure B(a): addition."""
    _curves(records, "addition", "rda-addition", 1 / 6, "plateau 1/6", [("loss", "squared error")])


def length(records: Records) -> None:
    """The paper's Figure B(b): classification by length."""
    panels = [("loss", "loss (nats)"), ("accuracy", "accuracy")]
    _curves(records, "length", "rda-length", float(np.log(2)), "plateau ln 2", panels)


def mnist(records: Records) -> None:
    """The paper's Figure B(e): sequential MNIST."""
    panels = [("loss", "loss (nats)"), ("accuracy", "accuracy, training batches")]
    _curves(records, "mnist", "rda-mnist", float(np.log(10)), "plateau ln 10", panels)


def characters(records: Records) -> None:
    """Bits a character of the validation text against updates and against seconds of CPU time."""
    alt = (
        "Bits a character of validation text, one line for each seed of the five units: left against updates, right against "
        "seconds of one core, training and looks at validation text together."
    )
    with figure(alt, name="rda-characters", width=7.4, height=3.2) as fig:
        left, right = fig.subplots(1, 2, sharey=True)
        for index, unit in enumerate(UNITS):
            style = palette.line(index) | {"markersize": 3, "linewidth": 1.2}
            for seed, record in enumerate(records[f"characters-{unit}"]):
                curve = record.curves["bits"]
                seconds = np.array(curve.x) * record.cost.cpu_s / max(record.cost.steps, 1)
                label = LABELS[unit] if seed == 0 else None
                left.plot(curve.x, curve.y, label=label, **style)
                right.plot(seconds, curve.y, label=label, **style)
        left.set(xlabel="update", ylabel="bits a character, validation")
        right.set(xlabel="CPU seconds")
        right.legend(fontsize=7)


def lemma(records: Records) -> None:
    """ln d_t of the three arms of the oscillation, and what they emit."""
    alt = (
        "Left: ln d_t, less its first value, against the step, for an RWA with the least attention that emits plus and minus "
        "one half, an RWA with bounded attention, and a unit with bounded attention and a discount; a dotted line has the "
        "slope that Lemma 1 asks for. Right: what the two bounded units emit, with dotted lines at plus and minus one half."
    )
    arms = {
        "free": "no discount, attention free",
        "bounded": "no discount, |ln a| ≤ 3",
        "discounted": "discount, |ln a| ≤ 3",
    }
    with figure(alt, name="rda-lemma", width=7.4, height=3.0) as fig:
        left, right = fig.subplots(1, 2)
        for index, (arm, label) in enumerate(arms.items()):
            for seed, (x, y) in enumerate(zip(*_seeds(records, f"ln_d_{arm}"))):
                style = palette.line(index) | {"marker": "", "linewidth": 1.2}
                left.plot(x, y, label=label if seed == 0 else None, **style)
            for x, y in zip(*_seeds(records, f"h_{arm}")) if arm != "free" else ():
                right.plot(x, y, **palette.line(index) | {"marker": "", "linewidth": 0.8})
        needed = records.scalars("oscillation", "growth_needed")[0]
        left.plot(x, needed * (x - 1), color=palette["grey"], linestyle=":", linewidth=2, label="Lemma 1")
        left.set(xlabel="step", ylabel="ln d_t − ln d_1 (nats)")
        left.legend(fontsize=7)
        for value in (-0.5, 0.5):
            right.axhline(value, color=palette["grey"], linestyle=":")
        right.set(xlabel="step", ylabel="h_t")


def _seeds(records: Records, name: str) -> tuple[list[np.ndarray], np.ndarray]:
    x, ys = records.curve("oscillation", name)
    return [x] * len(ys), ys


def median_steps(records: Records, condition: str, metric: str) -> str:
    """The median over seeds, or the least budget of those that did not get there; and how many did where not all did."""
    values, taken = records.scalars(condition, metric), records.scalars(condition, "steps")
    got = np.isfinite(values)
    middle = float(np.median(values))
    shown = f"{middle:.0f}" if np.isfinite(middle) else f"> {taken[~got].min():.0f}"
    return shown if got.all() or not got.any() else f"{shown} ({got.sum()} of {len(values)} seeds)"


def step_rows(records: Records, task: str, levels: Sequence[str], extra: Sequence[str] = ()) -> list[dict[str, Any]]:
    """One row a unit: median updates to each level, and the paper's number."""
    rows = []
    for unit in UNITS:
        name = f"{task}-{unit}"
        row: dict[str, Any] = {"unit": LABELS[unit]}
        row |= {f"to {level.replace('mse_', '')}": median_steps(records, name, f"steps_{level}") for level in levels}
        row |= {metric.replace("_", " "): f"{records.scalars(name, metric).mean():.4f}" for metric in extra}
        if task in PAPER:
            row["paper"] = PAPER[task][unit]
        rows.append(row)
    return rows


def ablation_rows(records: Records) -> list[dict[str, Any]]:
    """One row for each attention and output function: seeds that met a NaN, final accuracy and loss, updates to 0.9."""
    rows = []
    for attention in ATTENTION:
        for output in OUTPUTS:
            name = f"ablation-{attention}-{output}"
            lost = records.scalars(name, "diverged")
            rows.append(
                {
                    "attention": attention,
                    "output": output,
                    "NaN": f"{lost.sum():.0f} of {len(lost)}",
                    "final accuracy": _mean(records.scalars(name, "final_accuracy")),
                    "final loss, nats": _mean(records.scalars(name, "final_loss")),
                    "to 0.9": median_steps(records, name, "steps_0.9"),
                }
            )
    return rows


def _mean(values: np.ndarray) -> str:
    finite = values[np.isfinite(values)]
    return f"{finite.mean():.3f}" if len(finite) else "–"


def start_rows(records: Records) -> list[dict[str, Any]]:
    """One row a unit: median updates to 0.9 and 0.98 on the length task, with a learned start and without."""
    rows = []
    for unit in UNITS:
        row: dict[str, Any] = {"unit": LABELS[unit]}
        for level in ("0.9", "0.98"):
            for label, name in (("learned", f"length-{unit}"), ("zero", f"length-{unit}-zero")):
                row[f"to {level}, {label}"] = median_steps(records, name, f"steps_{level}")
        rows.append(row)
    return rows


def linear_rows(records: Records) -> list[dict[str, Any]]:
    """One row a task: the share of n_t/d_t within ±1/2 after training, mean over seeds."""
    return [
        {"task": task}
        | {
            LABELS[unit]: f"{records.scalars(f'{task}-{unit}', 'linear_share').mean():.2f}"
            for unit in ("rwa", "rda-exp-tanh", "rda-sigmoid-id")
        }
        for task in ("addition", "length", "copy", "multicopy", "mnist")
    ]


def character_rows(records: Records) -> list[dict[str, Any]]:
    """One row a unit: bits a character at the end, and CPU seconds, mean over seeds."""
    return [
        {
            "unit": LABELS[unit],
            "validation": f"{records.scalars(f'characters-{unit}', 'valid_bits').mean():.3f}",
            "test": f"{records.scalars(f'characters-{unit}', 'test_bits').mean():.3f}",
            "CPU s": f"{np.mean([r.cost.cpu_s for r in records[f'characters-{unit}']]):.0f}",
        }
        for unit in UNITS
    ]
