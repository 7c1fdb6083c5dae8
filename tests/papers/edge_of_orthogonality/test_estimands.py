"""What the claims look at, on records made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from replications.papers.edge_of_orthogonality import estimands
from replications.papers.edge_of_orthogonality.study import STUDY
from replications.study import Curve
from replications.study.rules import TooFewSeeds
from replications.study.testing import fake_records


def knn(**arms):
    arms = {**arms, "linear_fast": arms["linear"]} if "linear" in arms and "linear_fast" not in arms else arms
    return fake_records({name: {"knn": values, "knn_random": [0.2] * len(values)} for name, values in arms.items()})


def test_the_papers_closed_forms_are_candidates_and_the_baselines_are_not():
    assert set(estimands.PROPOSED) <= set(STUDY.plan("laptop").conditions)
    assert len(estimands.PROPOSED) == 2 + 3 + 2 + 3 + 3
    assert not any(name.startswith(("direct", "regression")) for name in estimands.PROPOSED)


def test_the_best_form_is_chosen_on_the_other_seeds():
    records = knn(linear=[0.3, 0.3, 0.3], visser_0=[0.31, 0.31, 0.31], stiefel_0=[0.9, 0.28, 0.28])
    # stiefel wins its own seed 0 by far, but is chosen only where seed 0 is among the others
    assert estimands.best_proposed(records) == pytest.approx([0.01, -0.02, -0.02])
    with pytest.raises(TooFewSeeds):
        estimands.best_proposed(knn(linear=[0.3], visser_0=[0.4]))


def test_the_better_trained_predictor_is_the_one_to_beat_in_each_seed():
    records = knn(linear=[0.3, 0.3], linear_fast=[0.2, 0.35], none=[0.4, 0.4])
    assert estimands.over_trained("none")(records) == pytest.approx([0.1, 0.05])
    assert estimands.trained_gain(records) == pytest.approx([0.1, 0.15])
    gone = knn(linear=[0.3, 0.3], linear_fast=[np.nan, 0.35], none=[0.4, 0.4])
    assert estimands.over_trained("none")(gone) == pytest.approx([0.1, 0.05])


def test_a_form_that_diverged_is_no_candidate():
    records = knn(linear=[0.3, 0.3], visser_0=[np.nan, 0.9], stiefel_0=[0.31, 0.31])
    assert estimands.best_proposed(records) == pytest.approx([0.01, 0.01])


@pytest.mark.parametrize(("values", "expected"), [([1, 1, -1], True), ([1, -1, -1], False), ([1, 0, 0], False)])
def test_a_majority_is_two_thirds(values, expected):
    assert list(estimands.majority(lambda records: np.array(values))(None)) == [expected] * 3


def test_monotone_and_rising_look_at_a_curve():
    def curve(ys):
        return Curve(list(range(len(ys))), ys, "epoch", "")

    records = fake_records(
        {"linear": {"knn": [0.0] * 3}},
        curves={"linear": {"srank": [curve(y) for y in ([1, 2, 3], [1, 3, 2], [3, 2, 1])]}},
    )
    assert list(estimands.monotone("linear", "srank", 0.8)(records)) == [True, False, False]
    assert list(estimands.rises("linear", "srank")(records)) == [True, True, False]


def test_the_range_over_ridges_and_the_noise_of_a_seed():
    records = knn(visser_0=[0.30, 0.32], **{"visser_0.15": [0.31, 0.33]})
    spread, noise, seeds = estimands.ladder_means("visser", (0.0, 0.15), records)
    assert (spread, noise, seeds) == (pytest.approx(0.01), pytest.approx(0.02 / 2**0.5), 2)
    assert estimands.flat("visser", (0.0, 0.15), 0.02)(records).all()
    assert estimands.flat("visser", (0.0, 0.15), None)(records).all()
    assert not estimands.flat("visser", (0.0, 0.15), 0.005)(records).any()
    with pytest.raises(TooFewSeeds):
        estimands.ladder_means("visser", (0.0,), knn(visser_0=[0.3]))


def test_a_gain_is_over_the_untrained_encoder():
    assert estimands.gain("linear")(knn(linear=[0.3, 0.4])) == pytest.approx([0.1, 0.2])
