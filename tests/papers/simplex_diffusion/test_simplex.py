"""Noising tokens, the Dirichlet limit, and the diffusion of the normalised state."""

import numpy as np
import pytest
from scipy import stats

from replications.papers.simplex_diffusion import cir, simplex

ALPHA = np.array([0.5, 1.0, 2.0, 0.7])


def test_simplex_covariance_reference():
    y = np.array([0.2, 0.5, 0.9])
    covariance = simplex.simplex_covariance(y)
    np.testing.assert_allclose(np.diag(covariance), [0.1367, 0.2686, 0.3076], atol=5e-5)
    np.testing.assert_allclose(covariance.sum(1), 0, atol=1e-15)
    assert simplex.simplex_drift(y, np.array([0.5, 1.0, 2.0])).sum() == pytest.approx(0, abs=1e-14)


def test_drift_and_covariance_of_x_against_short_exact_steps():
    y0, h, n = np.array([0.6, 1.2, 2.0, 0.9]), 1e-3, 200_000
    rng = np.random.default_rng(0)
    y = np.stack([cir.sample(v, a, h, rng, size=n) for v, a in zip(y0, ALPHA)], -1)
    change = simplex.project(y) - simplex.project(y0)
    error = change.std(0) / np.sqrt(n) / h
    assert np.all(np.abs(change.mean(0) / h - simplex.simplex_drift(y0, ALPHA)) < 4.5 * error + 0.02)
    np.testing.assert_allclose(np.cov(change.T) / h, simplex.simplex_covariance(y0), atol=3e-3)


def test_dirichlet_moments():
    mean, covariance = simplex.dirichlet_moments(ALPHA)
    np.testing.assert_allclose(mean, ALPHA / 4.2)
    np.testing.assert_allclose(covariance, stats.dirichlet(ALPHA).cov(), rtol=1e-12)
    np.testing.assert_allclose(simplex.dirichlet_moments(np.ones(3))[0], 1 / 3)


def test_true_coordinate_is_a_poisson_mixture_of_betas():
    rng, n, s = np.random.default_rng(1), 4000, 0.3
    x = simplex.project(simplex.noise_tokens(np.full(n, 2), ALPHA, s, rng))[:, 2]
    count = np.arange(60)
    weight = stats.poisson.pmf(count, (1 - s) / s)

    def cdf(v):
        return (weight * stats.beta.cdf(np.asarray(v)[..., None], 2.0 + count, 2.2)).sum(-1)

    assert stats.kstest(x, cdf).pvalue > 1e-3
    assert x.mean() == pytest.approx(simplex.expected_true_coordinate(2, ALPHA, s), abs=4 * x.std() / np.sqrt(n))


def test_other_classes_are_exchangeable_when_alpha_is_equal():
    x = simplex.project(simplex.noise_tokens(np.zeros(40_000, int), 0.6, 0.2, np.random.default_rng(2), n=4))
    assert stats.ks_2samp(x[:, 1], x[:, 3]).pvalue > 1e-3
    assert stats.ks_2samp(x[:, 0], x[:, 3]).pvalue < 1e-3


def test_limit_is_dirichlet_and_independent_of_the_sum():
    y = simplex.noise_tokens(np.zeros(30_000, int), ALPHA, float(cir.elapsed(12.0)), np.random.default_rng(3))
    x = simplex.project(y)
    for j, a in enumerate(ALPHA):
        assert stats.kstest(x[:, j], stats.beta(a, 4.2 - a).cdf).pvalue > 1e-3
        assert abs(np.corrcoef(x[:, j], y.sum(1))[0, 1]) < 4 / np.sqrt(len(x))


def test_levels_one_a_token():
    y = simplex.noise_tokens(np.zeros((2, 20_000), int), 1.0, np.array([[0.1], [0.9]]), np.random.default_rng(4), n=3)
    assert y.shape == (2, 20_000, 3)
    np.testing.assert_allclose(y[..., 1].mean(1), [0.1, 0.9], rtol=0.05)
    np.testing.assert_allclose(y[..., 0].mean(1), [0.9 + 0.1, 0.1 + 0.9], rtol=0.05)


def test_check_simplex():
    assert simplex.check_simplex([0.2, 0.8]).sum() == 1
    with pytest.raises(ValueError, match=r"sum to 1\.1"):
        simplex.check_simplex([[0.2, 0.8], [0.3, 0.8]])
    with pytest.raises(ValueError, match=r"got -0\.2 at coordinate \(0,\)"):
        simplex.check_simplex([-0.2, 1.2])


@pytest.mark.parametrize(
    ("tokens", "alpha", "s", "message"),
    [
        ([0, 4], ALPHA, 0.3, r"tokens must lie in 0\.\.3, got 0\.\.4"),
        ([0], ALPHA, 0.0, r"s must lie in \(0, 1\], got 0"),
        ([0], ALPHA, 1.5, r"got 1\.5"),
        ([0], np.array([1.0, -2.0]), 0.5, "α must be positive, got -2"),
    ],
)
def test_bad_input_is_named(tokens, alpha, s, message):
    with pytest.raises(ValueError, match=message):
        simplex.noise_tokens(np.array(tokens), alpha, s, np.random.default_rng(0))
