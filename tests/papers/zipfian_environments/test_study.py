import pytest
import torch

from replications.papers.zipfian_environments.study import STUDY, Config, dry_run, run
from replications.study import PROFILES, Context

CPU = torch.device("cpu")


def test_a_run_is_a_function_of_config_and_seed():
    first, again, other = (run(Config(), Context(seed, CPU)).scalars["gap"] for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_reports_what_it_declares(profile):
    for config in STUDY.plan(profile).conditions.values():
        assert "gap of two pairs" in dry_run(config, Context(0, CPU))
    outcome = run(Config(pairs=2), Context(0, CPU))
    STUDY.validate(outcome)
    assert outcome.scalars["gap"] < 1e-14
