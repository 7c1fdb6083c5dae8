"""Every condition of the study at a tiny size, run once for all tests."""

from dataclasses import replace

import pytest
import torch

from replications.papers.policy_gradients_soft_q import study
from replications.study import Context, Records
from replications.study.testing import fake_records

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def tiny():
    return shrink


def shrink(condition):
    config = study.STUDY.plan("smoke").conditions[condition]
    return replace(config, draws=min(config.draws, 40), updates=30, hidden=8)


@pytest.fixture(scope="session")
def outcomes():
    found = {}
    for condition in study.STUDY.plan("smoke").conditions:
        found[condition] = study.run(shrink(condition), Context(0, CPU))
        study.STUDY.validate(found[condition])
    return found


@pytest.fixture(scope="session")
def records(outcomes) -> Records:
    return fake_records(
        {name: {metric: [value] for metric, value in outcome.scalars.items()} for name, outcome in outcomes.items()},
        profile="smoke",
        curves={name: {key: [curve] for key, curve in outcome.curves.items()} for name, outcome in outcomes.items()},
        arrays={name: {key: [array] for key, array in outcome.arrays.items()} for name, outcome in outcomes.items()},
    )
