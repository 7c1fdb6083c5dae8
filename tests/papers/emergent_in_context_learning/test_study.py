"""The study: profiles, the sweep's equal budget, the published settings, dry runs."""

from dataclasses import replace

import pytest
import torch

from replications.papers.emergent_in_context_learning.images import ImageConfig
from replications.papers.emergent_in_context_learning.study import (
    LAPTOP,
    RATES,
    SMOKE,
    STUDY,
    architectures,
    bench,
    drawings,
    dry_run,
    published,
    run,
)
from replications.study import Context

CPU = torch.device("cpu")


def test_every_architecture_has_the_same_four_rates_and_the_same_budget():
    conditions = bench(LAPTOP)
    for kind, names in architectures(LAPTOP).items():
        configs = [conditions[name] for name in names]
        assert [config.lr for config in configs] == list(RATES)
        assert {replace(config, lr=0.0) for config in configs} == {replace(LAPTOP, bursty=0.9, lr=0.0, network=kind)}


@pytest.mark.parametrize(
    ("prefix", "field"),
    [("bursty-", "bursty"), ("classes-", "classes"), ("labels-", "multiplicity"), ("noise-", "noise"), ("zipf-", "alpha")],
)  # fmt: skip
def test_conditions_of_a_family_differ_in_their_own_field_alone(prefix, field):
    family = {name: config for name, config in bench(LAPTOP).items() if name.startswith(prefix)}
    assert len({replace(config, **{field: 1}) for config in family.values()}) == 1
    for name, config in family.items():
        assert getattr(config, field) == float(name.removeprefix(prefix))


def test_the_published_settings():
    settings = published()
    base = settings["image-bursty-0.9"]
    assert (base.steps, base.batch, base.depth, base.lr, base.warmup) == (500_000, 32, 12, 3e-4, 4000)
    assert (base.classes, settings["image-classes-12800"].classes) == (1600, 12_800)
    assert [settings[f"image-labels-{m}"].multiplicity for m in (2, 5, 10)] == [2, 5, 10]
    assert settings["image-single-noise-0.5"].exemplars == 1
    assert settings["image-zipf-3"].alpha == 3.0
    assert all(isinstance(config, ImageConfig) for config in settings.values())


@pytest.mark.parametrize("condition", ["image-bursty-0.9", "image-lstm-12"])
def test_a_dry_run_builds_the_published_network(condition):
    said = dry_run(published()[condition], Context(0, CPU))
    assert "12 layers" in said
    assert "1600 labels, 105 pixels" in said


def test_a_dry_run_of_the_bench_takes_two_steps():
    assert "transformer on Gaussian items" in dry_run(SMOKE, Context(0, CPU))


def test_a_run_takes_either_kind_of_condition():
    outcome = run(replace(SMOKE, steps=2, look=2, probe=20, final=20), Context(0, CPU))
    STUDY.validate(outcome)
    with_drawings = replace(
        STUDY.plan("smoke").conditions["image-bursty-1"], steps=2, look=2, probe=8, final=8, batch=2
    )
    STUDY.validate(run(with_drawings, Context(0, CPU)))


def test_drawings_are_real_on_the_laptop():
    assert {config.drawings for config in drawings(STUDY.plan("laptop").conditions["image-bursty-1"]).values()} == {
        "omniglot"
    }
