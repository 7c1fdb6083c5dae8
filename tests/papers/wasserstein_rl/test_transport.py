"""Entropic transport: the bias of the temperature, and what is said where POT is missing."""

import sys

import numpy as np
import pytest

from replications.papers.wasserstein_rl.arms import softmax
from replications.papers.wasserstein_rl.transport import EntropicBandit, entropic_variance, pot, variance
from replications.study import UserError

K, BETA = 1.2, 0.3
POINTS = np.linspace(-3.0, 3.0, 101)
REWARD = -K * POINTS**2 / 2


def settled(epsilon, penalty="entropy", h=1.0):
    bandit = EntropicBandit(POINTS, REWARD, BETA, epsilon, penalty)
    return variance(POINTS, bandit.settle(softmax(REWARD, BETA), h, tolerance=1e-8))


@pytest.mark.parametrize(("epsilon", "h"), [(0.1, 1.0), (0.1, 0.5), (0.05, 1.0)])
def test_stationary_variance_is_the_closed_form(epsilon, h):
    pytest.importorskip("ot")
    assert settled(epsilon, h=h) == pytest.approx(entropic_variance(K, BETA, epsilon, h), abs=1e-6)


def test_the_relative_penalty_is_the_other_with_less_temperature():
    pytest.importorskip("ot")
    assert settled(0.05, "kl") == pytest.approx(entropic_variance(K, BETA - 0.05, 0.05, 1.0), abs=1e-6)


def test_bias_of_the_closed_form_is_half_epsilon():
    for epsilon in (1e-3, 1e-4):
        bias = K * entropic_variance(K, BETA, epsilon, 0.7) - BETA
        assert bias == pytest.approx(epsilon / 2, rel=5 * epsilon)
        assert K * entropic_variance(K, BETA - epsilon, epsilon, 0.7) - BETA == pytest.approx(
            -epsilon / 2, rel=5 * epsilon
        )


def test_a_step_minimises_the_entropic_objective():
    pytest.importorskip("ot")
    points, h, epsilon = POINTS[::10], 0.8, 0.2
    bandit = EntropicBandit(points, REWARD[::10], BETA, epsilon)
    rho = softmax(-((points - 0.5) ** 2), 1.0)
    cost = (points[:, None] - points[None, :]) ** 2 / (2 * h)

    def objective(new):  # entropic transport between rho and `new` by plain Sinkhorn
        u, kernel = np.ones_like(new), np.exp(-cost / epsilon)
        for _ in range(3000):
            v = new / (kernel.T @ u)
            u = rho / (kernel @ v)
        plan = u[:, None] * kernel * v[None, :]
        inside = plan > 0
        entropy = (plan[inside] * np.log(plan[inside])).sum()
        return -(new @ REWARD[::10]) + BETA * new @ np.log(new) + (plan * cost).sum() + epsilon * entropy

    new = bandit.step(rho, h)
    best = objective(new)
    for seed in range(10):
        bump = np.random.default_rng(seed).normal(size=len(new))
        other = new * (1 + 0.02 * bump)
        assert objective(other / other.sum()) > best


def test_missing_pot_is_said_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(UserError, match=r"needs POT: pip install '\.\[transport\]'"):
        pot()
    with pytest.raises(UserError, match="needs POT"):
        EntropicBandit(POINTS, REWARD, BETA, 0.1).step(softmax(REWARD, BETA), 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: EntropicBandit(POINTS, REWARD, BETA, 0.0), "epsilon must be above zero"),
        (lambda: EntropicBandit(POINTS, REWARD, BETA, 0.1, "other"), "unknown penalty 'other'"),
        (lambda: EntropicBandit(POINTS, REWARD, BETA, 0.4, "kl"), "needs ε < β"),
        (lambda: EntropicBandit(POINTS, REWARD, BETA, 0.1).step(REWARD, 0.0), "h must be above zero"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_scheme_that_has_not_settled_says_so():
    pytest.importorskip("ot")
    with pytest.raises(ValueError, match="did not settle in 1 steps"):
        EntropicBandit(POINTS, REWARD, BETA, 0.1).settle(softmax(-POINTS, 1.0), 0.5, most=1)
