"""Ranks, distances, projections and gradients, against closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from replications.papers.edge_of_orthogonality.method import (
    hat_matrix,
    krasulina,
    latent_measures,
    latent_spectra,
    operator_norm,
    polar_distance,
    predictor_measures,
    rescaled,
    share_at_ends,
    stable_rank,
    stiefel_gradient,
)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def projection(n: int, k: int) -> torch.Tensor:
    basis = torch.linalg.qr(normal(n, k))[0]
    return basis @ basis.T


def test_the_hat_matrix_is_an_orthogonal_projection_on_the_columns():
    z = normal(20, 5)
    h = hat_matrix(z)
    torch.testing.assert_close(h @ h, h)
    torch.testing.assert_close(h, h.T)
    torch.testing.assert_close(h @ z, z)
    assert h.trace().item() == pytest.approx(5)


def test_the_optimal_predictor_itself_is_no_projection():
    z = normal(32, 8)
    p = torch.linalg.lstsq(z, z + 0.1 * normal(32, 8, seed=1)).solution
    assert torch.linalg.matrix_norm(p @ p - p, 2) > 0.02


def test_stable_rank_of_identity_rank_one_and_projection():
    assert stable_rank(torch.eye(7)) == pytest.approx(7)
    assert stable_rank(torch.outer(normal(6), normal(6, seed=1))) == pytest.approx(1)
    assert stable_rank(projection(9, 4)) == pytest.approx(4)  # its trace
    assert stable_rank(normal(9, 4) @ normal(4, 9, seed=1)) <= 4  # at most the rank


@pytest.mark.parametrize("c", [0.25, 1.0, 3.0])
def test_polar_distance_of_a_scaled_orthogonal_matrix(c):
    orthogonal = torch.linalg.qr(normal(6, 6))[0]
    assert polar_distance(c * orthogonal) == pytest.approx(abs(c - 1) * math.sqrt(6), abs=1e-12)


def test_the_operator_norm_needs_no_decomposition():
    for seed in range(5):
        p = normal(40, 40, seed=seed)
        assert operator_norm(p).item() == pytest.approx(torch.linalg.matrix_norm(p, 2).item(), rel=4e-3)
    assert operator_norm(torch.eye(64)).item() == pytest.approx(1)
    assert operator_norm(torch.zeros(4, 4)).item() == 0
    worst = torch.full((256,), 0.995).sqrt()
    worst[0] = 1
    assert 0.996 < operator_norm(torch.diag(worst)).item() <= 1 + 1e-6


def test_measures_of_a_projection_are_those_of_the_working_assumption():
    found = predictor_measures(0.5 * projection(8, 2))
    assert found["srank"] == pytest.approx(2)
    assert found["trace"] == pytest.approx(2 / 8)
    assert found["asymmetry"] == pytest.approx(0, abs=1e-12)
    assert found["projection"] == pytest.approx(0, abs=1e-12)
    assert found["polar"] == pytest.approx(math.sqrt(2 * 0.5**2 + 6))
    assert found["polar_scaled"] == pytest.approx(math.sqrt(6))


def test_measures_tell_a_rotation_from_a_projection():
    found = predictor_measures(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
    assert found["asymmetry"] == pytest.approx(2)
    assert found["projection"] == pytest.approx(math.sqrt(2))
    assert found["polar"] == pytest.approx(0)


@pytest.mark.parametrize("p", [torch.zeros(3, 3), torch.full((3, 3), math.nan)])
def test_what_has_diverged_has_no_measures_and_raises_nothing(p):
    assert all(math.isnan(value) for value in predictor_measures(p).values())


def test_shares_at_the_ends_count_both_ends_after_rescaling():
    spectrum = torch.tensor([2.0, 1.9, 1.0, 0.1, 0.0])
    assert rescaled(spectrum)[0] == 1
    assert share_at_ends(spectrum) == pytest.approx(4 / 5)
    assert math.isnan(share_at_ends(torch.zeros(3)))


def test_spectra_of_latents_are_those_of_unit_rows():
    z = normal(50, 6) + 3
    centred, uncentred = latent_spectra(10 * z)
    assert uncentred.sum().item() == pytest.approx(1, abs=1e-6)  # the trace of unit rows
    assert centred.sum() < uncentred.sum()
    assert torch.all(centred[:-1] >= centred[1:])
    measures = latent_measures(centred, uncentred)
    assert measures["lower_quartile"] <= measures["median"] <= measures["upper_quartile"] <= 1
    broken = latent_measures(*latent_spectra(torch.full((5, 3), math.nan)))
    assert all(math.isnan(value) for value in broken.values())


def test_krasulinas_increment_is_orthogonal_to_p_and_zero_at_an_eigenvector():
    p, x = normal(5), normal(5, seed=1)
    assert abs(krasulina(p, x) @ p) < 1e-12
    torch.testing.assert_close(krasulina(3 * x, x), torch.zeros(5, dtype=torch.float64), atol=1e-12, rtol=0)


def test_the_stiefel_gradient_is_tangent_and_the_plain_gradient_is_not():
    p = torch.linalg.qr(normal(7, 3))[0]
    gradient = normal(7, 3, seed=1)
    grad = stiefel_gradient(p, gradient)
    torch.testing.assert_close(p.T @ grad, -grad.T @ p)
    assert (p.T @ gradient + gradient.T @ p).norm() > 0.1
