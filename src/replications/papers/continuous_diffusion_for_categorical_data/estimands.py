"""What the claims' rules read from the records: a value, or a truth value, a seed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from replications.study import MissingRecords, Records
from replications.study.rules import Estimand

SIGMAS = 3.0  # standard errors between two samplers of one run
FEW = (10, 20, 50)  # evaluations at which spacings are compared


def of(condition: str, metric: str) -> Estimand:
    """A scalar, one value a seed."""
    return lambda records: records.scalars(condition, metric)


def both(*estimands: Estimand) -> Estimand:
    """Whether all are true, one truth value a seed."""
    return lambda records: np.all([estimand(records) for estimand in estimands], 0)


def lower(first: str, second: str, metric: str, margin: float = 0.0) -> Estimand:
    """Whether the first condition's metric is below the second's by more than `margin`."""
    return lambda records: records.paired(second, first, metric) > margin


def apart(condition: str, first: str, second: str) -> Estimand:
    """Whether nll_first is below nll_second by more than three standard errors of their difference."""

    def estimand(records: Records) -> np.ndarray:
        gap = records.scalars(condition, f"nll_{second}") - records.scalars(condition, f"nll_{first}")
        error = np.hypot(records.scalars(condition, f"se_{first}"), records.scalars(condition, f"se_{second}"))
        return gap > SIGMAS * error

    return estimand


def ladder(condition: str, arms: Sequence[str], steps: Sequence[int] = FEW) -> Estimand:
    """Whether each arm beats the next at every N."""
    return both(*(apart(condition, f"{a}_{n}", f"{b}_{n}") for a, b in itertools.pairwise(arms) for n in steps))


def recovered(condition: str, arm: str, base: str, best: str) -> Estimand:
    """The share of the gain from `base` to `best` that `arm` has, by nll."""

    def estimand(records: Records) -> np.ndarray:
        a, b, c = (records.scalars(condition, f"nll_{name}") for name in (arm, base, best))
        return (b - a) / (b - c)

    return estimand


def same_on_average(first: Estimand, second: Estimand) -> Estimand:
    """Whether the mean over seeds of the difference is within two standard errors; the same answer for every seed."""

    def estimand(records: Records) -> np.ndarray:
        gap = first(records) - second(records)
        error = gap.std(ddof=1) / np.sqrt(len(gap)) if len(gap) > 1 else 0.0
        return np.full(len(gap), abs(gap.mean()) <= 2 * error)

    return estimand


def near_default(names: Sequence[str], share: float) -> Estimand:
    """Whether every variant of the warp costs or gains less than `share` of what warping gains, exact posterior."""

    def estimand(records: Records) -> np.ndarray:
        base, none = (records.scalars("knobs", f"nll {name}") for name in ("warp", "no warp"))
        worst = np.max([np.abs(records.scalars("knobs", f"nll {name}") - base) for name in names], 0)
        return worst < share * (none - base)

    return estimand


def dominates(condition: str, better: str, worse: str) -> Estimand:
    """Whether at every point of curve `worse` some mix of neighbours on curve `better` has no less entropy and no more nll.

    Curves hold entropy on x and nll on y, one point a value of the knob and the plain sampler last; curves of one run start
    from the same noise. A point with more entropy than `better` ever has is lost.
    """

    def estimand(records: Records) -> np.ndarray:
        holds = []
        for ours, theirs in zip(_points(records, condition, better), _points(records, condition, worse)):
            fine = np.concatenate([np.linspace(a, b, 200) for a, b in itertools.pairwise(ours)])  # (points, 2)
            least = (fine[fine[:, 0] >= entropy - 1e-9, 1].min(initial=np.inf) for entropy in theirs[:-1, 0])
            holds.append(all(nll + 1e-9 >= found for found, nll in zip(least, theirs[:-1, 1])))
        return np.array(holds)

    return estimand


def _points(records: Records, condition: str, name: str) -> list[np.ndarray]:
    """Curve `name` of every seed as (points, 2); raises MissingRecords as a scalar would."""
    x = [record.curves.get(name) for record in records[condition]]
    if None in x:
        raise MissingRecords(f"{condition} recorded no curve '{name}'")
    return [np.column_stack([curve.x, curve.y]) for curve in x if curve is not None]
