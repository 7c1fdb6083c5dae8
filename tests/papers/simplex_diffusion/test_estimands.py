"""Estimands: one value, or truth value, a seed."""

import numpy as np

from replications.papers.simplex_diffusion import estimands
from replications.study.testing import fake_records

RECORDS = fake_records({"a": {"p": [0.2, 0.4], "q": [0.1, 0.9]}, "b": {"p": [0.3, 0.3], "q": [0.5, 0.5]}})


def test_worst_and_each():
    np.testing.assert_array_equal(estimands.worst(["a", "b"], ["p", "q"])(RECORDS), [0.5, 0.9])
    np.testing.assert_array_equal(estimands.worst(["a", "b"], ["p", "q"], largest=False)(RECORDS), [0.1, 0.3])
    assert len(estimands.each(["a", "b"], ["p", "q"])(RECORDS)) == 8


def test_bounds_hold_for_every_metric():
    np.testing.assert_array_equal(estimands.above(["a"], ["p", "q"], 0.15)(RECORDS), [False, True])
    np.testing.assert_array_equal(estimands.below(["a"], ["p", "q"], 0.5)(RECORDS), [True, False])
    np.testing.assert_array_equal(estimands.near(estimands.worst(["a"], ["p"]), 0.25, 0.1)(RECORDS), [True, False])


def test_pairs():
    np.testing.assert_allclose(estimands.ratio("a", "p", "q")(RECORDS), [2, 4 / 9])
    np.testing.assert_allclose(estimands.difference("a", "p", "q")(RECORDS), [0.1, -0.5])


def test_recovered_compares_with_twice_the_floor():
    names = [f"reversal-5-{a}" for a in ("0.5", "1", "2")]
    scalars = {name: {"tv_heun": [0.015, 0.015], "floor": [0.01, 0.01]} for name in names}
    scalars[names[2]]["tv_heun"] = [0.025, 0.04]
    np.testing.assert_array_equal(estimands.recovered("tv_heun", [5])(fake_records(scalars)), [True, False])


def test_rank_estimands():
    records = fake_records(
        {
            "ranks-32000": {"beyond_half_sparse": [0.012], "lost_sparse": [0.024], "mean_rank_sparse": [321.0]},
            "ranks-1000": {"mean_rank_sparse": [11.0]},
        }
    )
    assert estimands.shelf(records) == 1
    assert estimands.growth(records) == 1


def test_drifts_takes_the_best_scheme():
    names = ("full_truncation", "reflection", "clipping")
    scalars = {f"drift_{name}": [0.1 * (i + 1)] for i, name in enumerate(names)} | {"drift_exact": [0.01]}
    np.testing.assert_allclose(estimands.drifts(fake_records({"boundary-0.5": scalars})), [10])
