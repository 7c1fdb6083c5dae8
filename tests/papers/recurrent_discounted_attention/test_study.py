"""The study's conditions, and a dry run of the published setting."""

from dataclasses import replace

import pytest
import torch

from replications.papers.recurrent_discounted_attention import study
from replications.papers.recurrent_discounted_attention.study import STUDY, UNITS
from replications.study import Context


@pytest.mark.parametrize("profile", ["smoke", "laptop", "paper"])
def test_every_unit_runs_every_task(profile):
    names = set(STUDY.plan(profile).conditions)
    for task in ("multicopy", "addition", "length", "copy", "mnist", "characters"):
        assert {f"{task}-{unit}" for unit in UNITS} <= names
    assert {f"length-{unit}-zero" for unit in UNITS} <= names
    assert sum(name.startswith("ablation-") for name in names) == 8
    assert {"multicopy-inner-tanh", "multicopy-discount-off", "oscillation"} <= names


def test_the_same_optimiser_for_every_arm():
    for plan in STUDY.profiles.values():
        settings = {(c.lr, c.clip, c.hidden, c.batch, c.task) for c in plan.conditions.values()}
        assert len(settings) == len({c.task for c in plan.conditions.values()})


def test_the_rwa_learns_its_start_but_where_that_is_the_question():
    conditions = STUDY.plan("laptop").conditions
    assert conditions["copy-rwa"].learn_start
    assert not conditions["copy-gru"].learn_start
    assert not conditions["length-rwa-zero"].learn_start


def test_the_published_setting():
    found = STUDY.plan("paper").conditions["multicopy-rda-exp-tanh"]
    assert (found.length * 20, found.hidden, found.batch, found.lr, found.clip) == (1000, 250, 100, 0.001, 1.0)
    large = STUDY.plan("paper").conditions["characters-gru"]
    assert (large.hidden, large.length) == (1800, 250)


@pytest.mark.parametrize("name", ["multicopy-rda-exp-tanh", "mnist-lstm", "copy-rwa"])
def test_dry_run_of_the_published_setting(name):
    said = study.dry_run(STUDY.plan("paper").conditions[name], Context(0, torch.device("cpu")))
    assert " → " in said


def test_dry_run_of_characters_has_the_alphabet_of_the_paper():
    config = replace(STUDY.plan("paper").conditions["characters-rda-sigmoid-id"], hidden=20, length=5)
    assert f"{20 * 65 + 3 * 20 * 85 + 21 * 205:,} parameters" in study.dry_run(config, Context(0, torch.device("cpu")))


def test_every_scalar_of_every_kind_of_run_is_declared():
    for name in ("oscillation", "addition-rwa", "multicopy-gru"):
        STUDY.validate(
            study.run(replace(STUDY.plan("smoke").conditions[name], steps=2), Context(0, torch.device("cpu")))
        )
