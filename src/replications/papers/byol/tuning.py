"""Trials of the peak learning rate, the same for every arm, for the papers that build on BYOL.

A trial is a condition of profile laptop: a short training that is judged by training images that are held out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from replications.study import Records, Store, Study
from replications.study.rules import finite


def trial(arm: str, rate: float) -> str:
    """Name of the condition that tries a rate for an arm."""
    return f"tune_{arm}_{rate:g}"


@dataclass(frozen=True)
class Trials:
    """Every arm of `used` at every rate, compared by `metric`."""

    study: Study
    rates: tuple[float, ...]
    used: Mapping[str, float]  # arm → the rate that it is trained with
    metric: str

    def recorded(self) -> Records:
        """The laptop's records."""
        return Records("laptop", Store().recorded(self.study, "laptop"))

    def complete(self, records: Records, arm: str) -> bool:
        """Whether every rate of an arm was tried with every seed."""
        trials, seeds = [trial(arm, rate) for rate in self.rates], self.study.plan("laptop").seeds
        return all(name in records and len(records[name]) >= seeds for name in trials)

    def held_out(self, records: Records, arm: str) -> np.ndarray:
        """The metric on held-out training images, mean over seeds, a value a rate; NaN where a seed diverged. (rates,)"""
        return np.array([records.scalars(trial(arm, rate), self.metric).mean() for rate in self.rates])

    def best(self, records: Records) -> dict[str, float]:
        """Arm → the rate with the best mean, of arms whose trials are complete. A rate that diverged loses."""
        scores = {
            arm: np.nan_to_num(self.held_out(records, arm), nan=-1.0)
            for arm in self.used
            if self.complete(records, arm)
        }
        return {arm: self.rates[int(values.argmax())] for arm, values in scores.items()}

    def rows(self, records: Records) -> list[dict[str, object]]:
        """A row an arm: the metric at each rate in %, None until its trials are complete, and the rate it is trained with."""
        scores = {arm: 100 * self.held_out(records, arm) for arm in self.used if self.complete(records, arm)}
        return [
            {
                "arm": arm,
                **{
                    f"% at {rate:g}": finite(float(scores[arm][place])) if arm in scores else None
                    for place, rate in enumerate(self.rates)
                },
                "rate used": used,
            }
            for arm, used in self.used.items()
        ]
