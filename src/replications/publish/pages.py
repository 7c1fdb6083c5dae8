"""Tables of the summary pages: all papers, all claims, all data."""

from __future__ import annotations

from collections import Counter
from html import escape

from replications.papers import registry
from replications.publish.chapter import Shown
from replications.publish.tables import CLASS, Html, html_table
from replications.study import Store, ledger
from replications.study.claims import Entry


def ledgers() -> dict[str, list[Entry]]:
    """The ledger of every chapter that is built, by slug."""
    store = Store()
    return {
        paper.slug: ledger(registry.study_of(paper.slug), registry.claims_of(paper.slug), store)
        for paper in registry.chapters()
    }


def tally() -> Shown:
    """How many claims have which verdict."""
    entries = [entry for lines in ledgers().values() for entry in lines]
    counts = Counter(entry.verdict for entry in entries)
    chapters = f"{len(registry.chapters())} of {len(registry.PAPERS)} papers have a chapter"
    badges = " ".join(f'<span class="verdict {CLASS[verdict]}">{counts[verdict]} {verdict}</span>' for verdict in CLASS)
    return Shown(f"<p>{chapters}; of their {len(entries)} claims: {badges}</p>")


def matrix() -> Shown:
    """One row a paper, one cell a claim, coloured and lettered by its verdict."""
    judged = ledgers()
    rows = []
    for paper in registry.PAPERS:
        name = f"{escape(paper.title)} <small>({paper.year})</small>"
        cells = " ".join(_cell(entry) for entry in judged.get(paper.slug, [])) or "<small>no chapter yet</small>"
        if paper.slug in judged:
            name = f'<a href="{paper.slug}.html">{name}</a>'
        rows.append({"paper": Html(name), "claims": Html(cells)})
    return Shown(
        html_table(rows, "Verdicts at the largest recorded profile; hover or follow a claim for its sentence", "matrix")
    )


def _cell(entry: Entry) -> str:
    title = escape(f"{entry.verdict}: {entry.claim.statement}", quote=True)
    link = f"{entry.paper}.html#claim-{escape(entry.claim.id)}"
    return f'<a class="verdict {CLASS[entry.verdict]}" href="{link}" title="{title}">{escape(entry.claim.id)}</a>'


def data_table() -> Shown:
    """Data sets of the book: licence, source, whether synthetic."""
    from replications import data

    rows = []
    for name in data.NAMES:
        dataset = data.get(name)
        rows.append(
            {
                "name": name,
                "data": dataset.title,
                "licence": dataset.licence,
                "source": dataset.source,
                "synthetic": "yes" if dataset.synthetic else "no",
            }
        )
    return Shown(html_table(rows, "Data sets that the book can use"))
