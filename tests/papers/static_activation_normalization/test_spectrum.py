"""The quartic against its limits, its moments and eigenvalues."""

import numpy as np
import pytest
import torch

from replications.papers.static_activation_normalization import spectrum

SIZES = (1000, 2000, 3000)


@pytest.mark.parametrize("zeta", [0.0, 0.3, 0.7334711035])
def test_density_has_mass_one_and_the_stated_moments(zeta: float) -> None:
    x = np.linspace(1e-4, 12.0, 20_000)
    p = spectrum.density(x, 1.0, zeta, *SIZES)
    step = x[1] - x[0]
    first, second = spectrum.moments(1.0, zeta, *SIZES)
    assert p.sum() * step == pytest.approx(1.0, abs=1e-3)
    assert (p * x).sum() * step == pytest.approx(first, abs=1e-3)
    assert (p * x * x).sum() * step == pytest.approx(second, abs=2e-3)
    assert (p >= 0).all()


def test_stated_second_moments() -> None:
    assert spectrum.moments(1.0, 0.7334711035, *SIZES)[1] == pytest.approx(2.743, abs=1e-3)
    assert spectrum.moments(1.0, 0.0, *SIZES)[1] == pytest.approx(5.0 / 3.0)


def test_zeta_zero_is_marchenko_pastur() -> None:
    x = np.linspace(0.06, 3.2, 200)
    np.testing.assert_allclose(
        spectrum.density(x, 1.0, 0.0, *SIZES), spectrum.marchenko_pastur(x, 2.0 / 3.0), atol=2e-3
    )
    assert spectrum.marchenko_pastur_edges(2.0 / 3.0) == pytest.approx((0.0337, 3.2997), abs=1e-4)
    assert spectrum.upper_edge(1.0, 0.0, *SIZES) == pytest.approx(3.2997, rel=2e-3)


def test_a_linear_layer_is_a_product_of_two_wishart_factors() -> None:
    generator = torch.Generator().manual_seed(0)
    sizes = (600, 300, 600)
    values = spectrum.sample_eigenvalues(lambda x: x, *sizes, generator)
    bins = np.linspace(0.0, 4.0, 17)
    seen = np.histogram(values, bins)[0] / (300 * 0.25)
    fine = bins[:-1, None] + 0.25 * (np.arange(40) + 0.5) / 40
    theory = spectrum.density(fine.ravel(), 1.0, 1.0, *sizes).reshape(fine.shape).mean(1)
    assert np.abs(seen - theory)[1:].max() < 0.05
    assert np.abs(theory - spectrum.marchenko_pastur(fine.ravel(), 0.5).reshape(fine.shape).mean(1)).max() > 0.1


def test_scaling_the_activation_scales_the_spectrum() -> None:
    x = np.linspace(0.1, 5.0, 30)
    one = spectrum.density(x, 1.0, 0.4, *SIZES)
    np.testing.assert_allclose(spectrum.density(2.0 * x, 2.0, 0.8, *SIZES, height=2e-5), one / 2.0, atol=1e-6)


def test_gram_eigenvalues_and_their_summaries() -> None:
    y = torch.tensor([[[1.0, 0.0], [0.0, 2.0], [1.0, 0.0], [0.0, 2.0]]])  # (1, m, n)
    values = spectrum.gram_eigenvalues(y)
    np.testing.assert_allclose(values, [[0.5, 2.0]])
    np.testing.assert_allclose(spectrum.condition_number(values), [4.0])
    np.testing.assert_allclose(spectrum.effective_rank(values), [2.5**2 / (2 * 4.25)])
    np.testing.assert_allclose(spectrum.gram_eigenvalues(y + 7.0, centred=True), spectrum.gram_eigenvalues(y, True))
    assert spectrum.condition_number(np.array([0.0, 3.0])) == pytest.approx(1e12)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="above the real axis"):
        spectrum.resolvent(np.array([1.0]), 1.0, 0.5, *SIZES)
    with pytest.raises(ValueError, match="0 ≤ ζ ≤ η"):
        spectrum.density(np.array([1.0]), 1.0, 1.5, *SIZES)
    with pytest.raises(ValueError, match="at least 1"):
        spectrum.sample_eigenvalues(lambda x: x, 0, 2, 2, torch.Generator())
