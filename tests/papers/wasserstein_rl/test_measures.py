"""Orders, distances and dissipation: what the experiments share."""

import numpy as np
import pytest
import torch

from replications.papers.wasserstein_rl.measures import (
    distance_to_curve,
    draws,
    error_curve,
    excess_energy,
    follow,
    iterate,
    order,
)
from replications.study import Context


def test_order_is_the_slope():
    h = np.array([0.1, 0.05, 0.025])
    assert order(h, 3 * h**2) == pytest.approx(2.0)


def test_distance_to_a_polyline():
    curve = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    assert distance_to_curve(np.array([[0.5, 0.2], [1.3, 0.5], [-0.1, 0.0]]), curve) == pytest.approx(0.3)
    assert distance_to_curve(np.array([[0.5, 0.0], [1.0, 0.7]]), curve) == pytest.approx(0.0, abs=1e-12)


def test_excess_energy_says_no_to_a_step_that_climbs():
    assert excess_energy([1.0, 0.8, 0.7], [0.1, 0.1], 0.1) == 0.0
    assert excess_energy([1.0, 0.8, 0.9], [0.1, 0.1], 0.1) == pytest.approx(0.15)
    assert excess_energy([1.0, 0.99], [0.1], 0.1) == pytest.approx(0.04)  # falls, but by less than W₂²/2h


def test_paths():
    assert iterate(lambda p: 2 * p, 1, 3) == [1, 2, 4, 8]
    assert follow(lambda p: (2 * p, 0.0), 1, lambda p: p < 5) == [1, 2, 4, 8]
    assert list(error_curve([0.1, 0.2], [1.0, 2.0]).y) == [1.0, 2.0]


def test_draws_depend_on_the_seed_alone():
    one, again, other = (draws(Context(seed, torch.device("cpu"))).uniform() for seed in (0, 0, 1))
    assert one == again != other
