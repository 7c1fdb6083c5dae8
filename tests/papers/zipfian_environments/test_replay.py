"""The replay agent: its buffer, its weights, and its run."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from replications.papers.zipfian_environments import exact, replay
from replications.papers.zipfian_environments.config import Config
from replications.papers.zipfian_environments.gridworld import Gridworld, tables
from replications.papers.zipfian_environments.learning import build
from replications.study import Context, UserError

CPU = torch.device("cpu")
TINY = Config(
    experiment="replay", train="zipf_1", frames=6 * 16 * 4, copies=16, sequence=4, batch=8, capacity=40, width=16, looks=2,
    gamma=0.9, target_update=2, novelty=0.1,
)  # fmt: skip


@pytest.mark.parametrize("priorities", [True, False])
def test_a_killed_run_ends_as_if_it_had_not_been(priorities, same_after_a_kill, monkeypatch):
    monkeypatch.setattr(exact, "HORIZON", 10)
    outcome = same_after_a_kill(replay.run, replace(TINY, priorities=priorities))
    assert outcome.samples == TINY.frames
    assert 0 <= outcome.scalars["success_uniform"] <= 1


def test_the_ring_overwrites_the_oldest_at_the_highest_priority():
    ring = replay.Buffer.empty(5, 2, CPU)
    ring.add(torch.ones(3, 6, 2))
    ring.priority[:3] = torch.tensor([0.2, 4.0, 0.1])
    ring.add(2 * torch.ones(4, 6, 2))
    assert ring.rows[:, 0, 0].tolist() == [2, 2, 1, 2, 2]
    assert ring.priority.tolist() == pytest.approx([4, 4, 0.1, 4, 4])


def test_sequences_are_drawn_by_priority_to_the_exponent_and_only_from_the_filled_part():
    ring = replay.Buffer.empty(10, 2, CPU)
    ring.add(torch.ones(4, 6, 2))
    ring.priority[:4] = torch.tensor([1.0, 2.0, 4.0, 8.0])
    chosen, probability = ring.sample(100_000, 0.5, torch.Generator().manual_seed(0))
    expected = np.array([1, 2, 4, 8]) ** 0.5
    expected /= expected.sum()
    assert np.bincount(chosen.numpy(), minlength=4) / 100_000 == pytest.approx(expected, abs=0.008)
    assert probability[chosen == 2][0].item() == pytest.approx(expected[2])
    even, _ = ring.sample(100_000, 0.0, torch.Generator().manual_seed(0))
    assert np.bincount(even.numpy(), minlength=4) / 100_000 == pytest.approx(np.full(4, 0.25), abs=0.008)


def test_priorities_mix_largest_and_mean_errors_and_weights_undo_the_preference():
    error = torch.tensor([[1.0, 0.0], [-3.0, 2.0]])
    assert replay.sequence_priority(error, 0.9).tolist() == pytest.approx([0.9 * 3 + 0.1 * 2, 0.9 * 2 + 0.1 * 1])
    weights = replay.importance_weights(torch.tensor([0.5, 0.25, 0.25]), 3, 1.0)
    assert weights.tolist() == pytest.approx([0.5, 1.0, 1.0])
    assert replay.importance_weights(torch.tensor([0.9, 0.1]), 2, 0.0).tolist() == [1.0, 1.0]


def test_collected_sequences_are_steps_of_the_world():
    player, env, draw = build(TINY, Context(0, CPU)), Gridworld("uniform", 16), torch.Generator().manual_seed(0)
    env.reset(draw)
    episodes, visits, table = torch.zeros(400), torch.zeros(replay.ENTRIES), tables(CPU)
    rows = torch.stack(
        [replay.collect(TINY, player, env, episodes, visits, draw) for _ in range(20)]
    ).long()  # (20, 16, 6, 4)
    place, situation, action, reward, over, after = rows.unbind(2)
    moved = table.moved[place, action]
    touched = table.touched[moved]
    assert torch.equal(reward == 1, touched == situation % 20)
    assert (over[touched >= 0] == 1).all()
    assert torch.equal(after[over == 0], moved[over == 0])
    assert episodes.sum() == over.sum()
    counted = torch.bincount(replay.entry_of(place, situation, action).flatten(), minlength=replay.ENTRIES)
    assert torch.equal(counted.float(), visits)


def test_the_greedy_policy_is_greedy_but_for_epsilon():
    policy = replay.greedy_policy(build(TINY, Context(0, CPU)), 0.1)
    assert policy.sum(-1).allclose(torch.ones(20, 20, 89, dtype=torch.float64))
    assert policy.max(-1).values.allclose(torch.full((20, 20, 89), 0.9 + 0.1 / 8, dtype=torch.float64))


@pytest.mark.parametrize("change", [{"memory": "lstm"}, {"capacity": 0}, {"train": "rare"}])
def test_mistakes_are_one_line(change):
    with pytest.raises(UserError):
        replay.run(replace(TINY, **change), Context(0, CPU))
