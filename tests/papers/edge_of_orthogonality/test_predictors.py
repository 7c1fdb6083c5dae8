"""Closed forms and iterations against hand-computed numbers, SciPy, and their own invariants."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.linalg import polar, sqrtm

from replications.papers.edge_of_orthogonality.predictors import (
    CLOSED_FORMS,
    JITTER,
    ClosedForm,
    closed_form,
    covariances,
    direct_copy,
    direct_pred,
    neumann,
    newton_schulz,
    newton_schulz_twice,
    regression,
    stiefel,
    visser,
)
from replications.study import UserError

SIGMA = torch.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=torch.float64)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def spd(n: int = 6) -> torch.Tensor:
    z = normal(40, n)
    return z.T @ z / 40


def latents(b: int = 64, f: int = 8) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    own = [normal(b, f, seed=seed).float() for seed in (0, 1)]
    return own, [z + 0.1 * normal(b, f, seed=2).float() for z in own]


def test_newton_schulz_on_a_matrix_by_hand():
    root, inverse = newton_schulz(SIGMA, 12)
    diagonal, off = (math.sqrt(3) + 1) / 2, (math.sqrt(3) - 1) / 2
    torch.testing.assert_close(root, torch.tensor([[diagonal, off], [off, diagonal]], dtype=torch.float64))
    scaled = inverse / 10**0.25  # ‖Σ‖_F = √10
    torch.testing.assert_close(
        scaled, torch.tensor([[0.7886751346, -0.2113248654], [-0.2113248654, 0.7886751346]], dtype=torch.float64)
    )


@pytest.mark.parametrize(
    ("n", "residual", "tolerance"),
    [(1, 0.43062, 5e-6), (2, 0.15901, 5e-6), (3, 0.01997, 5e-6), (4, 3.01e-4, 5e-7), (5, 6.8e-8, 5e-10), (7, 0, 1e-14)],
)
def test_newton_schulz_converges_at_the_known_residuals(n, residual, tolerance):
    root, _ = newton_schulz(SIGMA, n)
    assert torch.linalg.matrix_norm(root @ root - SIGMA).item() == pytest.approx(residual, abs=tolerance)


def test_the_invariants_of_newton_schulz():
    sigma = spd()
    for n in range(8):
        a, b = newton_schulz(sigma, n)
        a0 = sigma / torch.linalg.matrix_norm(sigma)
        a = a / torch.linalg.matrix_norm(sigma).sqrt()
        torch.testing.assert_close(a, a0 @ b)
        torch.testing.assert_close(a, b @ a0)
        torch.testing.assert_close(a, a.T)
        values = torch.linalg.eigvalsh(a)
        assert values.min() > 0
        assert values.max() <= 1 + 1e-12


@pytest.mark.parametrize(("s", "gain"), [(1e-2, 1.0), (1e-3, 0.870), (1e-4, 0.370), (1e-6, 0.038)])
def test_nine_steps_are_a_soft_threshold(s, gain):
    """u_{k+1} = ½u_k(3 - u_k²) from √s: what nine steps make of a small eigenvalue, relative to its root."""
    sigma = torch.diag(torch.tensor([1.0, s], dtype=torch.float64))
    _, b = newton_schulz(sigma, 9)
    a0 = sigma / torch.linalg.matrix_norm(sigma)
    found = (b[1, 1] * a0[1, 1].sqrt()).item()
    u = math.sqrt(s)
    for _ in range(9):
        u = 0.5 * u * (3 - u * u)
    assert found == pytest.approx(u, rel=1e-3)
    assert found == pytest.approx(gain, abs=2e-3)


@pytest.mark.parametrize(("eta", "n", "residual"), [(0.5, 10, 5.2e-5), (0.25, 30, 2.4e-5), (0.1, 50, 2.0e-3)])
def test_visser_converges_at_the_known_residuals(eta, n, residual):
    sigma = SIGMA / math.sqrt(10)
    p = visser(sigma, eta, n)
    assert torch.linalg.matrix_norm(p @ p - sigma).item() == pytest.approx(residual, rel=0.02)


def test_visser_oscillates_where_an_eigenvalue_is_too_large():
    eta = 0.5
    for value, converges in ((0.9 / eta**2, True), (1.05 / eta**2, False)):
        p = visser(torch.tensor([[value]], dtype=torch.float64), eta, 400)
        assert (abs(p.item() - math.sqrt(value)) < 1e-3) == converges


def test_visser_leaves_a_ridge_on_a_zero_eigenvalue():
    for n in (10, 50, 200):
        left = visser(torch.zeros(1, 1, dtype=torch.float64), 0.5, n).item()
        assert 0.5 / (0.5 * (n + 2)) < left <= 1 / (0.5 * (n + 2))


def test_iterations_against_scipy():
    sigma = spd()
    root = torch.from_numpy(np.real(sqrtm(sigma.numpy())))
    torch.testing.assert_close(newton_schulz(sigma, 30)[0], root)
    torch.testing.assert_close(visser(sigma, 0.5, 400), root)
    torch.testing.assert_close(direct_pred(sigma), root)
    torch.testing.assert_close(newton_schulz_twice(sigma, 30), torch.from_numpy(np.real(sqrtm(root.numpy()))))


def test_twice_newton_schulz_of_a_diagonal_is_its_fourth_root():
    sigma = torch.diag(torch.tensor([1.0, 1e-2], dtype=torch.float64))
    found = newton_schulz_twice(sigma, 15).diagonal()
    assert (found[1] / found[0]).item() == pytest.approx(10**-0.5, rel=1e-6)


def test_stiefel_tends_to_the_transposed_polar_factor():
    m = normal(5, 5)
    found = stiefel(m, 60)
    factor = torch.from_numpy(polar(m.numpy())[0]).T
    torch.testing.assert_close(found / torch.linalg.matrix_norm(found, 2), factor, atol=1e-8, rtol=0)


def test_stiefel_of_a_covariance_of_low_rank_is_the_projector_on_its_range():
    basis = torch.linalg.qr(normal(6, 2))[0]
    sigma = basis @ torch.diag(torch.tensor([1.0, 0.5], dtype=torch.float64)) @ basis.T
    found = stiefel(sigma, 20)
    torch.testing.assert_close(found / torch.linalg.matrix_norm(found, 2), basis @ basis.T, atol=1e-8, rtol=0)


def test_regression_is_least_squares_and_the_identity_for_equal_latents():
    z, target = normal(30, 6), normal(30, 6, seed=1)
    torch.testing.assert_close(regression(z.T @ z, z.T @ target), torch.linalg.lstsq(z, target).solution)
    torch.testing.assert_close(regression(z.T @ z, z.T @ z), torch.eye(6, dtype=torch.float64))


def test_regression_survives_a_batch_smaller_than_the_width():
    z = normal(4, 8)
    sigma = z.T @ z / 4
    p = regression(sigma, sigma, JITTER * sigma.trace().item())
    torch.testing.assert_close(z @ p, z, atol=1e-4, rtol=0)  # the target lies in the span: the loss is zero


def test_neumann_is_exact_for_white_latents_and_has_known_eigenvalues():
    q = torch.linalg.qr(normal(20, 5))[0]
    torch.testing.assert_close(neumann(q.T @ q, q.T @ q), torch.eye(5, dtype=torch.float64))
    sigma = torch.diag(torch.tensor([0.1, 0.5, 1.0, 1.5], dtype=torch.float64))
    torch.testing.assert_close(neumann(sigma, sigma).diagonal(), 1 - (1 - sigma.diagonal()) ** 2)


def test_neumann_of_small_latents_is_twice_the_covariance():
    sigma = 1e-6 * spd()
    torch.testing.assert_close(neumann(sigma, sigma), 2 * direct_copy(sigma), rtol=1e-5, atol=0)


def test_covariances_have_unit_trace_and_count_both_directions():
    own, others = latents()
    sigma, cross = covariances(own, others)
    assert sigma.trace().item() == pytest.approx(1, abs=1e-6)
    torch.testing.assert_close(sigma, sigma.T)
    swapped = covariances(own[::-1], others[::-1])
    torch.testing.assert_close(swapped[0], sigma)
    torch.testing.assert_close(swapped[1], cross)
    scaled, _ = covariances([5 * z for z in own], others)
    torch.testing.assert_close(scaled, sigma)


def test_the_target_is_taken_from_the_other_view():
    own, others = latents()
    unit = [z / z.norm(dim=1, keepdim=True) for z in own + others]
    torch.testing.assert_close(covariances(own, others)[1], (unit[0].T @ unit[3] + unit[1].T @ unit[2]) / 128)


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_every_closed_form_turns_with_the_latents(name):
    own, others = ([z.double() for z in zs] for zs in latents())
    q = torch.linalg.qr(normal(8, 8, seed=3))[0]
    plain = closed_form(name, *covariances(own, others))
    turned = closed_form(name, *covariances([z @ q for z in own], [z @ q for z in others]))
    torch.testing.assert_close(turned, q.T @ plain @ q)


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_a_set_predictor_has_norm_one_and_a_ridge_beside(name):
    own, others = latents()
    plain, ridged = (ClosedForm(8, name, alpha, rho=0.3) for alpha in (0.0, 0.5))
    plain.fit(own, others)
    ridged.fit(own, others)
    assert torch.linalg.matrix_norm(plain.weight, 2).item() == pytest.approx(1, rel=4e-3)
    torch.testing.assert_close(ridged.weight - plain.weight, 0.5 * torch.eye(8))
    torch.testing.assert_close(ridged(own[0]), own[0] @ ridged.weight)


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_latents_that_are_not_finite_give_a_predictor_that_is_not_and_no_error(name):
    broken = [torch.full((8, 4), math.nan)] * 2
    weight = ClosedForm(4, name, 0.1, 0.3).fit(broken, broken)
    assert not torch.isfinite(weight).all()


def test_the_average_is_unbiased_from_its_first_step_and_forgets_at_rho():
    own, others = latents()
    first, alone = ClosedForm(8, "direct_copy", 0.0, rho=0.9), ClosedForm(8, "direct_copy", 0.0, rho=0.0)
    torch.testing.assert_close(first.fit(own, others), alone.fit(own, others))
    new = [z.roll(1, dims=1) * torch.arange(1.0, 9.0) for z in own]
    expected = 0.09 * covariances(own, others)[0] + 0.1 * covariances(new, others)[0]
    first.fit(new, others)
    torch.testing.assert_close(first.average, expected)


def test_no_gradient_flows_through_the_predictor_unless_asked():
    own, others = latents()
    own = [z.requires_grad_(True) for z in own]
    assert not ClosedForm(8, "visser", 0.1, 0.3).fit(own, others).requires_grad
    through = ClosedForm(8, "visser", 0.1, 0.3, through=True)
    through.fit(own, others).sum().backward()
    assert own[0].grad.abs().sum() > 0
    assert not through.weight.requires_grad
    through.fit(own, others).sum().backward()  # a second step does not reach back into the first


def test_an_unknown_predictor_is_named():
    with pytest.raises(UserError, match="unknown predictor 'oja'"):
        closed_form("oja", SIGMA, SIGMA)
