"""The plans, the dispatch, and the dry run."""

import dataclasses

import pytest
import torch

from replications.papers.static_activation_normalization import study
from replications.papers.static_activation_normalization.claims import CLAIMS
from replications.papers.static_activation_normalization.runs import TrainConfig
from replications.study import Context


def context(seed: int = 0) -> Context:
    return Context(seed=seed, device=torch.device("cpu"))


def test_plans() -> None:
    laptop = study.STUDY.plan("laptop")
    assert laptop.seeds == 5
    for data in ("mnist", "fashion-mnist", "cifar10"):
        for network in study.ELSEWHERE:
            assert f"{data}-30-{network}" in laptop.conditions
    assert {name.split("-")[1] for name in laptop.conditions if name.startswith("mnist")} == set(map(str, study.DEPTHS))


def test_every_kind_of_condition_runs_and_declares_its_metrics() -> None:
    conditions = study.STUDY.plan("smoke").conditions
    small = {
        "exact": conditions["exact"],
        "spectrum": dataclasses.replace(conditions["spectrum-relu-a"], n0=50, n1=60, m=70),
        "signal": dataclasses.replace(conditions["signal-batch-norm"], width=30, depth=4, batch=20),
    }
    for config in small.values():
        study.STUDY.validate(study.run(config, context()))


@pytest.mark.usefixtures("images")
def test_training_runs_go_together_and_validate() -> None:
    configs = [
        TrainConfig(name, 2, width=8, learning_rates=(1e-2,), batch=8, steps=6, looks=2, spectra=True)
        for name in ("sanf-a", "relu-he")
    ]
    assert study.program(configs[0]) == study.program(configs[1])
    for outcome in study.together(configs, [context(), context(1)]):
        study.STUDY.validate(outcome)
    probe = study.STUDY.plan("smoke").conditions["exact"]
    assert study.program(probe) == probe


def test_dry_run_takes_two_steps() -> None:
    config = TrainConfig("sanf-t", 3, width=16, batch=8, pool=2)
    text = study.dry_run(config, context())
    assert "7 members of 3 layers of 16" in text
    assert "nats" in text


def test_ids_are_unique_and_every_claim_of_the_abstract_is_there() -> None:
    ids = [claim.id for claim in CLAIMS]
    assert len(set(ids)) == len(ids)
    assert {name[:2] for name in ids} == {f"C{k}" for k in range(1, 7)}
