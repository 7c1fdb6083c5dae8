"""A project with one chapter, the toy study, in a folder of its own: for tests of the command line and the book."""

import dataclasses
from pathlib import Path

import torch

from replications.cli import commands
from replications.papers import registry
from replications.publish import build, execute, references, template
from replications.study import (
    AllOf,
    BetterThan,
    Claim,
    EverySeed,
    Exact,
    Falsifier,
    Ordered,
    Published,
    Store,
    Within,
    engine,
    paths,
)
from toy_study import STUDY


def _loss(condition):
    return lambda records: records.scalars(condition, "loss")


def _gain(records):
    return records.paired("slow", "fast", "loss")


IN_TABLE = Published(-1.5, "% top-1", "Table 1 & 2", read=True)
RECALLED = Published(None, "", "abstract", read=False)
CLAIMS = (
    Claim("C1", "Zero is <zero>.", IN_TABLE, Exact(lambda r: r.scalars("fast", "zero"), 0.0), "smoke", "fig-toy-zero"),
    Claim(
        "C2",
        "A larger rate ends lower.",
        RECALLED,
        BetterThan(_gain, unit="loss", note="paired by seed"),
        falsifier=Falsifier("the rates swapped", BetterThan(lambda r: r.paired("slow", "fast", "loss"))),
    ),
    Claim("C3", "It scales.", RECALLED, reason="one size only"),
    Claim("C4", "It works on a GPU.", RECALLED, Within(_loss("fast"), 0.0, 1.0), profile="gpu"),
    Claim("C5", "Losses are ordered.", RECALLED, Ordered([_loss("slow"), _loss("fast")])),
    Claim("C6", "Never positive.", RECALLED, EverySeed(lambda r: _loss("fast")(r) <= 0, "loss at most 0")),
    Claim("C7", "Both.", RECALLED, AllOf(Exact(lambda r: r.scalars("fast", "zero"), 0.0), BetterThan(_gain))),
    Claim(
        "C8",
        "The mean is near zero.",
        RECALLED,
        Within(_loss("fast"), 0.0, 0.1, unit="loss"),
        falsifier=Falsifier("a loss that grows", BetterThan(_loss("fast"), margin=10.0)),
    ),
)
PAPERS = (
    registry.Paper("toy", "A toy & its noise", 2026, "2601.00001", registry.ACTING),
    registry.Paper("unbuilt", "Not built", 2025, "2501.00001", registry.ACTING),
)
HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# {title}

```{{code-cell}} ipython3
:tags: [parameters, remove-cell]

profile = "smoke"
```
"""


def install(monkeypatch, root: Path, study=STUDY) -> Path:
    """Make `root` the project, and the toy its only chapter, until the test ends."""
    by_slug = {paper.slug: paper for paper in PAPERS}
    monkeypatch.setattr(registry, "PAPERS", PAPERS)
    monkeypatch.setattr(registry, "BY_SLUG", by_slug)
    monkeypatch.setattr(registry, "has_chapter", lambda slug: slug == "toy")
    monkeypatch.setattr(registry, "study_of", lambda slug: {"toy": study}[slug])
    monkeypatch.setattr(registry, "claims_of", lambda slug: {"toy": CLAIMS}[slug])
    for module in (paths, commands, build, execute, references, template):
        monkeypatch.setattr(module, "project_root", lambda: root)
    (root / "book").mkdir(parents=True)
    (root / "requirements.txt").write_text("torch\n")
    (root / "_config.yml").write_text('title: Toy\nonly_build_toc_files: true\nexecute: {execute_notebooks: "off"}\n')
    (root / "_toc.yml").write_text("format: jb-book\nroot: book/intro\nchapters:\n  - file: book/toy\n")
    (root / "book" / "intro.md").write_text("# Intro\n\nPlain text.\n")
    page(root, "toy")
    return root


def page(root: Path, name: str, *cells: str, tags: str = "") -> Path:
    """Write a page with a parameters cell and `cells`, all of which carry `tags`."""
    text = HEADER.format(title=name)
    for cell in cells:
        text += f"\n```{{code-cell}} ipython3\n:tags: [{tags}]\n\n{cell}\n```\n"
    path = root / "book" / f"{name}.md"
    path.write_text(text)
    return path


def record(profile: str, study=STUDY, store: Store | None = None, **changes) -> Store:
    """Run the toy at `profile` in this process; returns the store."""
    store = Store() if store is None else store
    for run in study.runs(profile):
        engine.run_unit(study, [run], store, "cpu", lambda fraction: None)
        if changes:  # of the provenance
            found = store.load(run)
            store.save(run, dataclasses.replace(found, provenance=dataclasses.replace(found.provenance, **changes)))
    return store


def without_gpu(monkeypatch) -> None:
    """Hide the GPU of this machine, if it has one."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
