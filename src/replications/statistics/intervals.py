"""Confidence intervals for a mean, for any statistic, and for a fraction.

Student (1908) for the mean; Efron (1987), bias-corrected and accelerated, for any statistic; Wilson (1927) and
Clopper and Pearson (1934) for a fraction.
"""

import math
import warnings
from collections.abc import Callable

import numpy as np

from replications.statistics.results import Interval, Values, constant, level_between, sample


def t_interval(values: Values, level: float = 0.95) -> Interval:
    """Two-sided interval for the mean of a normal sample: mean ± t(n − 1) · s / √n.

    Values that are all equal give an interval of width zero: n equal seeds say nothing about other seeds, so show n.

    Raises:
        ValueError: not 1-D, fewer than two values, NaN or infinity, or a level outside (0, 1).
    """
    from scipy.special import stdtrit

    array = sample(values)
    n = len(array)
    quantile = float(stdtrit(n - 1, (1 + level_between(level)) / 2))
    half = quantile * float(array.std(ddof=1)) / math.sqrt(n)
    mean = float(array.mean())
    return Interval(mean - half, mean + half, level, "t")


def bootstrap_interval(
    values: Values,
    level: float = 0.95,
    statistic: Callable[..., np.ndarray] = np.mean,
    resamples: int = 9999,
    seed: int = 0,
) -> Interval:
    """Two-sided bootstrap interval for `statistic(values, axis=...)`, the same on every call.

    BCa (Efron 1987). Where BCa is undefined (the statistic of all resamples lies on one side of the estimate, or no
    value has influence on it) the percentile interval stands in, and `method` says "percentile". Below about ten
    values every bootstrap interval is too narrow: use `t_interval` over a handful of seeds.

    Raises:
        ValueError: not 1-D, fewer than two values, NaN or infinity, or a level outside (0, 1).
    """
    from scipy import stats

    array = sample(values)
    level_between(level)
    if constant(array):
        value = float(statistic(array, axis=0))
        return Interval(value, value, level, "percentile")

    def interval(method: str) -> Interval:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # DegenerateDataWarning and division by zero: judged by the result below
            found = stats.bootstrap(
                (array,),
                statistic,
                confidence_level=level,
                n_resamples=resamples,
                method=method,
                vectorized=True,
                random_state=np.random.default_rng(seed),
            ).confidence_interval
        return Interval(float(found.low), float(found.high), level, method.lower())

    accelerated = interval("BCa")
    return accelerated if math.isfinite(accelerated.width) else interval("percentile")


def wilson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Score interval for a fraction (Wilson 1927; Newcombe 1998, method 3): close to its level for every n.

    Raises:
        ValueError: n < 1, successes outside 0..n, or a level outside (0, 1).
    """
    from scipy.special import ndtri

    k, n = _counts(successes, n)
    z = float(ndtri((1 + level_between(level)) / 2))
    centre = (k + z * z / 2) / (n + z * z)
    half = z * math.sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
    # At the ends the formula is exactly 0 or 1; rounding must not move it across.
    return Interval(0.0 if k == 0 else centre - half, 1.0 if k == n else centre + half, level, "wilson")


def clopper_pearson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Exact interval for a fraction (Clopper and Pearson 1934): never below its level, wide for small n.

    Raises:
        ValueError: n < 1, successes outside 0..n, or a level outside (0, 1).
    """
    from scipy.special import betaincinv

    k, n = _counts(successes, n)
    tail = (1 - level_between(level)) / 2
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1 - tail))
    return Interval(low, high, level, "clopper-pearson")


def _counts(successes: int, n: int) -> tuple[int, int]:
    if successes != int(successes) or n != int(n):
        raise ValueError(
            f"a fraction needs counts, got {successes} of {n}: pass the number of successes, not the fraction"
        )
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"a fraction needs 0 ≤ successes ≤ n and n ≥ 1, got {successes} of {n}")
    return int(successes), int(n)
