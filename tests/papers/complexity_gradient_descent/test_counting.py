"""Monte Carlo over Kac-Rice and counts of stationary points, against closed forms and slow oracles."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from replications.papers.complexity_gradient_descent import counting, method
from replications.study import Context


def context(seed: int = 0) -> Context:
    return Context(seed=seed, device=torch.device("cpu"))


@pytest.mark.parametrize("size", [1, 2])
def test_monte_carlo_equals_the_closed_form_in_one_and_two_dimensions(size: int) -> None:
    mus = (0.3, 0.8)
    found = counting.log_mean_determinant(size, mus, 4000, 8, torch.Generator().manual_seed(0))
    expected = [math.log(method.expected_count(size, mu)) + size * math.log(mu) for mu in mus]
    assert found.tolist() == pytest.approx(expected, abs=0.05)


def test_tilted_shifts_agree_with_plain_averaging_where_that_still_works() -> None:
    size, mu = 6, 0.7
    tilted = counting.log_mean_determinant(size, (mu,), 3000, 8, torch.Generator().manual_seed(1))[0]
    generator = torch.Generator().manual_seed(2)
    a = torch.randn(200_000, size, size, generator=generator, dtype=torch.float64)
    j = (a + a.transpose(1, 2)) / math.sqrt(2.0 * size)
    t = torch.randn(200_000, 1, 1, generator=generator, dtype=torch.float64) / math.sqrt(size)
    plain = torch.linalg.det(j + (mu + t) * torch.eye(size, dtype=torch.float64)).abs().mean().log()
    assert tilted == pytest.approx(float(plain), abs=0.06)


def test_sigma_of_finite_size_exceeds_its_limit_by_a_little() -> None:
    config = counting.KacRiceConfig(sizes=(40,), mus=(0.3, 0.7), matrices=200)
    found = counting.run_kac_rice(config, context())
    assert 1.0 < found.arrays["excess"].min() <= found.arrays["excess"].max() < 4.0
    assert found.scalars["sigma_error"] == pytest.approx(float(np.abs(found.arrays["excess"]).max()), rel=1e-6)
    assert found.scalars["level_error"] < 1e-8


@pytest.mark.parametrize("dimension", [1, 2])
def test_the_gradient_field_has_the_covariance_of_the_model(dimension: int) -> None:
    """E ∂V ∂V' = (1 − r²/N) exp(−r²/2N) along the axis of the derivative."""
    generator = torch.Generator().manual_seed(3)
    side, lags = 300 if dimension == 1 else 200, (0, 7, 15)
    samples = 1500 if dimension == 1 else 60
    drawn = torch.stack([counting.gradient_field(dimension, side, generator)[0] for _ in range(samples)])
    for lag in lags:
        seen = float((drawn * drawn.roll(-lag, 1)).mean())
        r2 = (lag * counting.SPACING) ** 2
        assert seen == pytest.approx((1.0 - r2 / dimension) * math.exp(-r2 / (2 * dimension)), abs=0.05)


def test_counting_on_a_line_finds_every_root() -> None:
    """An oracle: roots of the same slope, interpolated by its Fourier series and refined between sign changes."""
    mu = 0.4
    count, degree = counting._count_line(mu, torch.Generator().manual_seed(5))
    side, w = counting._grid(mu)
    field = counting.gradient_field(1, side, torch.Generator().manual_seed(5))[0].numpy()
    modes, k = np.fft.fft(field) / side, 2 * np.pi * np.fft.fftfreq(side, counting.SPACING)
    start = float(w[0])

    def slope(x: float) -> float:
        return mu * x + float((modes * np.exp(1j * k * (x - start))).sum().real)

    fine = np.linspace(start, float(w[-1]), 4 * len(w))
    values = np.array([slope(x) for x in fine])
    roots = [brentq(slope, a, b) for a, b, f, g in zip(fine, fine[1:], values, values[1:]) if f * g < 0]
    assert count == len(roots)
    assert degree == 1


def test_counting_in_the_plane_agrees_with_newton() -> None:
    mu, generator = 0.7, torch.Generator().manual_seed(7)
    count, degree = counting._count_plane(mu, torch.Generator().manual_seed(7))
    side, w = counting._grid(mu)
    field = counting.gradient_field(2, side, generator).numpy()
    modes = np.fft.fft2(field) / side**2
    k = 2 * np.pi * np.fft.fftfreq(side, counting.SPACING)
    keep = np.abs(k) < 6.0  # the rest holds nothing: the spectrum falls as exp(−k²)
    modes, k, start = modes[:, keep][:, :, keep], k[keep], float(w[0])

    def evaluate(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        one, two = np.exp(1j * k * (x[0] - start)), np.exp(1j * k * (x[1] - start))
        g = np.array([(one @ m @ two).real for m in modes]) + mu * x
        h = np.array([[((1j * k * one) @ m @ two).real, (one @ m @ (1j * k * two)).real] for m in modes])
        return g, h + mu * np.eye(2)

    found: list[np.ndarray] = []
    for a in np.arange(-6.0, 6.1, 0.8):
        for b in np.arange(-6.0, 6.1, 0.8):
            x = np.array([a, b])
            for _ in range(25):
                g, h = evaluate(x)
                move = np.linalg.solve(h, g)
                x = x - move * min(1.0, 0.5 / np.linalg.norm(move))
                if np.abs(x).max() > 8.0:
                    break
            if np.abs(evaluate(x)[0]).max() < 1e-8 and all(np.linalg.norm(x - y) > 1e-3 for y in found):
                found.append(x)
    assert count == len(found)
    assert degree == 1


@pytest.mark.parametrize(("dimension", "fields"), [(1, 400), (2, 25)])
def test_counts_follow_the_formula_and_add_up_to_one(dimension: int, fields: int) -> None:
    found = counting.run_count(counting.CountConfig(dimension, 1.0, fields), context())
    counts = found.arrays["counts"]
    error = counts.std() / math.sqrt(fields)
    assert abs(found.scalars["count"] - method.expected_count(dimension, 1.0)) < 4.0 * error
    assert found.scalars["degree_one"] == 1.0
    assert (counts % 2 == 1).all()


def test_other_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match="dimension 3"):
        counting.run_count(counting.CountConfig(3, 1.0, 2), context())
