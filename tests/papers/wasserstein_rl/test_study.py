"""The study: profiles, small runs, and a clear word to an unknown experiment."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from replications.papers.wasserstein_rl.study import EXPERIMENTS, STUDY, Config, dry_run, run
from replications.study import PROFILES, Context

CPU = torch.device("cpu")
SMALL = {
    "gaussian": Config("gaussian", steps=(8, 16), radii=(0.08, 0.04)),
    "wells": Config(
        "wells", steps=(4, 8, 16), radii=(0.08, 0.04), quantiles=1600, trust_quantiles=50, trust_curve=50, cells=400,
        solver_steps=200, frames=5,
    ),
    "particles": Config("particles", particles=2000, langevin_steps=20, cells=200, solver_steps=100),
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_a_run_is_a_function_of_config_and_seed(name):
    one, again, other = (run(SMALL[name], Context(seed, CPU)) for seed in (0, 0, 1))
    STUDY.validate(one)
    assert one.scalars == again.scalars
    assert one.scalars != other.scalars


def test_wells_run_is_first_order_and_settles():
    outcome = run(SMALL["wells"], Context(0, CPU))
    assert outcome.scalars["order"] == pytest.approx(1.0, abs=0.2)
    assert abs(outcome.scalars["doubled_penalty_order"]) < 0.2
    assert outcome.scalars["stationary_tv"] < 1e-8
    assert outcome.scalars["dissipation_excess"] < 1e-10
    assert outcome.scalars["wrong_drift_concentration"] < 0 < outcome.scalars["concentration"]
    assert outcome.arrays["frames"].shape == (5, len(outcome.arrays["actions"]))
    assert outcome.arrays["frames"].dtype == "float32"


def test_the_free_energy_of_a_recorded_path_falls():
    energy = run(SMALL["wells"], Context(0, CPU)).curves["energy"].y
    assert all(after < before for before, after in pairwise(energy))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_has_every_experiment(profile):
    plan = STUDY.plan(profile)
    assert [config.experiment for config in plan.conditions.values()] == list(EXPERIMENTS)
    assert plan.seeds >= 3 or profile == "smoke"


def test_dry_run_says_what_it_did():
    assert "8 and 16 JKO steps" in dry_run(replace(SMALL["gaussian"], steps=(8, 16, 32)), Context(0, CPU))


def test_an_unknown_experiment_is_named():
    with pytest.raises(ValueError, match="unknown experiment 'chess': choose from gaussian"):
        run(Config("chess"), Context(0, CPU))
