"""What the rules of this chapter measure: steps to a level, seed by seed, and conditions that are true of a seed.

Steps to a level are compared seed by seed. A run that ended before the level counts with the steps it was given, which
can only understate the advantage of a unit that got there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from replications.papers.recurrent_discounted_attention.study import RDA, UNITS
from replications.study import Records
from replications.study.rules import Estimand, TooFewSeeds

LIBRARY = ("gru", "lstm")


def seed_by_seed(predicate: Estimand) -> Estimand:
    """The predicate on the seeds that every recorded condition has, as it compares conditions within a seed.

    Raises (when it is asked):
        TooFewSeeds: there is no such seed.
    """

    def on_shared_seeds(records: Records) -> np.ndarray:
        shared = set.intersection(*(set(records.seeds(condition)) for condition in records.conditions))
        if not shared:
            raise TooFewSeeds("no seed has every condition yet")
        return np.asarray(predicate(Records(records.profile, [r for r in records if r.seed in shared])))

    return on_shared_seeds


def reached(records: Records, condition: str, level: str) -> np.ndarray:
    """Steps to a level, infinite where it was not reached. Shape (seeds,)."""
    return records.scalars(condition, f"steps_{level}")


def at_least(records: Records, condition: str, level: str) -> np.ndarray:
    """Steps to a level, or a lower bound of them: the steps taken, without limit after a loss that was not finite."""
    taken, dead = records.scalars(condition, "steps"), records.scalars(condition, "diverged") > 0
    return np.minimum(reached(records, condition, level), np.where(dead, np.inf, taken))


def speed_up(records: Records, fast: Iterable[str], slow: Iterable[str], level: str) -> np.ndarray:
    """Steps of the quickest of `slow` over those of the slowest of `fast`; 0 where one of `fast` never got there."""
    slowest = np.max([reached(records, name, level) for name in fast], axis=0)
    quickest = np.min([at_least(records, name, level) for name in slow], axis=0)
    return np.where(np.isfinite(slowest), quickest / np.where(np.isfinite(slowest), slowest, 1), 0.0)


def before(records: Records, early: str, late: str, level: str) -> np.ndarray:
    """Whether `early` reached the level before `late` did, or within the steps in which `late` did not."""
    first, second = reached(records, early, level), reached(records, late, level)
    return np.where(np.isfinite(second), first < second, first <= at_least(records, late, level)) & np.isfinite(first)


def both(*conditions: Callable[[Records], np.ndarray]) -> Estimand:
    """Whether all conditions hold, seed by seed."""
    return lambda records: np.logical_and.reduce([condition(records) for condition in conditions])


def of(task: str, units: Iterable[str]) -> list[str]:
    return [f"{task}-{unit}" for unit in units]


def flagship(factor: float) -> Estimand:
    """Both RDAs `factor` times as fast to 0.99 as GRU and LSTM, and RWA not there at 2.5 times their steps."""

    def holds(records: Records) -> np.ndarray:
        fast = speed_up(records, of("multicopy", RDA), of("multicopy", LIBRARY), "0.99") >= factor
        return fast & (speed_up(records, of("multicopy", RDA), ["multicopy-rwa"], "0.99") >= 2.5)

    return holds


def order(task: str, pairs: Iterable[tuple[str, str]], level: str) -> Estimand:
    """Whether, in every pair (early, late), the first reaches the level before the second."""

    def one(early: str, late: str) -> Estimand:
        return lambda records: before(records, f"{task}-{early}", f"{task}-{late}", level)

    return both(*(one(early, late) for early, late in pairs))


def never(condition: str, level: str) -> Estimand:
    """Whether a level was not reached."""
    return lambda records: ~np.isfinite(reached(records, condition, level))


def solved(conditions: Iterable[str], level: str) -> Estimand:
    """Whether every condition reached the level."""
    return both(*(lambda records, name=name: np.isfinite(reached(records, name, level)) for name in conditions))


def greater(metric: str, high: Iterable[str], low: Iterable[str], margin: float = 0.0) -> Estimand:
    """Whether the least of `high` is at least the largest of `low` plus a margin, seed by seed."""

    def holds(records: Records) -> np.ndarray:
        least = np.min([records.scalars(name, metric) for name in high], axis=0)
        return least >= np.max([records.scalars(name, metric) for name in low], axis=0) + margin

    return holds


def beyond(condition: str, metric: str, threshold: float, *, above: bool = True) -> Estimand:
    """Whether a metric is above (or below) a threshold."""

    def holds(records: Records) -> np.ndarray:
        values = records.scalars(condition, metric)
        return values > threshold if above else values < threshold

    return holds


def failed(condition: str) -> Estimand:
    """Whether a run met a loss that was not finite, or ended below an accuracy of 0.9."""
    return lambda records: (
        (records.scalars(condition, "diverged") > 0) | ~(records.scalars(condition, "final_accuracy") >= 0.9)
    )


def best_rda(records: Records) -> np.ndarray:
    """Test bits of the better RDA, seed by seed."""
    return np.min([records.scalars(f"characters-{unit}", "test_bits") for unit in RDA], axis=0)


def _bits(unit: str) -> Estimand:
    return lambda records: records.scalars(f"characters-{unit}", "test_bits")


def rda_second(records: Records) -> np.ndarray:
    """Whether LSTM < better RDA < GRU in test bits."""
    rda = best_rda(records)
    return (_bits("lstm")(records) < rda) & (rda < _bits("gru")(records))


def rwa_worst(records: Records) -> np.ndarray:
    """Whether the RWA is worst by more than 0.1 bits."""
    others = [np.asarray(_bits(unit)(records)) for unit in UNITS if unit != "rwa"]
    return np.asarray(_bits("rwa")(records)) > np.max(others, axis=0) + 0.1


def inner_tanh_saves(records: Records) -> np.ndarray:
    """Steps to 0.99 with f_h = id over those with f_h = tanh, at most 1.25."""
    plain, inner = (reached(records, f"multicopy-{name}", "0.99") for name in ("rda-exp-tanh", "inner-tanh"))
    return np.isfinite(plain) & (plain <= 1.25 * np.where(np.isfinite(inner), inner, np.inf))


def excess(*metrics: str) -> Estimand:
    return lambda records: np.concatenate([np.maximum(records.scalars("oscillation", m), 0.0) for m in metrics])


def shortfall(records: Records) -> np.ndarray:
    return np.maximum(0.25 - records.scalars("oscillation", "error_bounded"), 0.0)


def growth_error(records: Records) -> np.ndarray:
    return records.scalars("oscillation", "growth_free") - records.scalars("oscillation", "growth_needed")
