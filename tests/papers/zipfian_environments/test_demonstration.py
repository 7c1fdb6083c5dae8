"""The room in three dimensions, where it can be drawn."""

import importlib

import pytest

from replications.papers.zipfian_environments import demonstration
from replications.papers.zipfian_environments.demonstration import KINDS, demonstrate, libraries, name_of
from replications.study import UserError


def needs_drawing():
    try:
        libraries()
    except UserError as error:  # MiniWorld, or the library that it draws with, is not installed
        pytest.skip(str(error))


def test_the_walk_lifts_the_named_object_and_shows_it():
    needs_drawing()
    shown = demonstrate(0)
    assert shown.lifted
    assert 0 < shown.steps < demonstration.LIMIT
    assert shown.frames.shape == (4, 90, 120, 3)
    assert shown.frames[0].std() > 1
    assert (shown.frames[0] != shown.frames[-1]).any()
    assert shown.instruction.startswith("lift the ")


def test_lifting_another_object_ends_without_reward():
    needs_drawing()
    env = demonstration.room([0, 7, 13], 0)
    env.reset(seed=2)
    reward, terminated, truncated = 0.0, False, False
    while not (terminated or truncated):
        _, reward, terminated, truncated, _ = env.step(demonstration.towards(env, 1))
    env.close()
    assert terminated
    assert reward == 0


def test_fifty_objects_have_fifty_names():
    assert len(KINDS) == len({name_of(kind) for kind in range(50)}) == 50


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ModuleNotFoundError("no miniworld"), r"pip install '\.\[worlds\]'"),
        (ImportError('Library "EGL" not found.'), "EGL.*libegl1"),
    ],
)
def test_what_is_missing_is_one_line(error, message, monkeypatch):
    def absent(name):
        raise error

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(UserError, match=message) as caught:
        libraries()
    assert "\n" not in str(caught.value)
