"""The run on made-up pictures: reproducible, resumable to the bit, loud where it diverges; and its profiles."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from replications.data import cifar10
from replications.papers.byol import equilibrium, study
from replications.papers.byol.study import STUDY, Config
from replications.study import Context, Outcome, UserError

SMALL = Config(
    hidden=32, projection=16, images=160, test_images=40, epochs=2.0, batch=32, looks=2, warmup=0.1, bfloat16=False
)


pytestmark = pytest.mark.usefixtures("pictures")


@pytest.fixture(scope="module")
def straight(pictures: cifar10.CIFAR10) -> Outcome:
    """The run of SMALL and seed 0, undisturbed."""
    return study.run(SMALL, context())


def context(seed: int = 0, **options) -> Context:
    return Context(seed, torch.device("cpu"), **options)


def assert_same(one: Outcome, two: Outcome) -> None:
    assert one.scalars == two.scalars
    assert {name: (c.x, c.y) for name, c in one.curves.items()} == {name: (c.x, c.y) for name, c in two.curves.items()}
    assert np.array_equal(one.arrays["spectrum"], two.arrays["spectrum"])


@pytest.mark.parametrize("change", [{"bfloat16": True}, {"optimizer": "lars", "accumulation": 2}, {"target": "online"}])
def test_a_killed_run_ends_as_if_it_had_not_been(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change):
    config = replace(SMALL, **change)
    undisturbed = study.run(config, context())
    monkeypatch.setenv("REPLICATIONS_CHECKPOINT_SECONDS", "0")

    def stop(fraction: float) -> None:
        if fraction > 0.55:  # in the middle of an epoch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.run(config, context(report=stop, checkpoint_path=tmp_path / "state"))
    assert (tmp_path / "state").exists()
    seen: list[float] = []
    resumed = study.run(config, context(report=seen.append, checkpoint_path=tmp_path / "state"))
    assert seen[0] > 0.5
    assert_same(resumed, undisturbed)


def test_a_run_is_a_function_of_config_and_seed(straight):
    torch.rand(7)  # the global generator must not matter
    assert_same(straight, study.run(SMALL, context(0)))
    assert straight.scalars["loss"] != study.run(SMALL, context(1)).scalars["loss"]


def test_an_outcome_is_complete_and_within_its_limits(straight):
    outcome = straight
    STUDY.validate(outcome)
    few = {name for name in STUDY.metrics if "linear_1" in name}
    assert set(outcome.scalars) == set(STUDY.metrics) - few - set(equilibrium.METRICS)
    assert outcome.steps == 10
    assert outcome.samples == 10 * 32
    assert outcome.arrays["spectrum"].shape == (len(outcome.curves["knn"].x), 16)
    assert outcome.arrays["spectrum"].dtype == np.float32
    assert outcome.curves["knn"].x == [0.0, 1.0, 2.0]
    assert outcome.curves["loss"].x[-1] == 2.0
    assert 0 <= min(outcome.curves["loss"].y) <= max(outcome.curves["loss"].y) <= 8
    assert all(0 <= outcome.scalars[name] <= 1 for name in ("knn", "ridge", "linear", "knn_random", "knn_target"))


def test_the_test_split_is_read_only_before_and_after_training(monkeypatch: pytest.MonkeyPatch):
    calls: list[int] = []
    features = study.features

    def spy(config, encoder, pixels):
        calls.append(len(pixels))
        return features(config, encoder, pixels)

    monkeypatch.setattr(study, "features", spy)
    study.run(SMALL, context())
    train_and_test = [160, 40]
    looks = [160] * 3
    assert calls == [*train_and_test, *looks, *train_and_test, *train_and_test]  # untrained, curves, online, target


def test_a_frozen_target_is_measured_as_the_random_network_it_stays(monkeypatch: pytest.MonkeyPatch):
    measured: list[torch.nn.Module] = []
    features = study.features

    def spy(config, encoder, pixels):
        measured.append(encoder)
        return features(config, encoder, pixels)

    monkeypatch.setattr(study, "features", spy)
    study.run(replace(SMALL, tau=1.0), context())
    online, target = study.networks(SMALL, context())
    assert measured[-1] is not measured[0]  # the target comes last, the untrained online encoder first
    for p, q in zip(measured[-1].parameters(), target.encoder.parameters(), strict=True):
        assert torch.equal(p, q)
    assert not torch.equal(measured[0].stem[0].weight, online.encoder.stem[0].weight)


def test_a_run_that_diverges_names_the_step_and_a_control_records_it():
    wild = replace(SMALL, loss_norm="none", lr=1e9)
    with pytest.raises(FloatingPointError, match=r"seed 0: the loss is not finite at step \d+ of 10"):
        study.run(wild, context())
    outcome = study.run(replace(wild, control=True), context())
    assert outcome.scalars["trained"] < 1
    assert math.isnan(outcome.scalars["knn"])
    assert math.isnan(outcome.scalars["std"])


def test_the_predictors_learning_rate_is_multiplied_and_norms_are_not_decayed():
    config = replace(SMALL, predictor_lr=10.0, projector_lr=2.0)
    online, _ = study.networks(config, context())
    optimizer = study.make_optimizer(config, online)
    study.set_lr(optimizer, 0.1)
    rate = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert {rate[id(p)] for p in online.encoder.parameters()} == {0.1}
    assert {rate[id(p)] for p in online.projector.parameters()} == {0.2}
    assert {rate[id(p)] for p in online.predictor.parameters()} == {1.0}
    decayed = [p for group in optimizer.param_groups if group["weight_decay"] > 0 for p in group["params"]]
    assert all(p.ndim > 1 for p in decayed)
    assert len(rate) == len(list(online.parameters()))


def test_two_seeds_and_two_networks_start_apart():
    online, target = study.networks(SMALL, context(0))
    other, _ = study.networks(SMALL, context(1))
    weights = [network.encoder.stem[0].weight for network in (online, target, other)]
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_views_of_a_batch_differ_and_are_normalised():
    pixels = cifar10.load().train_images[:64]
    one, two = study.two_views(SMALL, pixels, torch.Generator().manual_seed(0))
    assert one.shape == two.shape == (64, 3, 32, 32)
    assert not torch.equal(one, two)
    assert abs(one.mean().item()) < 1.5
    assert one.is_contiguous(memory_format=torch.channels_last)


def test_the_paper_profile_is_the_papers_recipe():
    config = STUDY.plan("paper").conditions["imagenet"]
    assert (config.epochs, config.batch, config.lr, config.weight_decay, config.tau) == (1000, 4096, 3.2, 1.5e-6, 0.996)
    steps = config.images // config.batch * config.epochs
    assert round(config.warmup * steps) == pytest.approx(10 * config.images // config.batch, abs=10)
    ablation = STUDY.plan("paper").conditions["full"]
    assert (ablation.epochs, ablation.lr, ablation.weight_decay, ablation.tau) == (300, 4.8, 1e-6, 0.99)
    with pytest.raises(UserError, match="needs ImageNet"):
        study.run(config, context())


def test_laptop_arms_have_equal_budgets_and_controls_are_declared():
    arms = STUDY.plan("laptop").conditions
    ladder = ["full", "tau_0", "tau_0.9", "tau_0.999", "tau_1"]
    assert len({(arms[name].epochs, arms[name].images, arms[name].lr) for name in ladder}) == 1
    assert all(arms[name].epochs * arms[name].images >= 500_000 for name in ladder)
    controls = {name for name, arm in arms.items() if getattr(arm, "control", False)}
    assert {"no_predictor", "no_stop_gradient", "tau_0", "short_tau_0", "lambda_10", "loss_none"} <= controls
    assert all(
        arms[name].tau == 0 or name in ("no_predictor", "no_stop_gradient", "loss_none", "no_decay", "simclr_no_decay")
        for name in controls
    )


def test_the_gpu_profile_is_lightlys_recipe_for_a_loss_of_four_times_the_scale():
    (config,) = STUDY.plan("gpu").conditions.values()
    assert (config.encoder, config.epochs, config.batch, config.blur) == ("resnet18", 200, 512, False)
    assert config.lr == pytest.approx(0.06 * 512 / 128 / 4)


def test_dry_run_takes_two_steps_of_the_real_model():
    small = replace(STUDY.plan("paper").conditions["imagenet"], encoder="tiny", size=64, hidden=64)
    line = study.dry_run(small, context())
    assert line.startswith("tiny, ")
    assert "64 pixels, loss" in line


@pytest.mark.slow
def test_dry_run_of_resnet50():
    line = study.dry_run(STUDY.plan("paper").conditions["imagenet"], context())
    assert line.startswith(f"resnet50, {23_508_032 + 9_449_472 + 2_109_440:,} online parameters")
