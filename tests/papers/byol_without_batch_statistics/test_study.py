"""The run on made-up pictures: every layout resumes to the bit; and what the profiles promise."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from replications.models.resnet import tiny_resnet
from replications.papers.byol import study as byol
from replications.papers.byol.method import Network
from replications.papers.byol.pretraining import METRICS
from replications.papers.byol.tuning import trial
from replications.papers.byol_without_batch_statistics import method, study
from replications.papers.byol_without_batch_statistics.identities import Identities
from replications.papers.byol_without_batch_statistics.study import (
    ARMS,
    LEARNING_RATES,
    RATES,
    SIMCLR,
    STUDY,
    Config,
    LayoutLearner,
)
from replications.study import Context, Outcome, UserError

SMALL = Config(
    hidden=32, projection=16, images=160, test_images=40, epochs=2.0, batch=32, looks=2, warmup=0.1, bfloat16=False
)

pytestmark = pytest.mark.usefixtures("pictures", "narrow")


@pytest.fixture(scope="module")
def narrow():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(method.ENCODERS, "tiny", lambda norm, conv: tiny_resnet(4, "3x3/2", norm, conv))
        yield


def context(seed: int = 0, **options) -> Context:
    return Context(seed, torch.device("cpu"), **options)


def assert_same(one: Outcome, two: Outcome) -> None:
    assert one.scalars == two.scalars
    assert {name: (c.x, c.y) for name, c in one.curves.items()} == {name: (c.x, c.y) for name, c in two.curves.items()}
    assert all(np.array_equal(array, two.arrays[name]) for name, array in one.arrays.items())


def test_with_batch_norm_it_is_byol_to_the_bit():
    ours = study.run(SMALL, context())
    plain = {field.name: getattr(SMALL, field.name) for field in fields(byol.Config)}
    theirs = byol.run(byol.Config(**plain), context())
    shared = ours.scalars.keys() & theirs.scalars.keys()
    assert shared >= {"knn", "linear", "knn_random", "loss", "std", "effective_rank"}
    assert {name: ours.scalars[name] for name in shared} == {name: theirs.scalars[name] for name in shared}
    assert ours.curves["loss"].y == theirs.curves["loss"].y


@pytest.mark.parametrize("arm", ["affine", "gn_ws", "simclr_none"])
def test_a_killed_run_ends_as_if_it_had_not_been(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arm):
    config = replace(SMALL, bfloat16=True, **ARMS[arm])
    undisturbed = study.run(config, context())
    STUDY.validate(undisturbed)
    assert set(undisturbed.scalars) == set(METRICS)
    monkeypatch.setenv("REPLICATIONS_CHECKPOINT_SECONDS", "0")

    def stop(fraction: float) -> None:
        if fraction > 0.55:  # in the middle of an epoch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.run(config, context(report=stop, checkpoint_path=tmp_path / "state"))
    seen: list[float] = []
    resumed = study.run(config, context(report=seen.append, checkpoint_path=tmp_path / "state"))
    assert seen[0] > 0.5
    assert_same(resumed, undisturbed)


@pytest.mark.parametrize("arm", ["encoder_bn", "none", "affine", "gn_ws", "simclr_bn", "simclr_none"])
def test_the_loss_of_every_arm_falls(arm):
    outcome = study.run(replace(SMALL, epochs=6.0, **ARMS[arm]), context())
    losses = outcome.curves["loss"].y
    assert np.isfinite(losses).all()
    assert np.mean(losses[-5:]) < np.mean(losses[:5])


def test_both_networks_are_calibrated_each_by_itself(pictures):
    config = replace(SMALL, layout="affine")
    learner = LayoutLearner(config, context())
    views = [byol.two_views(config, pictures.train_images[:32], context().generator("views"))[0] for _ in range(2)]
    learner.prepare(views)

    def reference(network: Network, name: str, predictor: bool) -> None:
        plain = method.build(method.layout("bn"), "tiny", 32, 16, context().generator(name), predictor)
        out, expected = (method.whole(n)(views[0]) for n in (network, plain))
        torch.testing.assert_close(out, expected, atol=1e-4, rtol=1e-4)

    reference(learner.online, "online", True)
    reference(learner.target, "target", False)


def test_simclr_has_one_network_without_predictor():
    learner = LayoutLearner(replace(SMALL, **ARMS["simclr_none"]), context())
    assert learner.target is learner.online
    assert isinstance(learner.online.predictor, torch.nn.Identity)


def test_norms_and_affine_layers_are_not_decayed():
    for arm in ("affine", "gn_ws"):
        learner = LayoutLearner(replace(SMALL, **ARMS[arm]), context())
        decayed = [p for group in learner.optimizer.param_groups if group["weight_decay"] > 0 for p in group["params"]]
        assert decayed
        assert all(p.ndim > 1 for p in decayed)


def test_every_arm_has_the_same_trials_and_the_same_budget():
    plan = STUDY.plan("laptop")
    assert plan.seeds >= 3
    for arm in ARMS:
        trials = [plan.conditions[trial(arm, rate)] for rate in RATES]
        assert [config.lr for config in trials] == list(RATES)
        assert len({replace(config, lr=0.0) for config in trials}) == 1
        assert replace(trials[0], lr=0.0) == replace(study.TUNING, lr=0.0, **ARMS[arm])
        assert trials[0].held_out > 0  # the test split is not read
        main = plan.conditions[arm]
        assert main == replace(study.LAPTOP, lr=LEARNING_RATES[arm], **ARMS[arm])
    trials = {trial(arm, rate) for arm in ARMS for rate in RATES}
    assert set(plan.conditions) == trials | {*ARMS, *map(study.short, study.WITHOUT_NEGATIVES), "identities"}
    assert LEARNING_RATES.keys() == ARMS.keys()


def test_arms_differ_in_their_layout_and_simclr_in_its_form():
    assert {form["layout"] for form in ARMS.values()} == set(method.LAYOUTS)
    assert all(set(form) - {"layout"} == (set(SIMCLR) if "simclr" in arm else set()) for arm, form in ARMS.items())


def test_the_smoke_profile_checks_the_identities_of_the_laptops_networks():
    smoke, laptop = STUDY.plan("smoke").conditions, STUDY.plan("laptop").conditions
    assert smoke["identities"] == laptop["identities"] == STUDY.plan("gpu").conditions["identities"] == Identities()
    assert (smoke["identities"].hidden, smoke["identities"].projection) == (
        study.LAPTOP.hidden,
        study.LAPTOP.projection,
    )
    assert STUDY.run_of(smoke["identities"]) is not STUDY.run
    assert STUDY.run_of(smoke["bn"]) is study.run


def test_first_and_second_trainings_differ_in_length_alone():
    arms = STUDY.plan("laptop").conditions
    for arm in study.WITHOUT_NEGATIVES:
        assert replace(arms[study.short(arm)], epochs=8.0) == arms[arm]
    assert len({arms[arm].epochs for arm in ARMS}) == 1


def test_the_paper_profile_is_byols_recipe_with_other_norms():
    arms = STUDY.plan("paper").conditions
    assert all((arms[arm].epochs, arms[arm].encoder, arms[arm].optimizer) == (300, "resnet50", "lars") for arm in ARMS)
    assert arms["gn_ws_1000"].epochs == arms["bn_1000"].epochs == 1000
    assert {name for name in arms if arms[name].layout == "gn_ws"} == {"gn_ws", "gn_ws_1000"}
    with pytest.raises(UserError, match="needs ImageNet"):
        study.run(arms["gn_ws_1000"], context())


@pytest.mark.parametrize("arm", ["gn_ws_1000", "affine"])
def test_dry_run_takes_two_steps_of_the_real_model(arm):
    small = replace(STUDY.plan("paper").conditions[arm], encoder="tiny", size=64, hidden=64)
    line = study.dry_run(small, context())
    assert line.startswith("tiny, ")
    assert "64 pixels, loss" in line


@pytest.mark.slow
def test_dry_run_of_resnet50_with_group_norm():
    line = study.dry_run(STUDY.plan("paper").conditions["gn_ws_1000"], context())
    assert line.startswith(f"resnet50, {23_508_032 + 9_449_472 + 2_109_440:,} online parameters")
