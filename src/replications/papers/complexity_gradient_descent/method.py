"""Complexity of a random landscape with an L2 term, in closed form: what the abstract's scalar is taken to be.

"Combining learning rate decay and weight decay with complexity gradient descent - Part I" (Richemond and Guo,
arXiv:1902.02881). Only the abstract could be read; every formula here is derived for this chapter or recalled from the
literature on random landscapes (Fyodorov 2004; Fyodorov and Williams 2007), and none is a quotation.

The landscape is H(w) = (μ/2)|w|² + V(w) over w ∈ R^N with a centred Gaussian V, E V(w)V(w') = N f(|w − w'|²/2N), and
f(u) = exp(−u), so that f = −f' = f'' = 1 at 0 and the critical L2 coefficient is μ_c = √f''(0) = 1.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import erf

CRITICAL = 1.0  # μ_c


def sigma(mu: np.ndarray | float) -> np.ndarray:
    """Σ(μ), the growth rate in N of the mean number of stationary points: (μ² − 1)/2 − ln μ below μ_c, else 0.

    Raises:
        ValueError: an L2 coefficient that is not positive.
    """
    mu = _positive(mu)
    below = np.minimum(mu / CRITICAL, 1.0)
    return 0.5 * (below**2 - 1.0) - np.log(below)


def phi(x: np.ndarray | float) -> np.ndarray:
    """Φ(x), the mean of ln|x − s| over the semicircle law of radius 2."""
    size = np.abs(np.asarray(x, dtype=float))
    root = np.sqrt(np.maximum(size**2 - 4.0, 0.0))
    outside = np.log(0.5 * (np.maximum(size, 2.0) + root)) - 0.25 * size * root
    return 0.25 * size**2 - 0.5 + outside


def sigma_at(energy: np.ndarray | float, mu: np.ndarray | float) -> np.ndarray:
    """Σ(ε, μ), the growth rate of stationary points at the level V/N = ε: −ε²/2 − ln μ + Φ(μ − ε).

    Raises:
        ValueError: an L2 coefficient that is not positive.
    """
    mu, energy = _positive(mu), np.asarray(energy, dtype=float)
    return -0.5 * energy**2 - np.log(mu) + phi(mu - energy)


def index(energy: np.ndarray | float, mu: np.ndarray | float) -> np.ndarray:
    """α(ε, μ), the fraction of directions of negative curvature at V/N = ε: the semicircle's mass below ε − μ.

    Given V/N = ε the Hessian of H is a semicircle of radius 2 centred at μ − ε.
    """
    y = np.clip(0.5 * (np.asarray(mu, dtype=float) - np.asarray(energy, dtype=float)), -1.0, 1.0)
    return (np.arccos(y) - y * np.sqrt(1.0 - y**2)) / np.pi


def remaining(energy: np.ndarray | float, mu: float) -> np.ndarray:
    """Growth rate of the stationary points at or below the level V/N = ε: Σ(min(ε, −μ), μ), for μ ≤ μ_c; 0 where there are none.

    Σ(ε, μ) is largest at ε = −μ, so above that level the count of all points is what remains. It falls as the loss falls.

    Raises:
        ValueError: an L2 coefficient that is not in (0, μ_c].
    """
    if float(_positive(mu)) > CRITICAL:
        raise ValueError(f"no complexity remains above the transition: the L2 coefficient {mu:g} exceeds {CRITICAL:g}")
    return np.maximum(sigma_at(np.minimum(energy, -mu), mu), 0.0)


def lowest(mu: float) -> float:
    """The level below which no stationary point remains: Σ(ε, μ) = 0 with ε < −μ, for μ < μ_c."""
    return float(brentq(lambda energy: float(sigma_at(energy, mu)), -20.0, -mu))


def expected_count(dimension: int, mu: float) -> float:
    """Exact mean number of stationary points of H in one or two dimensions, from the Kac-Rice formula.

    N = 1: E|μ + V''|/μ with V'' ~ N(0, 3). N = 2: 1 + 2 exp(−μ²/3)/(√3 μ²), by integrating out the two eigenvalues.

    Raises:
        ValueError: another dimension, or an L2 coefficient that is not positive.
    """
    mu = float(_positive(mu))
    if dimension == 1:
        return float(np.sqrt(6.0 / np.pi) * np.exp(-(mu**2) / 6.0) / mu + erf(mu / np.sqrt(6.0)))
    if dimension == 2:
        return float(1.0 + 2.0 * np.exp(-(mu**2) / 3.0) / (np.sqrt(3.0) * mu**2))
    raise ValueError(f"dimension {dimension}: closed forms are known here for 1 and 2")


def equilibrium_norm4(rate: float, decay: float, gradient2: float, momentum: float = 0.0) -> float:
    """|w|⁴ at which L2 and gradient noise balance for scale-invariant weights: ηG²/(2λ(1 − β)), G = |w||∇L|.

    Gradients are orthogonal to w and, where β > 0, taken as uncorrelated in time.

    Raises:
        ValueError: a rate or decay that is not positive, or momentum outside [0, 1).
    """
    _check(rate, decay, momentum)
    return rate * gradient2 / (2.0 * decay * (1.0 - momentum))


def equilibrium_angle(rate: float, decay: float, momentum: float = 0.0) -> float:
    """Angle between successive weights at that balance, in radians: √(2ηλ/(1 + β))."""
    _check(rate, decay, momentum)
    return float(np.sqrt(2.0 * rate * decay / (1.0 + momentum)))


def relaxation_steps(rate: float, decay: float, momentum: float = 0.0) -> float:
    """Steps in which |w|² approaches that balance by a factor e: (1 − β)/(4ηλ)."""
    _check(rate, decay, momentum)
    return (1.0 - momentum) / (4.0 * rate * decay)


def _check(rate: float, decay: float, momentum: float) -> None:
    if not (rate > 0.0 and decay > 0.0 and 0.0 <= momentum < 1.0):
        raise ValueError(
            f"a balance needs rate > 0, decay > 0 and momentum in [0, 1), got {rate:g}, {decay:g} and {momentum:g}"
        )


def _positive(mu: np.ndarray | float) -> np.ndarray:
    mu = np.asarray(mu, dtype=float)
    if not (mu > 0.0).all():
        raise ValueError(f"the L2 coefficient must be positive, got {mu.min():g}: without it there is no confinement")
    return mu
