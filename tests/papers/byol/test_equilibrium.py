"""Equation (5) against slow sums over the problem, and what the numbers of a run must be."""

from __future__ import annotations

import pytest
import torch

from replications.papers.byol import equilibrium
from replications.papers.byol.study import STUDY
from replications.study import Context


@pytest.fixture
def problem() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 4, generator=draw, dtype=torch.float64)
    return logits, torch.randn(3, 2, 5, generator=draw, dtype=torch.float64)


def outcomes(logits, targets):
    """Every outcome of the problem: its probability, its state, and z'."""
    shares = logits.softmax(1)
    for v in range(3):
        for k in range(4):
            for m in range(2):
                yield float(shares[v, k]) / 6, k, targets[v, m]


def test_the_optimal_predictor_and_the_variance_are_those_of_a_slow_sum(problem):
    q = equilibrium.optimal_predictor(*problem)
    total = 0.0
    for state in range(4):
        here = [(p, z) for p, k, z in outcomes(*problem) if k == state]
        mass = sum(p for p, _ in here)
        mean = sum(p * z for p, z in here) / mass
        torch.testing.assert_close(q[state], mean)
        total += sum(p * float((z - mean).square().sum()) for p, z in here)
    assert equilibrium.conditional_variance(*problem).item() == pytest.approx(total)
    assert equilibrium.prediction_loss(*problem, q).item() == pytest.approx(total)


def test_no_other_predictor_is_better(problem):
    q = equilibrium.optimal_predictor(*problem)
    best = equilibrium.prediction_loss(*problem, q)
    draw = torch.Generator().manual_seed(1)
    for _ in range(20):
        other = q + 0.1 * torch.randn(q.shape, generator=draw, dtype=q.dtype)
        assert equilibrium.prediction_loss(*problem, other) > best


def test_a_constant_projection_leaves_all_of_the_variance_and_any_other_less(problem):
    logits, targets = problem
    flat = targets.flatten(0, 1)
    whole = (flat - flat.mean(0)).square().sum(1).mean()
    torch.testing.assert_close(equilibrium.conditional_variance(torch.zeros_like(logits), targets), whole)
    assert equilibrium.conditional_variance(logits, targets) < whole


def test_where_all_kinds_have_the_same_mean_nothing_leads_away(problem):
    _, targets = problem
    assert equilibrium.curvature(targets, 4)[0] < -1e-3
    assert equilibrium.curvature(targets - targets.mean(1, keepdim=True), 4).abs().max() < 1e-15


def test_the_run_holds_what_the_claim_reads():
    (config,) = [c for c in STUDY.plan("smoke").conditions.values() if isinstance(c, equilibrium.Equilibrium)]
    one, two = (STUDY.run_of(config)(config, Context(seed, torch.device("cpu"))) for seed in (0, 1))
    STUDY.validate(one)
    assert set(one.scalars) == set(equilibrium.METRICS)
    assert one.scalars["gradient_size"] != two.scalars["gradient_size"]
    for scalars in (one.scalars, two.scalars):
        assert scalars["gradient_gap"] < 1e-14 < 1e-3 < scalars["gradient_gap_other"]
        assert scalars["gradient_size"] > 1e-3  # equal, and not both zero
        assert scalars["constant_gradient"] < 1e-15
        assert scalars["constant_curvature"] < -1e-3
        assert scalars["constant_curvature_top"] < 1e-15
        assert scalars["curvature_gap"] < 1e-14
        assert scalars["dead_gradient"] == 0.0 < scalars["dead_scale_gradient"]
        assert scalars["dead_loss_gap"] < 1e-5  # the loss is float32
