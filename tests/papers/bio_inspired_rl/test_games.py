"""Games: the same actions give the same game, Atari's preprocessing, and mistakes that are named."""

import sys

import numpy as np
import pytest

from replications.papers.bio_inspired_rl import games
from replications.papers.bio_inspired_rl.games import Atari, MinAtar, area_weights, make_game
from replications.papers.bio_inspired_rl.published import ACTIONS
from replications.papers.bio_inspired_rl.study import MINATAR
from replications.study import UserError


def played(game, seed, steps, **fields):
    made = make_game(game, seed, **({"limit": 1000} | fields))
    rng = np.random.default_rng(7)
    frames = [made.reset()]
    steps = [made.step(int(rng.integers(len(made.actions)))) for _ in range(steps)]
    return np.stack(frames + [s.frame for s in steps]), steps


@pytest.mark.parametrize("game", ["breakout", "space_invaders", "atari/krull"])
def test_a_game_is_a_function_of_seed_and_actions(game):
    steps = 200 if "/" not in game else 40
    one, again, other = (played(game, seed, steps)[0] for seed in (2**62 + 5, 2**62 + 5, 6))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(("game", "planes"), [(name, row[0]) for name, row in MINATAR.items()])
def test_minatar_frames_and_actions(game, planes):
    made = MinAtar(game, 0, 100)
    assert made.reset().shape == (planes, 10, 10)
    assert made.reset().dtype == np.uint8
    assert len(made.actions) == MINATAR[game][1]
    assert len(MinAtar(game, 0, 100, full_actions=True).actions) == 6


def test_an_episode_that_reaches_its_limit_is_over_and_begins_anew():
    _, steps = played("space_invaders", 0, 25, limit=10)
    assert [index for index, step in enumerate(steps) if step.over][:2] == [9, 19]


def test_atari_frames_are_grey_squares_and_a_lost_life_is_terminal():
    frames, steps = played("atari/breakout", 3, 250)
    assert frames.shape[1:] == (1, 84, 84)
    assert frames.dtype == np.uint8
    assert frames.max() > 100
    lost = [step for step in steps if step.terminal]
    assert lost
    assert not lost[0].over  # Breakout has five lives


def test_minimal_action_sets_of_all_games():
    assert len(ACTIONS) == 26
    for game, actions in ACTIONS.items():
        assert len(Atari(game, 0, 100).actions) == actions, game
    assert len(Atari("freeway", 0, 100, full_actions=True).actions) == 18


@pytest.mark.parametrize(("old", "new"), [(210, 84), (160, 84), (8, 4), (5, 3)])
def test_area_resize_is_a_mean_of_what_each_pixel_covers(old, new):
    weights = area_weights(old, new)
    assert np.allclose(weights.sum(1), 1)
    fine = np.repeat(np.arange(old, dtype=float), new).reshape(new, old).mean(1)  # the same on a common grid
    assert np.allclose(weights @ np.arange(old), fine, atol=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_game("pong", 0, 10), "unknown MinAtar game 'pong': choose from breakout"),
        (lambda: make_game("atari/tetris3d", 0, 10), "no ROM for the Atari game 'tetris3d'"),
        (lambda: make_game("breakout", 0, 10).step(3), "action 3: this game has actions 0 to 2"),
        (lambda: make_game("atari/freeway", 0, 10).step(-1), "action -1: this game has actions 0 to 2"),
    ],
)
def test_mistakes_are_one_line(make, message):
    with pytest.raises(UserError, match=message) as error:
        make()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("package", "game"), [("minatar", "breakout"), ("ale_py", "atari/krull")])
def test_a_missing_package_names_the_extra(package, game, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=r"pip install '\.\[atari\]'"):
        make_game(game, 0, 10)


def test_a_rom_that_is_missing_on_disk_is_named(monkeypatch, tmp_path):
    from ale_py import roms

    monkeypatch.setattr(roms, "get_rom_path", lambda game: tmp_path / f"{game}.bin")
    with pytest.raises(UserError, match="no ROM for the Atari game 'krull'"):
        games.make_game("atari/krull", 0, 10)
