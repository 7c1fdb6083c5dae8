"""From a declaration to a verdict: profiles, studies, runs, records, claims. Imports no torch until something runs."""

from replications.study.claims import Claim, Entry, Falsifier, Published, judge_records, ledger
from replications.study.context import Context
from replications.study.errors import UserError
from replications.study.outcome import Curve, Metric, Outcome
from replications.study.records import MissingRecords, Records
from replications.study.rules import AllOf, BetterThan, EverySeed, Exact, Judgement, Ordered, Verdict, Within
from replications.study.store import Store
from replications.study.study import PROFILES, Plan, Run, Study

__all__ = [
    "PROFILES",
    "AllOf",
    "BetterThan",
    "Claim",
    "Context",
    "Curve",
    "Entry",
    "EverySeed",
    "Exact",
    "Falsifier",
    "Judgement",
    "Metric",
    "MissingRecords",
    "Ordered",
    "Outcome",
    "Plan",
    "Published",
    "Records",
    "Run",
    "Store",
    "Study",
    "UserError",
    "Verdict",
    "Within",
    "judge_records",
    "ledger",
]
