"""Example, to be replaced by the figures of "Zipfian environments for reinforcement learning"."""

from __future__ import annotations

from replications.figures import figure
from replications.study import Records


def gaps(records: Records) -> None:
    """The largest gap of each condition, one point a seed (mirrors no figure of the paper)."""
    text = "Largest relative error of the parallelogram law, by condition: at rounding level everywhere"
    with figure(text, name="zipfian-environments-gaps", width=5, height=3) as fig:
        ax = fig.subplots()
        for place, condition in enumerate(records.conditions):
            values = records.scalars(condition, "gap")
            ax.semilogy([place] * len(values), values, "o")
        ax.set_xticks(range(len(records.conditions)), records.conditions)
        ax.set_ylabel("largest relative error")
