"""The closed forms of the Gaussian policy: flow, step, rates, invariances, trust region."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from replications.papers.wasserstein_rl.gaussian import Gaussian, QuadraticBandit, gaussian_w2

BANDIT = QuadraticBandit(k=1.3, m=0.7, beta=0.25)
START = Gaussian(-1.0, 1.4)
numbers = st.floats(0.1, 3.0)


def test_kl_along_the_flow_and_its_bound():
    found = [BANDIT.kl_to_stationary(BANDIT.flow(START, t)) for t in (0.0, 0.5, 1.0, 2.0)]
    assert found == pytest.approx([10.949, 2.673, 0.639, 0.0421], rel=2e-3)
    bounds = [found[0] * math.exp(-2 * 1.3 * t) for t in (0.5, 1.0, 2.0)]
    assert bounds == pytest.approx([2.984, 0.813, 0.0604], rel=2e-3)
    assert all(value <= bound for value, bound in zip(found[1:], bounds))


@given(numbers, numbers, numbers)
def test_free_energy_is_beta_times_kl(k, beta, std):
    bandit, policy = QuadraticBandit(k, 0.3, beta), Gaussian(-0.5, std)
    gap = bandit.free_energy(policy) - bandit.free_energy(bandit.stationary)
    assert gap == pytest.approx(beta * bandit.kl_to_stationary(policy), abs=1e-12)


@pytest.mark.parametrize("h", [0.01, 0.5, 5.0, 1e6])
def test_the_stationary_policy_is_fixed_for_every_step(h):
    still = BANDIT.stationary
    assert gaussian_w2(BANDIT.jko_step(still, h), still) < 1e-12


def test_w2_of_gaussians():
    assert gaussian_w2(Gaussian(0.0, 1.0), Gaussian(1.0, 2.0)) == pytest.approx(math.sqrt(2))


@given(numbers, numbers, numbers, st.floats(0.01, 10.0))
def test_the_step_minimises_the_penalised_energy(k, beta, std, h):
    bandit, old = QuadraticBandit(k, 0.5, beta), Gaussian(-1.0, std)
    new = bandit.jko_step(old, h)

    def penalised(policy):
        return bandit.free_energy(policy) + gaussian_w2(policy, old) ** 2 / (2 * h)

    best = penalised(new)
    for dm, ds in ((1e-3, 0.0), (-1e-3, 0.0), (0.0, 1e-3), (0.0, -1e-3)):
        assert best < penalised(Gaussian(new.mean + dm, new.std * (1 + ds)))


@given(numbers, numbers, st.floats(0.01, 10.0))
def test_contraction_to_the_stationary_policy(k, std, h):
    bandit, old = QuadraticBandit(k, 0.5, 0.3), Gaussian(-1.0, std)
    after = gaussian_w2(bandit.jko_step(old, h), bandit.stationary)
    assert after <= gaussian_w2(old, bandit.stationary) / (1 + h * k) + 1e-12


def test_scaling_reward_and_temperature_scales_time():
    one = QuadraticBandit(3 * 1.3, 0.7, 3 * 0.25).jko_step(START, 0.2)
    assert gaussian_w2(one, BANDIT.jko_step(START, 0.6)) < 1e-14


def test_translation_of_reward_and_policy_together():
    moved = QuadraticBandit(1.3, 0.7 + 5.0, 0.25).jko_step(Gaussian(4.0, 1.4), 0.2)
    here = BANDIT.jko_step(START, 0.2)
    assert (moved.mean - 5.0, moved.std) == pytest.approx((here.mean, here.std), abs=1e-14)


def test_one_endless_step_arrives():
    assert gaussian_w2(BANDIT.jko_step(START, 1e14), BANDIT.stationary) < 1e-6


def test_without_entropy_the_step_is_a_proximal_point():
    new = QuadraticBandit(1.3, 0.7, 1e-300).jko_step(START, 0.2)
    assert new.mean == pytest.approx((-1.0 + 0.2 * 1.3 * 0.7) / 1.26)
    assert new.std == pytest.approx(1.4 / 1.26)


def test_heat_alone():
    flat = QuadraticBandit(0.0, 0.0, 0.4)
    warm = flat.jko_step(Gaussian(0.0, 1.1), 0.3).std
    assert warm**2 == pytest.approx(warm * 1.1 + 0.4 * 0.3, abs=1e-14)
    assert flat.flow(Gaussian(0.0, 1.1), 0.3).std ** 2 == pytest.approx(1.21 + 2 * 0.4 * 0.3)


def test_first_order_in_the_step():
    end = BANDIT.flow(START, 1.0)
    errors = []
    for n in (8, 16, 32, 64, 128, 256):
        policy = START
        for _ in range(n):
            policy = BANDIT.jko_step(policy, 1 / n)
        errors.append(gaussian_w2(policy, end))
    assert np.log2(np.divide(errors[:-1], errors[1:])) == pytest.approx([0.96, 0.98, 0.99, 0.995, 0.998], abs=0.005)


@pytest.mark.parametrize("radius", [0.01, 0.3, 1.5])
def test_a_gaussian_trust_region_step_is_a_penalised_step(radius):
    new, h = BANDIT.trust_region_step(START, radius)
    assert gaussian_w2(new, START) == pytest.approx(radius, rel=1e-9)
    assert gaussian_w2(new, BANDIT.jko_step(START, h)) < 1e-12
    found = minimize(
        lambda u: BANDIT.free_energy(
            Gaussian(START.mean + radius * math.cos(u[0]), START.std + radius * math.sin(u[0]))
        ),
        x0=[math.atan2(new.std - START.std, new.mean - START.mean) + 0.1],
    )
    assert BANDIT.free_energy(new) == pytest.approx(found.fun, abs=1e-9)


def test_a_trust_region_that_reaches_the_optimum_returns_it():
    assert BANDIT.trust_region_step(START, 10.0) == (BANDIT.stationary, math.inf)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: QuadraticBandit(1.0, 0.0, 0.0), "beta must be above zero"),
        (lambda: QuadraticBandit(-1.0, 0.0, 1.0), "k must not be negative"),
        (lambda: QuadraticBandit(0.0, 0.0, 1.0).stationary, "flat reward"),
        (lambda: Gaussian(0.0, -1.0), "std must be above zero"),
        (lambda: BANDIT.jko_step(START, 0.0), "h must be above zero"),
        (lambda: BANDIT.trust_region_step(START, math.nan), "radius must be above zero"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
