"""The plans, the dispatch, and the dry run."""

import dataclasses

import pytest
import torch

from replications.papers.complexity_gradient_descent import study
from replications.papers.complexity_gradient_descent.schedules import SCHEDULES
from replications.study import Context


def context(seed: int = 0) -> Context:
    return Context(seed=seed, device=torch.device("cpu"))


def test_plans() -> None:
    laptop = study.STUDY.plan("laptop")
    assert laptop.seeds == 5
    for data in study.DATA:
        for net in ("plain", "bn"):
            assert all(f"{data}-{net}-sgd-{name}" in laptop.conditions for name in SCHEDULES)
            assert f"{data}-{net}-none" in laptop.conditions
            grids = {laptop.conditions[f"{data}-{net}-{kind}-rate"].decays for kind in ("sgd", "sgdw")}
            assert len(grids) == 1
    assert "cifar10-resnet-loss" in study.STUDY.plan("gpu").conditions


def test_every_kind_of_condition_runs_and_declares_its_metrics() -> None:
    conditions = study.STUDY.plan("smoke").conditions
    small = [
        dataclasses.replace(conditions["kac-rice"], sizes=(5,), matrices=3),
        dataclasses.replace(conditions["count-1d-0.3"], fields=3),
        dataclasses.replace(conditions["index"], features=50, dimension=5, steps=4),
        dataclasses.replace(conditions["anneal"], features=50, dimension=5, steps=4),
    ]
    for config in small:
        study.STUDY.validate(study.run(config, context()))
        assert study.program(config) == config


@pytest.mark.usefixtures("images")
def test_training_runs_go_together_and_validate() -> None:
    base = study.STUDY.plan("smoke").conditions["mnist-bn-sgd-loss"]
    configs = [
        dataclasses.replace(base, schedule=name, width=8, images=40, batch=10, steps=6) for name in ("loss", "rate")
    ]
    assert study.program(configs[0]) == study.program(configs[1])
    for outcome in study.together(configs, [context(), context(1)]):
        study.STUDY.validate(outcome)
    balance = dataclasses.replace(
        study.STUDY.plan("laptop").conditions["equilibrium-bn-sgd"], width=8, images=40, batch=10, steps=6
    )
    study.STUDY.validate(study.run(balance, context()))


def test_dry_run_takes_two_steps() -> None:
    text = study.dry_run(study.ResNetConfig("rate"), context())
    assert "tiny" in text
    assert "nats" in text
