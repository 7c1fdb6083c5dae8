"""How large an effect is in standard deviations, and how small an effect these seeds could have seen."""

import math

import numpy as np

from replications.statistics.results import Values, level_between, sample, varied


def effect_size(values: Values, other: Values | None = None) -> float:
    """Hedges' g (Hedges 1981): of `values` against zero, or of `values` against `other` with the pooled deviation.

    For a paired comparison pass the differences; against a margin pass values − margin. The factor that removes the
    small-sample bias is exact; it does not exist for one degree of freedom (two values alone): NaN.

    Raises:
        ValueError: not 1-D, fewer than two values, no variance, NaN or infinity.
    """
    if other is None:
        return hedges(varied(values))
    one, two = sample(values, what="the first sample"), sample(other, what="the second sample")
    residuals = varied(np.concatenate([one - one.mean(), two - two.mean()]), "the pooled sample")
    freedom = len(one) + len(two) - 2
    deviation = math.sqrt(float((residuals**2).sum()) / freedom)
    return unbiased(freedom) * float(one.mean() - two.mean()) / deviation


def hedges(array: np.ndarray) -> float:
    """Hedges' g of a checked sample against zero; NaN for two values."""
    return unbiased(len(array) - 1) * float(array.mean()) / float(array.std(ddof=1))


def unbiased(freedom: int) -> float:
    """J(m) = Γ(m/2) / (√(m/2) Γ((m − 1)/2)), Hedges (1981), equation 6e; NaN for m = 1, where the mean of d diverges."""
    if freedom < 2:
        return math.nan
    return math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom - 1) / 2)) / math.sqrt(freedom / 2)


def power(effect: float, n: int, alpha: float = 0.05) -> float:
    """The chance that a one-sided t test over n values at level `alpha` sees a mean of `effect` standard deviations.

    Raises:
        ValueError: fewer than two values, or a level outside (0, 1).
    """
    from scipy.special import nctdtr, stdtrit

    if n < 2:
        raise ValueError(f"a t test needs at least two values, got n = {n}")
    critical = float(stdtrit(n - 1, 1 - level_between(alpha, "alpha")))
    return 1.0 - float(nctdtr(n - 1, effect * math.sqrt(n), critical))


def detectable_effect_size(n: int, chance: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest mean, in standard deviations, that a one-sided t test over n values finds with `chance`.

    Raises:
        ValueError: fewer than two values, or a probability outside (0, 1), or a chance not above alpha.
    """
    if level_between(chance, "chance") <= level_between(alpha, "alpha"):
        raise ValueError(f"the chance of detection {chance} must exceed the level {alpha} of the test")
    low, high = 0.0, 1.0
    while power(high, n, alpha) < chance:
        low, high = high, 2 * high
    while high - low > 1e-9 * high:  # bisection: power rises with the effect
        middle = (low + high) / 2
        low, high = (middle, high) if power(middle, n, alpha) < chance else (low, middle)
    return high


def minimum_detectable_effect(values: Values, chance: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest mean, in the unit of `values`, that this many seeds with this spread find with `chance`.

    The spread is the sample's own, so this is itself an estimate. It depends on n and spread alone, never on the
    effect that was observed, and so says more than a power computed after the fact.

    Raises:
        ValueError: not 1-D, fewer than two values, no variance, NaN or infinity.
    """
    array = varied(values)
    return detectable_effect_size(len(array), chance, alpha) * float(array.std(ddof=1))
