"""Small runs of the experiments on arms."""

import numpy as np
import pytest
import torch

from replications.papers.wasserstein_rl.arm_experiments import draw_arms, draw_policy, relaxation_time, static_cost
from replications.papers.wasserstein_rl.arms import total_variation
from replications.papers.wasserstein_rl.study import Config, run
from replications.study import Context

CPU = torch.device("cpu")


def test_draws_are_bandits():
    rng = np.random.default_rng(0)
    rho = draw_policy(rng, 5)
    assert rho.sum() == pytest.approx(1.0)
    assert rho.min() >= 0.1
    bandit = draw_arms(rng, 5)
    assert total_variation(bandit.flow(rho, 30 * relaxation_time(bandit)), bandit.pi) < 1e-10
    assert total_variation(bandit.flow(rho, 0.1 * relaxation_time(bandit)), bandit.pi) > 1e-3


def test_static_cost_finds_the_predicted_threshold():
    rng = np.random.default_rng(1)
    scalars, curve = static_cost(draw_arms(rng, 4), draw_policy(rng, 4))
    assert scalars["threshold_ratio"] == pytest.approx(1.0, abs=1e-3)
    assert scalars["pinned_moved"] == 0.0
    assert scalars["freed_moved"] > 0
    assert list(curve.y) == sorted(curve.y)


def test_arms_run():
    config = Config("arms", steps=(8, 16), arm_radii=(0.1, 0.05), arms=4, states=2)
    outcome = run(config, Context(0, CPU))
    found = outcome.scalars
    assert found["implicit_order"] == pytest.approx(1.0, abs=0.1)
    assert found["maas_identity"] < 1e-14
    assert found["stationary_tv"] < 1e-8
    assert found["fisher_rao_tv"] < 1e-8
    assert found["fisher_rao_reach"] == 0.0 < found["wasserstein_reach"]
    assert outcome.arrays["wasserstein"].shape == outcome.arrays["fisher_rao"].shape


def test_entropic_run():
    pytest.importorskip("ot")
    found = run(Config("entropic", epsilons=(0.1, 0.05), grid=81), Context(0, CPU)).scalars
    assert found["entropy_slope"] == pytest.approx(0.5, abs=0.05)
    assert found["kl_slope"] == pytest.approx(-0.5, abs=0.05)
    assert found["closed_form_error"] < 1e-5
