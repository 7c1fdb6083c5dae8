"""The shared pre-training: BYOL's own numbers, resumable to the bit, blind to the test split, open to other methods."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from replications.data import cifar10
from replications.papers.byol import pretraining, study
from replications.papers.byol.pretraining import METRICS, Learner, Pretraining, few_labels, pretrain, split
from replications.study import Context, Outcome, UserError

pytestmark = pytest.mark.usefixtures("pictures")

SMALL = Pretraining(
    hidden=32, projection=16, images=160, test_images=40, epochs=2.0, batch=32, looks=2, warmup=0.1, bfloat16=False
)


class Watching(Learner):
    """BYOL that counts its steps, keeps the rows of the last batch and looks at the mean of z."""

    curves: Mapping[str, str] = {"mean": "mean of z"}

    def __init__(self, config, context):
        super().__init__(config, context)
        self.steps, self.rows = 0, torch.empty(0)

    def step(self, rows, pixels, tau, draw):
        self.steps, self.rows = self.steps + 1, rows
        return super().step(rows, pixels, tau, draw)

    def look(self, z):
        return {"mean": z.mean().item()}, {"middle": z.mean(0)}

    def scalars(self):
        return {"steps": float(self.steps), "row": float(self.rows[0])}

    def state(self):
        return {**super().state(), "steps": self.steps, "rows": self.rows}

    def restore(self, state):
        super().restore(state)
        self.steps, self.rows = state["steps"], state["rows"]


def context(seed: int = 0, **options) -> Context:
    return Context(seed, torch.device("cpu"), **options)


def trained(config: Pretraining = SMALL, learner: type[Learner] = Learner, **options) -> Outcome:
    here = context(**options)
    return pretrain(config, here, learner(config, here), split(config, here))


def assert_same(one: Outcome, two: Outcome) -> None:
    assert one.scalars == two.scalars
    assert {name: (c.x, c.y) for name, c in one.curves.items()} == {name: (c.x, c.y) for name, c in two.curves.items()}
    assert one.arrays.keys() == two.arrays.keys()
    assert all(np.array_equal(array, two.arrays[name]) for name, array in one.arrays.items())


@pytest.mark.parametrize(
    "change", [{}, {"bfloat16": True, "accumulation": 2}, {"target": "online", "predictor": "none", "beta": 1.0}]
)
def test_the_plain_learner_is_byol_to_the_bit(change):
    config = replace(SMALL, **change)
    ours = trained(config)
    plain = {name: value for name, value in asdict(config).items() if name != "held_out"}
    byol = study.run(study.Config(**plain), context())
    shared = ours.scalars.keys() & byol.scalars.keys()
    assert shared == set(METRICS) - {name for name in METRICS if "linear_1" in name}
    assert {name: ours.scalars[name] for name in shared} == {name: byol.scalars[name] for name in shared}
    assert_same(replace(ours, scalars={}), replace(byol, scalars={}))
    assert (ours.steps, ours.samples) == (byol.steps, byol.samples) == (10, 320)


def test_an_outcome_holds_the_shared_metrics_and_nothing_else():
    outcome = trained()
    assert set(outcome.scalars) == set(METRICS)
    assert all(0 <= outcome.scalars[name] <= 1 for name in METRICS if name.startswith(("knn", "linear")))
    assert outcome.scalars["trained"] == 1


@pytest.mark.parametrize("change", [{}, {"optimizer": "lars", "bfloat16": True}, {"target": "online"}])
def test_a_killed_run_ends_as_if_it_had_not_been(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change):
    config = replace(SMALL, **change)
    undisturbed = trained(config, Watching)
    monkeypatch.setenv("REPLICATIONS_CHECKPOINT_SECONDS", "0")

    def stop(fraction: float) -> None:
        if fraction > 0.55:  # in the middle of an epoch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(config, Watching, report=stop, checkpoint_path=tmp_path / "state")
    assert (tmp_path / "state").exists()
    seen: list[float] = []
    resumed = trained(config, Watching, report=seen.append, checkpoint_path=tmp_path / "state")
    assert seen[0] > 0.5
    assert resumed.scalars["steps"] == 10
    assert_same(resumed, undisturbed)


def test_a_method_adds_curves_arrays_and_scalars():
    outcome = trained(learner=Watching)
    assert set(outcome.scalars) == {*METRICS, "steps", "row"}
    assert outcome.curves["mean"].x == outcome.curves["knn"].x == [0.0, 1.0, 2.0]
    assert outcome.curves["mean"].y_label == "mean of z"
    assert outcome.arrays["middle"].shape == (3, 16)
    assert outcome.arrays["middle"].mean(1) == pytest.approx(outcome.curves["mean"].y, abs=1e-6)


def test_held_out_images_are_not_trained_on_and_the_test_split_is_not_read(pictures, monkeypatch: pytest.MonkeyPatch):
    sealed = cifar10.CIFAR10(pictures.train_images, pictures.train_labels, None, None)
    monkeypatch.setattr(cifar10, "load", lambda: sealed)
    with pytest.raises(TypeError):
        split(SMALL, context())  # which does read it
    config = replace(SMALL, held_out=40)
    data = split(config, context())
    assert torch.equal(data.images, pictures.train_images[:120])
    assert torch.equal(data.judged, pictures.train_images[120:])
    assert torch.equal(data.judged_labels, pictures.train_labels[120:])
    rows: list[torch.Tensor] = []

    class Noting(Learner):
        def step(self, at, pixels, tau, draw):
            rows.append(at)
            return super().step(at, pixels, tau, draw)

    outcome = trained(config, Noting)
    assert outcome.steps == 6
    assert int(torch.cat(rows).max()) < 120
    assert 0 <= outcome.scalars["knn"] <= 1


def test_the_judged_split_is_read_before_and_after_training_only(pictures, monkeypatch: pytest.MonkeyPatch):
    events: list[str] = []
    features = pretraining.features

    def spy(config, encoder, pixels):
        events.append({40: "judged", 160: "train"}[len(pixels)])
        return features(config, encoder, pixels)

    class Noting(Learner):
        def step(self, rows, pixels, tau, draw):
            events.append("step")
            return super().step(rows, pixels, tau, draw)

    monkeypatch.setattr(pretraining, "features", spy)
    monkeypatch.setattr(pretraining, "_untrained", {})
    trained(SMALL, Noting)
    epoch = ["train", *["step"] * 5]  # a look, then the epoch's steps
    assert events == ["train", "judged", *epoch, *epoch, "train", "train", "judged"]


def test_an_untrained_encoder_is_measured_once_for_all_runs_that_start_from_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pretraining, "_untrained", {})
    first = trained()
    counted: list[int] = []
    measure = pretraining.measure

    def counting(config, here, encoder, data):
        counted.append(here.seed)
        return measure(config, here, encoder, data)

    monkeypatch.setattr(pretraining, "measure", counting)
    assert_same(trained(), first)
    other = trained(replace(SMALL, beta=1.0))  # another method, the same start
    assert {n: v for n, v in other.scalars.items() if "random" in n} == {
        n: v for n, v in first.scalars.items() if "random" in n
    }
    assert counted == [0, 0]  # each at its end only
    trained(seed=1)
    trained(replace(SMALL, held_out=40))
    trained(replace(SMALL, bfloat16=True))
    assert counted == [0, 0, 1, 1, 0, 0, 0, 0]  # other weights, other images, another precision: before and after


def test_a_run_that_diverges_names_the_step_and_a_control_records_it():
    wild = replace(SMALL, loss_norm="none", lr=1e9)
    with pytest.raises(FloatingPointError, match=r"seed 0: the loss is not finite at step \d+ of 10"):
        trained(wild)
    outcome = trained(replace(wild, control=True))
    assert outcome.scalars["trained"] < 1
    assert math.isnan(outcome.scalars["knn"])
    assert math.isnan(outcome.scalars["linear_1"])


@pytest.mark.parametrize(("share", "each"), [(0.01, 1), (0.1, 2), (0.5, 8)])
def test_few_labels_are_balanced_and_depend_on_the_seed_alone(pictures, share, each):
    labels = pictures.train_labels
    rows = few_labels(labels, share, context())
    assert torch.bincount(labels[rows]).tolist() == [each] * 10
    assert len(set(rows.tolist())) == len(rows)
    assert torch.equal(rows, few_labels(labels, share, context()))
    assert not torch.equal(rows, few_labels(labels, share, context(1)))


def test_the_probes_see_the_labels_that_training_may_see(monkeypatch: pytest.MonkeyPatch):
    here = context()
    data = split(SMALL, here)
    fitted: list[torch.Tensor] = []

    def spy(train, labels, test, test_labels, classes):
        fitted.append(train)
        return 0.5

    monkeypatch.setattr(pretraining, "logistic_probe", spy)
    encoder = Learner(SMALL, here).online.encoder
    pretraining.measure(SMALL, here, encoder, data)
    y = pretraining.whole(SMALL, encoder, data.images)
    for found, rows in zip(fitted, (slice(None), *(few_labels(data.labels, s, here) for s in (0.01, 0.1)))):
        assert torch.equal(found, y[rows])
    assert len(fitted) == 3


def test_smaller_views_are_judged_on_whole_images_averaged_down(monkeypatch: pytest.MonkeyPatch):
    config = replace(SMALL, size=16)
    here = context()
    images = split(config, here).images
    learner = Learner(config, here)
    blocks = images.double().unflatten(3, (16, 2)).unflatten(2, (16, 2)).mean((3, 5)).round().to(torch.uint8)
    small = study.features(config, learner.online.encoder, blocks)
    assert torch.equal(pretraining.whole(config, learner.online.encoder, images), small)
    seen: list[torch.Size] = []
    augment = study.augment

    def spy(*arguments):
        seen.append((out := augment(*arguments)).shape)
        return out

    monkeypatch.setattr(study, "augment", spy)
    outcome = trained(config)
    assert set(seen) == {(32, 3, 16, 16)}
    assert outcome.scalars["trained"] == 1
    assert outcome.scalars["loss"] != trained().scalars["loss"]


def test_photographs_are_refused():
    with pytest.raises(UserError, match="needs ImageNet"):
        split(replace(SMALL, size=224), context())


def test_dry_steps_take_two_steps_of_the_method():
    line = pretraining.dry_steps(replace(SMALL, size=64), context(), Watching)
    assert line.startswith("tiny, ")
    assert "64 pixels, loss" in line

    class Broken(Learner):
        def step(self, rows, pixels, tau, draw):
            return super().step(rows, pixels, tau, draw) * math.nan

    with pytest.raises(FloatingPointError, match="dry run"):
        pretraining.dry_steps(SMALL, context(), Broken)
