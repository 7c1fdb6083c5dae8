"""Groups of games, and workers: the same steps as in this process, and a death that is reported with its seed."""

import os
import signal

import numpy as np
import pytest

from replications.papers.bio_inspired_rl.environments import Environments, Group, Order
from replications.study import UserError


def test_members_and_games_step_side_by_side():
    orders = [Order("breakout", seed, (seed, seed + 10), 100) for seed in (0, 1)]
    with Environments(orders) as games:
        first = games.reset()
        steps = games.step(np.array([[0, 1], [2, 0]]))
    assert first.shape == (2, 2, 4, 10, 10)
    assert steps.rewards.shape == steps.over.shape == steps.terminal.shape == (2, 2)
    alone = Group(orders[1])
    assert np.array_equal(alone.reset(), first[1])
    assert np.array_equal(alone.step([2, 0])[0], steps.frames[1])


def test_workers_play_the_same_game_and_report_who_died():
    orders = [Order("atari/krull", seed, (seed,), 100) for seed in (4, 5)]
    with Environments(orders) as games:
        first = games.reset()
        steps = [games.step(np.array([[a], [a + 1]])) for a in range(5)]
        alone = Group(orders[1])
        assert np.array_equal(alone.reset(), first[1])
        for a, step in enumerate(steps):
            assert np.array_equal(alone.step([a + 1])[0], step.frames[1])
        os.kill(games._workers[1].process.pid, signal.SIGKILL)
        games._workers[1].process.join()
        with pytest.raises(UserError, match=r"the environment of atari/krull, seed 5, died \(exit code -9\)"):
            games.step(np.array([[0], [0]]))
    assert not any(worker.process.is_alive() for worker in games._workers)


def test_a_mistake_in_a_worker_is_told_as_one_line():
    order = Order("atari/nothing", 0, (0,), 100)
    with Environments([order]) as games, pytest.raises(UserError, match="no ROM for the Atari game 'nothing'"):
        games.reset()
