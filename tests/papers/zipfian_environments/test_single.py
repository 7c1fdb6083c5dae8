"""The gridworld for people, by Gymnasium's own checks."""

import importlib
import os

import numpy as np
import pytest

from replications.papers.zipfian_environments import single
from replications.papers.zipfian_environments.maps import world
from replications.study import UserError

NO_DISPLAY = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")


@pytest.fixture
def env():
    pytest.importorskip("gymnasium")
    return single.make("uniform", "rgb_array")


@pytest.mark.filterwarnings("ignore:.*alternative render modes")
def test_gymnasium_accepts_it(env):
    importlib.import_module("gymnasium.utils.env_checker").check_env(env)


def test_the_shortest_way_to_a_near_object_pays_one_and_ends(env):
    steps = world().shortest()
    target = int(np.flatnonzero(steps[1] == 1)[0])
    moved = world().moved()[1, int(world().start[1] @ (13, 1))]
    goal = int(np.flatnonzero(world().objects[1].ravel() == target)[0])
    action = int(np.flatnonzero(moved == goal)[0])
    _, info = env.reset(options={"situation": 20 + target})
    assert info == {"map": 1, "target": target}
    view, reward, terminated, truncated, after = env.step(action)
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert after == info
    assert view.shape == (63, 63, 3)
    with pytest.raises(UserError, match="call reset first"):
        env.step(0)


def test_two_seeds_are_two_streams_and_one_is_itself(env):
    def stream(seed):
        env.reset(seed=seed)
        return [tuple(env.reset()[1].values()) for _ in range(12)]

    assert stream(1) == stream(1)
    assert stream(1) != stream(2)


def test_pictures_have_the_size_of_the_view_and_of_the_map(env):
    env.reset(seed=0)
    assert env.render().shape == (504, 504, 3)
    picture = single.whole_map(0)
    assert picture.shape == (117, 117, 3)
    assert (picture[:9] == 40).all()
    row, column = world().start[0]
    assert (picture[9 * row : 9 * row + 9, 9 * column : 9 * column + 9] == 255).all()


def test_a_window_opens_where_there_is_a_display(monkeypatch):
    pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    watched = single.make("uniform", "human")
    view, _ = watched.reset(seed=0)
    assert view.max() == 1
    assert watched.render() is None
    watched.close()


@pytest.mark.skipif(os.name != "posix", reason="displays are found otherwise on other systems")
def test_a_missing_display_is_one_line(monkeypatch):
    pytest.importorskip("gymnasium")
    for name in NO_DISPLAY:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match="no display to open a window on"):
        single.make("uniform", "human")


def test_without_gymnasium_one_line_says_what_to_install(monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(UserError, match=r"needs Gymnasium: pip install '\.\[worlds\]'"):
        single.gymnasium()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda env: single.make("rare"), "no split"),
        (lambda env: single.make("uniform", "ansi"), "no render mode"),
        (lambda env: env.reset(options={"situation": 400}), "0 to 399"),
        (lambda env: (env.reset(), env.step(8)), "0 to 7"),
        (lambda env: single.whole_map(20), "0 to 19"),
    ],
)
def test_mistakes_are_one_line(env, call, message):
    with pytest.raises(UserError, match=message) as caught:
        call(env)
    assert "\n" not in str(caught.value)
