"""Weak and strong errors: reference values, the control variate, orders far from the boundary."""

import numpy as np
import pytest

from replications.papers.simplex_diffusion import cir, schemes
from replications.papers.simplex_diffusion.orders import slope, strong_errors, weak_errors


def test_weak_error_reference_values():
    """Full truncation at α = 1 from 1: +.0175 with four steps, +.0026 with thirty-two; clipping from 0 at -.0474."""
    rng = np.random.default_rng(1)
    found = [weak_errors(schemes.full_truncation_euler, 1.0, 1.0, 1.0, k, 40_000, rng)["exp"] for k in (4, 32)]
    assert found[0][0] == pytest.approx(0.0175, abs=0.0025)
    assert found[1][0] == pytest.approx(0.0028, abs=0.0008)
    assert weak_errors(schemes.clipped_euler, 0.0, 1.0, 1.0, 4, 40_000, rng)["exp"][0] == pytest.approx(
        -0.0474, abs=0.003
    )


def test_control_variate_has_mean_zero_and_takes_noise_out():
    rng = np.random.default_rng(2)
    error, noise = weak_errors(schemes.implicit, 1.0, 4.0, 1.0, 64, 10_000, rng)["exp"]
    plain = np.exp(-schemes.simulate(schemes.implicit, 1.0, 4.0, 1.0, 64, 10_000, rng))
    assert noise < plain.std() / 100 / 4
    assert abs(error - (plain.mean() - cir.laplace(1.0, 1.0, 4.0, 1.0))) < 4 * plain.std() / 100
    square = weak_errors(schemes.implicit, 1.0, 4.0, 1.0, 64, 10_000, rng)["square"]
    assert abs(square[0]) < 0.2 + 5 * square[1]


def test_strong_orders_far_from_the_boundary():
    names = ["full truncation", "implicit", "squared OU"]
    found = strong_errors(names, 1.0, 4.0, 1.0, range(3, 8), 400, np.random.default_rng(3))
    steps = 2.0 ** -np.arange(3, 8)
    assert slope(steps, found["full truncation"]) == pytest.approx(0.5, abs=0.12)
    assert slope(steps, found["implicit"]) == pytest.approx(1.0, abs=0.12)
    assert slope(steps, found["squared OU"]) == pytest.approx(1.0, abs=0.12)


def test_slope_skips_zero_errors():
    assert slope(np.array([1.0, 0.5, 0.25]), np.array([1.0, 0.0, -1 / 16])) == pytest.approx(2.0)
