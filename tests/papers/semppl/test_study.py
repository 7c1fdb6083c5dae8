"""The run on made-up pictures: reproducible, resumable to the bit; its profiles and its dry run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from replications.models.resnet import tiny_resnet
from replications.papers.byol.pretraining import METRICS
from replications.papers.byol.study import ENCODERS
from replications.papers.byol.tuning import trial
from replications.papers.semppl import study
from replications.papers.semppl.learner import Config
from replications.papers.semppl.study import LEARNING_RATES, LOSSES, RATES, RECALLED, STUDY
from replications.study import Context, Outcome

SMALL = Config(
    hidden=16, projection=8, images=160, test_images=40, epochs=2.0, batch=32, looks=2, warmup=0.1, bfloat16=False,
    share=0.2, labelled=8, queue=64, k=3,
)  # fmt: skip
OWN = {"pseudo", "pseudo_view", "pseudo_random", "purity", "entropy"}


def context(seed: int = 0, **options) -> Context:
    return Context(seed, torch.device("cpu"), **options)


@pytest.fixture(scope="module")
def straight(pictures) -> Outcome:
    """The run of SMALL and seed 0, undisturbed."""
    return study.run(SMALL, context())


def assert_same(one: Outcome, two: Outcome) -> None:
    assert one.scalars == two.scalars
    assert {name: (c.x, c.y) for name, c in one.curves.items()} == {name: (c.x, c.y) for name, c in two.curves.items()}
    assert np.array_equal(one.arrays["spectrum"], two.arrays["spectrum"])


@pytest.mark.parametrize("change", [{"bfloat16": True}, {"base": "byol", "flips": 0.4, "positives": "oracle"}])
def test_a_killed_run_ends_as_if_it_had_not_been(pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change):
    config = replace(SMALL, **change)
    undisturbed = study.run(config, context())
    monkeypatch.setenv("REPLICATIONS_CHECKPOINT_SECONDS", "0")

    def stop(fraction: float) -> None:
        if fraction > 0.55:  # in the middle of an epoch, and of a window
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.run(config, context(report=stop, checkpoint_path=tmp_path / "state"))
    seen: list[float] = []
    resumed = study.run(config, context(report=seen.append, checkpoint_path=tmp_path / "state"))
    assert seen[0] > 0.5
    assert_same(resumed, undisturbed)


def test_a_run_is_a_function_of_config_and_seed(straight):
    torch.rand(7)  # the global generator must not matter
    assert_same(straight, study.run(SMALL, context(0)))
    assert straight.scalars["loss"] != study.run(SMALL, context(1)).scalars["loss"]


def test_an_outcome_is_complete(straight):
    STUDY.validate(straight)
    assert set(straight.scalars) == {*METRICS, *OWN}
    assert straight.curves["pseudo"].x == straight.curves["knn"].x == [0.0, 1.0, 2.0]
    assert straight.curves["pseudo"].y[0] == straight.scalars["pseudo_random"]
    assert straight.curves["pseudo"].y[-1] == straight.scalars["pseudo"]
    assert all(0 <= straight.scalars[name] <= 1 for name in OWN)
    assert straight.samples == 10 * 32


def test_held_out_images_take_the_place_of_the_test_split(pictures, monkeypatch):
    seen = []
    monkeypatch.setattr(study, "pretrain", lambda config, context, learner, data: seen.append((learner, data)))
    study.run(replace(SMALL, held_out=40), context())
    (made, data), *_ = seen
    assert torch.equal(data.judged, pictures.train_images[120:])
    assert len(made.images) == len(made.known) == 120


def test_arms_differ_in_what_their_names_say_alone():
    full, sweep = study.arms(Config()), study.sweep(Config(epochs=1.5))
    assert full["semppl"] == Config()
    assert full["alpha_0_ten"] == replace(full["alpha_0"], share=0.1)
    assert replace(full["byol"], lr=0.0) == replace(full["byol_semppl"], alpha=0.0, lr=0.0)
    assert sweep["sweep_recalled"] == replace(sweep["sweep"], **RECALLED)
    assert {config.epochs for config in sweep.values()} == {1.5}
    assert len({config.lr for config in sweep.values()}) == 1


def test_every_loss_has_the_same_trials_and_its_arms_the_rate_that_they_select():
    plan = STUDY.plan("laptop").conditions
    for loss, form in LOSSES.items():
        tried = [plan[trial(loss, rate)] for rate in RATES]
        assert [config.lr for config in tried] == list(RATES)
        assert {replace(config, lr=0.0) for config in tried} == {
            replace(Config(), epochs=1.5, looks=3, held_out=5_000, lr=0.0, **form)
        }
    for arm in study.arms(Config()):
        config = plan[arm]
        loss = next(loss for loss in LOSSES if (config.base, config.alpha) == (plan[loss].base, plan[loss].alpha))
        assert config.lr == LEARNING_RATES[loss]


def test_the_papers_profile_has_both_shares_and_both_encoders():
    plan = STUDY.plan("paper").conditions
    assert {(c.share, c.encoder) for c in plan.values()} == {
        (share, encoder) for share in (0.01, 0.1) for encoder in ("resnet50", "selective_resnet50")
    }
    for config in plan.values():
        assert config.labelled == int(config.share * config.batch + 0.5)  # as many as such a batch holds
        assert config.queue == 20 * config.batch


@pytest.mark.slow
def test_the_published_setting_with_selective_kernels_takes_two_steps():
    """The plain ResNet-50 is among what is tested of every chapter."""
    said = STUDY.dry_run(STUDY.plan("paper").conditions["ten_percent_selective"], context())
    assert said.startswith("selective_resnet50, ")
    assert "224 pixels, loss" in said


def test_the_gpus_setting_takes_two_steps(monkeypatch):
    monkeypatch.setitem(ENCODERS, "resnet18", lambda: tiny_resnet(8, "3x3"))
    assert "32 pixels" in STUDY.dry_run(STUDY.plan("gpu").conditions["semppl"], context())
