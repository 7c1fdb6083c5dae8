"""The pinning static cost, and the Fisher-Rao flow."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

from replications.papers.wasserstein_rl.arms import Arms, line, softmax, total_variation
from replications.papers.wasserstein_rl.contrasts import fisher_rao, moved, pinning_threshold, static_jko_step

N, BETA = 6, 0.3
RNG = np.random.default_rng(3)
REWARD, RHO = RNG.uniform(size=N), 0.5 / N + 0.5 * RNG.dirichlet(np.ones(N))
ARMS = Arms(REWARD, BETA, BETA * line(N))
COST = (np.arange(N)[:, None] - np.arange(N)[None, :]) ** 2.0


def test_static_step_against_a_general_optimiser():
    h = 2 * pinning_threshold(RHO, REWARD, BETA, COST)

    def penalised(flat):
        plan = flat.reshape(N, N)
        rho = np.maximum(plan.sum(0), 1e-300)
        return -(rho @ REWARD) + BETA * rho @ np.log(rho) + (COST * plan).sum() / (2 * h)

    plan = static_jko_step(RHO, REWARD, BETA, COST, h)
    np.testing.assert_allclose(plan.sum(1), RHO, atol=1e-15)
    assert (plan >= 0).all()
    found = minimize(
        penalised, np.outer(RHO, np.full(N, 1 / N)).ravel(), method="SLSQP", bounds=[(0, 1)] * N * N,
        constraints={"type": "eq", "fun": lambda flat: flat.reshape(N, N).sum(1) - RHO},
        options={"maxiter": 1000, "ftol": 1e-14},
    )  # fmt: skip
    assert penalised(plan.ravel()) <= found.fun + 1e-12
    np.testing.assert_allclose(plan.sum(0), found.x.reshape(N, N).sum(0), atol=1e-4)


def test_static_plan_is_an_optimal_transport():
    ot = pytest.importorskip("ot")
    plan = static_jko_step(RHO, REWARD, BETA, COST, 3 * pinning_threshold(RHO, REWARD, BETA, COST))
    assert (plan * COST).sum() == pytest.approx(ot.emd2(RHO, plan.sum(0), COST), abs=1e-12)


def test_static_cost_pins_below_its_threshold_and_not_above():
    threshold = pinning_threshold(RHO, REWARD, BETA, COST)
    assert moved(static_jko_step(RHO, REWARD, BETA, COST, 0.99 * threshold)) == 0.0
    assert moved(static_jko_step(RHO, REWARD, BETA, COST, 1.01 * threshold)) > 1e-4
    pi = softmax(REWARD, BETA)
    assert pinning_threshold(np.full(N, 1 / N), np.zeros(N), BETA, COST) == math.inf
    assert moved(static_jko_step(pi, REWARD, BETA, COST, 10.0)) < 1e-9


def test_fisher_rao_solves_its_equation_and_never_reaches_an_empty_arm():
    def rate(_, p):
        f = REWARD - BETA * np.log(p)
        return p * (f - p @ f)

    found = solve_ivp(rate, (0.0, 2.0), RHO, rtol=1e-11, atol=1e-13).y[:, -1]
    np.testing.assert_allclose(fisher_rao(RHO, REWARD, BETA, 2.0), found, atol=1e-9)
    assert total_variation(fisher_rao(RHO, REWARD, BETA, 200.0), softmax(REWARD, BETA)) < 1e-12
    shut = np.r_[0.0, RHO[1:] / RHO[1:].sum()]
    assert fisher_rao(shut, REWARD, BETA, 50.0)[0] == 0.0
    assert ARMS.flow(shut, 1.0)[0] > 0.01


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: static_jko_step(RHO, REWARD, BETA, COST[1:], 0.1), "cost must be"),
        (lambda: static_jko_step(RHO, REWARD, BETA, COST, 1e9), "did not converge"),
    ],
)
def test_mistakes_are_named(call, message, monkeypatch):
    monkeypatch.setattr("replications.papers.wasserstein_rl.contrasts.MAX_EXCHANGES", 2000)
    with pytest.raises(ValueError, match=message):
        call()
