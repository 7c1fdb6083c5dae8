"""Every check of a proposition passes, and says no where the proposition is changed."""

from __future__ import annotations

import pytest
import torch

from replications.papers.edge_of_orthogonality import algebra
from replications.papers.edge_of_orthogonality.algebra import ALGEBRA_METRICS, Algebra, normal, orthogonal, run_algebra
from replications.papers.edge_of_orthogonality.tables import FREE
from replications.study import Context


@pytest.fixture
def draw() -> torch.Generator:
    return torch.Generator().manual_seed(5)


@pytest.mark.parametrize("seed", range(3))
def test_all_errors_are_rounding_and_what_need_not_vanish_does_not(seed):
    found = run_algebra(Algebra(), Context(seed, torch.device("cpu"))).scalars
    assert set(found) == set(ALGEBRA_METRICS)
    for name, value in found.items():
        assert (value > 0.01) if name in FREE else (value < 1e-9), name


def test_a_hat_matrix_of_other_latents_is_seen(draw, monkeypatch):
    z = normal(draw, 20, 4)
    h = algebra.hat_matrix(z + normal(draw, 20, 4))
    monkeypatch.setattr(algebra, "hat_matrix", lambda z: h)
    assert algebra.hat_error(z, normal(draw, 20, 4)) > 1e-3


def test_a_predictor_with_a_ridge_does_not_tend_to_the_identity(draw, monkeypatch):
    plain = algebra.predictors.regression
    monkeypatch.setattr(algebra.predictors, "regression", lambda sigma, cross: plain(sigma, cross, 0.1))
    z = normal(draw, 20, 4)
    assert algebra.identity_error(z, normal(draw, 20, 4)) > 1e-3


def test_ojas_increment_is_not_krasulinas(draw, monkeypatch):
    monkeypatch.setattr(algebra, "krasulina", lambda p, x: x * (x @ p))
    assert algebra.krasulina_errors(normal(draw, 5), normal(draw, 5))[0] > 1e-2


def test_the_plain_gradient_is_not_the_manifolds(draw, monkeypatch):
    monkeypatch.setattr(algebra, "stiefel_gradient", lambda p, gradient: gradient)
    p = orthogonal(draw, 6)[:, :3]
    assert algebra.stiefel_error(p, normal(draw, 6, 3), normal(draw, 6, 3)) > 1e-2


def test_the_bound_of_quasi_projections_needs_a_norm_of_at_most_one():
    shear = torch.tensor([[1.0, 30.0], [0.0, 0.0]], dtype=torch.float64)  # an oblique projection: P² = P
    assert algebra.quasi_projection_ratio(shear) > 2
    assert algebra.quasi_projection_ratio(shear / torch.linalg.matrix_norm(shear, 2)) <= 2


def test_too_few_steps_and_a_wrong_root_are_seen(draw, monkeypatch):
    sigma, cross, square = algebra.spd(draw, 5), normal(draw, 5, 5), algebra.spd(draw, 5) @ orthogonal(draw, 5)
    plain = algebra.predictors.visser
    monkeypatch.setattr(algebra.predictors, "visser", lambda sigma, eta, n: plain(sigma, eta, 3))
    assert algebra.iteration_error(sigma, cross, square) > 1e-3


def test_balance_is_what_a_small_step_of_gradient_descent_does(draw):
    a, p = (normal(draw, 4, 4).requires_grad_(True) for _ in range(2))
    x, target, decay, dt = normal(draw, 9, 4), normal(draw, 9, 4), 0.3, 1e-6
    loss = (x @ a.T @ p.T - target).square().sum() / 2
    da, dp = torch.autograd.grad(loss, (a, p))
    before = a @ a.T - p.T @ p
    after_a, after_p = a - dt * (da + decay * a), p - dt * (dp + decay * p)
    rate = (after_a @ after_a.T - after_p.T @ after_p - before) / dt
    torch.testing.assert_close(rate, -2 * decay * before, atol=0.1, rtol=1e-3)  # of terms of order a hundred
    unequal = a - dt * da
    rate = (unequal @ unequal.T - after_p.T @ after_p - before) / dt
    assert (rate + 2 * decay * before).abs().max() > 0.2  # weight decay on one layer alone breaks the law
    assert algebra.balance_error(a.detach(), p.detach(), x, target, decay) < 1e-12


def test_k_pca_sees_a_loss_below_the_discarded_eigenvalues(draw, monkeypatch):
    z = normal(draw, 30, 4)
    assert algebra.k_pca_error(z, draw, 5) < 1e-12
    monkeypatch.setattr(algebra, "orthogonal", lambda draw, n: torch.eye(n, dtype=torch.float64) * 1.001)
    eigen = torch.linalg.eigh
    monkeypatch.setattr(torch.linalg, "eigh", lambda m: (eigen(m)[0] + 0.1, eigen(m)[1]))
    assert algebra.k_pca_error(z, draw, 5) > 1e-2
