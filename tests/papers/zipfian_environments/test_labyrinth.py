"""The agent on thirty levels."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from replications.papers.zipfian_environments import labyrinth
from replications.papers.zipfian_environments.config import Config
from replications.papers.zipfian_environments.method import split
from replications.study import Context, UserError

TINY = Config(
    experiment="labyrinth",
    world="forward",
    train="zipf_1",
    frames=4 * 2 * 4 * 3,
    copies=3,
    unroll=4,
    width=8,
    tile_width=2,
    per_level=1,
)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    pytest.importorskip("minigrid")
    monkeypatch.setattr(labyrinth, "ROUND", 2)
    monkeypatch.setattr(labyrinth, "LIMIT", 4)


def test_a_killed_run_ends_as_if_it_had_not_been(same_after_a_kill):
    outcome = same_after_a_kill(labyrinth.run, TINY)
    assert outcome.arrays["return"].shape == outcome.arrays["random"].shape == (30,)
    assert outcome.scalars["return_uniform"] == pytest.approx(outcome.arrays["return"].mean(), abs=1e-6)


def test_the_reversed_order_reverses_the_law():
    forward, backward = labyrinth.law_of("zipf_1", "forward"), labyrinth.law_of("zipf_1", "reversed")
    assert forward.tolist() == split("zipf_1", 30).tolist()
    assert backward.tolist() == forward[::-1].tolist()


def test_random_play_is_the_same_floor_for_every_run():
    one, two = (labyrinth.evaluate(None, TINY, torch.device("cpu"), torch.Generator().manual_seed(0)) for _ in range(2))
    assert np.array_equal(one, two)


@pytest.mark.parametrize("change", [{"world": "sideways"}, {"train": "rare"}])
def test_mistakes_are_one_line(change):
    with pytest.raises(UserError):
        labyrinth.run(replace(TINY, **change), Context(0, torch.device("cpu")))
