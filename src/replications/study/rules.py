"""Rules: how a claim's numbers become a verdict. A rule is fixed before the run and can say no.

An estimand is a function of the records of one profile that gives one value a seed. Rules that test a hypothesis
return a p-value, which the ledger adjusts (Holm) over the claims of a chapter before it decides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import numpy as np

from replications.study.records import Records

if TYPE_CHECKING:
    from replications.statistics import Comparison

Estimand = Callable[[Records], np.ndarray]
LEVEL = 0.05  # of every test, after Holm's adjustment


class Verdict(StrEnum):
    """The five words."""

    REPRODUCED = "reproduced"
    PARTLY = "partly reproduced"
    NOT = "not reproduced"
    NOT_TESTABLE = "not testable at this scale"
    NOT_RUN = "not run"


class TooFewSeeds(ValueError):
    """A test over seeds was asked for with fewer seeds than it needs."""


@dataclass(frozen=True)
class Judgement:
    """What a rule found. `p` is None where the rule decides without a test over seeds."""

    estimate: float
    interval: tuple[float, float] | None
    n: int
    holds: bool  # the claim holds in the estimate, whatever its uncertainty
    partly: bool = False  # for rules without p: more than half of it holds
    p: float | None = None
    effect: float | None = None  # standardised (Hedges' g)
    parts: Sequence[Judgement] = field(default=())
    first_decides: bool = False  # where the first part says no, so does the whole

    def verdict(self, p_adjusted: float | None = None) -> Verdict:
        """The verdict, with `p_adjusted` in place of `p` where several claims were tested together."""
        p = self.p if p_adjusted is None else p_adjusted
        if self.parts:
            verdicts = [part.verdict() for part in self.parts]
            if all(verdict is Verdict.REPRODUCED for verdict in verdicts) and (p is None or p < LEVEL):
                return Verdict.REPRODUCED
            if self.first_decides and verdicts[0] is Verdict.NOT:
                return Verdict.NOT
            return Verdict.NOT if all(verdict is Verdict.NOT for verdict in verdicts) else Verdict.PARTLY
        if p is not None:
            if self.holds and p < LEVEL:
                return Verdict.REPRODUCED
            return Verdict.PARTLY if self.holds else Verdict.NOT
        if self.holds:
            return Verdict.REPRODUCED
        return Verdict.PARTLY if self.partly else Verdict.NOT


class Rule(Protocol):
    """Judges records; `name` is the word of the ledger, `condition` the rule in words."""

    @property
    def name(self) -> str: ...

    @property
    def unit(self) -> str: ...

    def condition(self) -> str: ...

    def judge(self, records: Records) -> Judgement: ...


@dataclass(frozen=True)
class Exact:
    """An identity: every value of the estimand is within `tolerance` of zero. NaN fails."""

    estimand: Estimand
    tolerance: float
    unit: str = ""
    note: str = ""
    name = "exact"

    def condition(self) -> str:
        return _with_note(f"largest absolute error at most {self.tolerance:g}", self.note)

    def judge(self, records: Records) -> Judgement:
        errors = np.abs(np.atleast_1d(np.asarray(self.estimand(records), dtype=float)))
        worst = float(errors.max())  # NaN stays NaN, and fails
        return Judgement(worst, None, len(errors), holds=bool(worst <= self.tolerance))


@dataclass(frozen=True)
class BetterThan:
    """The mean over seeds exceeds `margin`: one-sided t test."""

    estimand: Estimand
    margin: float = 0.0
    unit: str = ""
    note: str = ""
    name = "better_than"

    def condition(self) -> str:
        return _with_note(f"mean over seeds above {self.margin:g}{_unit(self.unit)}, one-sided t test", self.note)

    def judge(self, records: Records) -> Judgement:
        from replications import statistics

        values = _values(self.estimand, records, least=2)
        if not np.isfinite(values).all():
            return _diverged(values)
        # seeds that agree to the last digit have no t statistic
        test = statistics.sign_test if statistics.constant(values) else statistics.one_sided_t
        found = test(values, self.margin)
        return _judgement(found, holds=found.estimate > self.margin)


@dataclass(frozen=True)
class Within:
    """The mean over seeds is within `tolerance` of `target`: two one-sided t tests (equivalence)."""

    estimand: Estimand
    target: float
    tolerance: float
    unit: str = ""
    note: str = ""
    name = "within"

    def condition(self) -> str:
        text = f"mean over seeds within {self.tolerance:g} of {self.target:g}{_unit(self.unit)}, two one-sided t tests"
        return _with_note(text, self.note)

    def judge(self, records: Records) -> Judgement:
        from replications import statistics

        values = _values(self.estimand, records, least=2)
        if not np.isfinite(values).all():
            return _diverged(values)
        holds = abs(float(values.mean()) - self.target) <= self.tolerance
        if statistics.constant(values):
            return _judgement(statistics.sign_test(self.tolerance - np.abs(values - self.target)), holds, values)
        return _judgement(statistics.tost(values, self.target, self.tolerance), holds)


@dataclass(frozen=True)
class Ordered:
    """Each estimand exceeds the next, paired by seed: one-sided t tests, all of which must pass."""

    estimands: Sequence[Estimand]
    unit: str = ""
    note: str = ""
    name = "ordered"

    def condition(self) -> str:
        return _with_note(f"{len(self.estimands)} means in falling order, a one-sided t test for each step", self.note)

    def judge(self, records: Records) -> Judgement:
        steps = [BetterThan(_difference(a, b)).judge(records) for a, b in zip(self.estimands, self.estimands[1:])]
        return _conjunction(steps)


@dataclass(frozen=True)
class EverySeed:
    """A condition that is true of each seed: `predicate` gives one truth value a seed."""

    predicate: Estimand
    text: str
    unit: str = "seeds"
    note: str = ""
    name = "every_seed"

    def condition(self) -> str:
        return _with_note(f"in every seed: {self.text}", self.note)

    def judge(self, records: Records) -> Judgement:
        from replications import statistics

        true = np.atleast_1d(self.predicate(records)).astype(bool)
        interval = statistics.clopper_pearson(int(true.sum()), len(true))
        share = float(true.mean())
        return Judgement(share, (interval.low, interval.high), len(true), bool(true.all()), partly=share > 0.5)


class AllOf:
    """Several rules that must all hold; the largest p-value is the conjunction's (intersection-union test).

    Some that hold make a claim "partly reproduced", unless `first_decides` and the first of them says no.
    """

    name = "all_of"

    def __init__(self, *rules: Rule, unit: str = "", note: str = "", first_decides: bool = False) -> None:
        if len(rules) < 2:
            raise ValueError("AllOf needs at least two rules")
        self.rules = rules
        self.unit = unit or rules[0].unit
        self.note = note
        self.first_decides = first_decides

    def condition(self) -> str:
        joint = "; and, if so, " if self.first_decides else "; and "
        return _with_note(joint.join(rule.condition() for rule in self.rules), self.note)

    def judge(self, records: Records) -> Judgement:
        judgement = _conjunction([rule.judge(records) for rule in self.rules])
        return replace(judgement, first_decides=self.first_decides)


def _conjunction(parts: Sequence[Judgement]) -> Judgement:
    """All parts hold; the estimate shown is that of the first part."""
    tested = [part.p for part in parts if part.p is not None]
    return Judgement(
        parts[0].estimate,
        parts[0].interval,
        min(part.n for part in parts),
        holds=all(part.holds for part in parts),
        p=max(tested) if tested else None,
        effect=parts[0].effect,
        parts=tuple(parts),
    )


def _judgement(found: Comparison, holds: bool, values: np.ndarray | None = None) -> Judgement:
    """The judgement of a test; `values` replaces its estimate and interval where the test ran on transformed ones."""
    effect = None if math.isnan(found.effect) else found.effect
    if values is not None:
        return Judgement(float(values.mean()), (float(values.min()), float(values.max())), found.n, holds, p=found.p)
    return Judgement(
        found.estimate, (found.interval.low, found.interval.high), found.n, holds, p=found.p, effect=effect
    )


def _diverged(values: np.ndarray) -> Judgement:
    """A claim about numbers that are not all finite does not hold."""
    return Judgement(float("nan"), None, len(values), holds=False, p=1.0)


def _difference(first: Estimand, second: Estimand) -> Estimand:
    def paired(records: Records) -> np.ndarray:
        one, two = np.asarray(first(records)), np.asarray(second(records))
        if one.shape != two.shape:
            raise TooFewSeeds(f"an ordering is paired by seed, got {one.size} and {two.size} seeds")
        return one - two

    return paired


def _values(estimand: Estimand, records: Records, least: int) -> np.ndarray:
    values = np.atleast_1d(np.asarray(estimand(records), dtype=float))
    if len(values) < least:
        raise TooFewSeeds(f"needs at least {least} seeds, has {len(values)}")
    return values


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""


def _with_note(text: str, note: str) -> str:
    return f"{text} ({note})" if note else text


def finite(value: float | None) -> float | None:
    """None in place of NaN and infinity, which JSON does not have."""
    return value if value is not None and math.isfinite(value) else None
