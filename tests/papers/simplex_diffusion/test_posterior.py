"""Posterior, score and denoiser: Bayes by hand, finite differences, identities, calibration."""

import numpy as np
import pytest
from scipy import special, stats

from replications.papers.simplex_diffusion import cir, reverse, simplex
from replications.papers.simplex_diffusion import posterior as post

ALPHA = np.array([0.5, 1.0, 2.0, 0.7])
PRIOR = np.array([0.4, 0.3, 0.2, 0.1])


def log_joint(y: np.ndarray, s: float) -> np.ndarray:
    """log π_k p(y | k) from one-dimensional densities of the library. (..., n) → (..., n)."""
    out = []
    for k in range(4):
        terms = [
            stats.ncx2.logpdf(2 * y[..., j] / s, 2 * a, 2 * (1 - s) / s)
            if j == k
            else stats.chi2.logpdf(2 * y[..., j] / s, 2 * a)
            for j, a in enumerate(ALPHA)
        ]
        out.append(np.log(PRIOR[k]) + sum(terms) + 4 * np.log(2 / s))
    return np.stack(out, -1)


@pytest.fixture
def state():
    rng = np.random.default_rng(0)
    return simplex.noise_tokens(rng.integers(4, size=50), ALPHA, 0.3, rng) + 1e-4


def test_posterior_is_bayes(state):
    expected = special.softmax(log_joint(state, 0.3), -1)
    np.testing.assert_allclose(post.posterior(state, 0.3, ALPHA, PRIOR), expected, rtol=1e-8)


def test_score_is_the_gradient_of_the_log_mixture(state):
    p = post.posterior(state, 0.3, ALPHA, PRIOR)
    found = post.mixture_score(state, p, 0.3, ALPHA)
    for j in range(4):
        step = 1e-5 * state[:, j]
        up, down = state.copy(), state.copy()
        up[:, j] += step
        down[:, j] -= step
        difference = special.logsumexp(log_joint(up, 0.3), -1) - special.logsumexp(log_joint(down, 0.3), -1)
        np.testing.assert_allclose(found[:, j], difference / (2 * step), rtol=2e-5, atol=1e-5)


def test_score_of_one_coordinate_is_the_conditional_score():
    y = np.array([[0.37]])
    assert post.mixture_score(y, np.ones((1, 1)), float(cir.elapsed(0.3)), 0.5)[0, 0] == pytest.approx(0.2464427418)


def test_order_of_likelihoods_is_the_order_of_y_for_equal_alpha():
    y = np.random.default_rng(1).gamma(1.0, size=(30, 6))
    np.testing.assert_array_equal(post.log_emission(y, 0.4, 0.3).argsort(-1), y.argsort(-1))


def test_limits_of_the_posterior():
    rng = np.random.default_rng(2)
    y = simplex.noise_tokens(np.zeros(20, int), ALPHA, 1 - 1e-9, rng)
    np.testing.assert_allclose(post.posterior(y, 1 - 1e-9, ALPHA, PRIOR), np.broadcast_to(PRIOR, (20, 4)), atol=1e-6)
    y = simplex.noise_tokens(np.full(20, 3), ALPHA, 1e-3, rng)
    np.testing.assert_allclose(post.posterior(y, 1e-3, ALPHA, PRIOR)[:, 3], 1, atol=1e-9)


def test_posterior_is_calibrated_and_state_knows_more_than_its_direction():
    rng, n, s, uniform = np.random.default_rng(3), 40_000, 0.3, np.full(4, 0.25)
    tokens = rng.integers(4, size=n)
    y = simplex.noise_tokens(tokens, ALPHA, s, rng)
    p = post.posterior(y, s, ALPHA, uniform)
    own = p[np.arange(n), tokens]
    assert own.mean() == pytest.approx(0.596, abs=0.01)
    assert own.mean() == pytest.approx((p**2).sum(1).mean(), abs=0.006)
    few = np.arange(5000)
    from_x = post.posterior_from_simplex(simplex.project(y[few]), s, ALPHA, uniform)[few, tokens[few]]
    assert -np.log(own).mean() == pytest.approx(0.755, abs=0.025)
    assert np.log(own[few] / from_x).mean() == pytest.approx(0.02, abs=0.012)


def test_posterior_from_x_by_averaging_over_the_sum():
    """p(x | k) is the integral over the sum S of the density of y = S x, with Jacobian S^{n-1}."""
    x, s = np.array([0.1, 0.2, 0.3, 0.4]), 0.3
    total = np.linspace(1e-4, 12, 20_001)
    joint = np.exp(log_joint(total[:, None] * x, s)) * total[:, None] ** 3
    np.testing.assert_allclose(post.posterior_from_simplex(x, s, ALPHA, PRIOR), joint.sum(0) / joint.sum(), rtol=1e-5)


def test_denoiser_at_stationarity_and_regularity_at_zero():
    y = np.array([[0.0, 0.4, 2.0, 0.3]])
    p = PRIOR[None]
    np.testing.assert_allclose(post.denoiser(y, p, 1 - 1e-12, ALPHA), p * y / ALPHA, rtol=1e-9)
    assert np.all(np.isfinite(post.denoiser(y, p, 0.1, ALPHA)))
    np.testing.assert_allclose(reverse.reverse_drift(y, p, 0.1, ALPHA)[0, 0], ALPHA[0])  # bα at the boundary


def test_entropy_rate_by_hand():
    y, p, token, s = np.array([[0.3, 0.5]]), np.array([[0.6, 0.4]]), np.array([1]), 0.4
    r = special.i1(z := post.argument(y, s)) / special.i0(z)
    expected = (r[0, 0] ** 2 * 0.36 + r[0, 1] ** 2 * 0.36) / s**2
    assert post.entropy_rate(y, p, token, s, 1.0)[0] == pytest.approx(expected)
    np.testing.assert_array_equal(p, [[0.6, 0.4]])  # not written to


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_entropy_identity(alpha):
    rng, prior = np.random.default_rng(4), np.array([0.4, 0.25, 0.2, 0.1, 0.05])
    node, weight = np.polynomial.legendre.leggauss(32)
    total = 0.0
    for s, w in zip((node + 1) / 2, weight / 2):
        tokens = rng.choice(5, 6000, p=prior)
        y = simplex.noise_tokens(tokens, alpha, s, rng, n=5)
        total += w * post.entropy_rate(y, post.posterior(y, s, alpha, prior), tokens, s, alpha).mean()
    assert total == pytest.approx(1.4150, abs=0.02)
