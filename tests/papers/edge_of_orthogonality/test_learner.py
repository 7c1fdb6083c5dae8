"""The step with each predictor on made-up pictures: reproducible, resumable to the bit, and never a crash of a control."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from replications.papers.edge_of_orthogonality import learner as module
from replications.papers.edge_of_orthogonality.learner import (
    LABELS,
    POINTS,
    Config,
    Orthogonal,
    make_networks,
    short,
    watched_curves,
)
from replications.papers.edge_of_orthogonality.predictors import CLOSED_FORMS
from replications.papers.edge_of_orthogonality.study import STUDY, run
from replications.study import Context, Curve, Outcome, UserError

from .conftest import SMALL

pytestmark = pytest.mark.usefixtures("pictures")


def context(seed: int = 0, **options) -> Context:
    return Context(seed, torch.device("cpu"), **options)


def pixels(n: int = 32) -> torch.Tensor:
    return torch.randint(256, (n, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def draw() -> torch.Generator:
    return torch.Generator().manual_seed(2)


def stepped(config: Config, steps: int = 1) -> Orthogonal:
    made = Orthogonal(config, context(), steps=10)
    for group in made.optimizer.param_groups:
        group["lr"] = 0.05
    for _ in range(steps):
        made.step(torch.arange(32), pixels(), 0.9, draw())
    return made


def assert_same(one: Outcome, two: Outcome) -> None:
    assert one.scalars == two.scalars
    assert {name: (c.x, c.y) for name, c in one.curves.items()} == {name: (c.x, c.y) for name, c in two.curves.items()}
    assert set(one.arrays) == set(two.arrays)
    assert all(np.array_equal(one.arrays[name], two.arrays[name]) for name in one.arrays)


@pytest.mark.parametrize("change", [{}, {"predictor": "neumann", "alpha": 0.15, "rho": 0.9, "bfloat16": True}])
def test_a_killed_run_ends_as_if_it_had_not_been(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change):
    config = replace(SMALL, **change)
    undisturbed = run(config, context())
    monkeypatch.setenv("REPLICATIONS_CHECKPOINT_SECONDS", "0")

    def stop(fraction: float) -> None:
        if fraction > 0.55:  # in the middle of an epoch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(config, context(report=stop, checkpoint_path=tmp_path / "state"))
    seen: list[float] = []
    resumed = run(config, context(report=seen.append, checkpoint_path=tmp_path / "state"))
    assert seen[0] > 0.5
    assert_same(resumed, undisturbed)


@pytest.mark.parametrize("predictor", ["linear", "mlp", "none", "stiefel"])
def test_an_outcome_is_complete_small_and_declared(predictor):
    outcome = run(replace(SMALL, predictor=predictor, alpha=0.3), context())
    STUDY.validate(outcome)
    matrix = {"srank", "trace", "asymmetry", "projection", "polar", "polar_scaled"}
    assert (matrix <= set(outcome.scalars)) == (predictor in ("linear", "stiefel"))
    assert set(LABELS) - matrix <= set(outcome.curves)
    assert all(len(curve.x) <= 2 * POINTS for curve in outcome.curves.values())
    assert outcome.curves["ends"].x[0] == 0
    assert outcome.curves["ends"].x[-1] == pytest.approx(2 - 1 / 5)  # the last step, of five an epoch
    assert outcome.arrays["latents"].shape == (len(outcome.arrays["at"]), 8)
    assert all(array.dtype.itemsize <= 4 for array in outcome.arrays.values())
    assert outcome.scalars["ends"] == pytest.approx(outcome.curves["ends"].y[-1], rel=1e-4)


def test_a_run_is_a_function_of_config_and_seed():
    config = replace(SMALL, predictor="visser")
    first = run(config, context())
    torch.rand(7)  # the global generator must not matter
    assert_same(first, run(config, context()))
    assert first.scalars["loss"] != run(config, context(1)).scalars["loss"]


@pytest.mark.parametrize("predictor", CLOSED_FORMS)
def test_every_closed_form_takes_steps_and_moves_the_encoder(predictor):
    config = replace(SMALL, predictor=predictor, alpha=0.3)
    before, _ = make_networks(config, context())
    after = stepped(config, 2)
    assert after.taken == 2
    weight = after.online.encoder.stem[0].weight
    assert torch.isfinite(weight).all()
    assert not torch.equal(weight, before.encoder.stem[0].weight)
    assert list(after.online.predictor.parameters()) == []  # nothing of it is trained
    assert after.matrix() is after.online.predictor.weight


def test_a_closed_form_is_set_before_it_is_used():
    """The loss of the first step is that of the batch's own predictor, not of the identity it was built with."""
    losses = {}
    for alpha in (0.0, 1e6):
        made = Orthogonal(replace(SMALL, predictor="regression", alpha=alpha), context(), steps=10)
        losses[alpha] = made.step(torch.arange(32), pixels(), 0.9, draw()).item()
    made = Orthogonal(replace(SMALL, predictor="none"), context(), steps=10)
    none = made.step(torch.arange(32), pixels(), 0.9, draw()).item()
    assert losses[1e6] == pytest.approx(none, rel=1e-4)  # a ridge that drowns the predictor
    assert losses[0.0] < none - 0.3


def test_no_gradient_flows_through_the_predictor_unless_asked():
    weights = [
        stepped(replace(SMALL, predictor="regression", alpha=0.3, through=through)).online.projector[0].weight
        for through in (False, True)
    ]
    assert not torch.equal(*weights)


def test_the_target_follows_the_online_network_and_gets_no_gradient():
    made = stepped(replace(SMALL, predictor="direct_copy", alpha=0.3))
    _, target = make_networks(made.config, context())
    expected = 0.9 * target.encoder.stem[0].weight + 0.1 * made.online.encoder.stem[0].weight
    torch.testing.assert_close(made.target.encoder.stem[0].weight, expected)
    assert all(p.grad is None for p in made.target.parameters())


def test_the_linear_predictor_acts_from_the_right_and_can_start_symmetric():
    made = Orthogonal(SMALL, context(), steps=10)
    z = torch.randn(5, 8, generator=draw())
    torch.testing.assert_close(made.online.predictor(z), z @ made.matrix())
    symmetric = Orthogonal(replace(SMALL, start="symmetric"), context(), steps=10).matrix()
    torch.testing.assert_close(symmetric, symmetric.T)
    torch.testing.assert_close(symmetric, (made.matrix() + made.matrix().T) / 2)


def test_projections_are_normed_only_where_asked():
    for normed in (False, True):
        online, target = make_networks(replace(SMALL, output_norm=normed), context())
        with torch.no_grad():
            z = online.project(torch.randn(64, 3, 16, 16, generator=draw()))
        assert torch.allclose(z.mean(0), torch.zeros(8), atol=1e-4) == normed
        assert isinstance(target.projector[-1], torch.nn.BatchNorm1d) == normed


@pytest.mark.parametrize("predictor", ["linear", "direct_pred", "regression", "newton_schulz_twice"])
def test_a_control_that_diverges_is_recorded_and_anything_else_says_so(predictor):
    wild = replace(SMALL, predictor=predictor, loss_norm="none", lr=1e12, output_norm=False)
    outcome = run(replace(wild, control=True), context())
    assert outcome.scalars["trained"] < 1
    assert math.isnan(outcome.scalars["knn"])
    with pytest.raises(FloatingPointError, match="seed 0: the loss is not finite"):
        run(wild, context())


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"predictor": "oja"}, "unknown predictor 'oja'"),
        ({"start": "zero"}, "unknown start 'zero'"),
        ({"accumulation": 2}, "whole batches"),
        ({"target": "online"}, "with a target network"),
    ],
)
def test_a_setting_that_this_chapter_has_not_is_a_sentence(change, match):
    with pytest.raises(UserError, match=match):
        Orthogonal(replace(SMALL, **change), context(), steps=2)


def test_a_short_curve_keeps_its_ends_at_five_digits():
    found = short(Curve([0.0, 1.0, 2.0, 3.0], [1 / 3, 2.0, math.nan, 4.0], "epoch", "y"), 2)
    assert found.x == [0.0, 3.0]
    assert found.y == [0.33333, 4.0]


def test_what_was_watched_stands_against_epochs():
    found = watched_curves({"step": [0.0, 10.0], "srank": [1.0, 2.0]}, steps_an_epoch=5)
    assert found["srank"].x == [0.0, 2.0]
    assert set(found) == {"srank"}


def test_a_dry_run_builds_a_learner_of_two_steps():
    assert module.make(SMALL, context()).points == {0, 1}
