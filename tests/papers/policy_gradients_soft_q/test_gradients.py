"""The equality of the two gradients, with an oracle for one of them, and the slips that break it."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from replications.papers.policy_gradients_soft_q import gradients, mdp, method

SEEDS = st.integers(0, 2**31)
TAUS = st.sampled_from([0.01, 0.1, 1.0, 10.0])
QUICK = settings(max_examples=15, deadline=None)


@given(SEEDS, st.sampled_from([2, 5, 50]), TAUS)
@QUICK
def test_bandit_gradients_are_equal(seed, actions, tau):
    generator = torch.Generator().manual_seed(seed)
    reward = gradients.normal(generator, 32, actions)
    log_mu = torch.log_softmax(gradients.normal(generator, 32, actions), -1)
    largest = gradients.Largest()
    gradients.bandit_gradients(8, reward, log_mu, tau, generator, largest, gradients.Slips())
    assert largest.scalars["bandit_gradient"] < 1e-12


@given(SEEDS, TAUS, st.sampled_from([1, 3, 10]), st.sampled_from(["random", "grid", "chain"]))
@QUICK
def test_n_step_gradients_are_equal_in_expectation_and_sample_by_sample(seed, tau, steps, world):
    generator = torch.Generator().manual_seed(seed)
    process = {
        "random": lambda: mdp.random_mdp(6, 3, 0.9, generator, 8),
        "grid": lambda: mdp.grid(5, 0.9),
        "chain": lambda: mdp.chain(1.0),
    }[world]()
    largest = gradients.Largest()
    gradients.n_step_gradients(process, 8, 8, tau, steps, generator, largest, gradients.Slips())
    assert largest.scalars["n_step_gradient"] < 1e-12
    assert largest.scalars["sample_gradient"] < 1e-11


@pytest.mark.parametrize("slip", gradients.SLIPS)
def test_each_slip_breaks_both_equalities(slip):
    generator = torch.Generator().manual_seed(0)
    bandit, process = gradients.Slips(), gradients.Slips()
    reward, log_mu = gradients.normal(generator, 200, 5), torch.full((200, 5), -math.log(5), dtype=torch.float64)
    gradients.bandit_gradients(8, reward, log_mu, 1.0, generator, gradients.Largest(), bandit)
    gradients.n_step_gradients(
        mdp.random_mdp(6, 3, 0.9, generator, 50), 50, 8, 1.0, 3, generator, gradients.Largest(), process
    )
    for slips in (bandit, process):
        slips.close(1.0)
        assert slips.scalars()[f"{slip}_error"] > 1e-2


def test_gradient_of_the_regularised_return_by_finite_differences():
    """E_π[∇log π (r - τρ)], the policy gradient, is what automatic differentiation of η gives."""
    reward, log_mu = (
        torch.tensor([1.0, 0.2, -0.5], dtype=torch.float64),
        torch.full((3,), -math.log(3), dtype=torch.float64),
    )
    logits, tau, step = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64), 0.3, 1e-5
    log_pi = torch.log_softmax(logits, -1)
    score = torch.eye(3, dtype=torch.float64) - log_pi.exp()  # ∇log π(a), one row an action
    policy_gradient = (log_pi.exp() * (reward - tau * (log_pi - log_mu))) @ score
    for index in range(3):
        moved = [logits.clone(), logits.clone()]
        moved[0][index] += step
        moved[1][index] -= step
        high, low = (method.regularised_return(torch.log_softmax(x, -1), reward, log_mu, tau) for x in moved)
        assert float((high - low) / (2 * step)) == pytest.approx(float(policy_gradient[index]), abs=1e-9)


def test_largest_keeps_the_largest_and_nan():
    largest = gradients.Largest()
    for error in (1.0, torch.tensor([-3.0, 2.0]), 0.5):
        largest.see("x", error)
    assert largest.scalars["x"] == 3.0
    largest.see("x", math.nan)
    largest.see("x", 1.0)
    assert not largest.scalars["x"] <= 1e9


def test_slips_report_the_temperature_nearest_to_one():
    slips, right = gradients.Slips(), torch.ones(3, 2, dtype=torch.float64)
    for tau, factor in ((10.0, 3.0), (0.8, 1.5), (0.01, 1.1)):
        for slip in gradients.SLIPS:
            slips.see(slip, factor * right, right)
            slips.see(slip, (factor + 1) * right, right)
        slips.close(tau)
    assert slips.scalars()["behaviour_error"] == pytest.approx(0.5)
    assert slips.curves()["slip_wrong_kl"].x == (0.01, 0.8, 10.0)
    assert slips.curves()["slip_wrong_kl"].y == pytest.approx((0.1, 0.5, 2.0))
