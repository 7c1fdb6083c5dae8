"""Time stepping: one step by hand, means, positivity, squared Ornstein-Uhlenbeck, NaN."""

import numpy as np
import pytest
from scipy import stats

from replications.papers.simplex_diffusion import cir, schemes

X = np.array([0.0, 0.2, 1.5])
XI = np.array([0.3, -1.2, 0.8])


def test_euler_variants_by_hand():
    h, a = 0.25, 0.6
    euler = [x + (a - x) * h + np.sqrt(2 * x * h) * xi for x, xi in zip(X, XI)]
    assert euler[1] < 0
    np.testing.assert_allclose(schemes.full_truncation_euler(X, a, h, XI), euler)
    np.testing.assert_allclose(schemes.reflected_euler(X, a, h, XI), np.abs(euler))
    np.testing.assert_allclose(schemes.clipped_euler(X, a, h, XI), np.maximum(euler, 0))
    raw = np.array([-0.1])
    np.testing.assert_allclose(schemes.full_truncation_euler(raw, a, h, XI[:1]), raw + a * h)  # no noise below zero
    expected = -0.1 + (a + 0.1) * h + np.sqrt(2 * h * schemes.EPSILON) * 0.3
    np.testing.assert_allclose(schemes.epsilon_euler(raw, a, h, XI[:1]), expected)


def test_implicit_step_solves_its_equation():
    """√θ' = √θ + ((a - 1/2)/(2√θ') - √θ'/2) h + √(1/2) ΔW, from Itô's formula with σ² = 2."""
    a, h = 1.3, 0.1
    before, after = np.sqrt(X), np.sqrt(schemes.implicit(X, a, h, XI))
    np.testing.assert_allclose(after, before + ((a - 0.5) / after - after) / 2 * h + np.sqrt(h / 2) * XI, atol=1e-12)
    with pytest.raises(ValueError, match=r"needs α > 1/2, got 0\.5"):
        schemes.implicit(X, 0.5, h, XI)


@pytest.mark.parametrize("x", [0.02, 0.3, 2.0])
def test_quadratic_exponential_matches_mean_and_variance(x):
    xi = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    draws = schemes.quadratic_exponential(np.full(len(xi), x), 0.4, 0.5, xi)
    assert draws.min() >= 0
    assert draws.mean() == pytest.approx(float(cir.mean(x, 0.4, 0.5)), rel=2e-3)
    assert draws.var() == pytest.approx(float(cir.variance(x, 0.4, 0.5)), rel=1e-2)


def test_quadratic_exponential_changes_branch_elementwise():
    x, xi = np.array([0.02, 2.0]), np.array([0.4, 0.4])
    together = schemes.quadratic_exponential(x, 0.4, 0.5, xi)
    alone = [schemes.quadratic_exponential(x[i : i + 1], 0.4, 0.5, xi[i : i + 1])[0] for i in range(2)]
    np.testing.assert_allclose(together, alone)


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_squared_ou_has_the_law(parts):
    draws = schemes.squared_ou_exact(1.3, parts / 2, 0.7, 20_000, np.random.default_rng(0))
    assert stats.kstest(draws, lambda x: cir.cdf(x, 1.3, parts / 2, 0.7)).pvalue > 1e-3


def test_squared_ou_needs_whole_parts():
    with pytest.raises(ValueError, match=r"2α whole, got 2α = 0\.6"):
        schemes.squared_ou_exact(1.0, 0.3, 0.7, 5, np.random.default_rng(0))


def test_nan_stops_with_step_and_coordinate():
    def broken(x, a, h, xi):
        after = schemes.full_truncation_euler(x, a, h, xi)
        if x[0] != 1.0:
            after[2] = np.nan
        return after

    with pytest.raises(ValueError, match=r"step 1: coordinate \(2,\) is nan, 1 in all"):
        schemes.simulate(broken, 1.0, 0.5, 1.0, 4, 5, np.random.default_rng(0))


def test_infinities_stop_and_finite_values_pass():
    schemes.stop_on_nan(np.array([1.0, -2.0]), 0)
    with pytest.raises(ValueError, match=r"step 7: coordinate \(1, 0\) is inf"):
        schemes.stop_on_nan(np.array([[1.0], [np.inf]]), 7)


@pytest.mark.parametrize(
    ("a", "t", "message"), [(0.0, 1.0, "α must be positive, got 0"), (1.0, -1.0, "t must not be negative, got -1")]
)
def test_bad_input_is_named(a, t, message):
    with pytest.raises(ValueError, match=message):
        schemes.simulate(schemes.clipped_euler, 1.0, a, t, 4, 5, np.random.default_rng(0))
