"""The study: its profiles, its dispatch, and the published setting."""

import pytest
import torch

from replications.papers.zipfian_environments import study
from replications.papers.zipfian_environments.config import Config
from replications.papers.zipfian_environments.study import STUDY
from replications.study import Context, UserError


def context():
    return Context(0, torch.device("cpu"))


def test_every_condition_names_an_experiment_and_claims_find_theirs_at_laptop():
    for plan in STUDY.profiles.values():
        assert all(config.experiment in study.EXPERIMENTS for config in plan.conditions.values())
    laptop = set(STUDY.plan("laptop").conditions)
    needed = {
        "mlp_zipf_1",
        "mlp_zipf_2",
        "mlp_uniform",
        "byol",
        "lstm",
        "transformer",
        "replay_priorities",
        "replay_uniform",
        "lift",
        "lift_uniform",
    }
    assert needed <= laptop
    assert {"find_rl", "find_classifier", "levels_forward", "levels_reversed", "levels_uniform"} <= laptop


def test_conditions_differ_in_what_their_names_say_and_agree_in_size():
    conditions = STUDY.plan("laptop").conditions
    plain = conditions["mlp_zipf_1"]
    assert {conditions[name].frames for name in conditions if conditions[name].experiment == "actor_critic"} == {
        plain.frames
    }
    assert conditions["mlp_uniform"].train == "uniform"
    assert conditions["lstm"].memory == "lstm"
    assert [conditions[f"reconstruction_{weight:g}"].reconstruction for weight in study.RECONSTRUCTIONS] == list(
        study.RECONSTRUCTIONS
    )
    assert conditions["replay_priorities"].priorities
    assert not conditions["replay_uniform"].priorities
    assert conditions["lift"].train == "zipf_3"


def test_modified_exponents_never_carry_the_unqualified_name():
    for plan in STUDY.profiles.values():
        for name, config in plan.conditions.items():
            if config.train == "zipf_1" and config.experiment in ("actor_critic", "replay", "table"):
                assert "zipf_1" in name or name in {
                    *(f"reconstruction_{w:g}" for w in study.RECONSTRUCTIONS),
                    "byol",
                    "lstm",
                    "transformer",
                    "replay_priorities",
                    "replay_uniform",
                }


def test_the_published_networks_build():
    conditions = STUDY.plan("paper").conditions
    assert conditions["lstm"].width == 512
    assert conditions["lstm"].unroll == 128
    assert conditions["lstm"].entropy_cost == 9.4e-5
    assert conditions["lstm"].novelty == 0
    assert conditions["transformer"].layers == 4


def test_an_unknown_experiment_is_one_line():
    with pytest.raises(UserError, match="no experiment 'chess'"):
        study.run(Config(experiment="chess"), context())
