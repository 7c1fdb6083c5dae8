"""Tabular soft MDPs: closed forms, a loop as oracle, the properties of the Bellman operator."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from replications.papers.policy_gradients_soft_q import mdp as soft
from replications.papers.policy_gradients_soft_q import method
from replications.papers.policy_gradients_soft_q.gradients import normal

SEEDS = st.integers(0, 2**31)
TAUS = st.sampled_from([0.01, 0.1, 1.0, 10.0])
QUICK = settings(max_examples=15, deadline=None)


def random_case(seed, batch=3, states=6, actions=3, gamma=0.9):
    generator = torch.Generator().manual_seed(seed)
    mdp = soft.random_mdp(states, actions, gamma, generator, batch)
    log_pi = torch.log_softmax(normal(generator, batch, states, actions), -1)
    return mdp, log_pi, normal(generator, batch, states)


@pytest.mark.parametrize("tau", [0.001, 0.1, 1.0, 10.0])
@pytest.mark.parametrize("prize", [-2.0, 0.0, 0.5, 3.0])
def test_two_state_chain_has_its_closed_form(prize, tau):
    value = soft.value_iteration(soft.chain(prize), tau)
    assert float(value[0]) == pytest.approx(soft.chain_value(prize, tau), abs=1e-12)
    assert float(value[1]) == 0.0
    u = math.exp(soft.chain_value(prize, 10.0) / 10.0)  # the equation that the closed form solves
    assert 2 * u == pytest.approx(u**0.5 + math.exp(prize / 10.0), rel=1e-13)


def test_symmetric_process_has_a_closed_form_at_any_discount():
    """Every state alike: V = τ log(mean exp(r/τ))/(1 - γ)."""
    transition = torch.full((2, 2, 2), 0.5, dtype=torch.float64)
    reward = torch.tensor([[0.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
    mdp = soft.SoftMDP(transition, reward, torch.full((2, 2), -math.log(2), dtype=torch.float64), 0.95)
    expected = 0.3 * math.log((1 + math.exp(1 / 0.3)) / 2) / 0.05
    torch.testing.assert_close(
        soft.value_iteration(mdp, 0.3), torch.full((2,), expected, dtype=torch.float64), rtol=0, atol=1e-11
    )


@given(SEEDS, TAUS)
@QUICK
def test_two_routes_to_the_optimum_and_the_path_consistency(seed, tau):
    """V* + τ log π*/μ = Q* for every action."""
    mdp, log_pi, _ = random_case(seed)
    value, (solved, log_best) = soft.value_iteration(mdp, tau), soft.policy_iteration(mdp, tau)
    torch.testing.assert_close(value, solved, rtol=0, atol=1e-10)
    torch.testing.assert_close(
        method.action_value(value, log_best, mdp.log_mu, tau), mdp.action_value(solved), rtol=0, atol=1e-10
    )
    assert (soft.evaluate(mdp, log_pi, tau) <= value + 1e-10).all()


def test_value_iteration_against_a_loop():
    mdp, _, _ = random_case(0, batch=1, states=3, actions=2)
    value = [0.0, 0.0, 0.0]
    for _ in range(400):
        value = [
            0.5
            * math.log(
                sum(
                    math.exp(
                        float(mdp.log_mu[0, s, a])
                        + (float(mdp.reward[0, s, a]) + 0.9 * sum(float(mdp.transition[0, s, a, t]) * value[t] for t in range(3)))
                        / 0.5
                    )
                    for a in range(2)
                )
            )
            for s in range(3)
        ]  # fmt: skip
    assert soft.value_iteration(mdp, 0.5)[0].tolist() == pytest.approx(value, abs=1e-12)


def test_evaluation_against_the_series():
    mdp, log_pi, _ = random_case(1)
    cost = method.expectation(log_pi, mdp.reward) - 0.3 * method.kl(log_pi, mdp.log_mu)
    kernel, total, weight = mdp.kernel(log_pi), torch.zeros_like(cost), cost
    for step in range(400):
        total = total + 0.9**step * weight
        weight = torch.einsum("bst,bt->bs", kernel, weight)
    torch.testing.assert_close(soft.evaluate(mdp, log_pi, 0.3), total, rtol=0, atol=1e-11)


@given(SEEDS, TAUS)
@QUICK
def test_bellman_operator_contracts_and_is_monotone(seed, tau):
    mdp, _, value = random_case(seed)
    other = value + normal(torch.Generator().manual_seed(seed + 1), *value.shape)
    one, two = soft.bellman(mdp, value, tau), soft.bellman(mdp, other, tau)
    assert ((one - two).abs().amax(-1) <= 0.9 * (value - other).abs().amax(-1) + 1e-12).all()
    above = soft.bellman(mdp, value + (other - value).abs(), tau)
    assert (above >= one - 1e-12).all()


@given(SEEDS, st.sampled_from([0.01, 0.1, 1.0]))
@QUICK
def test_regularised_and_plain_optimum(seed, tau):
    """V*_plain - τ log(1/min μ)/(1-γ) ≤ V*_soft ≤ V*_plain (Geist et al. 2019, Proposition 3)."""
    mdp, _, _ = random_case(seed)
    plain = torch.zeros_like(mdp.reward[..., 0])
    for _ in range(400):
        plain = mdp.action_value(plain).amax(-1)
    found = soft.value_iteration(mdp, tau)
    penalty = -tau * mdp.log_mu.flatten(1).amin(-1) / 0.1
    assert (found <= plain + 1e-10).all()
    assert (found >= plain - penalty[:, None] - 1e-10).all()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_n_step_advantage_against_every_trajectory(n):
    mdp, log_pi, value = random_case(2, batch=1, states=2, actions=2)
    policy, tau = log_pi[0].exp(), 0.4
    divergence = method.kl(log_pi, mdp.log_mu)[0]
    for state, action in itertools.product(range(2), range(2)):
        total = 0.0
        for actions in itertools.product(range(2), repeat=n - 1):
            for states in itertools.product(range(2), repeat=n):
                path_actions, path, chance, sum_of_deltas = (action, *actions), (state, *states), 1.0, 0.0
                for d in range(n):
                    s, a, t = path[d], path_actions[d], path[d + 1]
                    chance *= float(mdp.transition[0, s, a, t]) * (float(policy[s, a]) if d else 1.0)
                    delta = float(mdp.reward[0, s, a] - tau * divergence[s] + 0.9 * value[0, t] - value[0, s])
                    sum_of_deltas += 0.9**d * delta
                total += chance * sum_of_deltas
        found = soft.n_step_advantage(mdp, log_pi, value, tau, n)[0, state, action]
        assert float(found) == pytest.approx(total, abs=1e-12)


def test_long_n_step_target_is_the_action_value_whatever_the_critic():
    """Q̂ = V + τ KL + Δ tends to Q^π, first KL excluded."""
    mdp, log_pi, value = random_case(3)
    target = (value + 0.4 * method.kl(log_pi, mdp.log_mu))[..., None] + soft.n_step_advantage(
        mdp, log_pi, value, 0.4, 500
    )
    torch.testing.assert_close(target, mdp.action_value(soft.evaluate(mdp, log_pi, 0.4)), rtol=0, atol=1e-10)


def test_entropy_bonus_and_penalty_to_uniform_differ_by_a_constant():
    """τ log n/(1-γ) in V; the policy is the same where no episode ends."""
    world = soft.grid(5, 0.9)
    bonus = soft.SoftMDP(world.transition, world.reward, torch.zeros_like(world.log_mu), 0.9)
    shift = soft.value_iteration(bonus, 0.2) - soft.value_iteration(world, 0.2)
    torch.testing.assert_close(shift, torch.full_like(shift, 0.2 * math.log(4) / 0.1), rtol=0, atol=1e-11)


def test_grid():
    world = soft.grid(5, 0.95)
    assert world.transition[0, 1, 1] == 1.0  # right
    assert world.transition[0, 0, 0] == 1.0  # the wall above
    assert world.transition[7, 2, 12] == 1.0  # down
    assert (world.transition[24, :, 0] == 1.0).all()
    assert world.reward.sum() == 4.0
    cold = soft.value_iteration(world, 1e-4)
    assert float(cold[24]) == pytest.approx(1.0 / (1 - 0.95**9), abs=0.02)  # eight moves, then paid again
    once = soft.grid(5, 0.95, step_cost=0.1, absorbing=True)
    assert float(once.reward[19, 2]) == pytest.approx(0.9)
    assert (once.transition[24, :, 24] == 1.0).all()
    assert (once.reward[24] == 0.0).all()


def test_a_users_mistakes():
    row = torch.ones(1, 1, 1, dtype=torch.float64)
    with pytest.raises(ValueError, match="gamma must lie"):
        soft.SoftMDP(row, row[0], torch.zeros(1, 1, dtype=torch.float64), 1.0)
    with pytest.raises(ValueError, match="must sum to one"):
        soft.SoftMDP(0.5 * row, row[0], torch.zeros(1, 1, dtype=torch.float64), 0.9)
    mdp, _, _ = random_case(4)
    with pytest.raises(ValueError, match="did not settle"):
        soft.policy_iteration(mdp, 0.01, rounds=1)
    assert soft.value_iteration(soft.random_mdp(3, 2, 0.0, torch.Generator().manual_seed(0)), 1.0).shape == (1, 3)
    assert soft.chain(1.0).to("cpu").gamma == 0.5
