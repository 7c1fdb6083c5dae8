"""The thirty MiniGrid levels: they exist, they are drawn by the law, and a copy's stream is its own."""

import importlib

import numpy as np
import pytest

from replications.papers.zipfian_environments import levels
from replications.papers.zipfian_environments.levels import LEVELS, Copies, bag_of_words, minigrid
from replications.papers.zipfian_environments.method import split
from replications.study import UserError

UNIFORM = split("uniform", len(LEVELS))


def test_thirty_different_levels_can_be_made_and_fit_the_encoding():
    pytest.importorskip("minigrid")
    assert len(set(LEVELS)) == 30
    seen = Copies(UNIFORM, range(30)).begin(0, list(range(30)))
    assert seen.cells.shape == (30, 7, 7, 3)
    assert (seen.cells.reshape(-1, 3).max(0) < levels.PARTS).all()
    assert seen.words.any(1).all()
    assert seen.level.tolist() == list(range(30))


def test_levels_are_drawn_by_the_law_and_episodes_follow_one_another():
    pytest.importorskip("minigrid")
    law = np.zeros(30)
    law[[0, 1]] = 0.75, 0.25
    copies, rng = Copies(law, range(8)), np.random.default_rng(0)
    copies.begin(3)
    played = []
    for _ in range(220):
        seen = copies.step(rng.integers(0, 3, size=8))
        assert ((seen.reward > 0) <= seen.over).all()
        played += seen.level[seen.over].tolist()
    assert set(played) == {0, 1}
    assert 0.5 < np.mean(np.array(played) == 0) < 0.95


def test_a_copys_stream_does_not_depend_on_who_steps_it():
    pytest.importorskip("minigrid")
    together, later = Copies(UNIFORM, range(4)), Copies(UNIFORM, range(2, 4))
    one, two = together.begin(9), later.begin(9)
    for _ in range(20):
        assert np.array_equal(one.cells[2:], two.cells)
        assert one.level[2:].tolist() == two.level.tolist()
        one, two = together.step(np.array([2, 1, 2, 2])), later.step(np.array([2, 2]))


def test_the_bag_of_words_knows_words_and_not_their_order():
    assert np.array_equal(bag_of_words("go to the Red ball"), bag_of_words("to go, the ball red"))
    assert not np.array_equal(bag_of_words("the red ball"), bag_of_words("the green key"))


def test_without_minigrid_one_line_says_what_to_install(monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(UserError, match=r"needs MiniGrid: pip install '\.\[worlds\]'"):
        minigrid()


@pytest.mark.parametrize(
    "call",
    [
        lambda: Copies(split("uniform", 29), range(2)),
        lambda: Copies(UNIFORM, range(2)).step(np.array([0, 7])),
        lambda: Copies(UNIFORM, range(2)).step(np.array([0])),
    ],
)
def test_mistakes_are_one_line(call):
    pytest.importorskip("minigrid")
    with pytest.raises(UserError):
        call()
