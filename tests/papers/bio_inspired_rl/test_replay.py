"""Replay: stacks, returns and priorities against a plain list of steps."""

import numpy as np
import pytest
import torch

from replications.papers.bio_inspired_rl.replay import Memory
from replications.study import UserError

CPU = torch.device("cpu")


def filled(members=2, steps=40, stack=3, seed=0):
    """A memory, and what was put into it."""
    rng = np.random.default_rng(seed)
    memory = Memory(members, steps, (1, 2, 2), torch.uint8, stack, 0.5, CPU)
    frames = rng.integers(0, 255, size=(members, steps + 1, 1, 2, 2)).astype(np.uint8)
    over = rng.random((members, steps)) < 0.15
    terminal = over | (rng.random((members, steps)) < 0.1)
    rewards = rng.normal(size=(members, steps)).astype(np.float32)
    actions = rng.integers(0, 4, size=(members, steps))
    memory.begin(torch.tensor(frames[:, 0]))
    for t in range(steps):
        memory.add(*(torch.tensor(x[:, t]) for x in (actions, rewards, terminal, over)), torch.tensor(frames[:, t + 1]))
    return memory, frames, actions, rewards, terminal, over


def slow_stack(frames, over, member, slot, stack):
    """Frames from newest to oldest, blank beyond the start of the episode."""
    rows, t, begun = [], slot, False
    for _ in range(stack):
        rows.append(np.zeros((1, 2, 2)) if begun or t < 0 else frames[member, t] * 0.5)
        begun = begun or t <= 0 or over[member, t - 1]
        t -= 1
    return np.concatenate(rows[::-1])


@pytest.mark.parametrize("stack", [1, 3])
def test_observations_are_stacks_within_an_episode(stack):
    memory, frames, _, _, _, over = filled(stack=stack)
    rows = torch.arange(41).repeat(2, 1)
    found = memory.observations(rows)
    for member in (0, 1):
        for slot in range(41):
            expected = slow_stack(frames, over, member, slot, stack)
            assert np.allclose(found[member, slot], expected)


def test_samples_are_n_step_transitions():
    memory, _, actions, rewards, terminal, _ = filled()
    batch = memory.sample(torch.rand(2, 64, generator=torch.Generator().manual_seed(1)), 3, 0.9, 0.5)
    assert batch.rows.max() <= 40 - 3
    for member in (0, 1):
        for k, row in enumerate(batch.rows[member].tolist()):
            total, discount = 0.0, 1.0
            for step in range(row, row + 3):
                total += discount * rewards[member, step]
                discount *= 0.9
                if terminal[member, step]:
                    discount = 0.0
                    break
            assert batch.returns[member, k] == pytest.approx(total, abs=1e-5)
            assert batch.discounts[member, k] == pytest.approx(discount)
            assert batch.actions[member, k] == actions[member, row]
    assert torch.equal(batch.following, memory.observations(batch.rows + 3))


def test_transitions_are_drawn_in_proportion_to_their_priority():
    memory, *_ = filled(members=1)
    rows = torch.arange(38)[None]
    memory.prioritise(rows, (rows + 1.0) ** 2, 0.5)  # priority |error|^½: proportional to the row
    draws = torch.rand(1, 50_000, generator=torch.Generator().manual_seed(2))
    batch = memory.sample(draws, 3, 0.9, 1.0)
    counts = torch.bincount(batch.rows[0], minlength=38) / 50_000
    expected = torch.arange(1, 39) / torch.arange(1, 39).sum()
    assert torch.allclose(counts, expected, atol=2e-3)  # stratified: far below binomial noise
    # β = 1: weights undo the preference exactly, up to the largest
    assert torch.allclose(batch.weights * (batch.rows + 1), batch.weights.max() * (batch.rows.min() + 1.0), rtol=1e-3)


def test_new_transitions_take_the_largest_priority():
    memory, *_ = filled(members=2, steps=10)
    assert torch.equal(memory.priorities, torch.ones(2, 10))
    memory.prioritise(torch.tensor([[1], [2]]), torch.tensor([[16.0], [0.25]]), 0.5)
    assert memory.most.tolist() == pytest.approx([4.0, 1.0])


def test_a_memory_above_two_gigabytes_is_refused():
    with pytest.raises(UserError, match=r"replay memory of 2\.8 GB a run, above 2"):
        Memory(1, 400_000, (1, 84, 84), torch.uint8, 4, 1.0, CPU)


def test_the_published_setting_fits_in_two_gigabytes():
    memory = 100_001 * 84 * 84 / 1e9
    assert memory < 2
