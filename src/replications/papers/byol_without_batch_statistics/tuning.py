"""Which learning rate each layout gets: the same trials for every arm, judged on held-out training images.

Run as a module it prints what the recorded trials select, to be written into `study.LEARNING_RATES`.
"""

from __future__ import annotations

import numpy as np

from replications.papers.byol_without_batch_statistics.study import ARMS, LEARNING_RATES, RATES, STUDY, trial
from replications.study import Records, Store
from replications.study.rules import finite


def recorded() -> Records:
    """The laptop's records."""
    return Records("laptop", Store().recorded(STUDY, "laptop"))


def complete(records: Records, arm: str) -> bool:
    """Whether every rate of an arm was tried with every seed."""
    trials, seeds = [trial(arm, rate) for rate in RATES], STUDY.plan("laptop").seeds
    return all(name in records and len(records[name]) >= seeds for name in trials)


def held_out(records: Records, arm: str) -> np.ndarray:
    """kNN accuracy on held-out training images, mean over seeds, a value a rate; NaN where a seed diverged. (rates,)"""
    return np.array([records.scalars(trial(arm, rate), "knn").mean() for rate in RATES])


def best(records: Records) -> dict[str, float]:
    """Arm → the rate with the best neighbours, of arms whose trials are complete. A rate that diverged loses."""
    scores = {arm: np.nan_to_num(held_out(records, arm), nan=-1.0) for arm in ARMS if complete(records, arm)}
    return {arm: RATES[int(values.argmax())] for arm, values in scores.items()}


def rows(records: Records) -> list[dict[str, object]]:
    """A row an arm: held-out kNN at each rate, None until its trials are complete, and the rate it is trained with."""
    scores = {arm: 100 * held_out(records, arm) for arm in ARMS if complete(records, arm)}
    return [
        {
            "arm": arm,
            **{
                f"rate {rate:g}, kNN %": finite(float(scores[arm][place])) if arm in scores else None
                for place, rate in enumerate(RATES)
            },
            "rate used": used,
        }
        for arm, used in LEARNING_RATES.items()
    ]


if __name__ == "__main__":
    print(best(recorded()))
