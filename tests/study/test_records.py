import numpy as np
import pytest

from replications.study import Curve, MissingRecords
from replications.study.testing import fake_records


@pytest.fixture
def records():
    curves = {"a": {"loss": [Curve([0, 1, 2], [3, 2, 1], "", ""), Curve([0, 1], [4, 3], "", "")]}}
    arrays = {"a": {"w": [np.zeros(2), np.ones(2)]}}
    return fake_records({"a": {"m": [1.0, 2.0]}, "b": {"m": [0.5, 1.0, 9.0]}}, curves=curves, arrays=arrays)


def test_values_come_by_seed(records):
    assert records.scalars("a", "m").tolist() == [1.0, 2.0]
    assert records.seeds("b") == [0, 1, 2]
    assert records.conditions == ["a", "b"]
    assert (len(records), len(list(records))) == (5, 5)
    assert "a" in records
    assert "c" not in records
    assert records.arrays("a", "w")[1].tolist() == [1.0, 1.0]


def test_pairs_are_of_the_seeds_that_both_have(records):
    assert records.paired("a", "b", "m").tolist() == [0.5, 1.0]


def test_a_curve_ends_with_its_shortest_run(records):
    x, y = records.curve("a", "loss")
    assert x.tolist() == [0, 1]
    assert y.tolist() == [[3, 2], [4, 3]]


def test_what_is_missing_is_named(records):
    with pytest.raises(MissingRecords, match="condition 'c' is not recorded at profile laptop"):
        records.scalars("c", "m")
    with pytest.raises(MissingRecords, match="a seed 0 recorded no scalars 'speed'"):
        records.scalars("a", "speed")
