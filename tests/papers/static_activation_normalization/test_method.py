"""The exact facts of the transforms: constants to ten digits, maps, critical points, families."""

import math

import numpy as np
import pytest
import torch

from replications.papers.static_activation_normalization import method
from replications.papers.static_activation_normalization.activations import ACTIVATIONS, LINEAR
from replications.training.batched_layers import RELU, Base

# name → μ, √v, ν, ζ_A, χ_A, √(v − ν²), χ_Z at σ = 1, by 30-digit quadrature
TABLE = {
    "relu": (0.398942280401, 0.583819370104, 0.5, 0.733471103462, 1.46694220692, 0.301405137495, 2.75193839388),
    "leaky 0.01": (0.394952857597, 0.586568188939, 0.505, 0.741217634913, 1.45337076106, 0.298391086120, 2.75193839388),
    "leaky 0.2": (0.319153824321, 0.646638103131, 0.6, 0.860953938585, 1.24360013351, 0.241124109996, 2.75193839388),
    "abs": (0.797884560803, 0.602810274989, 0.0, 0.0, 2.75193839388, 0.602810274989, 2.75193839388),
    "ELU": (
        0.160520572267,
        0.786879001735,
        0.761578291865,
        0.93672734967,
        1.07901345548,
        0.197931980064,
        2.24877739541,
    ),
    "SELU": (0.0, 1.0, 0.985231116186, 0.970680352301, 1.07157499246, 0.171229809611, 3.44119551469),
    "tanh": (0.0, 0.627928730349, 0.605705509602, 0.930469923615, 1.1778072323, 0.165575741084, 3.55727077474),
    "erf": (0.0, 0.681585691163, 0.651470015871, 0.913582842829, 1.22570000379, 0.20036435017, 3.61174992529),
    "sigmoid": (0.5, 0.208276344932, 0.206620964142, 0.984167166891, 1.03359239004, 0.0262071180247, 3.12169166498),
    "softplus": (0.806059183347, 0.521070534381, 0.5, 0.920761131881, 1.08052805251, 0.14667822538, 2.01626959621),
    "GELU": (0.282094791774, 0.587914969213, 0.5, 0.723287521341, 1.31884497087, 0.309263659398, 2.15226090421),
    "SiLU": (0.206620964142, 0.559538467842, 0.5, 0.79850954171, 1.21208111476, 0.251163884733, 2.05256157814),
    "square": (1.0, math.sqrt(2.0), 0.0, 0.0, 2.0, math.sqrt(2.0), 2.0),
}
RELU_AT_1 = method.gaussian_coefficients(RELU)
A, Z = method.interpolated(RELU_AT_1, 0.0), method.interpolated(RELU_AT_1, 1.0)
X = np.linspace(-3.0, 3.0, 13)


def evaluate(form: method.Affine, x: np.ndarray) -> np.ndarray:
    return form.scale * np.maximum(x, 0.0) + form.tilt * x + form.shift


@pytest.mark.parametrize("name", TABLE)
def test_coefficients_to_ten_digits(name: str) -> None:
    mu, std, nu, zeta, chi, residual, chi_z = TABLE[name]
    found = method.gaussian_coefficients(ACTIVATIONS[name])
    a, z = (method.normalised(found, method.interpolated(found, c)) for c in (0.0, 1.0))
    assert found.mu == pytest.approx(mu, abs=1e-11)
    assert math.sqrt(found.v) == pytest.approx(std, abs=1e-11)
    assert found.nu == pytest.approx(nu, abs=1e-11)
    assert (a.zeta, a.chi) == pytest.approx((zeta, chi), abs=1e-10)
    assert math.sqrt(found.v - found.zeta) == pytest.approx(residual, abs=1e-10)
    assert z.chi == pytest.approx(chi_z, abs=1e-9)
    assert z.zeta == pytest.approx(0.0, abs=1e-24)
    for seen in (a, z):
        assert (seen.mu, seen.v) == pytest.approx((0.0, 1.0), abs=1e-12)
        assert seen.zeta < 1.0 < seen.chi


def test_equality_holds_for_the_identity_alone() -> None:
    found = method.gaussian_coefficients(LINEAR)
    seen = method.normalised(found, method.interpolated(found, 0.0))
    assert (seen.zeta, seen.chi) == pytest.approx((1.0, 1.0), abs=1e-12)
    with pytest.raises(ValueError, match="nothing is left"):
        method.interpolated(found, 1.0)


def test_closed_forms_of_relu() -> None:
    assert (A.scale, A.shift) == pytest.approx((1.7128585504, -0.6833316961), abs=1e-10)
    assert (Z.scale / 2.0, Z.shift) == pytest.approx((1.6588967400, -1.3236080968), abs=1e-10)
    assert method.normalised(RELU_AT_1, A).chi == pytest.approx(math.pi / (math.pi - 1.0), abs=1e-12)
    assert method.normalised(RELU_AT_1, Z).chi == pytest.approx(math.pi / (math.pi - 2.0), abs=1e-12)
    assert RELU_AT_1.eta == RELU_AT_1.v
    assert evaluate(A, np.zeros(1))[0] == pytest.approx(-1.0 / math.sqrt(math.pi - 1.0))
    np.testing.assert_allclose(evaluate(Z, X), evaluate(Z, -X), atol=1e-12)


def test_the_tilted_form_is_the_centred_absolute_value() -> None:
    form = method.tilted(RELU_AT_1)
    np.testing.assert_allclose(evaluate(form, X), np.abs(X) - math.sqrt(2.0 / math.pi), atol=1e-12)
    seen = method.normalised(RELU_AT_1, form)
    assert (seen.v, seen.chi) == pytest.approx((1.0 - 2.0 / math.pi, 1.0), abs=1e-12)


def test_the_family_of_pennington_and_worah() -> None:
    np.testing.assert_allclose(method.worah(X, 0.0), evaluate(A, X), atol=1e-12)
    np.testing.assert_allclose(method.worah(X, 1.0), evaluate(Z, X), atol=1e-12)
    np.testing.assert_allclose(method.worah(X, -1.0), X, atol=1e-12)
    for c in (0.25, 0.5):
        k = c / 2.0
        form = method.interpolated(RELU_AT_1, c)
        np.testing.assert_allclose(method.worah(X, k / (1.0 - k)), evaluate(form, X), atol=1e-12)
        a = k / (1.0 - k)
        zeta = (1.0 - a) ** 2 / (2.0 * (1.0 + a * a) - 2.0 / math.pi * (1.0 + a) ** 2)
        assert method.normalised(RELU_AT_1, form).zeta == pytest.approx(zeta, abs=1e-12)


def test_variance_maps() -> None:
    q = np.array([0.25, 4.0])
    np.testing.assert_allclose(method.variance_map(A, q), [0.366736, 4.466942], atol=1e-6)
    np.testing.assert_allclose(method.variance_map(Z, q), [0.687985, 5.751938], atol=1e-6)
    q = np.linspace(0.1, 9.0, 20)
    root = np.sqrt(q)
    np.testing.assert_allclose(method.variance_map(A, q), q + (root - 1.0) ** 2 / (math.pi - 1.0), rtol=1e-12)
    np.testing.assert_allclose(method.variance_map(Z, q), q + 2.0 * (root - 1.0) ** 2 / (math.pi - 2.0), rtol=1e-12)
    for form in (A, Z):
        low, high = method.variance_map(form, np.array([1.0 - 1e-5, 1.0 + 1e-5]))
        assert (high - low) / 2e-5 == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("form", "weight"), [(A, 1.0 - 1.0 / math.pi), (Z, 1.0 - 2.0 / math.pi)])
def test_critical_weight_variance(form: method.Affine, weight: float) -> None:
    assert weight * method.variance_map(form, np.array(0.25)) == pytest.approx(0.25, abs=1e-12)
    assert weight * method.normalised(RELU_AT_1, form).chi == pytest.approx(1.0, abs=1e-12)


def test_correlation_maps() -> None:
    for form, at_07, slope_0, slope_1 in ((A, 0.6334, 0.7335, 1.4669), (Z, 0.4501, 0.0, 2.7519)):
        c = method.correlation_map(form, np.array([0.0, 0.7, 1.0]))
        np.testing.assert_allclose(c, [0.0, at_07, 1.0], atol=5e-5)
        step = 1e-6
        low, high, end = method.correlation_map(form, np.array([-step, step, 1.0 - step]))
        assert (high - low) / (2.0 * step) == pytest.approx(slope_0, abs=1e-4)
        assert (1.0 - end) / step == pytest.approx(slope_1, abs=5e-3)
    second = method.correlation_map(Z, np.array([-0.01, 0.01])).sum() / 0.01**2
    assert second == pytest.approx(2.0 / (math.pi - 2.0), rel=1e-3)


def test_maps_against_samples() -> None:
    generator = np.random.default_rng(0)
    u, w = generator.standard_normal((2, 400_000))
    for form in (A, Z):
        for c in (-0.5, 0.7):
            f, g = evaluate(form, u), evaluate(form, c * u + math.sqrt(1.0 - c * c) * w)
            assert np.mean(f * g) == pytest.approx(float(method.correlation_map(form, np.array(c))), abs=0.02)
        for q in (0.25, 4.0):
            expected = float(method.variance_map(form, np.array(q)))
            assert np.mean(evaluate(form, math.sqrt(q) * u) ** 2) == pytest.approx(expected, rel=0.02)


def test_coefficients_at_another_scale() -> None:
    found = method.gaussian_coefficients(RELU, sigma=3.0)
    assert (found.mu, found.nu) == pytest.approx((3.0 * RELU_AT_1.mu, 1.5), abs=1e-12)
    assert (found.v, found.chi) == pytest.approx((9.0 * RELU_AT_1.v, 4.5), abs=1e-11)


def test_half_range_rule_has_the_moments_of_half_a_normal() -> None:
    z, w = method.half_range_rule(40)
    expected = [0.5, 1.0 / math.sqrt(2.0 * math.pi), 0.5, 2.0 / math.sqrt(2.0 * math.pi), 1.5]
    np.testing.assert_allclose([(w * z**k).sum() for k in range(5)], expected, rtol=1e-12)
    assert (w * z**10).sum() == pytest.approx(945.0 / 2.0, rel=1e-12)


def test_activations_without_finite_moments_are_refused() -> None:
    for function in (lambda x: torch.exp(x * x), lambda x: 1.0 / x, lambda x: torch.full_like(x, torch.nan)):
        bad = Base("bad", lambda x, out, f=function: out.copy_(f(x)), lambda x, out: out.fill_(1.0))  # type: ignore[misc]
        with pytest.raises(ValueError, match="'bad' has no finite Gaussian moments"):
            method.gaussian_coefficients(bad)
    with pytest.raises(ValueError, match="must be positive"):
        method.gaussian_coefficients(RELU, sigma=0.0)
    with pytest.raises(ValueError, match=r"lies in \[0, 1\]"):
        method.interpolated(RELU_AT_1, 1.5)
    constant = Base("constant", lambda x, out: out.fill_(2.0), lambda x, out: out.zero_())
    with pytest.raises(ValueError, match="nothing is left"):
        method.interpolated(method.gaussian_coefficients(constant), 0.0)
