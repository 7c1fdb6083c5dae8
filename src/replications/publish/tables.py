"""Small HTML tables, and the ledger as one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from numbers import Integral, Real
from typing import Any

import numpy as np

from replications.statistics import constant, minimum_detectable_effect
from replications.study import Records, Verdict
from replications.study.claims import Entry
from replications.study.rules import Judgement

CLASS = {
    Verdict.REPRODUCED: "reproduced",
    Verdict.PARTLY: "partly",
    Verdict.NOT: "not",
    Verdict.NOT_TESTABLE: "not-testable",
    Verdict.NOT_RUN: "not-run",
}


class Html(str):
    """Text that is HTML already; everything else in a table is escaped."""

    __slots__ = ()


def cell(value: Any) -> str:
    """A table cell's content: floats to four significant digits, None as a dash."""
    if isinstance(value, Html):
        return value
    if value is None:
        return "–"
    if not _is_number(value):
        return escape(str(value)).replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")  # a number and its spread
    return (str(value) if isinstance(value, Integral) else f"{value:.4g}").replace("-", "−")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)  # Real: numpy's numbers too


def html_table(rows: Iterable[Mapping[str, Any]], caption: str = "", css: str = "") -> Html:
    """Rows (column → value) as a table; the columns are those of the first row. The wrapper scrolls on a phone."""
    rows = list(rows)
    columns = list(rows[0]) if rows else []
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{"number" if _is_number(row.get(c)) else "text"}">{cell(row.get(c))}</td>' for c in columns
        )
        + "</tr>"
        for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return Html(
        f'<div class="table-scroll" tabindex="0" role="region" aria-label="{escape(caption or "table", quote=True)}">'
        f'<table class="table replication {css}">{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def smallest_effects(
    records: Records, pairs: Mapping[str, tuple[str, str]], metric: str, scale: float = 1.0, unit: str = ""
) -> list[dict[str, Any]]:
    """A row for each pair of conditions: by how much the first is above the second, and what these seeds can show at all.

    Left out are pairs that were not run, or with one seed, that diverged, or that differ by the same in every seed.
    """
    rows = []
    for name, (one, two) in pairs.items():
        found = scale * records.paired(one, two, metric) if one in records and two in records else np.empty(0)
        if len(found) > 1 and np.isfinite(found).all() and not constant(found):
            rows.append(
                {
                    "difference": name,
                    f"mean, {unit}" if unit else "mean": float(found.mean()),
                    "detectable with 80 % power": float(minimum_detectable_effect(found)),
                    "seeds": len(found),
                }
            )
    return rows


def badge(verdict: Verdict) -> Html:
    """The verdict as a word on its colour."""
    return Html(f'<span class="verdict {CLASS[verdict]}">{verdict}</span>')


def published(entry: Entry) -> Html:
    """What the paper printed, where, and whether we read it there."""
    value = entry.claim.published
    number = "" if value.value is None else f"{cell(value.value)} {escape(value.unit)}".strip()
    mark = (
        ""
        if value.read
        else ' <abbr class="recalled" title="recalled or from a summary, not read in the paper">recalled</abbr>'
    )
    return Html(
        f"{number}<br><small>{escape(value.where)}{mark}</small>"
        if number
        else f"<small>{escape(value.where)}{mark}</small>"
    )


def measured(entry: Entry) -> Html:
    """Our number with its interval, the number of seeds and the profile."""
    found = entry.judgement
    if found is None:
        return Html(f"<small>{escape(entry.reason)}</small>")
    unit = escape(entry.claim.rule.unit) if entry.claim.rule else ""
    notes = [f"n = {found.n}", str(entry.profile), *([f"stale: {', '.join(entry.stale)}"] if entry.stale else [])]
    return Html(f"{_estimate(found)} {unit}<br><small>{escape(', '.join(notes))}</small>")


def _estimate(found: Judgement) -> str:
    interval = f" <small>[{cell(found.interval[0])}, {cell(found.interval[1])}]</small>" if found.interval else ""
    return f"{cell(float(found.estimate))}{interval}"


def ledger_table(entries: Sequence[Entry]) -> Html:
    """The ledger of one chapter; each claim links to its evidence on the page."""
    rows = []
    for entry in entries:
        statement = escape(entry.claim.statement)
        if entry.claim.evidence:
            statement += f' <a href="#{escape(entry.claim.evidence, quote=True)}">evidence</a>'
        statement += _how_it_is_judged(entry)
        rows.append(
            {
                "claim": Html(f'<span id="claim-{escape(entry.claim.id)}">{escape(entry.claim.id)}</span>'),
                "statement": Html(statement),
                "published": published(entry),
                "ours": measured(entry),
                "verdict": badge(entry.verdict),
            }
        )
    return html_table(
        rows, "Claims of the paper, with published and measured values and the computed verdict", "ledger"
    )


def _how_it_is_judged(entry: Entry) -> str:
    """Rule and falsifier, folded away below the statement."""
    if entry.claim.rule is None:
        return ""
    lines = [f"Rule: {escape(entry.claim.rule.condition())}."]
    if entry.claim.falsifier:
        lines.append(f"Falsifier: {escape(entry.claim.falsifier.description)}: {escape(entry.falsifier or 'not run')}.")
    return f"<details><summary>how it is judged</summary>{'<br>'.join(lines)}</details>"
