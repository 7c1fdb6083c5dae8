"""Intervals and tests over seeds: what stands between a recorded number and a verdict.

Bottom layer: numpy, scipy and the standard library alone. Functions take 1-D arrays with one value a seed and return
`Interval` or `Comparison`. scipy is imported inside the functions, so that importing this package costs only numpy.
"""

from replications.statistics.comparisons import holm, one_sided_t, paired, sign_test, tost
from replications.statistics.effects import detectable_effect_size, effect_size, minimum_detectable_effect, power
from replications.statistics.intervals import bootstrap_interval, clopper_pearson, t_interval, wilson
from replications.statistics.results import Comparison, DegenerateSample, Interval, constant, mean_and_deviation
from replications.statistics.trends import trend

__all__ = [
    "Comparison",
    "DegenerateSample",
    "Interval",
    "bootstrap_interval",
    "clopper_pearson",
    "constant",
    "detectable_effect_size",
    "effect_size",
    "holm",
    "mean_and_deviation",
    "minimum_detectable_effect",
    "one_sided_t",
    "paired",
    "power",
    "sign_test",
    "t_interval",
    "tost",
    "trend",
    "wilson",
]
