"""Steps a second on one core, observations consumed; printed, with floors far below what was measured."""

import time
from dataclasses import replace

import torch

from replications.papers.zipfian_environments import exact, learning
from replications.papers.zipfian_environments.config import Config
from replications.papers.zipfian_environments.gridworld import Gridworld
from replications.papers.zipfian_environments.maps import world
from replications.study import Context

BATCH = 1024
TRAINING = Config(train="zipf_2", frames=200_000, looks=1, gamma=0.95, entropy_cost=3e-3, novelty=0.1)


def test_a_million_steps_a_second_with_their_observations():
    assert world().shortest().mean() == 10.275  # the right world first
    draw = torch.Generator().manual_seed(0)
    env = Gridworld("zipf_2", BATCH)
    env.reset(draw)
    actions = torch.randint(8, (64, BATCH), generator=draw)
    best = 0.0
    for _ in range(5):
        start, seen = time.process_time(), 0
        for action in actions.repeat(4, 1):
            env.step(action, draw)
            seen += int(env.observation().sum())
        best = max(best, 256 * BATCH / (time.process_time() - start))
        assert seen > 0
    print(f"\ngridworld, symbolic, batch {BATCH}: {best:,.0f} steps/s")
    assert best >= 1e6


def test_twenty_thousand_steps_a_second_of_training(monkeypatch):
    monkeypatch.setattr(exact, "HORIZON", 1)  # training alone
    learning.run(replace(TRAINING, frames=20_000), Context(0, torch.device("cpu")))
    start = time.process_time()
    outcome = learning.run(TRAINING, Context(0, torch.device("cpu")))
    rate = outcome.samples / (time.process_time() - start)
    print(f"\ntraining without memory: {rate:,.0f} steps/s")
    assert rate >= 2e4
