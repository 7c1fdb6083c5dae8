"""The nine inequalities: they hold, they are sharp, and a smaller constant does not hold."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from replications.papers.policy_gradients_soft_q import inequalities, mdp
from replications.papers.policy_gradients_soft_q.gradients import normal
from replications.papers.policy_gradients_soft_q.inequalities import OF_PROCESSES, OF_VALUES, Draw, excess
from replications.papers.policy_gradients_soft_q.method import kl, soft_policy


@pytest.mark.parametrize("name", OF_VALUES)
@given(st.integers(0, 2**31), st.integers(2, 12))
@settings(max_examples=10, deadline=None)
def test_inequalities_about_values_hold(name, seed, actions):
    draw = inequalities.random_draw(500, actions, torch.Generator().manual_seed(seed))
    assert excess(OF_VALUES[name](draw), draw.scale) < 1e-12


@pytest.mark.parametrize("name", OF_PROCESSES)
@given(st.integers(0, 2**31), st.sampled_from([0.01, 0.1, 1.0, 10.0]))
@settings(max_examples=10, deadline=None)
def test_identities_about_processes_hold(name, seed, tau):
    generator = torch.Generator().manual_seed(seed)
    process = mdp.random_mdp(6, 3, 0.9, generator, 5)
    log_pi = torch.log_softmax(normal(generator, 5, 6, 3), -1)
    assert excess(OF_PROCESSES[name](process, log_pi, tau), 1.0) < 1e-12


@pytest.mark.parametrize("name", [name for name in OF_VALUES if name != "i5"])
def test_constants_are_attained_so_that_none_can_be_smaller(name):
    ratios = inequalities.attained(name)
    assert all(0.999 < ratio <= 1.0 + 1e-9 for ratio in ratios)
    for index, draw in enumerate(inequalities.extremal_draw(name)):
        left, right = OF_VALUES[name](draw)[index]
        assert excess([(left, 0.99 * right)], 0.0) > 5e-3


def test_excess_sees_a_violation_a_negative_side_and_nan():
    one, two = torch.tensor([1.0], dtype=torch.float64), torch.tensor([2.0], dtype=torch.float64)
    assert excess([(one, two)], 1.0) == 0.0
    assert excess([(two, one)], 1.0) == pytest.approx(0.5)
    assert excess([(-one, two)], 1.0) == pytest.approx(0.5)
    assert math.isnan(excess([(one * math.nan, two), (one, two)], 1.0))


def test_equality_of_fenchel_young_at_the_soft_policy_only():
    draw = inequalities.random_draw(200, 4, torch.Generator().manual_seed(0))
    best = soft_policy(draw.q, draw.log_mu, draw.tau)
    left, right = inequalities.fenchel_young(
        Draw(draw.q, draw.other_q, draw.log_mu, best, draw.other_log_pi, draw.tau)
    )[0]
    torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-12)
    left, right = inequalities.fenchel_young(draw)[0]
    assert (left < right).all()


def test_the_trajectory_of_the_performance_gap_is_that_of_the_worse_policy():
    generator = torch.Generator().manual_seed(0)
    process, tau = mdp.random_mdp(6, 3, 0.9, generator, 50), 0.3
    log_pi = torch.log_softmax(normal(generator, 50, 6, 3), -1)
    (gap, _), _ = inequalities.performance_gap(process, log_pi, tau)
    _, log_best = mdp.policy_iteration(process, tau)
    wrong = tau * mdp.discounted_sum(process, log_best, kl(log_pi, log_best))
    assert ((wrong - gap).abs() / gap).median() > 1e-2
