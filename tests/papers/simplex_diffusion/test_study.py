"""The study runs, declares every metric, repeats itself, and refuses what it does not know."""

import numpy as np
import pytest
import torch

from replications.papers.simplex_diffusion.experiments import Config
from replications.papers.simplex_diffusion.study import STUDY, run
from replications.study import Context

SMALL = {
    "transition": Config("transition", 500, alpha=0.5),
    "stationarity": Config("stationarity", 500),
    "orders": Config("orders", 500, alpha=2.0, paths=64, depth=4),
    "boundary": Config("boundary", 400, alpha=1.0),
    "reversal": Config("reversal", 200, steps=(4,)),
    "all grids": Config("reversal", 64, steps=(4,), all_grids=True),
    "likelihood": Config("likelihood", 300),
    "sequences": Config("sequences", 8, categories=4, length=5, steps=(3,)),
    "ranks": Config("ranks", 2000, categories=27),
    "cost": Config("cost", 1024, categories=64),
    "training": Config("training", 6, categories=4, length=5, updates=3, batch=4, width=16),
    "gaussian": Config("training", 6, categories=4, length=5, updates=3, batch=4, width=16, process="gaussian"),
    "score": Config("training", 6, categories=4, length=5, updates=3, batch=4, width=16, loss="free score"),
}


def context(seed: int = 0) -> Context:
    return Context(seed=seed, device=torch.device("cpu"))


@pytest.mark.parametrize("name", SMALL)
def test_experiments_report_declared_finite_numbers(name):
    outcome = run(SMALL[name], context())
    STUDY.validate(outcome)
    assert outcome.scalars
    assert all(np.isfinite(value) for value in outcome.scalars.values())
    for curve in outcome.curves.values():
        assert np.all(np.isfinite(curve.y))


@pytest.mark.parametrize("name", ["transition", "reversal"])
def test_equal_seeds_give_equal_numbers(name):
    first, second, other = (run(SMALL[name], context(seed)).scalars for seed in (3, 3, 4))
    assert first == second
    assert first != other


def test_unknown_experiment_is_named():
    with pytest.raises(ValueError, match="unknown experiment 'S1'"):
        run(Config("S1", 1), context())


def test_profiles_hold_what_the_claims_read():
    for profile in ("laptop", "gpu", "paper"):
        assert STUDY.plan(profile).seeds >= 3
        assert set(STUDY.plan("smoke").conditions) <= set(STUDY.plan(profile).conditions)


def test_dry_run_builds_the_large_network():
    assert "Transformer of width 256" in STUDY.dry_run(STUDY.plan("paper").conditions["law-1"], context())
