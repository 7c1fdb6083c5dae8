"""The Bessel ratio and log 0F1 against mpmath, elementary cases, limits, and bad input."""

import mpmath
import numpy as np
import pytest

from replications.papers.simplex_diffusion.bessel import bessel_ratio, log_f, over_categories, ratio_over_argument

ORDERS = (1 / 32000, 0.1, 0.37, 0.5, 1.0, 1.5, 2.0, 2.5, 4.0, 4.5, 10.0, 50.0, 250.0)
ARGUMENTS = np.array([0.0, 1e-9, 1e-4, 0.01, 0.3, 1.0, 3.0, 10.0, 39.0, 41.0, 60.0, 100.0, 500.0, 1e4, 1e6])


def oracle(a: float, z: float) -> tuple[float, float]:
    """H_a(z) and log F_a(z) to forty digits."""
    with mpmath.workdps(40):
        order, x = mpmath.mpf(a), mpmath.mpf(z)
        if z == 0:
            return float(1 / (2 * order)), 0.0
        below = mpmath.besseli(order - 1, x)
        log = mpmath.log(mpmath.gamma(order)) + (1 - order) * mpmath.log(x / 2) + mpmath.log(below)
        return float(mpmath.besseli(order, x) / below / x), float(log)


@pytest.mark.parametrize("a", ORDERS)
def test_ratio_and_log_against_mpmath(a):
    z = np.append(ARGUMENTS, [1.9 * a, 2.1 * a])  # either side of a change of method
    expected = np.array([oracle(a, float(x)) for x in z])
    np.testing.assert_allclose(ratio_over_argument(a, z), expected[:, 0], rtol=1e-12)
    np.testing.assert_allclose(log_f(a, z), expected[:, 1], rtol=2e-12, atol=1e-15)


def test_elementary_cases():
    z = np.linspace(0.01, 30, 200)
    np.testing.assert_allclose(bessel_ratio(0.5, z), np.tanh(z), rtol=1e-14)
    np.testing.assert_allclose(bessel_ratio(1.5, z), 1 / np.tanh(z) - 1 / z, rtol=1e-11)
    np.testing.assert_allclose(log_f(0.5, z), np.log(np.cosh(z)), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(log_f(1.5, z), np.log(np.sinh(z) / z), rtol=1e-11, atol=1e-14)


def test_limits():
    a = 0.7
    assert bessel_ratio(a, 1e-5) == pytest.approx(1e-5 / (2 * a), rel=1e-9)
    assert bessel_ratio(a, 1e5) == pytest.approx(1 - (2 * a - 1) / 2e5, rel=1e-9)


def test_recurrence_of_log_f():
    """F_{a+1} = 2a H_a F_a, across the methods."""
    z = np.array([0.2, 5.0, 45.0, 700.0])
    for a in (0.3, 1.2, 3.5):
        np.testing.assert_allclose(log_f(a + 1, z), log_f(a, z) + np.log(2 * a * ratio_over_argument(a, z)), rtol=1e-11)


def test_scalars_and_shapes():
    assert ratio_over_argument(2.0, 1.0).shape == ()
    assert log_f(2.3, np.ones((2, 3))).shape == (2, 3)


def test_over_categories_groups_equal_orders():
    z = np.random.default_rng(0).uniform(0, 9, (5, 4))
    alpha = np.array([0.5, 2.0, 0.5, 1.3])
    expected = np.stack([log_f(a, z[:, j]) for j, a in enumerate(alpha)], -1)
    np.testing.assert_array_equal(over_categories(log_f, alpha, z), expected)
    np.testing.assert_array_equal(over_categories(log_f, 0.5, z), log_f(0.5, z))


@pytest.mark.parametrize("a", [0.0, -1.0, 301.0, float("nan")])
def test_orders_out_of_range_are_named(a):
    with pytest.raises(ValueError, match=f"α = {a}"):
        ratio_over_argument(a, 1.0)


def test_negative_arguments_are_named():
    with pytest.raises(ValueError, match=r"got -2\.0"):
        log_f(1.0, [1.0, -2.0])
