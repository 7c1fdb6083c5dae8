"""The tabular control."""

from dataclasses import replace

import pytest
import torch

from replications.papers.zipfian_environments import exact, table
from replications.papers.zipfian_environments.config import Config
from replications.papers.zipfian_environments.gridworld import Gridworld
from replications.study import Context, UserError

CPU = torch.device("cpu")
TINY = Config(experiment="table", train="zipf_1", frames=4 * 8 * 16, copies=8, looks=2, gamma=0.95)


def test_a_killed_run_ends_as_if_it_had_not_been(same_after_a_kill, monkeypatch):
    monkeypatch.setattr(exact, "HORIZON", 10)
    monkeypatch.setattr(table, "CHUNK", 16)
    same_after_a_kill(table.run, TINY)


def test_one_situation_is_learnt_perfectly_and_the_others_stay_unknown():
    config = replace(TINY, train="zipf_30", frames=120_000, copies=64, epsilon=0.0)
    outcome = table.run(config, Context(0, CPU))
    assert outcome.scalars["success_train"] == pytest.approx(1, abs=1e-6)
    assert outcome.arrays["success"][0, 0] == 1
    assert outcome.scalars["success_uniform"] < 0.2


def test_only_entries_that_were_visited_change():
    values, world, draw = torch.ones(20 * 89 * 20, 8), Gridworld("zipf_30", 16), torch.Generator().manual_seed(0)
    world.reset(draw)
    table.sweep(TINY, values, world, torch.zeros(400), draw)
    changed = (values != 1).any(1).view(20, 89, 20)
    assert changed[0, :, 0].any()
    assert not changed[1:].any()
    assert not changed[:, :, 1:].any()


def test_the_policy_keeps_to_the_order_of_maps_targets_and_places():
    values = torch.zeros(20 * 89 * 20, 8)
    values.view(20, 89, 20, 8)[3, 50, 7, 5] = 1
    policy = table.policy(values, 0.2)
    assert policy.shape == (20, 20, 89, 8)
    assert policy[3, 7, 50].argmax() == 5
    assert policy[3, 7, 50, 5] == pytest.approx(0.8 + 0.2 / 8)


def test_an_impossible_split_is_refused():
    with pytest.raises(UserError, match="no split"):
        table.run(replace(TINY, train="rare"), Context(0, CPU))
