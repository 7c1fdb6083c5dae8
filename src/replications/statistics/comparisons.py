"""Tests over seeds: better than a margin, paired, equivalent, and the adjustment for testing several claims.

Every test has a level of 5 % and shows the interval that decides it: the 90 % t interval, whose low end is the 95 %
lower bound of the one-sided test, and which lies inside the tolerance exactly when two one-sided tests pass.
"""

import math

import numpy as np

from replications.statistics.effects import hedges
from replications.statistics.intervals import t_interval
from replications.statistics.results import (
    ONE_SIDED_LEVEL,
    Comparison,
    DegenerateSample,
    Interval,
    Values,
    sample,
    varied,
)


def one_sided_t(values: Values, margin: float = 0.0) -> Comparison:
    """Test mean > margin against mean ≤ margin (Student 1908); `interval.low` is the 95 % lower bound of the mean.

    `effect` is Hedges' g of values − margin. Fewer than three values cannot give one: NaN.

    Raises:
        ValueError: not 1-D, fewer than two values, no variance, NaN or infinity.
    """
    array = varied(values)
    return Comparison(
        float(array.mean()),
        t_interval(array, ONE_SIDED_LEVEL),
        _tail(array - margin),
        len(array),
        hedges(array - margin),
    )


def paired(first: Values, second: Values, margin: float = 0.0) -> Comparison:
    """Test mean(first − second) > margin, paired by seed: the same seed stands at the same place in both.

    Raises:
        ValueError: different lengths, and whatever `one_sided_t` raises for the differences.
    """
    one, two = sample(first, what="the first sample"), sample(second, what="the second sample")
    if one.shape != two.shape:
        raise ValueError(f"a paired comparison needs the same seeds in both, got {len(one)} and {len(two)} values")
    return one_sided_t(one - two, margin)


def tost(values: Values, target: float, tolerance: float) -> Comparison:
    """Test |mean − target| < tolerance by two one-sided t tests (Schuirmann 1987); p is the larger of the two.

    `effect` is Hedges' g of values − target: small where the values agree with the target.

    Raises:
        ValueError: a tolerance that is not positive, not 1-D, fewer than two values, no variance, NaN or infinity.
    """
    if not (tolerance > 0 and math.isfinite(tolerance)):
        raise ValueError(f"an equivalence test needs a positive tolerance, got {tolerance}")
    array = varied(values)
    p = max(_tail(array - (target - tolerance)), _tail((target + tolerance) - array))
    return Comparison(float(array.mean()), t_interval(array, ONE_SIDED_LEVEL), p, len(array), hedges(array - target))


def sign_test(values: Values, margin: float = 0.0) -> Comparison:
    """Test median > margin by counting the values above it: for samples without variance or far from normal.

    Exact under any distribution: P(at least as many of n fair coins). A value equal to the margin counts against.
    n equal seeds above the margin give p = 2⁻ⁿ, so five are needed for p < 0.05. The interval is that of the median
    between the smallest and the largest value, of level 1 − 2¹⁻ⁿ. `effect` is NaN.

    Raises:
        ValueError: not 1-D, fewer than two values, NaN or infinity.
    """
    array = sample(values)
    n, above = len(array), int((array > margin).sum())
    p = sum(math.comb(n, k) for k in range(above, n + 1)) / 2**n
    interval = Interval(float(array.min()), float(array.max()), 1 - 2.0 ** (1 - n), "order")
    return Comparison(float(array.mean()), interval, p, n, math.nan)


def holm(p_values: Values) -> np.ndarray:
    """Adjusted p-values in the given order (Holm 1979): reject where ≤ α and the family error is at most α.

    Returns shape (m,). The k-th smallest of m is multiplied by m − k + 1, made monotone, and cut at 1.

    Raises:
        ValueError: not 1-D, or a value outside [0, 1].
    """
    p = np.asarray(p_values, dtype=float)
    if p.ndim != 1:
        raise ValueError(f"p-values must be a 1-D array, got shape {p.shape}")
    if not ((p >= 0) & (p <= 1)).all():  # NaN fails too
        raise DegenerateSample("p-values must lie in [0, 1]: judge the claims without one apart")
    order = np.argsort(p, kind="stable")
    factors = np.arange(len(p), 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return adjusted


def _tail(array: np.ndarray) -> float:
    """P(T(n − 1) ≥ t) for t the statistic of the mean against zero."""
    from scipy.special import stdtr

    n = len(array)
    t = float(array.mean()) / (float(array.std(ddof=1)) / math.sqrt(n))
    return float(stdtr(n - 1, -t))
