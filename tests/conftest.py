"""Shared by all tests: one torch thread, the toy study on the path, no cache or result of the user touched."""

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))  # toy_study, also in spawned workers

torch.set_num_threads(1)
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("project")


@pytest.fixture
def store(tmp_path):
    """A store in an empty folder."""
    from replications.study import Store

    return Store(tmp_path / "results")
