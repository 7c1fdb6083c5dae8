"""What a chapter's notebook calls: run what is missing, then show records, ledger and checked numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from replications.publish.tables import html_table, ledger_table
from replications.study import PROFILES, Claim, Records, Store, Study, UserError, judge_records, ledger
from replications.study.progress import Progress, duration


def _in_one_line(error: UserError) -> list[str]:
    """What a notebook shows of a user's mistake, in place of a traceback."""
    return [f"{type(error).__name__}: {error}"]


# Set here and not in the class: how a mistake looks in a notebook is no part of the source that records depend on.
UserError._render_traceback_ = _in_one_line  # type: ignore[attr-defined]


class Shown:
    """Something that a notebook displays as HTML and a terminal as text."""

    def __init__(self, html: str) -> None:
        self.html = html

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return "(a table: open this notebook in Jupyter, or the book)"


class Chapter:
    """The records and claims of one paper at `profile`.

    Making one runs whatever `profile` has no fresh record of (live), and loads the largest recorded profile beside it.

    Raises:
        UserError: unknown profile, missing GPU, data that cannot be had, a damaged record, a run that failed.
    """

    def __init__(self, study: Study, claims: Sequence[Claim], profile: str, store: Store | None = None) -> None:
        from replications.study import engine

        if profile not in PROFILES:
            raise UserError(f"unknown profile '{profile}': set profile to one of {', '.join(PROFILES)}")
        self.study, self.claims, self.profile = study, claims, profile
        self.store = Store() if store is None else store
        runs = study.runs(profile)
        engine.execute(study, engine.missing(study, runs, self.store), self.store, progress=_progress)
        self.live = self.recorded = Records(profile, self.store.recorded(study, profile))
        for larger in PROFILES[PROFILES.index(profile) + 1 :]:
            if larger in study.profiles and (records := self.store.recorded(study, larger)):
                self.recorded = Records(larger, records)

    def holding(self, *conditions: str) -> Records:
        """Records of the largest profile that has recorded all `conditions`, the live ones where none has.

        For pages whose largest profile trains few of their arms.
        """
        for name in reversed(PROFILES):
            if name in self.study.profiles:
                records = Records(name, self.store.recorded(self.study, name))
                if all(condition in records for condition in conditions):
                    return records
        return self.live

    def box(self) -> Shown:
        """What each profile costs, and what was recorded where, when and in how long."""
        rows = []
        for name in (name for name in PROFILES if name in self.study.profiles):
            plan = self.study.plan(name)
            records = self.store.recorded(self.study, name)
            devices = sorted({record.provenance.device for record in records})
            rows.append(
                {
                    "profile": name,
                    "runs": f"{len(plan.conditions)} × {plan.seeds} seeds",
                    "budget": f"{duration(60 * plan.minutes)} on {plan.hardware}, {plan.memory_gb:g} GB",
                    "recorded": f"{len(records)} of {len(plan.conditions) * plan.seeds}" if records else "not yet",
                    "on": ", ".join(devices) or None,
                    "last": max(record.cost.date[:10] for record in records) if records and name != "smoke" else None,
                    "took": f"{duration(sum(r.cost.cpu_s for r in records))} of CPU"
                    if records and name != "smoke"
                    else None,
                }
            )
        return Shown(html_table(rows, "Profiles of this chapter: budget, and what was recorded", "box"))

    def ledger(self) -> Shown:
        """Every claim with its verdict at the largest recorded profile."""
        return Shown(ledger_table(ledger(self.study, self.claims, self.store)))

    def glossary(self) -> Shown:
        """What each recorded number is."""
        rows = [{"metric": n, "unit": m.unit, "meaning": m.meaning} for n, m in self.study.metrics.items()]
        return Shown(html_table(rows, "Recorded metrics", "glossary"))

    def table(self, rows: Iterable[Mapping[str, Any]], caption: str = "") -> Shown:
        """A small table; say the scale in its caption."""
        return Shown(html_table(rows, caption))

    def glue(self, name: str, value: float | str, fmt: str = "") -> None:
        """Make a number from the records available to the prose as {glue:text}`name`."""
        from myst_nb import glue

        glue(name, format(value, fmt), display=False)  # the role takes the quotes off, and keeps 0.90 and 132,179

    def check(self) -> None:
        """Print the verdicts of the live profile: the output that nbval compares, free of machine-dependent digits."""
        entries = judge_records(self.study.paper, self.claims, self.live)
        print("\n".join(f"{entry.claim.id:4} {entry.verdict}" for entry in entries))


def _progress(total: int, what: str) -> Progress:
    """Progress in a notebook that a person runs; silence where a page is made."""
    quiet: TextIO | None = open(os.devnull, "w") if os.environ.get("REPLICATIONS_QUIET") else None  # noqa: SIM115
    return Progress(total, what, quiet)
