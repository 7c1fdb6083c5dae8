"""A histogram of particles against a density, and a small run."""

import pytest
import torch

from replications.papers.wasserstein_rl.fokker_planck import FokkerPlanck
from replications.papers.wasserstein_rl.gaussian import Gaussian
from replications.papers.wasserstein_rl.method import double_well
from replications.papers.wasserstein_rl.particle_experiments import compare, particles
from replications.papers.wasserstein_rl.particles import langevin
from replications.papers.wasserstein_rl.study import Config
from replications.study import Context

CPU = torch.device("cpu")
EDGES = torch.linspace(-2.0, 2.0, 21, dtype=torch.float64)


def test_compare_says_yes_to_the_law_and_no_to_another():
    solver = FokkerPlanck(double_well(), 0.2, -3.0, 3.0, 600)
    actions = 0.3 + 0.5 * torch.randn(20_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    tv, z, share, wanted = compare(actions, solver, solver.gaussian(Gaussian(0.3, 0.5)), EDGES)
    assert share.sum() == pytest.approx(1.0)
    assert wanted.sum() == pytest.approx(1.0)
    assert tv < 0.02
    assert abs(z) < 4
    assert compare(actions, solver, solver.gaussian(Gaussian(0.35, 0.5)), EDGES)[1] > 4


def test_the_error_on_the_way_falls_with_the_step():
    reward, start = double_well(0.1), Gaussian(-0.9, 0.4)
    solver = FokkerPlanck(reward, 0.25, -3.0, 3.0, 600)
    law = solver.evolve(solver.gaussian(start), 0.4, 200)
    excess = []
    for h, steps in ((0.08, 5), (0.01, 40)):
        noise = torch.Generator().manual_seed(0)
        actions = start.mean + start.std * torch.randn(50_000, dtype=torch.float64, generator=noise)
        excess.append(compare(langevin(actions, reward, 0.25, h, steps, noise), solver, law, EDGES)[1])
    assert excess[0] > 10 > 4 > excess[1]


def test_particles_run():
    config = Config("particles", particles=20_000, langevin_steps=20, cells=200, solver_steps=100)
    found = particles(config, Context(0, CPU)).scalars
    assert found["variance_ratio"] == pytest.approx(1.0, abs=0.05)
    assert found["halved_noise_ratio"] == pytest.approx(0.5, abs=0.03)
    assert found["no_noise_ratio"] < 1e-6
    assert found["uncorrected_ratio"] > 1.05
    assert found["transient_z"] < 4
    assert found["stationary_z"] > 10  # not settled after 0.6 units of time: the test can say no
