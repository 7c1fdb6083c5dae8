"""Does a measure rise with an ordered factor? Jonckheere (1954) and Terpstra (1952) for p, least squares for size.

The rank test asks only for an order; the slope has a unit. A falling trend is tested on the negated values.
"""

import math
from collections.abc import Sequence

import numpy as np

from replications.statistics.results import (
    ONE_SIDED_LEVEL,
    Comparison,
    DegenerateSample,
    Interval,
    Values,
    constant,
    sample,
)

EXACT_LIMIT = 60  # values in all up to which the null distribution is counted out


def trend(groups: Sequence[Values], levels: Values | None = None) -> Comparison:
    """Test that the values rise from group to group: one-sided Jonckheere-Terpstra p, slope with its 90 % t interval.

    Args:
        groups: at least two 1-D arrays in the order of the factor, one value a seed; sizes may differ.
        levels: the factor's value for each group, increasing; 0, 1, 2, … by default. Only the slope depends on it.

    p is exact without ties and normal with the variance corrected for ties otherwise (Hollander and Wolfe 1999,
    equation 6.19). `estimate` is in units of the values a unit of `levels`; `effect` is Somers' d: pairs of values from
    different groups that rise, less those that fall, over all such pairs.

    Raises:
        ValueError: fewer than two groups or three values, an empty group, levels that do not increase, values that are
            all equal, NaN or infinity.
    """
    arrays = [sample(group, least=1, what=f"group {i}") for i, group in enumerate(groups)]
    if len(arrays) < 2:
        raise DegenerateSample(f"a trend needs at least two groups, got {len(arrays)}")
    positions = np.arange(len(arrays), dtype=float) if levels is None else sample(levels, what="levels")
    if len(positions) != len(arrays) or not (np.diff(positions) > 0).all():
        raise ValueError(f"levels must increase, one for each of the {len(arrays)} groups")
    y = sample(np.concatenate(arrays), least=3, what="the groups together")
    if constant(y):
        raise DegenerateSample(f"the groups together have no variance (all values are {y[0]:g})")
    sizes = [len(array) for array in arrays]
    statistic = jonckheere(arrays)
    pairs = (len(y) ** 2 - sum(size**2 for size in sizes)) / 2
    slope, interval = _slope(np.repeat(positions, sizes), y)
    return Comparison(slope, interval, _p_value(statistic, sizes, y), len(y), 2 * statistic / pairs - 1)


def jonckheere(groups: Sequence[np.ndarray]) -> float:
    """J: pairs of values from different groups of which the later group's is larger; a tie counts one half."""
    total = 0.0
    for i, earlier in enumerate(groups):
        for later in groups[i + 1 :]:
            difference = later[None, :] - earlier[:, None]  # (earlier, later)
            total += float((difference > 0).sum() + 0.5 * (difference == 0).sum())
    return total


def null_counts(sizes: Sequence[int]) -> list[int]:
    """How many of the orderings of untied values give J = 0, 1, 2, …: the coefficients of the q-multinomial.

    J is a sum of independent Mann-Whitney statistics, of each group against all earlier ones together; the counts of
    one are the Gaussian binomial ∏ (1 − q^(n+k)) / (1 − q^k), k = 1 … m (Mann and Whitney 1947).
    """
    counts, earlier = [1], 0
    for size in sizes:
        length = len(counts) + size * earlier
        for k in range(1, size + 1):
            counts = _over_one_minus(_times_one_minus(counts, earlier + k), k)
        counts = counts[:length]
        earlier += size
    return counts


def _times_one_minus(counts: list[int], power: int) -> list[int]:
    padded = counts + [0] * power
    return [padded[i] - (padded[i - power] if i >= power else 0) for i in range(len(padded))]


def _over_one_minus(counts: list[int], power: int) -> list[int]:
    quotient = list(counts)
    for i in range(power, len(quotient)):
        quotient[i] += quotient[i - power]
    return quotient


def _p_value(statistic: float, sizes: Sequence[int], y: np.ndarray) -> float:
    n = len(y)
    ties = np.unique(y, return_counts=True)[1].astype(float)
    if len(ties) == n and n <= EXACT_LIMIT:
        counts = null_counts(sizes)
        return sum(counts[round(statistic) :]) / sum(counts)  # exact integers; one rounding at the division
    from scipy.special import ndtr

    group = np.asarray(sizes, dtype=float)
    mean = (n**2 - (group**2).sum()) / 4
    thirds = [float((m * (m - 1) * (2 * m + 5)).sum()) for m in (group, ties)]
    seconds = [float((m * (m - 1) * (m - 2)).sum()) for m in (group, ties)]
    firsts = [float((m * (m - 1)).sum()) for m in (group, ties)]
    variance = (
        (n * (n - 1) * (2 * n + 5) - sum(thirds)) / 72
        + seconds[0] * seconds[1] / (36 * n * (n - 1) * (n - 2))
        + firsts[0] * firsts[1] / (8 * n * (n - 1))
    )
    return float(ndtr(-(statistic - mean) / math.sqrt(variance)))


def _slope(x: np.ndarray, y: np.ndarray) -> tuple[float, Interval]:
    """Least squares slope and its t interval on n − 2 degrees of freedom."""
    from scipy.special import stdtrit

    freedom = len(y) - 2
    dx, dy = x - x.mean(), y - y.mean()
    slope = float(dx @ dy / (dx @ dx))
    residual = dy - slope * dx
    error = math.sqrt(float(residual @ residual) / freedom / float(dx @ dx))
    half = float(stdtrit(freedom, (1 + ONE_SIDED_LEVEL) / 2)) * error
    return slope, Interval(slope - half, slope + half, ONE_SIDED_LEVEL)
