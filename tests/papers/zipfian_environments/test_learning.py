"""The actor-critic run: resumable to the bit, exact in its evaluation, able to learn, and plain about mistakes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from replications.papers.zipfian_environments import exact, learning
from replications.papers.zipfian_environments.config import Config
from replications.papers.zipfian_environments.networks import Agent
from replications.study import Context, UserError

CPU = torch.device("cpu")
TINY = Config(
    train="zipf_1", frames=5 * 32 * 4, copies=32, unroll=4, minibatches=2, width=16, looks=2, rollouts=1, window=3,
    attention_heads=2,
)  # fmt: skip


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    """An evaluation of 10 steps in place of 100."""
    monkeypatch.setattr(learning, "HORIZON", 10)
    monkeypatch.setattr(exact, "HORIZON", 10)


@pytest.mark.parametrize(
    "change",
    [
        {"reconstruction": 1.0, "byol": 1.0, "auxiliary_share": 2},
        {"memory": "lstm"},
        {"memory": "transformer"},
        {"novelty": 0.1, "passes": 2},
    ],
    ids=str,
)
def test_a_killed_run_ends_as_if_it_had_not_been(change, same_after_a_kill):
    outcome = same_after_a_kill(learning.run, replace(TINY, **change))
    assert outcome.samples == TINY.frames
    assert outcome.arrays["success"].shape == (20, 20)
    assert outcome.arrays["episodes"].sum() == outcome.scalars["episodes"] > 0
    assert len(outcome.curves["uniform"].x) == 3


def test_seeds_differ():
    one, two = (learning.run(TINY, Context(seed, CPU)).arrays["success"] for seed in (0, 1))
    assert not np.array_equal(one, two)


def test_sampled_evaluation_of_a_memory_agrees_with_the_exact_one():
    config = replace(TINY, memory="mlp")
    player = learning.build(config, Context(0, CPU))
    expected = player.success(1, torch.Generator())
    player.config = replace(config, memory="lstm")  # takes the sampling path with the same network
    sampled = player.success(40, torch.Generator().manual_seed(0))
    assert sampled.mean() == pytest.approx(expected.mean(), abs=4 * (expected.mean() / 16_000) ** 0.5)


def test_actions_are_sampled_by_their_probabilities():
    logits = torch.tensor([0.0, 1.0, -1.0, 2.0]).repeat(100_000, 1)
    counts = torch.bincount(learning.sample(logits, torch.Generator().manual_seed(0)), minlength=4) / 100_000
    assert counts.tolist() == pytest.approx(logits[0].softmax(0).tolist(), abs=0.006)


def test_auxiliary_losses_reach_the_encoder_and_the_target_network_does_not_learn():
    config = replace(TINY, reconstruction=1.0, byol=1.0)
    context = Context(0, CPU)
    player, target = learning.build(config, context), learning.build(config, context).net
    place, situation = torch.zeros(4, 8, dtype=torch.int64) + 5, torch.arange(32).view(4, 8)
    x, h, *_ = player.segment(place, situation, torch.zeros(4, 8, dtype=torch.bool), ())
    learning.auxiliary(config, player, target, x, h, place, situation, 0).backward()
    assert isinstance(player.net, Agent)
    for part in (player.net.encoder.view, player.net.decoder, player.net.projector[0], player.net.predictor[0]):
        assert part.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in target.parameters())


def test_it_learns_one_situation_that_it_sees_often(monkeypatch):
    monkeypatch.setattr(exact, "HORIZON", 100)
    config = replace(
        TINY,
        train="zipf_30",
        frames=150_000,
        copies=64,
        unroll=16,
        width=32,
        lr=3e-3,
        entropy_cost=0.003,
        gamma=0.95,
        novelty=0.2,
    )
    outcome = learning.run(config, Context(0, CPU))
    assert outcome.curves["train"].y[0] < 0.1
    assert outcome.scalars["success_train"] > 0.5
    assert outcome.scalars["rare_episodes"] == 0


def test_the_reward_for_novelty_is_paid_in_training_only():
    plain, curious = (learning.run(replace(TINY, novelty=c), Context(0, CPU)) for c in (0.0, 5.0))
    assert plain.curves["uniform"].y[0] == curious.curves["uniform"].y[0]
    assert curious.scalars["success_uniform"] <= 1
    assert not np.array_equal(plain.arrays["success"], curious.arrays["success"])


def test_a_loss_that_is_not_finite_is_named():
    with pytest.raises(FloatingPointError, match="seed 0: the loss is not finite before update"):
        learning.run(replace(TINY, lr=float("inf")), Context(0, CPU))


@pytest.mark.parametrize("change", [{"train": "rare"}, {"memory": "gru"}])
def test_mistakes_are_one_line(change):
    with pytest.raises(UserError):
        learning.run(replace(TINY, **change), Context(0, CPU))
