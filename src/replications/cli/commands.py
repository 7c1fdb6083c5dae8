"""What each command of `replicate` does. Each returns an exit code."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from replications.papers import registry
from replications.study import PROFILES, Store, Study, UserError, ledger
from replications.study.claims import Entry
from replications.study.paths import project_root
from replications.study.progress import duration


def show_list(options: argparse.Namespace) -> int:
    """Papers, profiles, budgets, and what is recorded."""
    store = Store()
    rows = [_overview(paper, store) for paper in registry.PAPERS]
    if options.json:
        print(json.dumps(rows, indent=1))
        return 0
    for row in rows:
        print(
            f"{row['paper']}  {row['title']} ({row['year']}, arXiv {row['arxiv']})"
            + ("" if row["chapter"] else "  not built yet")
        )
        for profile in row["profiles"]:
            state = f"{profile['recorded']}/{profile['runs']} recorded"
            if profile["stale"]:
                state += f", {profile['stale']} stale"
            budget = f"{duration(60 * profile['minutes'])} on {profile['hardware']}"
            print(
                f"    {profile['profile']:7} {profile['conditions']:3} conditions × {profile['seeds']} seeds  {budget:40} {state}"
            )
    return 0


def _overview(paper: registry.Paper, store: Store) -> dict[str, Any]:
    profiles = []
    if registry.has_chapter(paper.slug):
        study = registry.study_of(paper.slug)
        for profile in PROFILES:
            if profile in study.profiles:
                profiles.append(_profile_overview(study, profile, store))
    return {
        "paper": paper.slug,
        "title": paper.title,
        "year": paper.year,
        "arxiv": paper.arxiv,
        "chapter": bool(profiles),
        "profiles": profiles,
    }


def _profile_overview(study: Study, profile: str, store: Store) -> dict[str, Any]:
    plan = study.plan(profile)
    records = store.recorded(study, profile)
    stale = sum(bool(store.stale(study, record)) for record in records) if records else 0
    return {
        "profile": profile,
        "conditions": len(plan.conditions),
        "seeds": plan.seeds,
        "runs": len(plan.conditions) * plan.seeds,
        "minutes": plan.minutes,
        "hardware": plan.hardware,
        "memory_gb": plan.memory_gb,
        "recorded": len(records),
        "stale": stale,
    }


def run(options: argparse.Namespace) -> int:
    """Make the records of one or more papers."""
    _known_profile(options.profile)
    papers = registry.chapters(options.papers)
    if options.dry_run:
        return _dry_run([paper.slug for paper in papers], options.profile, options.device)
    from replications.study import device, engine, provenance

    store = Store(options.out)
    asked = []
    for paper in papers:  # every mistake is said before anything runs
        study = registry.study_of(paper.slug)
        runs = study.runs(options.profile, options.seeds, options.only)
        device.resolve(options.device, needs_gpu=study.plan(options.profile).needs_gpu)
        provenance.current(study)  # data that cannot be known
        asked.append((study, runs, runs if options.again else engine.missing(study, runs, store)))
    _make_folder(store.root)
    failures = []
    for study, runs, wanted in asked:
        try:
            engine.execute(study, wanted, store, device=options.device, jobs=options.jobs)
        except UserError as error:  # the other papers are worth a night without this one
            failures.append(str(error))
            continue
        done = f"{len(wanted)} run, {len(runs) - len(wanted)} already recorded"
        print(f"{study.paper} {options.profile}: {done}, in {store.root / study.paper / options.profile}")
    if failures:
        raise UserError("; ".join(failures))
    return 0


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write records to {folder} ({error.strerror}): choose another --out") from error
    if not os.access(folder, os.W_OK):
        raise UserError(f"cannot write records to {folder} (it is read-only): choose another --out")


def _dry_run(slugs: list[str], profile: str, device_name: str) -> int:
    from replications.study import Context, device

    for slug in slugs:
        study = registry.study_of(slug)
        plan = study.plan(profile)
        if study.dry_run is None:
            raise UserError(f"{slug} has no dry run: its profiles differ in size only")
        config = next(iter(plan.conditions.values()))
        print(f"{slug} {profile}: {study.dry_run(config, Context(seed=0, device=device.resolve(device_name)))}")
    return 0


def claims(options: argparse.Namespace) -> int:
    """The ledger."""
    if options.profile is not None:
        _known_profile(options.profile)
    store = Store()
    entries = [
        entry
        for paper in registry.chapters(options.papers)
        for entry in ledger(registry.study_of(paper.slug), registry.claims_of(paper.slug), store, options.profile)
    ]
    if options.json:
        print(json.dumps([entry.to_json() for entry in entries], indent=1, allow_nan=False))
    else:
        print_ledger(entries)
    return 0


def print_ledger(entries: list[Entry]) -> None:
    """Print the ledger as text: paper, claim, verdict, estimate with interval, n and profile."""
    paper = ""
    for entry in entries:
        if entry.paper != paper:
            paper = entry.paper
            print(f"\n{registry.BY_SLUG[paper].title}")
        found = entry.judgement
        number = ""
        if found is not None:
            number = f"{found.estimate:.3g}"
            if found.interval:
                number += f" [{found.interval[0]:.3g}, {found.interval[1]:.3g}]"
            unit = f" {entry.claim.rule.unit}" if entry.claim.rule and entry.claim.rule.unit else ""
            number += f"{unit}, n={found.n}, {entry.profile}"
            number += f"; falsifier {entry.falsifier}" if entry.falsifier else ""
            number += f"; stale: {', '.join(entry.stale)}" if entry.stale else ""
        detail = " ".join(filter(None, [number, f"({entry.reason})" if entry.reason else ""]))
        print(f"  {entry.claim.id:4} {entry.verdict!s:27} {detail}\n       {entry.claim.statement}")


def book(options: argparse.Namespace) -> int:
    """Execute what has changed and build the site."""
    _known_profile(options.profile)
    from replications.publish import build

    slugs = [paper.slug for paper in registry.chapters(options.papers)]
    index = build.build(slugs, options.profile, options.jobs)
    entries = [
        entry for slug in slugs for entry in ledger(registry.study_of(slug), registry.claims_of(slug), Store())
    ]  # fmt: skip
    print_ledger(entries)
    print(f"\nThe book: {index}")
    return 0


def data(options: argparse.Namespace) -> int:
    """Fetch and verify data."""
    from replications import data as datasets

    for name in options.names:
        if name not in datasets.NAMES:
            raise UserError(f"unknown data set '{name}': choose from {', '.join(datasets.NAMES)}")
    needed = [item.name for paper in registry.chapters() for item in registry.study_of(paper.slug).data]
    rows = []
    for name in options.names or dict.fromkeys(needed):
        dataset = datasets.get(name)
        path = dataset.fetch()
        rows.append({"name": name, "path": str(path), "sha256": dataset.checksum(), "licence": dataset.licence})
    if options.json:
        print(json.dumps(rows, indent=1))
    for row in [] if options.json else rows:
        print(f"{row['name']}: verified, {row['sha256'][:12]}, in {row['path']}")
    return 0


def check(options: argparse.Namespace) -> int:
    """Re-execute the chapters and compare with the committed references."""
    from replications.publish import references

    slugs = [paper.slug for paper in registry.chapters(options.papers)]
    if options.update:
        for path in references.update(slugs):
            print(f"wrote {path.relative_to(project_root())}")
        return 0
    return references.check(slugs)


def new_chapter(options: argparse.Namespace) -> int:
    """Start a chapter."""
    from replications.publish import template

    for path in template.new_chapter(options.slug):
        print(f"wrote {path.relative_to(project_root())}")
    print("next: list the chapter in _toc.yml, then follow book/contributing.md")
    return 0


def _known_profile(profile: str) -> None:
    if profile not in PROFILES:
        raise UserError(f"unknown profile '{profile}': choose one of {', '.join(PROFILES)}")


COMMANDS = {
    "list": show_list,
    "run": run,
    "claims": claims,
    "book": book,
    "data": data,
    "check": check,
    "new-chapter": new_chapter,
}
