"""Norms that are watched, the fitted predictor, and the run that holds them, on made-up pictures."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
import torch
from torch import nn

from replications.papers.byol import pretraining, study, watched
from replications.papers.byol.method import objective, unit
from replications.papers.byol.study import STUDY, Watch
from replications.study import Context

pytestmark = pytest.mark.usefixtures("pictures")

SMALL = Watch(
    hidden=32, projection=16, images=160, test_images=40, epochs=2.0, batch=32, looks=2, warmup=0.1, bfloat16=False
)
FITTED = replace(SMALL, predictor="none", tau=0.0, fit_predictor=True)


def context(seed: int = 0, **options) -> Context:
    return Context(seed, torch.device("cpu"), **options)


def test_a_watched_run_is_byol_to_the_bit_and_says_its_norms():
    outcome = STUDY.run_of(SMALL)(SMALL, context())
    STUDY.validate(outcome)
    plain = {name: value for name, value in asdict(SMALL).items() if name not in ("held_out", "fit_predictor")}
    byol = study.run(study.Config(**plain), context())
    for name in ("knn", "linear", "loss", "std", "knn_random"):
        assert outcome.scalars[name] == byol.scalars[name]
    for name in ("weight_norm", "projection_norm"):
        assert outcome.curves[name].x == outcome.curves["knn"].x
        assert min(outcome.curves[name].y) > 0
    start = watched.Watcher(SMALL, context()).online
    assert outcome.curves["weight_norm"].y[0] == watched.weight_norm(start)


def test_the_norm_is_that_of_the_weights_alone():
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Conv2d(1, 2, 3, bias=False))
    weights = torch.cat([network[0].weight.flatten(), network[2].weight.flatten()])
    assert watched.weight_norm(network) == pytest.approx(weights.norm().item())
    nn.init.constant_(network[1].weight, 100.0)
    nn.init.constant_(network[0].bias, 100.0)
    assert watched.weight_norm(network) == pytest.approx(weights.norm().item())


def test_gradients_are_orthogonal_to_weights_below_a_norm():
    """So that a step without decay and momentum can only lengthen them."""
    learner = watched.Watcher(SMALL, context())
    pixels = pretraining.split(SMALL, context()).images[:32]
    study.set_lr(learner.optimizer, 0.0)
    learner.step(torch.arange(32), pixels, 0.9, context().generator("step"))
    for module in (learner.online.encoder.stem[0], learner.online.projector[0], learner.online.predictor[0]):
        w, g = module.weight.detach(), module.weight.grad
        assert g.norm() > 0
        assert (w * g).sum().abs() < 1e-3 * w.norm() * g.norm()
        assert (w - 0.1 * g).norm() > w.norm()


def test_the_fitted_predictor_is_least_squares_with_a_small_ridge():
    draw = torch.Generator().manual_seed(0)
    z = torch.randn(200, 6, generator=draw)
    truth = torch.randn(6, 6, generator=draw)
    q = watched.fitted_predictor(z, z @ truth)
    torch.testing.assert_close(q, truth, atol=0.02, rtol=0)
    wanted = z @ truth + torch.randn(200, 6, generator=draw)
    q = watched.fitted_predictor(z, wanted)
    loss = (z @ q - wanted).square().sum()
    best = torch.linalg.lstsq(z, wanted).solution
    assert loss <= 1.001 * (z @ best - wanted).square().sum()
    assert loss < (z @ (1.1 * q) - wanted).square().sum()


def test_a_step_with_a_fitted_predictor_predicts_each_view_from_the_other_and_copies_the_target():
    learner = watched.Watcher(FITTED, context())
    pixels = pretraining.split(FITTED, context()).images[:32]
    views = study.two_views(FITTED, pixels, context().generator("step"))
    own = [learner.online.project(view) for view in views]
    theirs = [learner.target.project(view).detach() for view in views]
    q = watched.fitted_predictor(torch.cat(own).detach(), torch.cat([unit(theirs[1]), unit(theirs[0])]))
    expected = objective([z @ q for z in own], theirs)
    study.set_lr(learner.optimizer, 0.1)
    before = learner.online.encoder.stem[0].weight.clone()
    loss = learner.step(torch.arange(32), pixels, 0.0, context().generator("step"))
    torch.testing.assert_close(loss, expected.detach())
    assert not torch.equal(learner.online.encoder.stem[0].weight, before)
    for p, t in zip(learner.online.encoder.parameters(), learner.target.encoder.parameters(), strict=True):
        assert torch.equal(p, t)
    assert isinstance(learner.online.predictor, nn.Identity)


def test_a_run_with_a_fitted_predictor_ends():
    outcome = watched.run(FITTED, context())
    STUDY.validate(outcome)
    assert 0 < outcome.scalars["loss"] < 8


def test_arms_differ_from_those_that_are_not_watched_in_what_is_watched_only():
    arms = STUDY.plan("laptop").conditions
    for watch, plain in {"watch": "full", "simclr": "simclr_batch_64"}.items():
        found = {k: v for k, v in asdict(arms[watch]).items() if k not in ("held_out", "fit_predictor")}
        assert found == asdict(replace(arms[plain], epochs=3.0, accumulation=1))
    for decay, without in {"watch": "no_decay", "simclr": "simclr_no_decay"}.items():
        assert replace(arms[without], weight_decay=5e-4, control=False) == arms[decay]
        assert arms[without].weight_decay == 0
    assert replace(arms["loss_none"], loss_norm="l2", control=False) == arms["watch"]
