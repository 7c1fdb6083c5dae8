"""The choice of λ_0 and of the schedule by the other seeds' validation images, and comparisons at equal Σηλ."""

import numpy as np
import pytest

from replications.papers.complexity_gradient_descent import estimands
from replications.study import MissingRecords, Records
from replications.study.testing import fake_records


def records(seeds: int = 3) -> Records:
    """Two schedules on a grid of three; in seed 0 validation is out of line with the others."""
    validation = {"constant": [[0.1, 0.5, 0.9], [0.4, 0.3, 0.9], [0.4, 0.3, 0.9]], "loss": [[0.4, 0.2, 0.4]] * 3}
    test = {"constant": [[1.0, 2.0, 3.0]] * 3, "loss": [[1.1, 1.7, 3.0]] * 3}
    arrays = {
        f"x-{name}": {
            "validation_nll": [np.array(row) for row in validation[name][:seeds]],
            "test_nll": [np.array(row) for row in test[name][:seeds]],
            "test_accuracy": [np.array([0.5, 0.6, 0.7]) + (name == "loss") * 0.01] * seeds,
        }
        for name in ("constant", "loss")
    }
    arrays["x-loss"]["twin_test_nll"] = [np.array([1.5, 1.9, 2.0])] * seeds
    return fake_records({name: {"nll": [0.0] * seeds} for name in arrays}, arrays=arrays)


def test_each_seed_is_chosen_for_by_the_others() -> None:
    assert [index for _, index in estimands.chosen(records(), ["x-constant"])] == [1, 0, 0]
    assert estimands.at_best(["x-constant"], "nll")(records()).tolist() == [2.0, 1.0, 1.0]
    assert estimands.chosen(records(), ["x-constant", "x-loss"]) == [("x-loss", 1)] * 3


def test_a_single_seed_chooses_for_itself() -> None:
    assert estimands.chosen(records(1), ["x-constant"]) == [("x-constant", 0)]


def test_gains_are_positive_where_the_schedule_is_better() -> None:
    assert estimands.gain("x", ["loss"], "nll")(records()).tolist() == pytest.approx([0.3, -0.7, -0.7])
    assert estimands.gain("x", ["loss"], "accuracy")(records()).tolist() == pytest.approx([0.01, 0.11, 0.11])
    assert estimands.mean_gain(["x", "x"], ["loss"], "nll")(records()).tolist() == pytest.approx([0.3, -0.7, -0.7])


def test_matched_gains_compare_with_the_twin_or_the_constant_at_the_same_grid_value() -> None:
    assert estimands.matched_gain("x", ["loss"], "nll")(records()).tolist() == pytest.approx([0.2] * 3)
    assert estimands.matched_gain("x", ["constant"], "nll")(records()).tolist() == [0.0] * 3


def test_different_seeds_are_missing_records() -> None:
    mixed = Records("laptop", [*records(3)["x-constant"], *records(2)["x-loss"]])
    with pytest.raises(MissingRecords, match="not recorded for the same seeds"):
        estimands.chosen(mixed, ["x-constant", "x-loss"])
