"""The config of the study and its random streams."""

import torch

from replications.papers.simplex_diffusion.experiments import Config, numpy_generator
from replications.study import Context
from replications.study.study import Run, config_fields


def test_config_is_flat_and_part_of_the_identity():
    fields = config_fields(Config("ranks", 10))
    assert all(not isinstance(value, dict) for value in fields.values())
    runs = [Run("simplex_diffusion", "smoke", "x", Config("ranks", 10, alpha=a), 0) for a in (0.5, 1.0)]
    assert runs[0].identity != runs[1].identity


def test_streams_are_told_apart_by_seed_and_name():
    draws = {
        (seed, name): numpy_generator(Context(seed=seed, device=torch.device("cpu")), name).random()
        for seed in (0, 1) for name in ("a", "b") for _ in range(2)
    }  # fmt: skip
    assert len(set(draws.values())) == 4
