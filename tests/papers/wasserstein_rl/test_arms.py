"""Discrete arms: the metric of Maas, the pinning static cost, and Fisher-Rao."""

import math

import numpy as np
import pytest

from replications.papers.wasserstein_rl.arms import (
    Arms,
    free_energy,
    kl,
    line,
    log_mean,
    softmax,
    total_variation,
)
from replications.papers.wasserstein_rl.fokker_planck import FokkerPlanck
from replications.papers.wasserstein_rl.gaussian import Gaussian
from replications.papers.wasserstein_rl.method import double_well

N, BETA = 6, 0.3
RNG = np.random.default_rng(3)
REWARD, RHO = RNG.uniform(size=N), 0.5 / N + 0.5 * RNG.dirichlet(np.ones(N))
ARMS = Arms(REWARD, BETA, BETA * line(N))


def test_free_energy_is_beta_times_kl():
    pi = softmax(REWARD, BETA)
    gap = free_energy(RHO, REWARD, BETA) - free_energy(pi, REWARD, BETA)
    assert gap == pytest.approx(BETA * kl(RHO, pi), abs=1e-15)
    corner = np.eye(N)[0]
    assert kl(corner, pi) == pytest.approx(-math.log(pi[0]))


def test_log_mean():
    assert log_mean(2.0, 2.0) == 2.0
    assert log_mean(1.0, math.e) == pytest.approx(math.e - 1)
    assert log_mean(0.0, 1.0) == 0.0
    x = 1.0 + np.array([1e-12, 1e-6, 0.9e-4, 1.1e-4, 1e-2])  # both sides of the series
    exact = np.where(x < 1 + 1e-5, (1 + x) / 2, (x - 1) / np.log1p(x - 1))
    np.testing.assert_allclose(log_mean(x, 1.0), exact, rtol=1e-11)


def test_gradient_flow_in_the_metric_of_maas_is_linear():
    np.testing.assert_allclose(ARMS.onsager(RHO) @ ARMS.gradient(RHO), -RHO @ ARMS.generator, atol=1e-15)


def test_generator_is_reversible_and_conserves():
    flow = ARMS.pi[:, None] * ARMS.generator
    np.testing.assert_allclose(flow, flow.T, atol=1e-15)
    np.testing.assert_allclose(ARMS.generator.sum(1), 0.0, atol=1e-15)
    assert total_variation(ARMS.flow(np.eye(N)[0], 1e4), softmax(REWARD, BETA)) < 1e-9
    early = ARMS.flow(np.eye(N)[0], 0.1)
    assert early.sum() == pytest.approx(1.0)
    assert (early > 0).all()


def test_two_arms_in_closed_form():
    arms = Arms(np.array([0.2, 0.9]), 0.5, line(2))
    a, b = arms.generator[0, 1], arms.generator[1, 0]
    assert a / b == pytest.approx(math.exp((0.9 - 0.2) / 0.5))
    found = arms.flow(np.array([0.7, 0.3]), 0.4)[1]
    assert found == pytest.approx(a / (a + b) + (0.3 - a / (a + b)) * math.exp(-(a + b) * 0.4))


def test_on_a_fine_grid_the_arms_are_the_fokker_planck_equation():
    ends = []
    for cells in (50, 100):
        solver = FokkerPlanck(double_well(0.1), 0.2, -2.0, 2.0, cells)
        start = solver.gaussian(Gaussian(-0.5, 0.4))
        arms = Arms(-solver.potential, 0.2, 0.2 / solver.width**2 * line(cells))
        end = arms.flow(start * solver.width, 0.5) / solver.width
        ends.append(solver.total_variation(end, solver.evolve(start, 0.5, 1000)))
    assert ends[1] < 1e-3
    assert math.log2(ends[0] / ends[1]) == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize("kind", ["implicit", "jko"])
def test_steps_are_first_order(kind):
    step = ARMS.implicit_euler_step if kind == "implicit" else lambda rho, h: ARMS.jko_step(rho, h)[0]
    end, errors = ARMS.flow(RHO, 1.0), []
    for n in (16, 32, 64):
        rho = RHO
        for _ in range(n):
            rho = step(rho, 1 / n)
        errors.append(total_variation(rho, end))
    assert np.log2(np.divide(errors[:-1], errors[1:])) == pytest.approx([1.0, 1.0], abs=0.06)


def test_jko_step_minimises_and_dissipates():
    new, length = ARMS.jko_step(RHO, 0.3)
    metric = np.linalg.pinv(ARMS.onsager(RHO), hermitian=True)

    def penalised(rho):
        return free_energy(rho, REWARD, BETA) + (rho - RHO) @ metric @ (rho - RHO) / 0.6

    assert length == pytest.approx(math.sqrt((new - RHO) @ metric @ (new - RHO)))
    assert penalised(new) < free_energy(RHO, REWARD, BETA)
    directions = np.random.default_rng(0).normal(size=(20, N))
    for d in directions - directions.mean(1, keepdims=True):
        assert penalised(new + 1e-4 * d) > penalised(new)


def test_trust_region_step():
    new, h = ARMS.trust_region_step(RHO, 0.05)
    np.testing.assert_allclose(new, ARMS.jko_step(RHO, h)[0])
    assert ARMS.jko_step(RHO, h)[1] == pytest.approx(0.05, rel=1e-8)
    end, endless = ARMS.trust_region_step(RHO, 100.0)
    assert endless == math.inf
    assert total_variation(end, ARMS.pi) < 1e-5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Arms(REWARD, 0.0, line(N)), "beta must be above zero"),
        (lambda: Arms(np.array([0.0, math.nan]), 0.1, line(2)), "rewards must be"),
        (lambda: Arms(REWARD, 0.1, line(N + 1)), "conductances must be"),
        (lambda: Arms(REWARD, 0.1, -line(N)), "conductances must be"),
        (lambda: Arms(REWARD, 0.1, np.zeros((N, N))), "not connected"),
        (lambda: ARMS.flow(np.ones(N), 1.0), "probabilities that add to one"),
        (lambda: ARMS.jko_step(np.eye(N)[0], 0.1), "mass on every arm"),
        (lambda: ARMS.jko_step(RHO, -1.0), "h must be above zero"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
