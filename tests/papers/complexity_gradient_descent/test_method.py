"""Closed forms of the random landscape and of the scale-invariant balance, against quadrature, samples and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from replications.papers.complexity_gradient_descent import method


def test_sigma_at_seven_coefficients() -> None:
    expected = [1.807585093, 1.129437912, 0.748972804, 0.496290732, 0.318147181, 0.101674944, 0.010360516]
    assert method.sigma(np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9])).tolist() == pytest.approx(expected, abs=1e-9)


def test_sigma_vanishes_quadratically_at_the_transition_and_beyond() -> None:
    assert float(method.sigma(1.0)) == 0.0
    assert float(method.sigma(1.7)) == 0.0
    step = 1e-4
    assert float(method.sigma(1.0 - step)) / step**2 == pytest.approx(1.0, abs=1e-3)  # Σ ~ (1 − μ)²


@pytest.mark.parametrize(("x", "value"), [(0.3, -0.4775), (1.5, 0.0625), (2.5, 0.818147181), (4.0, 1.352856282)])
def test_phi(x: float, value: float) -> None:
    assert float(method.phi(x)) == pytest.approx(value, abs=1e-9)
    assert float(method.phi(-x)) == float(method.phi(x))
    density = lambda s: np.sqrt(4.0 - s * s) / (2.0 * np.pi) * np.log(abs(x - s))  # noqa: E731
    found = quad(density, -2.0, 2.0, points=[x] if x < 2.0 else None, limit=200)[0]
    assert found == pytest.approx(value, abs=1e-6)


def test_index_at_five_levels() -> None:
    y = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    expected = [0.5, 0.342518821, 0.195501109, 0.072146806, 0.0]
    assert method.index(-2.0 * y, 0.0).tolist() == pytest.approx(expected, abs=1e-9)
    assert float(method.index(-5.0, 1.0)) == 0.0
    assert float(method.index(5.0, 1.0)) == 1.0


@given(st.floats(-3.0, 3.0), st.floats(0.05, 2.0), st.floats(-1.0, 1.0))
def test_loss_and_l2_trade_one_for_one_in_the_index(energy: float, mu: float, shift: float) -> None:
    assert float(method.index(energy + shift, mu + shift)) == pytest.approx(float(method.index(energy, mu)), abs=1e-6)


@pytest.mark.parametrize("mu", [0.1, 0.4, 0.9, 1.1, 1.6])
def test_the_most_frequent_level(mu: float) -> None:
    levels = np.linspace(-12.0, 1.0, 130001)
    values = method.sigma_at(levels, mu)
    assert levels[values.argmax()] == pytest.approx(-mu if mu < 1.0 else -1.0 / mu, abs=2e-4)
    assert values.max() == pytest.approx(float(method.sigma(mu)), abs=1e-7)


@given(st.floats(-4.0, 0.5), st.floats(0.05, 0.95))
def test_what_remains_is_the_most_there_is_at_or_below_a_level(energy: float, mu: float) -> None:
    below = method.sigma_at(np.linspace(energy - 8.0, energy, 4001), mu)
    assert float(method.remaining(energy, mu)) == pytest.approx(max(0.0, float(below.max())), abs=1e-5)


def test_the_lowest_level_ends_the_complexity() -> None:
    level = method.lowest(0.3)
    assert level < -1.0
    assert float(method.sigma_at(level, 0.3)) == pytest.approx(0.0, abs=1e-10)
    assert float(method.remaining(level - 0.1, 0.3)) == 0.0
    assert float(method.remaining(0.0, 0.3)) == pytest.approx(float(method.sigma(0.3)))
    with pytest.raises(ValueError, match=r"1\.2 exceeds 1"):
        method.remaining(-1.0, 1.2)


def test_expected_count_against_samples_of_the_hessian() -> None:
    generator = np.random.default_rng(0)
    n = 400_000
    one = np.abs(0.4 + np.sqrt(3.0) * generator.standard_normal(n)).mean() / 0.4
    assert method.expected_count(1, 0.4) == pytest.approx(one, rel=0.01)
    t = generator.standard_normal(n) / np.sqrt(2.0)
    a, d = (generator.standard_normal(n) for _ in range(2))  # diagonal: variance 2/N = 1
    b = generator.standard_normal(n) / np.sqrt(2.0)
    two = np.abs((0.6 + t + a) * (0.6 + t + d) - b * b).mean() / 0.6**2
    assert method.expected_count(2, 0.6) == pytest.approx(two, rel=0.01)
    assert method.expected_count(1, 50.0) == pytest.approx(1.0)
    assert method.expected_count(2, 50.0) == pytest.approx(1.0)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_scale_invariant_toy_settles_at_the_balance(momentum: float) -> None:
    """Gradients of size G/|w|, orthogonal to w and independent in time, as random directions in high dimension are."""
    rate, decay, gradient, steps = 0.1, 0.005, 1.0, 12000
    if momentum:
        rate, steps = rate * (1.0 - momentum), 24000
    generator = np.random.default_rng(1)
    w, m = generator.standard_normal(50), np.zeros(50)
    w *= 3.0 / np.linalg.norm(w)
    norm4, angle2, kept = 0.0, 0.0, 0
    for step in range(steps):
        g = generator.standard_normal(50)
        g -= w * (w @ g) / (w @ w)
        g *= gradient / (np.linalg.norm(w) * np.linalg.norm(g))
        m = momentum * m + g + decay * w
        new = w - rate * m
        if step > steps // 2:
            norm4 += (new @ new) ** 2
            angle2 += np.arccos((new @ w) / np.linalg.norm(new) / np.linalg.norm(w)) ** 2
            kept += 1
        w = new
    tolerance = 0.02 if momentum == 0.0 else 0.05
    assert norm4 / kept == pytest.approx(method.equilibrium_norm4(rate, decay, gradient**2, momentum), rel=tolerance)
    assert np.sqrt(angle2 / kept) == pytest.approx(method.equilibrium_angle(rate, decay, momentum), rel=0.03)


def test_without_decay_the_norm_of_the_toy_only_grows() -> None:
    generator = np.random.default_rng(2)
    w = generator.standard_normal(20)
    norms = [w @ w]
    for _ in range(200):
        g = generator.standard_normal(20)
        g -= w * (w @ g) / (w @ w)
        w = w - 0.1 * g / np.linalg.norm(w)
        norms.append(w @ w)
    assert (np.diff(norms) > 0.0).all()


def test_relaxation_takes_a_quarter_of_the_inverse_product() -> None:
    assert method.relaxation_steps(0.1, 5e-4) == pytest.approx(5000.0)
    assert method.relaxation_steps(0.1, 5e-4, 0.9) == pytest.approx(500.0)


def test_bad_input_is_refused() -> None:
    for function in (method.sigma, lambda mu: method.sigma_at(0.0, mu), lambda mu: method.expected_count(1, mu)):
        with pytest.raises(ValueError, match=r"must be positive, got -0\.5"):
            function(-0.5)
    with pytest.raises(ValueError, match="dimension 3"):
        method.expected_count(3, 0.5)
    for rate, decay, momentum in ((0.0, 1.0, 0.0), (1.0, -1.0, 0.0), (1.0, 1.0, 1.0)):
        with pytest.raises(ValueError, match="a balance needs"):
            method.equilibrium_norm4(rate, decay, 1.0, momentum)
