"""What the claims look at: differences, orders and spreads of recorded numbers, one value a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import spearmanr

from replications.papers.edge_of_orthogonality.study import RIDGES, named
from replications.study import Records
from replications.study.rules import Estimand, TooFewSeeds

OTHERS = ("direct_copy", "direct_pred", "regression")  # closed forms that the paper did not propose
TRAINED = ("linear", "linear_fast")  # at the learning rate of the rest, and at ten times it
PROPOSED = tuple(named(name, alpha) for name, ridges in RIDGES.items() if name not in OTHERS for alpha in ridges)


def of(condition: str, metric: str) -> Estimand:
    """The metric of a condition."""
    return lambda records: records.scalars(condition, metric)


def difference(first: str, second: str, metric: str = "knn") -> Estimand:
    """`metric` of one condition minus that of another, paired by seed."""
    return lambda records: records.paired(first, second, metric)


def gain(condition: str) -> Estimand:
    """kNN accuracy above that of the same encoder before its first step."""
    return lambda records: records.scalars(condition, "knn") - records.scalars(condition, "knn_random")


def over_trained(condition: str) -> Estimand:
    """kNN accuracy of a condition less that of the better trained linear predictor, paired by seed."""
    return lambda records: np.fmin(
        *(records.paired(condition, trained, "knn") for trained in TRAINED)  # a rate that diverges is not the better
    )


def trained_gain(records: Records) -> np.ndarray:
    """kNN accuracy of the better trained linear predictor above that of its untrained encoder."""
    return np.fmax(*(gain(trained)(records) for trained in TRAINED))


def best_proposed(records: Records) -> np.ndarray:
    """kNN accuracy of the best closed form of the paper's, less that of the better trained linear predictor.

    The best is chosen for each seed by the mean over the others, so that choosing among many does not flatter it.
    """
    columns = [over_trained(condition)(records) for condition in PROPOSED if condition in records]
    columns = [column for column in columns if np.isfinite(column).all()]
    if len({len(column) for column in columns}) != 1 or len(columns[0]) < 2:
        raise TooFewSeeds("the best closed form is chosen on the other seeds: needs two seeds of the same conditions")
    gains = np.array(columns)  # (conditions, seeds)
    chosen = [np.argmax(np.delete(gains, seed, axis=1).mean(axis=1)) for seed in range(gains.shape[1])]
    return gains[chosen, np.arange(gains.shape[1])]


def majority(estimand: Estimand) -> Estimand:
    """Whether the estimand is positive in two thirds of the seeds: one answer, repeated for each seed."""
    return lambda records: _all(estimand(records), lambda values: (values > 0).mean() >= 2 / 3)


def monotone(condition: str, curve: str, least: float) -> Estimand:
    """In which seeds Spearman's rank correlation of a curve with time is above `least`."""

    def predicate(records: Records) -> np.ndarray:
        x, ys = records.curve(condition, curve)
        return np.array([spearmanr(x, y).statistic > least for y in ys])

    return predicate


def rises(condition: str, curve: str) -> Estimand:
    """In which seeds a curve ends higher than it began."""
    return lambda records: np.array([y[-1] > y[0] for y in records.curve(condition, curve)[1]])


def ladder_means(predictor: str, ladder: Sequence[float], records: Records) -> tuple[float, float, int]:
    """Range over ridges of the mean kNN accuracy, its noise (pooled standard deviation over seeds), and seeds."""
    values = np.array([records.scalars(named(predictor, alpha), "knn") for alpha in ladder])  # (ridges, seeds)
    if values.shape[1] < 2:
        raise TooFewSeeds("seed noise needs two seeds")
    means = values.mean(axis=1)
    return float(means.max() - means.min()), float(np.sqrt(values.var(axis=1, ddof=1).mean())), values.shape[1]


def flat(predictor: str, ladder: Sequence[float], points: float | None) -> Estimand:
    """Whether the range over ridges is below `points`, or below the noise of a seed: one answer, repeated."""

    def predicate(records: Records) -> np.ndarray:
        spread, noise, seeds = ladder_means(predictor, ladder, records)
        return np.full(seeds, spread < (noise if points is None else points))

    return predicate


def _all(values: np.ndarray, predicate: Callable[[np.ndarray], bool | np.bool_]) -> np.ndarray:
    return np.full(len(values), bool(predicate(values)))
