"""Estimands on records made by hand: what each reads, and ties."""

import numpy as np
import pytest

from replications.papers.continuous_diffusion_for_categorical_data import estimands
from replications.study import Curve
from replications.study.testing import fake_records


def test_apart_needs_three_standard_errors():
    scalars = {"nll_a": [1.0, 1.0], "nll_b": [1.06, 1.02], "se_a": [0.01, 0.01], "se_b": [0.01, 0.01]}
    records = fake_records({"x": scalars})
    assert estimands.apart("x", "a", "b")(records).tolist() == [True, False]
    assert not estimands.apart("x", "b", "a")(records).any()


def test_recovered_is_a_share_of_the_gain():
    records = fake_records({"x": {"nll_base": [3.0], "nll_arm": [2.25], "nll_best": [2.0]}})
    assert estimands.recovered("x", "arm", "base", "best")(records) == pytest.approx([0.75])


def test_lower_and_both():
    records = fake_records({"a": {"m": [1.0, 2.0]}, "b": {"m": [1.5, 1.5]}})
    assert estimands.lower("a", "b", "m")(records).tolist() == [True, False]
    assert estimands.lower("a", "b", "m", 0.6)(records).tolist() == [False, False]
    both = estimands.both(estimands.lower("a", "b", "m"), estimands.lower("b", "a", "m"))
    assert not both(records).any()


@pytest.mark.parametrize(("gaps", "same"), [([0.1, -0.1, 0.05], True), ([0.1, 0.11, 0.09], False)])
def test_same_on_average(gaps, same):
    records = fake_records({"a": {"m": gaps}, "b": {"m": [0.0, 0.0, 0.0]}})
    found = estimands.same_on_average(estimands.of("a", "m"), estimands.of("b", "m"))(records)
    assert found.tolist() == [same] * 3


def test_near_default_looks_both_ways():
    def judged(value):
        records = fake_records({"knobs": {"nll warp": [1.0], "nll no warp": [2.0], "nll x": [value]}})
        return bool(estimands.near_default(("x",), 0.1)(records)[0])

    assert judged(1.05)
    assert judged(0.95)
    assert not judged(1.2)
    assert not judged(0.8)


def curve(points):
    return Curve(*map(list, zip(*points)), "entropy", "nll")


@pytest.mark.parametrize(
    ("better", "worse", "holds"),
    [
        ([(1.0, 1.0), (3.0, 3.0)], [(2.0, 2.1), (3.0, 3.0)], True),  # on a line between neighbours
        ([(1.0, 1.0), (3.0, 3.0)], [(2.0, 1.9), (3.0, 3.0)], False),
        ([(1.0, 1.0), (3.0, 3.0)], [(1.0, 1.0), (3.0, 3.0)], True),  # a tie is no loss
        ([(2.5, 1.0), (1.5, 1.2), (3.0, 3.0)], [(2.0, 1.1), (3.0, 3.0)], True),  # curves may turn back
        ([(1.0, 1.0), (3.0, 3.0)], [(3.5, 9.0), (3.0, 3.0)], None),  # more entropy than the better curve ever has
    ],
)
def test_dominates(better, worse, holds):
    records = fake_records({"x": {"m": [0.0]}}, curves={"x": {"one": [curve(better)], "two": [curve(worse)]}})
    if holds is None:
        assert not np.any(estimands.dominates("x", "one", "two")(records))
    else:
        assert estimands.dominates("x", "one", "two")(records).tolist() == [holds]
