"""Small runs of the experiments on the line."""

import numpy as np
import pytest
import torch
from scipy.special import ndtri

from replications.papers.wasserstein_rl.experiments import draw_well, gaussian, trust_region_errors
from replications.papers.wasserstein_rl.method import QuantileBandit, double_well, levels
from replications.papers.wasserstein_rl.study import Config
from replications.study import Context

CPU = torch.device("cpu")


def test_gaussian_run_meets_the_closed_forms():
    config = Config("gaussian", steps=(16, 32, 64), radii=(0.04, 0.02))
    found = gaussian(config, Context(0, CPU)).scalars
    assert found["order"] == pytest.approx(1.0, abs=0.05)
    assert abs(found["doubled_penalty_order"]) < 0.2
    assert found["trust_order"] == pytest.approx(1.0, abs=0.1)
    for name in ("fixed_point_error", "heat_error", "kl_bound_excess", "contraction_excess", "dissipation_excess"):
        assert found[name] < 1e-12


def test_wells_start_in_the_worse_well():
    for seed in range(5):
        tilt, beta, start = draw_well(np.random.default_rng(seed), coldest=0.25)
        assert tilt * start.mean < 0
        assert 0.25 <= beta <= 0.3


def test_quantile_trust_regions_approach_the_flow():
    config = Config("wells", radii=(0.08, 0.04), trust_curve=50)
    bandit, x = QuantileBandit(double_well(0.1), 0.25), -0.9 + 0.4 * ndtri(levels(50))
    errors = trust_region_errors(config, bandit, x)
    assert 1.5 < errors[0] / errors[1] < 2.5
