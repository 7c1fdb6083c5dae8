"""What the claims measure, one value a seed, from the records of one profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from replications.papers.zipfian_environments.method import rarest
from replications.papers.zipfian_environments.study import RECONSTRUCTIONS
from replications.study import Records
from replications.study.rules import Estimand

UNIFORM, RARE, TRAIN = "success_uniform", "success_uniform_rare", "success_train"
PLAIN = "mlp_zipf_1"
RECONSTRUCTED = tuple(f"reconstruction_{weight:g}" for weight in RECONSTRUCTIONS)


def of(condition: str, metric: str) -> Estimand:
    """The metric of a condition."""
    return lambda records: records.scalars(condition, metric)


def minus(first: Estimand, second: Estimand) -> Estimand:
    """The difference of two estimands, paired by seed."""
    return lambda records: np.asarray(first(records)) - np.asarray(second(records))


def gain(first: str, second: str, metric: str) -> Estimand:
    """`metric` of one condition minus that of another, over the seeds that both have."""
    return lambda records: records.paired(first, second, metric)


def at_least(estimand: Estimand, bound: float) -> Estimand:
    """Whether an estimand reaches a bound."""
    return lambda records: np.asarray(estimand(records)) >= bound


def every(*predicates: Estimand) -> Estimand:
    """Whether all of several hold."""
    return lambda records: np.all([predicate(records) for predicate in predicates], axis=0)


def tuned(records: Records) -> str:
    """The reconstruction weight with the best success on the training law, as the paper tunes."""
    return max(RECONSTRUCTED, key=lambda name: float(records.scalars(name, TRAIN).mean()))


def reconstruction_gain(metric: str) -> Estimand:
    """Gain of the tuned reconstruction over the plain agent, less one spread over seeds (the larger of the two)."""

    def beyond_spread(records: Records) -> np.ndarray:
        with_loss, plain = records.scalars(tuned(records), metric), records.scalars(PLAIN, metric)
        spread = max(with_loss.std(ddof=1), plain.std(ddof=1)) if min(len(with_loss), len(plain)) > 1 else np.nan
        return records.paired(tuned(records), PLAIN, metric) - spread

    return beyond_spread


def grows(conditions: Sequence[str], value: Callable[[Records, str], np.ndarray]) -> Estimand:
    """Whether a value rises from each condition to the next, seed by seed."""
    return lambda records: np.all(np.diff([value(records, name) for name in conditions], axis=0) > 0, axis=0)


def gap(records: Records, condition: str) -> np.ndarray:
    """success_uniform - success_uniform_rare of a condition."""
    return records.scalars(condition, "gap")


def remedies_below(control: str, margin: float) -> Estimand:
    """Whether every remedy stays at least `margin` below the uniform-trained control on the rarest fifth."""

    def below(records: Records) -> np.ndarray:
        names = (tuned(records), "byol", "transformer", "lstm", "replay_priorities")
        bound = records.scalars(control, RARE) - margin
        return np.all([records.scalars(name, RARE) <= bound for name in names], axis=0)

    return below


def end_means(records: Records, condition: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean return over the first six and over the last six levels of the list, one a seed each."""
    returns = np.stack(records.arrays(condition, "return"))  # (seeds, levels)
    last = rarest(returns.shape[1]) > 0
    return returns[:, last[::-1]].mean(axis=1), returns[:, last].mean(axis=1)


def order_decides(records: Records) -> np.ndarray:
    """Whether the first levels fare better forward than reversed, and the last ones the other way round, by seed."""
    (first, last), (first_reversed, last_reversed) = (
        end_means(records, "levels_forward"),
        end_means(records, "levels_reversed"),
    )
    return (first > first_reversed) & (last < last_reversed)
