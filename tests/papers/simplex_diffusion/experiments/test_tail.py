"""Ranks and cost."""

import numpy as np
import pytest
import torch

from replications.papers.simplex_diffusion.experiments import Config, tail
from replications.study import Context


def context(seed: int = 0) -> Context:
    return Context(seed=seed, device=torch.device("cpu"))


def test_ranks_at_equal_accuracy():
    outcome = tail.ranks(Config("ranks", 20_000, categories=1000), context())
    found = outcome.scalars
    assert found["level_one"] == pytest.approx(0.0716, rel=0.02)
    assert found["level_gaussian"] == pytest.approx(4.602, rel=0.01)
    assert found["lost_sparse"] == pytest.approx(2.4e-2, rel=0.05)
    assert found["mean_rank_one"] == pytest.approx(1.8, abs=0.25)
    assert found["mean_rank_sparse"] > 5 * found["mean_rank_gaussian"]
    assert found["beyond_half_sparse"] == pytest.approx(found["lost_sparse"] / 2, rel=0.25)
    for curve in outcome.curves.values():
        assert np.all(np.diff(curve.y) <= 0)
        assert curve.y[-1] == 0  # no rank beyond V


def test_cost_reports_every_size():
    outcome = tail.cost(Config("cost", 2048, categories=256), context())
    assert list(outcome.curves["half noising"].x) == [4, 16, 64, 256]
    assert outcome.scalars["state_ratio"] == 1
    assert all(value > 0 for curve in outcome.curves.values() for value in curve.y)
