"""The solver that the JKO scheme is measured against, itself measured against closed forms."""

import numpy as np
import pytest
from scipy.linalg import expm

from replications.papers.wasserstein_rl.fokker_planck import FokkerPlanck
from replications.papers.wasserstein_rl.gaussian import Gaussian, QuadraticBandit
from replications.papers.wasserstein_rl.method import Reward, double_well, levels, quadratic

WELL = FokkerPlanck(double_well(0.1), 0.2, -3.0, 3.0, 200)


def test_mass_is_kept_and_density_stays_positive():
    density = WELL.evolve(WELL.gaussian(Gaussian(0.9, 0.35)), 1.0, 200)
    assert density.sum() * WELL.width == pytest.approx(1.0, abs=1e-12)
    assert (density > 0).all()


def test_the_gibbs_law_is_stationary_to_rounding():
    assert np.abs(WELL.rate(WELL.gibbs())).max() < 1e-11
    late = WELL.evolve(WELL.gaussian(Gaussian(-0.9, 0.35)), 400.0, 4000)
    assert WELL.total_variation(late, WELL.gibbs()) < 1e-8


def test_time_stepping_against_the_matrix_exponential():
    density = WELL.gaussian(Gaussian(0.9, 0.35))
    exact = expm(0.5 * WELL.dense()) @ density
    errors = [WELL.total_variation(WELL.evolve(density, 0.5, n), exact) for n in (50, 100, 200)]
    assert errors[-1] < 1e-5
    assert np.log2(np.divide(errors[:-1], errors[1:])) == pytest.approx([2.0, 2.0], abs=0.15)


def test_second_order_in_space_on_ornstein_uhlenbeck():
    bandit, start = QuadraticBandit(1.0, 0.5, 0.3), Gaussian(-1.0, 0.8)
    end = bandit.flow(start, 1.0)
    errors = []
    for cells in (51, 101, 201):
        solver = FokkerPlanck(quadratic(1.0, 0.5), 0.3, -6.0, 6.0, cells)
        density = solver.evolve(solver.gaussian(start), 1.0, 2000)
        errors.append(abs(density - solver.gaussian(end)).mean())
    assert np.log2(np.divide(errors[:-1], errors[1:])) == pytest.approx([2.0, 2.0], abs=0.15)


def test_free_energy_falls_along_the_flow():
    frames = list(WELL.snapshots(WELL.gaussian(Gaussian(0.9, 0.35)), [0.0, 0.01, 0.1, 0.5, 2.0, 10.0], 0.005))
    energies = [WELL.free_energy(frame) for frame in frames]
    assert (np.diff(energies) < 0).all()
    assert energies[-1] > WELL.free_energy(WELL.gibbs())


def test_dissipation_is_the_squared_slope():
    solver = FokkerPlanck(double_well(0.1), 0.2, -3.0, 3.0, 2000)
    density = solver.gaussian(Gaussian(0.5, 0.4))
    inside = density > 1e-12
    change = ((solver.potential + 0.2 * np.log(np.where(inside, density, 1.0))) * solver.rate(density))[inside].sum()
    slope = double_well(0.1).slope(solver.centres) + 0.2 * (solver.centres - 0.5) / 0.4**2
    assert change * solver.width == pytest.approx(-(density * slope**2).sum() * solver.width, rel=1e-3)


def test_linear_reward_translates_and_spreads():
    solver = FokkerPlanck(Reward((0.0, 0.7)), 0.2, -8.0, 8.0, 800)
    density = solver.evolve(solver.gaussian(Gaussian(-1.0, 0.5)), 2.0, 1000)
    mean = (density * solver.centres).sum() * solver.width
    variance = (density * (solver.centres - mean) ** 2).sum() * solver.width
    assert mean == pytest.approx(-1.0 + 0.7 * 2.0, abs=1e-3)
    assert variance == pytest.approx(0.5**2 + 2 * 0.2 * 2.0, rel=1e-3)


def test_flat_reward_is_the_heat_equation():
    solver = FokkerPlanck(Reward((3.0,)), 0.2, -8.0, 8.0, 800)
    density = solver.evolve(solver.gaussian(Gaussian(0.0, 0.5)), 1.0, 500)
    np.testing.assert_allclose(density, solver.gaussian(Gaussian(0.0, 0.65**0.5)), atol=1e-4)


def test_quantiles_and_masses():
    at = levels(99)
    found = WELL.quantiles(WELL.gaussian(Gaussian(0.2, 0.5)), at)
    from scipy.special import ndtri

    np.testing.assert_allclose(found, 0.2 + 0.5 * ndtri(at), atol=1e-3)
    assert WELL.mass(WELL.gibbs(), -3.0, 3.0) == pytest.approx(1.0)
    assert WELL.mass(WELL.gibbs(), 0.0, 3.0) > 0.5  # the better well
    assert WELL.mass(WELL.gibbs(), 0.0, 0.01) == pytest.approx(0.01 * WELL.gibbs()[100])


def test_expected_reward_of_the_gibbs_law_beats_that_of_the_start():
    assert WELL.expected_reward(WELL.gibbs()) > WELL.expected_reward(WELL.gaussian(Gaussian(-1.5, 0.6)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FokkerPlanck(double_well(), 0.2, 1.0, -1.0, 100), "is empty"),
        (lambda: FokkerPlanck(double_well(), 0.2, -1.0, 1.0, 2), "is empty"),
        (lambda: FokkerPlanck(double_well(), 0.0, -1.0, 1.0, 100), "beta must be above zero"),
        (lambda: WELL.evolve(WELL.gibbs(), 1.0, 0), "steps must be above zero"),
        (lambda: WELL.evolve(WELL.gibbs()[1:], 1.0, 5), "density has"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
