"""The transition law: closed forms, the library's non-central χ², Chapman-Kolmogorov, printed slips, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from replications.papers.simplex_diffusion import cir


def test_reference_values_at_a_half():
    assert cir.mean(1, 0.5, 0.3) == pytest.approx(0.8704091103, abs=1e-10)
    assert cir.variance(1, 0.5, 0.3) == pytest.approx(0.4176007666, abs=1e-9)
    assert np.exp(cir.log_density(0.37, 1, 0.5, 0.3)) == pytest.approx(0.7126099762, abs=1e-10)
    assert cir.score(0.37, 1, 0.5, 0.3) == pytest.approx(0.2464427418, abs=1e-10)


def test_reference_values_at_one():
    assert cir.mean(1, 1, 0.7) == pytest.approx(1)
    assert cir.variance(1, 1, 0.7) == pytest.approx(0.7534030361, abs=1e-10)
    assert np.exp(cir.log_density(0.37, 1, 1, 0.7)) == pytest.approx(0.6633363149, abs=1e-10)
    assert cir.score(0.37, 1, 1, 0.7) == pytest.approx(-0.5079760491, abs=1e-10)


@pytest.mark.parametrize(
    ("a", "theta0", "value"), [(0.1, 1, 0.76004), (0.1, 0, 0.95219), (1, 1, 0.48906), (1, 0, 0.61270), (4, 1, 0.11249)]
)
def test_laplace_transform(a, theta0, value):
    assert cir.laplace(1.0, theta0, a, 1.0) == pytest.approx(value, abs=5e-6)
    draws = cir.sample(float(theta0), a, 1.0, np.random.default_rng(1), size=40_000)
    assert np.exp(-draws).mean() == pytest.approx(value, abs=0.007)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.1, 8), st.floats(0.05, 5), st.floats(0.05, 4), st.floats(0.3, 3))
def test_density_against_the_library(a, theta0, t, b):
    """Eq. 7: θ_t is s/2 times a χ² with 2a degrees and non-centrality 2θ_0 e^{-bt}/s."""
    s = -np.expm1(-b * t)
    law = stats.ncx2(2 * a, 2 * theta0 * (1 - s) / s, scale=s / 2)
    theta = law.ppf([0.1, 0.5, 0.9])
    np.testing.assert_allclose(np.exp(cir.log_density(theta, theta0, a, t, b)), law.pdf(theta), rtol=1e-7)
    np.testing.assert_allclose(cir.mean(theta0, a, t, b), law.mean(), rtol=1e-9)
    np.testing.assert_allclose(cir.variance(theta0, a, t, b), law.var(), rtol=1e-9)


def test_eq_8_as_printed_agrees_where_it_can_be_evaluated():
    theta = np.array([0.1, 0.9, 3.0])
    np.testing.assert_allclose(
        cir.density_as_printed(theta, 0.8, 2.5, 0.4, 1.5),
        np.exp(cir.log_density(theta, 0.8, 2.5, 0.4, 1.5)),
        rtol=1e-10,
    )
    with np.errstate(all="ignore"):
        assert not np.isfinite(cir.density_as_printed(1.0, 0.0, 2.5, 0.4))  # divides by θ_0
        assert not np.isfinite(cir.density_as_printed(1.0, 1.0, 2.5, 1e-3))  # I overflows
    assert np.exp(cir.log_density(1.0, 0.0, 2.5, 0.4)) == pytest.approx(
        stats.gamma(2.5, scale=cir.elapsed(0.4)).pdf(1.0)
    )
    assert np.isfinite(cir.log_density(1.0, 1.0, 2.5, 1e-3))


@pytest.mark.parametrize("a", [0.3, 1.0, 2.5])
def test_score_is_the_derivative_of_the_log_density(a):
    for theta in (0.05, 0.7, 4.0):
        step = 1e-5 * theta
        ends = cir.log_density([theta - step, theta + step], 1.3, a, 0.6, 2.0)
        assert cir.score(theta, 1.3, a, 0.6, 2.0) == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=1e-6, abs=1e-7)


def test_score_at_the_boundary():
    assert cir.score(0.0, 1.0, 1.0, 0.7) == pytest.approx(cir.score(1e-12, 1.0, 1.0, 0.7), rel=1e-9)
    assert cir.score(0.0, 0.0, 1.0, 0.7) == pytest.approx(-1 / cir.elapsed(0.7))
    assert cir.score(0.0, 1.0, 0.5, 0.7) == -np.inf


@pytest.mark.parametrize("a", [0.1, 1.0, 3.0])
def test_density_integrates_to_one(a):
    mass, _ = integrate.quad(lambda u: np.exp(cir.log_density(u**10, 1.0, a, 0.7)) * 10 * u**9, 0, 2.0, limit=200)
    assert mass == pytest.approx(1, abs=1e-6)


def test_stationary_law_and_constant_mean():
    t = np.array([0.1, 1.0, 9.0])
    np.testing.assert_allclose(cir.mean(2.5, 2.5, t), 2.5)
    assert cir.variance(1.0, 2.5, 60.0) == pytest.approx(2.5)
    theta = np.array([0.2, 1.0, 5.0])
    np.testing.assert_allclose(np.exp(cir.log_density(theta, 1.0, 2.5, 50.0)), stats.gamma(2.5).pdf(theta), rtol=1e-8)
    np.testing.assert_allclose(cir.score(theta, 1.0, 2.5, 50.0), 1.5 / theta - 1, atol=1e-8)


def test_printed_moments_differ_where_they_should():
    assert cir.mean_as_printed(0.4, 1.0, 0.7, 2.0) == pytest.approx(cir.mean(0.4, 1.0, 0.7, 2.0))
    assert cir.mean_as_printed(0.4, 2.0, 0.7, 2.0) - cir.mean(0.4, 2.0, 0.7, 2.0) == pytest.approx(np.exp(-1.4))
    assert cir.variance_as_printed(0.4, 2.0, 0.7, 1.0) == pytest.approx(cir.variance(0.4, 2.0, 0.7, 1.0))
    slip = 2 * 0.4 * (np.exp(-2 * 2 * 0.7) - np.exp(-2 * 0.7))
    assert cir.variance_as_printed(0.4, 2.0, 0.7, 2.0) - cir.variance(0.4, 2.0, 0.7, 2.0) == pytest.approx(slip)


@pytest.mark.parametrize("method", ["chi_square", "poisson_gamma"])
@pytest.mark.parametrize("a", [0.1, 0.5, 1.0, 2.5])
@pytest.mark.parametrize("theta0", [0.0, 1.0])
def test_samplers_follow_the_law(method, a, theta0):
    draws = cir.sample(theta0, a, 0.7, np.random.default_rng(3), size=20_000, method=method)
    assert stats.kstest(draws, lambda x: cir.cdf(x, theta0, a, 0.7)).pvalue > 1e-3


def test_the_test_can_reject():
    draws = cir.sample(1.0, 1.1, 0.7, np.random.default_rng(3), size=20_000)
    assert stats.kstest(draws, lambda x: cir.cdf(x, 1.0, 1.0, 0.7)).pvalue < 1e-3


def test_two_steps_are_one():
    rng = np.random.default_rng(4)
    draws = cir.sample(cir.sample(1.0, 0.5, 0.2, rng, size=20_000), 0.5, 0.5, rng)
    assert stats.kstest(draws, lambda x: cir.cdf(x, 1.0, 0.5, 0.7)).pvalue > 1e-3


def test_b_only_scales_time():
    one = cir.sample(1.0, 0.8, 0.6, np.random.default_rng(5), size=100)
    np.testing.assert_allclose(one, cir.sample(1.0, 0.8, 0.2, np.random.default_rng(5), b=3.0, size=100), rtol=1e-12)


def test_threads_do_not_change_the_draws():
    start = np.linspace(0, 3, 200_000)
    one = cir.sample(start, 0.7, 0.3, np.random.default_rng(6))
    np.testing.assert_array_equal(one, cir.sample(start, 0.7, 0.3, np.random.default_rng(6), threads=2))
    assert one.shape == start.shape


def test_no_time_returns_the_start():
    np.testing.assert_array_equal(cir.sample([0.0, 0.3], 0.7, 0.0, np.random.default_rng(0)), [0.0, 0.3])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, 0.0, 1.0), "α must be positive, got 0"),
        ((1.0, -0.5, 1.0), r"α must be positive, got -0\.5"),
        ((1.0, 1.0, -0.2), r"t must not be negative, got -0\.2"),
        (([1.0, -3.0], 1.0, 1.0), r"θ_0 must not be negative, got -3 at coordinate \(1,\)"),
        (([1.0, np.nan], 1.0, 1.0), r"got nan at coordinate \(1,\)"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        cir.sample(*arguments, np.random.default_rng(0))


def test_more_bad_input():
    with pytest.raises(ValueError, match="choose from poisson_gamma, chi_square"):
        cir.sample(1.0, 1.0, 1.0, np.random.default_rng(0), method="euler")
    with pytest.raises(ValueError, match="b must be positive, got 0"):
        cir.elapsed(1.0, 0.0)
    with pytest.raises(ValueError, match="θ must not be negative"):
        cir.log_density(-0.1, 1.0, 1.0, 1.0)
