"""The Bessel ratio of the Cox-Ingersoll-Ross score and the posterior's 0F1, stable for small and large arguments.

With I_ν the modified Bessel function of the first kind and a > 0,

    R_a(z) = I_a(z) / I_{a-1}(z),        H_a(z) = R_a(z) / z,        F_a(z) = Γ(a) (z/2)^{1-a} I_{a-1}(z).

H is a function of z² alone, finite at zero (1/(2a)): scores and reverse drifts are written with it so that no 0/0 is
met on the boundary. Elementary cases: R_{1/2} = tanh z, F_{1/2} = cosh z, R_1 = I_1/I_0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

LARGEST_ORDER = 300.0  # above it exp(-z) I_{a-1}(z) underflows where log F needs it
_LADDER = 32  # steps of the backward recurrence: error below 1e-13 for z ≤ 40
_CACHED = 8192  # numbers worked on at a time, so that they stay in cache
_HANKEL_TERMS = 14  # of the expansion for large z
_HANKEL_FROM = 40.0


def ratio_over_argument(a: float, z: ArrayLike) -> np.ndarray:
    """H_a(z) = I_a(z) / (z I_{a-1}(z)), from 1/(2a) at z = 0 to about 1/z. Shape of `z`.

    Raises:
        ValueError: a outside (0, 300], or z negative.
    """
    z = _checked(a, z)
    if a == 0.5:
        return np.where(z < 1e-8, 1.0, np.tanh(z) / np.maximum(z, 1e-8))
    if z.ndim == 0:
        return ratio_over_argument(a, z[None])[0]
    small = z <= max(_HANKEL_FROM, 2 * a)
    if small.all():
        return _ladder(a, z)
    out = np.empty_like(z)
    out[small], out[~small] = _ladder(a, z[small]), _large(a, z[~small])
    return out


def bessel_ratio(a: float, z: ArrayLike) -> np.ndarray:
    """R_a(z) = I_a(z) / I_{a-1}(z) in [0, 1) for a ≥ 1/2. Shape of `z`. Raises ValueError as `ratio_over_argument`."""
    z = np.asarray(z, dtype=float)
    return z * ratio_over_argument(a, z)


def log_f(a: float, z: ArrayLike) -> np.ndarray:
    """log F_a(z) = log 0F1(; a; z²/4): zero at z = 0, about z for large z; I_ν itself is never formed. Shape of `z`.

    Raises:
        ValueError: a outside (0, 300], or z negative.
    """
    z = _checked(a, z)
    if a == 0.5:
        return z + np.log1p(np.exp(-2 * z)) - np.log(2.0)
    if a == 1.0:
        return z + np.log(special.i0e(z))
    if a in (1.5, 2.0):  # F_{a+1} = 2a H_a F_a
        return log_f(a - 1, z) + np.log(2 * (a - 1) * ratio_over_argument(a - 1, z))
    q = z * z / 4
    out = np.empty_like(z)
    near = q <= a
    out[near] = _log_series(a, q[near])
    far = z[~near]
    out[~near] = special.gammaln(a) + (1 - a) * np.log(far / 2) + np.log(special.ive(a - 1, far)) + far
    return out


def over_categories(function: Callable[[float, np.ndarray], np.ndarray], alpha: ArrayLike, z: np.ndarray) -> np.ndarray:
    """`function(α_j, z[..., j])` for a scalar α or one α a category. z and result: (..., n)."""
    alpha = np.asarray(alpha, dtype=float)
    values, group = np.unique(alpha, return_inverse=True)
    if len(values) == 1:
        return function(float(values[0]), z)
    out = np.empty_like(z)
    for i, value in enumerate(values):
        out[..., group == i] = function(float(value), z[..., group == i])
    return out


def _checked(a: float, z: ArrayLike) -> np.ndarray:
    if not 0 < a <= LARGEST_ORDER:
        raise ValueError(f"α = {a}: the Bessel ratio needs 0 < α ≤ {LARGEST_ORDER:g}")
    z = np.asarray(z, dtype=float)
    if np.any(z < 0):
        raise ValueError(f"the argument of a Bessel ratio must not be negative, got {np.min(z)}")
    return z


def _ladder(a: float, z: np.ndarray) -> np.ndarray:
    """H_a = 1 / (2a + z² H_{a+1}), downwards from an order where Amos' bound is sharp; errors shrink by R² a step."""
    steps = _LADDER + int(a) // 2
    top = a + steps
    out = np.empty_like(z)
    source, target = z.reshape(-1), out.reshape(-1)
    for low in range(0, len(source), _CACHED):
        q = source[low : low + _CACHED] ** 2
        h = target[low : low + _CACHED]
        h[:] = 1.0 / (top - 0.5 + np.sqrt((top + 0.5) ** 2 + q))  # Amos 1974: lower bound of H_top
        for j in range(steps - 1, -1, -1):
            h *= q
            h += 2 * (a + j)
            np.reciprocal(h, out=h)
    return out


def _large(a: float, z: np.ndarray) -> np.ndarray:
    if a > 4.0:
        return special.ive(a, z) / (z * special.ive(a - 1, z))
    return _hankel(a, z) / (z * _hankel(a - 1, z))


def _hankel(order: float, z: np.ndarray) -> np.ndarray:
    """√(2πz) e^{-z} I_order(z) by its expansion in 1/z, with Horner's rule."""
    total = np.ones_like(z)
    for k in range(_HANKEL_TERMS, 0, -1):
        total = 1.0 - total * (4 * order**2 - (2 * k - 1) ** 2) / (8 * k * z)
    return total


def _log_series(a: float, q: np.ndarray) -> np.ndarray:
    """log Σ q^k / (k! (a)_k) for q ≤ a: the terms fall faster than 1/k!, twenty are enough."""
    total = np.zeros_like(q)
    for k in range(20, 0, -1):
        total = (1.0 + total) * q / (k * (a + k - 1))
    return np.log1p(total)
