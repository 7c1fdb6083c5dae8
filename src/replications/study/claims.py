"""Claims, falsifiers and the ledger that judges them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from replications.study.records import MissingRecords, Records
from replications.study.rules import AllOf, Exact, Judgement, Rule, TooFewSeeds, Verdict, finite
from replications.study.store import Store
from replications.study.study import PROFILES, Study

MIN_SEEDS = 3  # for every rule but identities


@dataclass(frozen=True)
class Published:
    """What the paper printed; `read` says whether we read it there (True) or have it from memory or a summary."""

    value: float | str | None
    unit: str
    where: str
    read: bool


@dataclass(frozen=True)
class Falsifier:
    """A condition under which the claim must break; `rule` holds where it does break."""

    description: str
    rule: Rule


@dataclass(frozen=True)
class Claim:
    """One falsifiable sentence of a paper; `rule` is None where it cannot be tested, and `reason` says why."""

    id: str
    statement: str
    published: Published
    rule: Rule | None = None
    profile: str = "laptop"  # smallest profile at which it can be judged
    evidence: str = ""  # label of the figure or table in the chapter
    falsifier: Falsifier | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise ValueError(f"claim {self.id}: unknown profile '{self.profile}'")
        if self.rule is None and not self.reason:
            raise ValueError(f"claim {self.id}: without a rule it needs a reason")


@dataclass(frozen=True)
class Entry:
    """One line of the ledger."""

    paper: str
    claim: Claim
    profile: str | None  # where it was judged
    verdict: Verdict
    reason: str = ""
    judgement: Judgement | None = None
    p_adjusted: float | None = None
    falsifier: str | None = None  # 'broke the claim', 'did not break the claim', 'not run', or None where there is none
    stale: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The object of `replicate claims --json`."""
        found = self.judgement
        return {
            "paper": self.paper,
            "id": self.claim.id,
            "statement": self.claim.statement,
            "published": {
                "value": self.claim.published.value,
                "unit": self.claim.published.unit,
                "where": self.claim.published.where,
                "read": self.claim.published.read,
            },
            "profile": self.profile,
            "n": found.n if found else 0,
            "estimate": finite(found.estimate) if found else None,
            "unit": self.claim.rule.unit if self.claim.rule else "",
            "interval": [finite(bound) for bound in found.interval] if found and found.interval else None,
            "p": finite(self.p_adjusted),
            "effect": finite(found.effect) if found else None,
            "rule": self.claim.rule.name if self.claim.rule else None,
            "condition": self.claim.rule.condition() if self.claim.rule else "",
            "verdict": str(self.verdict),
            "reason": self.reason,
            "falsifier": self.falsifier,
            "stale": bool(self.stale),
        }


def ledger(study: Study, claims: Sequence[Claim], store: Store, profile: str | None = None) -> list[Entry]:
    """Judge every claim at its largest recorded profile, or at `profile`.

    Raises:
        UserError: unknown profile, or a damaged record.
    """
    if profile is not None:
        study.plan(profile)
    recorded = store.profiles(study) if profile is None else [profile]
    records = {name: Records(name, store.recorded(study, name)) for name in recorded}
    stale = {
        name: sorted({part for record in records[name] for part in store.stale(study, record)}) for name in recorded
    }
    entries = [_judge(study.paper, claim, records, profile) for claim in claims]
    entries = [replace(entry, stale=tuple(stale.get(entry.profile or "", ()))) for entry in entries]
    return adjust(entries)


def judge_records(paper: str, claims: Sequence[Claim], records: Records) -> list[Entry]:
    """Judge every claim on the records of one profile."""
    return adjust([_judge(paper, claim, {records.profile: records}, records.profile) for claim in claims])


def _judge(paper: str, claim: Claim, recorded: dict[str, Records], asked: str | None) -> Entry:
    if claim.rule is None:
        return Entry(paper, claim, None, Verdict.NOT_TESTABLE, claim.reason)
    large_enough = [name for name in recorded if PROFILES.index(name) >= PROFILES.index(claim.profile)]
    if not large_enough and asked is not None:
        return Entry(paper, claim, asked, Verdict.NOT_TESTABLE, f"needs profile {claim.profile}")
    reason = claim.reason or f"no records at profile {claim.profile} or larger"
    for name in sorted(large_enough, key=PROFILES.index, reverse=True):
        try:
            judgement = _with_enough_seeds(claim.rule, recorded[name])
        except (MissingRecords, TooFewSeeds) as error:
            reason = claim.reason or str(error)
            continue
        return Entry(
            paper,
            claim,
            name,
            judgement.verdict(),
            judgement=judgement,
            falsifier=_falsify(claim.falsifier, recorded[name]),
        )
    return Entry(paper, claim, asked, Verdict.NOT_RUN, reason)


def _with_enough_seeds(rule: Rule, records: Records) -> Judgement:
    judgement = rule.judge(records)
    if judgement.n < MIN_SEEDS and not _is_exact(rule):
        raise TooFewSeeds(f"needs at least {MIN_SEEDS} seeds, has {judgement.n}")
    return judgement


def _is_exact(rule: Rule) -> bool:
    return isinstance(rule, Exact) or (isinstance(rule, AllOf) and all(_is_exact(part) for part in rule.rules))


def _falsify(falsifier: Falsifier | None, records: Records) -> str | None:
    if falsifier is None:
        return None
    try:
        verdict = falsifier.rule.judge(records).verdict()
    except (MissingRecords, TooFewSeeds):
        return "not run"
    return "broke the claim" if verdict is Verdict.REPRODUCED else "did not break the claim"


def adjust(entries: Sequence[Entry]) -> list[Entry]:
    """Adjust the p-values of a chapter (Holm), decide again, and let a failed falsifier cap a verdict at 'partly'."""
    from replications import statistics

    tested = [i for i, entry in enumerate(entries) if entry.judgement and entry.judgement.p is not None]
    adjusted = dict(zip(tested, statistics.holm([_p(entries[i]) for i in tested]))) if tested else {}
    return [_decide(entry, adjusted.get(i)) for i, entry in enumerate(entries)]


def _p(entry: Entry) -> float:
    assert entry.judgement is not None
    assert entry.judgement.p is not None
    return entry.judgement.p


def _decide(entry: Entry, p_adjusted: float | None) -> Entry:
    if entry.judgement is None:
        return entry
    p_adjusted = None if p_adjusted is None else float(p_adjusted)
    verdict = entry.judgement.verdict(p_adjusted)
    reason = ""
    if verdict is Verdict.REPRODUCED and entry.falsifier == "did not break the claim":
        verdict, reason = Verdict.PARTLY, "the falsifier did not break it"
    return replace(entry, verdict=verdict, p_adjusted=p_adjusted, reason=reason or entry.reason)
