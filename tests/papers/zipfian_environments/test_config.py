"""The configuration: flat, frozen, printable."""

import dataclasses

import pytest

from replications.papers.zipfian_environments.config import Config


def test_every_field_is_plain_and_none_can_be_changed():
    config = Config()
    assert all(isinstance(value, (bool, int, float, str)) for value in dataclasses.asdict(config).values())
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.frames = 1
