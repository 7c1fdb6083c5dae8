"""What the collapse measures say of a sphere, a point, a line and noise."""

from __future__ import annotations

import math

import pytest
import torch

from replications.training.collapse import covariance_spectrum, effective_rank, embedding_std


def draw(n: int, d: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(0))


def test_a_sphere_has_unit_spread_and_full_rank():
    z = draw(20_000, 16)
    assert embedding_std(z).item() == pytest.approx(1.0, abs=0.01)
    assert effective_rank(covariance_spectrum(z)) == pytest.approx(16, rel=0.01)


def test_a_point_has_no_spread_but_its_noise_has_a_high_rank():
    z = torch.ones(2000, 16) + 0.01 * draw(2000, 16)
    assert embedding_std(z).item() < 0.05
    assert effective_rank(covariance_spectrum(z)) > 12


def test_a_line_has_spread_but_rank_one():
    z = draw(2000, 1) @ torch.ones(1, 16)
    assert embedding_std(z).item() == pytest.approx(1.0, abs=0.01)
    assert effective_rank(covariance_spectrum(z)) == pytest.approx(1.0, abs=1e-4)


def test_the_spectrum_is_that_of_numpys_covariance_and_ignores_scale():
    import numpy as np

    z = draw(300, 8) * torch.linspace(0.1, 2, 8)
    unit = (z / z.norm(dim=1, keepdim=True)).numpy()
    expected = np.sort(np.linalg.eigvalsh(np.cov(unit.T, bias=True)))[::-1]
    assert covariance_spectrum(z).numpy() == pytest.approx(expected, abs=1e-6)
    torch.testing.assert_close(covariance_spectrum(5 * z), covariance_spectrum(z))


def test_effective_rank_of_equal_eigenvalues_counts_them():
    assert effective_rank(torch.tensor([2.0, 2.0, 2.0, 0.0])) == pytest.approx(3.0)


def test_constant_and_diverged_embeddings_have_no_rank():
    assert math.isnan(effective_rank(covariance_spectrum(torch.full((10, 4), math.nan))))
    assert math.isnan(effective_rank(torch.zeros(4)))
    assert embedding_std(torch.ones(10, 4)).item() == 0
