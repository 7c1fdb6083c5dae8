"""What holds of every chapter: its page, its claims, its records, and that a run can be repeated and interrupted."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
import torch

from replications.papers import registry
from replications.study import PROFILES, Context, Store, Verdict, engine, ledger
from replications.study.paths import project_root

SLUGS = [paper.slug for paper in registry.chapters()]
HEADINGS = [
    "What the paper claims",
    "The method",
    "The experiment",
    "Results",
    "When it breaks",
    "What the paper leaves unsaid",
    "Run it yourself",
]
LAPTOP_MINUTES = {"byol": 105}  # half a million images for each run of its ladder; all others keep to 90
every_chapter = pytest.mark.parametrize("slug", SLUGS)


def page(slug):
    return (project_root() / "book" / f"{slug}.md").read_text()


def shortest_run(slug):
    """A cheap run of the smoke profile: one condition, seed 0."""
    return registry.study_of(slug).runs("smoke", seeds=1)[0]


def without_cost(record):
    return {key: value for key, value in record.document().items() if key not in ("cost", "checksum")}


@every_chapter
def test_the_page_has_the_headings_of_every_chapter_in_order(slug):
    assert re.findall(r"^## (.+)$", page(slug), re.MULTILINE) == HEADINGS


@every_chapter
def test_the_page_stands_in_the_table_of_contents(slug):
    assert f"book/{slug}\n" in (project_root() / "_toc.yml").read_text()


@every_chapter
def test_the_page_opens_with_parameters_and_shows_box_ledger_and_check(slug):
    text = page(slug)
    assert re.search(r":tags: \[.*parameters.*\]\n\nprofile = \"smoke\"", text)
    assert all(f"chapter.{call}()" in text for call in ("box", "ledger", "check"))
    assert "nbval-check-output" in text


@every_chapter
def test_claims_are_numbered_once_and_their_evidence_is_on_the_page(slug):
    claims = registry.claims_of(slug)
    ids = [claim.id for claim in claims]
    assert len(set(ids)) == len(ids)
    for claim in claims:
        assert not claim.evidence or f"({claim.evidence})=" in page(slug) or f"name: {claim.evidence}" in page(slug), (
            claim.id
        )


@every_chapter
def test_every_profile_is_declared_within_its_budget(slug):
    study = registry.study_of(slug)
    assert tuple(study.profiles) == PROFILES
    assert study.plan("smoke").minutes <= 1
    assert study.plan("laptop").minutes <= LAPTOP_MINUTES.get(slug, 90)
    assert study.plan("laptop").seeds >= 3
    assert study.plan("gpu").minutes <= 30 or not study.plan("gpu").needs_gpu


@every_chapter
def test_the_published_setting_builds(slug):
    study = registry.study_of(slug)
    if study.dry_run is None:  # profiles that differ in size only
        assert not study.plan("paper").needs_gpu
        return
    config = next(iter(study.plan("paper").conditions.values()))
    assert study.dry_run(config, Context(seed=0, device=torch.device("cpu")))


@every_chapter
def test_laptop_records_stand_behind_the_ledger(slug):
    store, study = Store(), registry.study_of(slug)
    plan = study.plan("laptop")
    recorded = {(record.condition, record.seed) for record in store.recorded(study, "laptop")}
    declared = {(condition, seed) for condition in plan.conditions for seed in range(plan.seeds)}
    assert recorded == declared
    judged = [entry for entry in ledger(study, registry.claims_of(slug), store) if entry.judgement is not None]
    assert judged
    assert all(entry.verdict is not Verdict.NOT_RUN for entry in judged)


@every_chapter
def test_the_same_seed_gives_the_same_record(slug, tmp_path):
    study, run = registry.study_of(slug), shortest_run(slug)
    records = []
    for name in ("one", "two"):
        store = Store(tmp_path / name)
        engine.run_unit(study, [run], store, "cpu", lambda fraction: None)
        records.append(without_cost(store.load(run)))
    assert records[0] == records[1]


RUN = """
import sys
from pathlib import Path
import torch
from replications.papers import registry
from replications.study import Store, engine
torch.set_num_threads(1)
study = registry.study_of(sys.argv[1])
print("started", flush=True)
engine.run_unit(study, study.runs("smoke", seeds=1)[:1], Store(Path(sys.argv[2])), "cpu", lambda fraction: print(fraction, flush=True))
"""


@every_chapter
def test_a_run_killed_in_the_middle_ends_as_if_undisturbed(slug, tmp_path):
    study, run = registry.study_of(slug), shortest_run(slug)
    killed, undisturbed = Store(tmp_path / "killed"), Store(tmp_path / "undisturbed")
    environment = {**os.environ, "REPLICATIONS_CHECKPOINT_SECONDS": "0", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, slug, str(killed.root)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "started\n"
    middle = next(
        (line for line in process.stdout if 0.2 <= float(line) < 1), None
    )  # blocks until the run is under way
    if middle is None:
        time.sleep(0.2)  # a run too short to tell of its progress
    process.send_signal(signal.SIGKILL)
    process.wait()
    engine.run_unit(study, [run], killed, "cpu", lambda fraction: None)
    engine.run_unit(study, [run], undisturbed, "cpu", lambda fraction: None)
    assert without_cost(killed.load(run)) == without_cost(undisturbed.load(run))
