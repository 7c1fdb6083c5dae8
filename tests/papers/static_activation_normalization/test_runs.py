"""Training runs on synthetic images: alone and together, divergence, spectra."""

import dataclasses

import numpy as np
import pytest
import torch

from replications.papers.static_activation_normalization import runs
from replications.study import Context, Outcome

SMALL = runs.TrainConfig("sanf-a", 3, width=16, learning_rates=(1e-3, 3e-2), batch=16, steps=40, looks=4)


def contexts(n: int) -> list[Context]:
    return [Context(seed=seed, device=torch.device("cpu")) for seed in range(n)]


def same(one: Outcome, two: Outcome) -> None:
    assert one.scalars == two.scalars
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, two.arrays[name])
    assert {k: (list(c.x), list(c.y)) for k, c in one.curves.items()} == {
        k: (list(c.x), list(c.y)) for k, c in two.curves.items()
    }


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("names", [("relu-he", "sanf-a", "sanf-t"), ("batch-norm",) * 3, ("selu",) * 3])
def test_a_run_among_others_equals_the_run_alone(names: tuple[str, ...]) -> None:
    configs = [dataclasses.replace(SMALL, network=name) for name in names]
    together = runs.run_together(configs, contexts(3))
    for config, context, outcome in zip(configs, contexts(3), together):
        same(outcome, runs.run_together([config], [context])[0])
    if names[0] == "selu":
        assert together[0].scalars != together[1].scalars


@pytest.mark.usefixtures("images")
def test_it_learns_and_says_so() -> None:
    config = dataclasses.replace(SMALL, steps=150)
    found = runs.run_together([config], contexts(1))[0]
    assert found.scalars["accuracy"] > 0.8
    assert found.scalars["best_learning_rate"] == 3e-2
    assert found.curves["accuracy"].y[0] < 0.4 < found.curves["accuracy"].y[-1]
    assert found.curves["loss"].y[0] > found.curves["loss"].y[-1]
    assert found.steps == 300
    assert found.arrays["watched"].shape == (2, len(found.curves["accuracy"].x))


@pytest.mark.usefixtures("images")
def test_divergence_is_a_result_with_its_step() -> None:
    config = dataclasses.replace(SMALL, learning_rates=(1e-2, 1e8))
    found = runs.run_together([config], contexts(1))[0]
    first, second = found.arrays["diverged_at"]
    assert first == -1
    assert 0 < second < 10
    assert found.scalars["diverged_share"] == 0.5
    assert found.arrays["accuracy_by_rate"][1] == np.float32(runs.CHANCE)
    assert found.scalars["best_learning_rate"] == 1e-2


@pytest.mark.usefixtures("images")
def test_everything_diverging_is_a_result_too() -> None:
    config = dataclasses.replace(SMALL, learning_rates=(1e8, 1e9))
    found = runs.run_together([config], contexts(1))[0]
    assert found.scalars["diverged_share"] == 1.0
    assert found.scalars["accuracy"] == runs.CHANCE


@pytest.mark.usefixtures("images")
def test_spectra_of_every_layer_and_time() -> None:
    found = runs.run_together([dataclasses.replace(SMALL, spectra=True)], contexts(1))[0]
    assert found.arrays["condition"].shape == (3, 2, 3)  # times, raw and centred, layers
    assert found.arrays["eigenvalues"].shape == (3, 3, 16)
    assert (found.arrays["condition"] >= 0).all()
    assert (found.arrays["effective_rank"] <= 1).all()
    assert found.scalars["condition_trained"] == pytest.approx(float(found.arrays["condition"][-1, 0].mean()), rel=1e-5)


@pytest.mark.usefixtures("images")
def test_adam_trains_too_and_others_are_refused() -> None:
    found = runs.run_together([dataclasses.replace(SMALL, optimizer="adam", learning_rates=(1e-2, 1e-3))], contexts(1))
    assert found[0].curves["loss"].y[-1] < found[0].curves["loss"].y[0]
    with pytest.raises(ValueError, match="unknown optimizer 'lion'"):
        runs.run_together([dataclasses.replace(SMALL, optimizer="lion")], contexts(1))
    with pytest.raises(ValueError, match="depth 0"):
        runs.run_together([dataclasses.replace(SMALL, depth=0)], contexts(1))


@pytest.mark.usefixtures("images")
def test_training_never_sees_a_validation_image_and_goes_round_when_it_must() -> None:
    batch = runs._Batch([dataclasses.replace(SMALL, steps=300)], contexts(1))
    validation, training = batch.orders[0, : runs.VALIDATION], batch.orders[0, runs.VALIDATION :]
    assert not set(validation.tolist()) & set(training.tolist())
    assert len(training) == 300 * 16
    counts = torch.bincount(training, minlength=3000)
    assert counts.max() - counts[counts > 0].min() <= 1


def test_unknown_images_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown data set 'svhn'"):
        runs.images("svhn", 2)


def test_programs_share_shapes_only() -> None:
    key = runs.program(SMALL)
    assert runs.program(dataclasses.replace(SMALL, network="relu-he", learning_rates=(1e-2,))) == key
    for change in ({"depth": 4}, {"network": "selu"}, {"network": "batch-norm"}, {"optimizer": "adam"}, {"data": "x"}):
        assert runs.program(dataclasses.replace(SMALL, **change)) != key
