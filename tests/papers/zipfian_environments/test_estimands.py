"""Estimands on records made by hand."""

import numpy as np
import pytest

from replications.papers.zipfian_environments import estimands
from replications.study.testing import fake_records


def reconstruction(train, rare, uniform=(0.5, 0.5, 0.5)):
    return {"success_train": train, "success_uniform_rare": rare, "success_uniform": list(uniform)}


def test_the_weight_is_tuned_on_the_training_law_and_not_on_what_is_judged():
    records = fake_records(
        {
            "reconstruction_0.03": reconstruction([0.5] * 3, [0.9] * 3),
            "reconstruction_0.3": reconstruction([0.7] * 3, [0.1, 0.2, 0.3]),
            "reconstruction_3": reconstruction([0.6] * 3, [0.8] * 3),
            "mlp_zipf_1": reconstruction([0.5] * 3, [0.1] * 3),
        }
    )
    assert estimands.tuned(records) == "reconstruction_0.3"
    assert estimands.reconstruction_gain("success_uniform_rare")(records) == pytest.approx([-0.1, 0.0, 0.1])


def test_a_dose_must_grow_at_every_step_of_a_seed():
    records = fake_records(
        {"a": {"gap": [0.0, 0.0, 0.3]}, "b": {"gap": [0.1, 0.1, 0.2]}, "c": {"gap": [0.2, 0.1, 0.4]}}
    )
    assert estimands.grows(("a", "b", "c"), estimands.gap)(records).tolist() == [True, False, False]


def test_the_order_decides_only_where_both_ends_of_the_list_change_places():
    up, down = np.linspace(0, 1, 30, dtype=np.float32), np.linspace(1, 0, 30, dtype=np.float32)
    better_everywhere = up + 1

    def levels(forward, backward):
        arrays = {"levels_forward": {"return": [forward] * 3}, "levels_reversed": {"return": [backward] * 3}}
        return fake_records({name: {"return_uniform": [0.0] * 3} for name in arrays}, arrays=arrays)

    assert estimands.end_means(levels(up, down), "levels_forward")[1] == pytest.approx([up[-6:].mean()] * 3)
    assert estimands.order_decides(levels(down, up)).tolist() == [True] * 3
    assert estimands.order_decides(levels(up, down)).tolist() == [False] * 3
    assert estimands.order_decides(levels(up, up)).tolist() == [False] * 3
    assert estimands.order_decides(levels(better_everywhere, up)).tolist() == [False] * 3


def test_a_remedy_counts_against_the_control_seed_by_seed():
    names = (
        "reconstruction_0.03",
        "reconstruction_0.3",
        "reconstruction_3",
        "byol",
        "transformer",
        "lstm",
        "replay_priorities",
    )
    scalars = {name: reconstruction([0.5, 0.5, 0.5], [0.2, 0.2, 0.2]) for name in names}
    scalars["mlp_uniform"] = reconstruction([0.5] * 3, [0.5, 0.31, 0.29])
    assert estimands.remedies_below("mlp_uniform", 0.1)(fake_records(scalars)).tolist() == [True, True, False]
