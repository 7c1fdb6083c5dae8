"""Steps to a level, where some runs never got there."""

import math

import numpy as np
import pytest

from replications.papers.recurrent_discounted_attention import estimands
from replications.study import Records
from replications.study.rules import TooFewSeeds
from replications.study.testing import fake_records

NEVER = math.inf


def test_a_run_without_the_level_counts_with_the_steps_it_was_given():
    records = fake_records({"a": {"steps_0.99": [100.0], "steps": [100.0], "diverged": [0.0]},
                            "b": {"steps_0.99": [NEVER], "steps": [150.0], "diverged": [0.0]},
                            "c": {"steps_0.99": [NEVER], "steps": [20.0], "diverged": [1.0]}})  # fmt: skip
    assert estimands.speed_up(records, ["a"], ["b"], "0.99")[0] == 1.5
    assert estimands.speed_up(records, ["a"], ["c"], "0.99")[0] == NEVER
    assert estimands.speed_up(records, ["b"], ["a"], "0.99")[0] == 0
    assert estimands.before(records, "a", "b", "0.99")[0]
    assert not estimands.before(records, "b", "a", "0.99")[0]
    assert not estimands.before(records, "b", "c", "0.99")[0]


def test_conditions_are_joined_seed_by_seed():
    both = estimands.both(lambda records: np.array([True, True, False]), lambda records: np.array([True, False, False]))
    assert both(None).tolist() == [True, False, False]


def test_a_run_fails_by_a_loss_that_is_not_finite_or_by_its_accuracy():
    values = {"diverged": [0.0, 1.0, 0.0], "final_accuracy": [0.95, math.nan, 0.89]}
    assert estimands.failed("a")(fake_records({"a": values})).tolist() == [False, True, True]


def test_inner_tanh_that_never_arrives_saves_nothing_to_the_plain_unit():
    values = {"steps_0.99": [NEVER], "steps": [10.0], "diverged": [0.0]}
    quick = {"steps_0.99": [100.0], "steps": [100.0], "diverged": [0.0]}
    names = "multicopy-rda-exp-tanh", "multicopy-inner-tanh"
    assert estimands.inner_tanh_saves(fake_records(dict(zip(names, (quick, values)))))[0]
    assert not estimands.inner_tanh_saves(fake_records(dict(zip(names, (values, values)))))[0]


def test_only_seeds_that_every_condition_has_are_compared():
    records = fake_records({"a": {"x": [1.0, 2.0, 3.0]}, "b": {"x": [0.0, 5.0]}})
    above = estimands.seed_by_seed(lambda r: r.scalars("a", "x") > r.scalars("b", "x"))
    assert above(records).tolist() == [True, False]


def test_no_shared_seed_is_too_few():
    records = Records(
        "laptop",
        [
            r
            for r in fake_records({"a": {"x": [1.0, 2.0]}, "b": {"x": [1.0, 2.0]}})
            if (r.condition == "a") == (r.seed == 0)
        ],
    )
    with pytest.raises(TooFewSeeds, match="no seed has every condition"):
        estimands.seed_by_seed(lambda r: r.scalars("a", "x"))(records)
