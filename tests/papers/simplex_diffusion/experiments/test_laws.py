"""The experiments on laws: what they report when all is well, and that they can say no."""

import numpy as np
import pytest
import torch

from replications.papers.simplex_diffusion.experiments import Config, laws
from replications.study import Context


def context(seed: int = 0) -> Context:
    return Context(seed=seed, device=torch.device("cpu"))


def test_transition_accepts_the_exact_samplers_and_rejects_four_euler_steps():
    found = laws.transition(Config("transition", 4000, alpha=0.1), context()).scalars
    assert min(found["poisson_gamma_p"], found["chi_square_p"], found["two_steps_p"]) > 1e-3
    assert found["density_error"] < 1e-9
    assert found["score_error"] < 1e-5
    assert max(found["mean_z"], found["variance_z"]) < 4.5
    assert min(found["printed_mean_z"], found["printed_variance_z"]) > 4.5
    assert "squared_ou_p" not in found  # 2α is not whole


def test_stationarity_accepts_dirichlet_and_rejects_the_wrong_noise():
    found = laws.stationarity(Config("stationarity", 4000), context(1)).scalars
    assert min(found["dirichlet_p"], found["gamma_p"], found["sphere_p"]) > 1e-3
    assert max(found["wrong_noise_p"], found["sphere_unsquared_p"]) < 1e-6


def test_ks_can_reject():
    draws = np.random.default_rng(0).gamma(1.0, size=2000)
    assert laws.ks(draws, 0.0, 1.0, 20.0) > 1e-3
    assert laws.ks(draws * 1.2, 0.0, 1.0, 20.0) < 1e-3


def test_sphere_walk_stays_on_the_sphere_and_forgets_its_start():
    u = laws.sphere_walk(3, 2000, np.random.default_rng(0), t=4.0, steps=40)
    np.testing.assert_allclose(np.linalg.norm(u, axis=1), 1)
    assert abs(u[:, 0].mean()) < 0.08
    assert laws.sphere_walk(3, 2000, np.random.default_rng(0), t=0.01, steps=2)[:, 0].mean() == pytest.approx(
        0.99, abs=0.01
    )
