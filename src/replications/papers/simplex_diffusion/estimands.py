"""What the claims' rules read from the records: a value, or a truth value, a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from replications.papers.simplex_diffusion.study import REVERSAL_ALPHAS
from replications.study import Records
from replications.study.rules import Estimand


def worst(conditions: Sequence[str], metrics: Sequence[str], largest: bool = True) -> Estimand:
    """The largest (or smallest) of the metrics over the conditions, one value a seed."""

    def estimand(records: Records) -> np.ndarray:
        values = [records.scalars(condition, metric) for condition in conditions for metric in metrics]
        return np.max(values, 0) if largest else np.min(values, 0)

    return estimand


def each(conditions: Sequence[str], metrics: Sequence[str]) -> Estimand:
    """Every value of the metrics over conditions and seeds."""

    def estimand(records: Records) -> np.ndarray:
        return np.concatenate([records.scalars(condition, metric) for condition in conditions for metric in metrics])

    return estimand


def above(conditions: Sequence[str], metrics: Sequence[str], bound: float) -> Estimand:
    """Whether every one of the metrics exceeds `bound`, one truth value a seed."""
    lowest = worst(conditions, metrics, largest=False)
    return lambda records: lowest(records) > bound


def below(conditions: Sequence[str], metrics: Sequence[str], bound: float) -> Estimand:
    """Whether every one of the metrics is under `bound`, one truth value a seed."""
    highest = worst(conditions, metrics)
    return lambda records: highest(records) < bound


def ratio(condition: str, first: str, second: str) -> Estimand:
    return lambda records: records.scalars(condition, first) / records.scalars(condition, second)


def difference(condition: str, first: str, second: str) -> Estimand:
    return lambda records: records.scalars(condition, first) - records.scalars(condition, second)


def recovered(metric: str, sizes: Sequence[int]) -> Estimand:
    """For every V, total variation at most twice that of as many true draws, in the mean over α (one α is noise)."""

    def estimand(records: Records) -> np.ndarray:
        excess = [
            [ratio(f"reversal-{v}-{a:g}", metric, "floor")(records) for a in REVERSAL_ALPHAS] for v in sizes
        ]  # (sizes, α, seeds)
        return np.all(np.mean(excess, 1) <= 2, 0)

    return estimand


def drifts(records: Records) -> np.ndarray:
    """Smallest KS distance of the plain Euler variants after 100 steps, over that of exact sampling; α = 1/2."""
    names = ("full_truncation", "reflection", "clipping")
    schemes = [records.scalars("boundary-0.5", f"drift_{name}") for name in names]
    return np.min(schemes, 0) / records.scalars("boundary-0.5", "drift_exact")


def shelf(records: Records) -> np.ndarray:
    """P(rank > V/2) over e^{-λ}/2, what a uniform rank gives when no signal is left; α = 1/V, V = 32000."""
    return 2 * records.scalars("ranks-32000", "beyond_half_sparse") / records.scalars("ranks-32000", "lost_sparse")


def growth(records: Records) -> np.ndarray:
    """Mean rank less one at V = 32000 over that at V = 1000, over 32, the ratio of the V; α = 1/V."""
    large, small = (records.scalars(f"ranks-{v}", "mean_rank_sparse") - 1 for v in (32000, 1000))
    return large / small / 32


def near(estimand: Estimand, target: float, tolerance: float) -> Estimand:
    """Whether the estimand is within `tolerance` of `target`, one truth value a seed."""
    return lambda records: np.abs(estimand(records) - target) <= tolerance
