"""The JKO scheme by quantiles: rewards, oracles, dissipation, and the trust region."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import ndtri

from replications.papers.wasserstein_rl.gaussian import Gaussian, QuadraticBandit
from replications.papers.wasserstein_rl.method import (
    QuantileBandit,
    Reward,
    double_well,
    levels,
    quadratic,
    quantile_w2,
    root_of_log,
)

BANDIT = QuadraticBandit(k=1.3, m=0.7, beta=0.25)
START = Gaussian(-1.0, 1.4)


def normal_quantiles(policy, n=200):
    return policy.mean + policy.std * ndtri(levels(n))


def test_reward_and_its_derivatives():
    reward = double_well(0.1)
    a = np.linspace(-1.5, 1.5, 7)
    np.testing.assert_allclose(reward.value(a), -((a**2 - 1) ** 2) / 4 + 0.1 * a, atol=1e-15)
    np.testing.assert_allclose(reward.slope(a), -a * (a**2 - 1) + 0.1, atol=1e-15)
    np.testing.assert_allclose(reward.curvature(a), 1 - 3 * a**2, atol=1e-15)
    np.testing.assert_allclose(quadratic(1.3, 0.7).value(a), -0.65 * (a - 0.7) ** 2, atol=1e-15)
    assert quadratic(1.3, 0.7).slope(0.7) == pytest.approx(0.0, abs=1e-15)


def test_which_rewards_confine():
    assert double_well().confining
    assert quadratic(1.0, 0.0).confining
    for open_ in (Reward((1.0,)), Reward((0.0, 2.0)), Reward((0.0, 0.0, 0.5)), Reward((0.0, 0.0, 0.0, -1.0))):
        assert not open_.confining


@pytest.mark.parametrize("root", [1e-6, 0.3, 1.0, 2e5])
def test_root_in_the_logarithm(root):
    assert root_of_log(lambda h: math.atan(h) - math.atan(root), 1.0) == pytest.approx(root, rel=1e-6)


def test_quantile_step_agrees_with_the_gaussian_step():
    bandit = QuantileBandit(quadratic(1.3, 0.7), 0.25)
    new = bandit.jko_step(normal_quantiles(START, 4000), 0.3)
    exact = BANDIT.jko_step(START, 0.3)
    assert quantile_w2(new, normal_quantiles(exact, 4000)) < 2e-3


def test_quantile_step_agrees_with_a_general_optimiser():
    bandit, old, h = QuantileBandit(double_well(0.1), 0.2), normal_quantiles(Gaussian(0.9, 0.35), 12), 0.2

    def penalised(x):
        if (np.diff(x) <= 0).any():
            return 1e9
        return bandit.free_energy(x) + quantile_w2(x, old) ** 2 / (2 * h)

    found = minimize(penalised, old, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14, "maxiter": 60000})
    again = minimize(penalised, found.x, method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose(bandit.jko_step(old, h), again.x, atol=1e-5)


def test_velocity_is_the_gradient_of_the_reward_less_that_of_the_log_density():
    bandit, h = QuantileBandit(double_well(0.1), 0.2), 0.1
    old = normal_quantiles(Gaussian(0.5, 0.4), 2000)
    new = bandit.jko_step(old, h)
    density = 1 / (len(new) * np.diff(new))  # between quantiles
    pressure = np.gradient(np.log(density), (new[1:] + new[:-1]) / 2)
    middle = slice(200, -200)
    velocity = ((new - old) / h)[1:][middle]
    np.testing.assert_allclose(velocity, (double_well(0.1).slope(new)[1:] - 0.2 * pressure)[middle], atol=0.01)


@given(st.floats(0.02, 0.9), st.floats(0.1, 0.5), st.floats(-0.3, 0.3))
def test_every_step_dissipates(h, beta, tilt):
    bandit, x = QuantileBandit(double_well(tilt), beta), normal_quantiles(Gaussian(0.9, 0.35), 100)
    for _ in range(3):
        new = bandit.jko_step(x, h)
        assert (np.diff(new) > 0).all()
        assert bandit.free_energy(new) + quantile_w2(new, x) ** 2 / (2 * h) <= bandit.free_energy(x) + 1e-12
        x = new


def test_quantiles_endless_step_forgets_the_start():
    bandit = QuantileBandit(quadratic(1.3, 0.7), 0.25)
    ends = [bandit.jko_step(normal_quantiles(policy, 500), math.inf) for policy in (START, Gaussian(3.0, 0.2))]
    assert quantile_w2(*ends) < 1e-9
    assert quantile_w2(ends[0], normal_quantiles(BANDIT.stationary, 500)) < 5e-3


def test_quantile_trust_region_step_has_the_radius_and_gains_the_most():
    bandit, old = QuantileBandit(double_well(0.1), 0.2), normal_quantiles(Gaussian(-0.9, 0.35), 60)
    new, h = bandit.trust_region_step(old, 0.1)
    assert quantile_w2(new, old) == pytest.approx(0.1, rel=1e-9)
    np.testing.assert_allclose(new, bandit.jko_step(old, h))
    rng = np.random.default_rng(0)
    for _ in range(50):
        other = np.sort(new + 0.02 * np.cumsum(rng.normal(size=60)) / 8)
        other = old + (other - old) * min(1.0, 0.1 / quantile_w2(other, old))
        assert bandit.free_energy(other) > bandit.free_energy(new)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: QuantileBandit(double_well(), -1.0), "beta must be above zero"),
        (lambda: QuantileBandit(double_well(), 0.2).jko_step(np.array([1.0, 0.0]), 0.1), "increasing order"),
        (lambda: QuantileBandit(double_well(), 0.2).jko_step(np.array([0.0, math.nan]), 0.1), "increasing order"),
        (lambda: QuantileBandit(double_well(), 0.01).jko_step(np.linspace(-0.1, 0.1, 9), 5.0), "not convex"),
        (lambda: QuantileBandit(Reward((0.0, 1.0)), 0.2).jko_step(levels(9), math.inf), "no stationary policy"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
