"""Configs: the network's shape follows, and what cannot run is refused."""

import pytest

from replications.papers.bio_inspired_rl.config import Config
from replications.papers.bio_inspired_rl.networks import Network
from replications.study import UserError


def test_the_default_network_is_minatars():
    network = Network(Config().shape())
    assert network.features == (16, 8, 8)
    assert network.count_hidden() == 131_200


def test_frames_are_stacked_and_scattered_before_the_network():
    assert Config(game="atari/krull", channels=1, side=84, stack=4).shape().planes == (4, 84, 84)
    assert Config(channels=1, side=84, stack=4, scattering=3).shape().planes == (100, 10, 10)
    assert Config(scattering=1).shape().planes == (36, 5, 5)


def test_atari_is_known_by_its_name():
    assert Config(game="atari/breakout").atari
    assert not Config(game="breakout").atari


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"learning_starts": 5, "n_step": 5}, "learning starts after 5 steps: it needs more than the 5"),
        ({"steps": 2_000_000}, "at most a million"),
    ],
)
def test_what_cannot_run_is_refused(fields, message):
    with pytest.raises(UserError, match=message):
        Config(**fields)
