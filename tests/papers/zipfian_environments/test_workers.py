"""Processes that step the levels: the same numbers as without, and a death that names its seed."""

import os
import signal

import numpy as np
import pytest

from replications.papers.zipfian_environments.levels import LEVELS
from replications.papers.zipfian_environments.method import split
from replications.papers.zipfian_environments.workers import Workers
from replications.study import UserError

UNIFORM = split("uniform", len(LEVELS))


def test_processes_change_nothing_and_one_that_dies_is_reported_with_its_seed():
    pytest.importorskip("minigrid")
    with Workers(UNIFORM, 5, 0) as here, Workers(UNIFORM, 5, 2) as there:
        one, two = here.begin(11), there.begin(11)
        for _ in range(10):
            assert all(np.array_equal(a, b) for a, b in zip(one, two))
            actions = np.arange(5) % 3
            one, two = here.step(actions), there.step(actions)
        os.kill(there.processes[1].pid, signal.SIGKILL)
        there.processes[1].join(10)
        with pytest.raises(UserError, match=r"copies 2 to 4 died with exit code -9; its seed was 11") as caught:
            there.step(actions)
        assert "\n" not in str(caught.value)
        assert not any(process.is_alive() for process in there.processes)


def test_evaluation_levels_are_shared_out_in_order():
    pytest.importorskip("minigrid")
    with Workers(UNIFORM, 4, 0) as copies:
        assert copies.begin(0, [5, 6, 7, 8]).level.tolist() == [5, 6, 7, 8]


@pytest.mark.parametrize(("count", "processes"), [(0, 0), (2, 3), (2, -1)])
def test_more_processes_than_copies_are_refused(count, processes):
    with pytest.raises(UserError, match="cannot be shared"):
        Workers(UNIFORM, count, processes)
