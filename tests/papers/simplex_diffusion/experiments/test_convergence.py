"""Orders and boundary experiments."""

import numpy as np
import pytest
import torch

from replications.papers.simplex_diffusion.experiments import Config, convergence
from replications.study import Context


def context(seed: int = 0) -> Context:
    return Context(seed=seed, device=torch.device("cpu"))


def test_orders_of_the_squared_sums_and_full_truncation():
    outcome = convergence.orders(Config("orders", 500, alpha=1.0, paths=300, depth=4), context())
    assert outcome.scalars["strong_order_squared_ou"] == pytest.approx(1.0, abs=0.15)
    assert outcome.scalars["strong_order_full_truncation"] == pytest.approx(0.5, abs=0.15)
    assert "strong implicit" in outcome.curves


def test_schemes_that_are_not_defined_are_left_out():
    outcome = convergence.orders(Config("orders", 64, alpha=0.3, paths=16, depth=3), context())
    assert not any("implicit" in name or "squared" in name for name in (*outcome.scalars, *outcome.curves))


def test_boundary_atoms_and_drift():
    found = convergence.boundary(Config("boundary", 2000, alpha=0.5), context()).scalars
    assert found["zeros_exact"] == 0
    assert found["zeros_full_truncation"] > 0.05
    assert found["drift_reflection"] > 3 * found["drift_exact"]


def test_paths_touch_zero_only_below_alpha_one():
    rng = np.random.default_rng(0)
    assert convergence.touches(0.5, 8, 500, rng) > 0.1
    assert convergence.touches(3.0, 8, 500, rng) == 0


def test_score_matching_target_has_no_mean_below_alpha_one():
    rng = np.random.default_rng(0)
    counts = 2 ** np.arange(6, 17)
    growth = {a: convergence.target_growth(a, counts, rng) for a in (0.5, 1.0, 2.0)}
    assert convergence.slope(counts, growth[0.5]) == pytest.approx(1.0, abs=0.35)  # n^{1/α - 1}
    assert abs(convergence.slope(counts, growth[1.0])) < 0.05
    assert abs(convergence.slope(counts, growth[2.0])) < 0.1
