"""What the functions of this package return, and the check that every sample passes first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ONE_SIDED_LEVEL = 0.90  # confidence of the two-sided interval that belongs to a one-sided test at 5 %

# Values that are equal in exact arithmetic (differences above all) still differ by rounding, relative to the largest.
ROUNDING = 1e-12

Values = np.ndarray | Sequence[float]


class DegenerateSample(ValueError):
    """A sample on which the asked statistic is undefined: too few values, values that do not differ, NaN."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval with the unit of the sample; an end may be infinite."""

    low: float
    high: float
    level: float  # confidence, between 0 and 1
    method: str = "t"  # "t", "bca", "percentile", "wilson", "clopper-pearson", "order"

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    @property
    def width(self) -> float:
        """high − low."""
        return self.high - self.low


@dataclass(frozen=True)
class Comparison:
    """A test of one sample against a margin, with what a reader needs to weigh it."""

    estimate: float  # mean (of a trend: slope), in the unit of the sample
    interval: Interval
    p: float
    n: int  # values tested
    effect: float  # Hedges' g (of a trend: Somers' d); NaN where it is undefined


def sample(values: Values, least: int = 2, what: str = "the sample") -> np.ndarray:
    """The values as a float64 array, checked.

    Raises:
        ValueError: not 1-D.
        DegenerateSample: fewer than `least` values, or NaN or infinity among them.
    """
    array = np.asarray(values, dtype=float)
    if array.ndim != 1:
        raise ValueError(f"{what} must be a 1-D array, got shape {array.shape}: select one metric, one value a seed")
    if len(array) < least:
        raise DegenerateSample(f"{what} needs at least {least} values, has {len(array)}: run more seeds")
    if not np.isfinite(array).all():
        raise DegenerateSample(
            f"{what} holds {int((~np.isfinite(array)).sum())} NaN or infinite value(s): look at the runs"
        )
    return array


def constant(array: np.ndarray) -> bool:
    """True if the values differ by no more than rounding."""
    return bool(np.ptp(array) <= ROUNDING * np.abs(array).max())


def varied(values: Values, what: str = "the sample") -> np.ndarray:
    """As `sample` with at least two values, which must also differ.

    Raises:
        DegenerateSample: all values are equal, so that a t statistic has no denominator.
    """
    array = sample(values, what=what)
    if constant(array):
        raise DegenerateSample(f"{what} has no variance (all {len(array)} values are {array[0]:g}): use sign_test")
    return array


def level_between(level: float, what: str = "level") -> float:
    """A probability strictly between 0 and 1, or ValueError."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"{what} must lie strictly between 0 and 1, got {level}")
    return float(level)


def mean_and_deviation(values: Values, deviation: bool = True) -> str | None:
    """A mean over seeds for a table, with the standard deviation where there are several; None where a seed diverged."""
    sample = np.asarray(values, dtype=float)
    if not np.isfinite(sample).all():
        return None
    spread = f" ± {sample.std(ddof=1):.1f}" if deviation and len(sample) > 1 else ""
    return f"{sample.mean():.1f}{spread}"
