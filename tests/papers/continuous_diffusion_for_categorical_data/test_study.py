"""The study runs, declares every metric, repeats itself, and refuses what it does not know."""

from dataclasses import replace

import pytest
import torch

from replications.papers.continuous_diffusion_for_categorical_data import study
from replications.papers.continuous_diffusion_for_categorical_data.config import Config
from replications.papers.continuous_diffusion_for_categorical_data.study import STUDY, run
from replications.study import PROFILES, Context


def context(seed: int = 0) -> Context:
    return Context(seed=seed, device=torch.device("cpu"))


def test_unknown_experiment_is_named():
    with pytest.raises(ValueError, match="unknown experiment 'E9'"):
        run(Config("E9"), context())


@pytest.mark.parametrize("profile", PROFILES[:3])
def test_profiles_hold_the_same_conditions(profile):
    conditions = STUDY.plan(profile).conditions
    assert set(conditions) == set(STUDY.plan("smoke").conditions)
    assert {config.experiment for config in conditions.values()} == set(study.EXPERIMENTS)


def test_arms_differ_in_what_their_names_say():
    conditions = STUDY.plan("laptop").conditions
    base = conditions["chain"]
    assert replace(conditions["chain-uniform"], levels="warped") == base
    assert replace(conditions["chain-no-self"], self_conditioning=True, variants=True) == base
    assert replace(conditions["chain-sigma-1"], sigma=1e-3, variants=True) == base
    assert replace(conditions["chain-d2"], dimension=8, variants=True) == base
    assert replace(conditions["token-mse-free"], loss="cross-entropy", normalised=True) == conditions["token-ce-sphere"]


def test_the_base_model_is_the_papers():
    base = STUDY.plan("paper").conditions["base"]
    assert (base.t_min, base.t_max) == (1.0, 300.0)
    assert (base.width, base.blocks, base.dimension, base.categories, base.length) == (1024, 8, 256, 32_000, 64)
    sweep = STUDY.plan("paper").conditions["d16"]
    assert (sweep.t_min, sweep.t_max) == pytest.approx((0.1, 300.0))


@pytest.mark.slow
def test_dry_run_builds_the_base_model():
    text = STUDY.dry_run(STUDY.plan("paper").conditions["base"], context())
    count = int(text.split()[0].replace(",", ""))
    assert 140e6 < count < 165e6  # 142 million and the layers that the level conditions
    assert "d = 256, V = 32000" in text
