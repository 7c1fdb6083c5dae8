"""Time stepping for the Cox-Ingersoll-Ross process: what the paper warns of (Section 2.3), and how large the error is.

A scheme maps (state, a, b·h, standard normal ξ) to the next state, elementwise; all are driven by Gaussian increments so
that they can share a Brownian path. h is in units of time; b = 1 without loss, since b only scales time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy import special

from replications.papers.simplex_diffusion import cir

EPSILON = 1e-3  # inside the root of `epsilon_euler`; the paper gives no value
Scheme = Callable[[np.ndarray, float, float, np.ndarray], np.ndarray]


def full_truncation_euler(x: np.ndarray, a: float, h: float, xi: np.ndarray) -> np.ndarray:
    """Full-truncation Euler (Lord et al. 2010): the raw state may go negative, coefficients see its positive part."""
    positive = np.maximum(x, 0.0)
    return x + (a - positive) * h + np.sqrt(2 * h * positive) * xi


def reflected_euler(x: np.ndarray, a: float, h: float, xi: np.ndarray) -> np.ndarray:
    """Euler, absolute value taken after the step."""
    return np.abs(full_truncation_euler(x, a, h, xi))


def clipped_euler(x: np.ndarray, a: float, h: float, xi: np.ndarray) -> np.ndarray:
    """Euler, negative values set to zero after the step."""
    return np.maximum(full_truncation_euler(x, a, h, xi), 0.0)


def epsilon_euler(x: np.ndarray, a: float, h: float, xi: np.ndarray) -> np.ndarray:
    """Euler with ε inside the square root, the paper's first remedy (Section 2.3)."""
    return x + (a - x) * h + np.sqrt(2 * h * (np.maximum(x, 0.0) + EPSILON)) * xi


def implicit(x: np.ndarray, a: float, h: float, xi: np.ndarray) -> np.ndarray:
    """Drift-implicit Euler on √θ (Alfonsi 2005): positive by construction.

    Raises:
        ValueError: a ≤ 1/2, where the implicit equation has no positive root for every increment.
    """
    if a <= 0.5:
        raise ValueError(f"the implicit scheme needs α > 1/2, got {a:g}")
    shifted = np.sqrt(x) + np.sqrt(h / 2) * xi
    root = (shifted + np.sqrt(shifted**2 + 2 * (1 + h / 2) * (a - 0.5) * h)) / (2 * (1 + h / 2))
    return root**2


def quadratic_exponential(x: np.ndarray, a: float, h: float, xi: np.ndarray) -> np.ndarray:
    """Quadratic-exponential (Andersen 2008): exact mean and variance, an atom at zero where the relative variance is high."""
    mean, variance = cir.mean(x, a, h), cir.variance(x, a, h)
    psi = variance / mean**2
    inverse = 2 / np.minimum(psi, 1.5)
    beta2 = inverse - 1 + np.sqrt(inverse * (inverse - 1))
    quadratic = mean / (1 + beta2) * (np.sqrt(beta2) + xi) ** 2
    if not (psi > 1.5).any():
        return quadratic
    atom = np.maximum(psi - 1, 0) / (psi + 1)
    upper = special.ndtr(-xi)  # 1 - U, kept accurate in the tail
    exponential = np.where(upper < 1 - atom, np.log((1 - atom) / np.maximum(upper, 1e-300)) * mean / (1 - atom), 0.0)
    return np.where(psi > 1.5, exponential, quadratic)


SCHEMES: dict[str, Scheme] = {
    "full truncation": full_truncation_euler,
    "reflection": reflected_euler,
    "clipping": clipped_euler,
    "ε in the root": epsilon_euler,
    "implicit": implicit,
    "quadratic-exponential": quadratic_exponential,
}


def allowed(name: str, a: float) -> bool:
    """Whether scheme `name` is defined for this α."""
    return name != "implicit" or a > 0.5


def walk(
    scheme: Scheme, x: np.ndarray, a: float, t: float, steps: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:  # fmt: skip
    """`steps` equal steps over time t; yields (state before, ξ, state after).

    Raises:
        ValueError: a ≤ 0, t < 0, or a NaN, with the step and the coordinate.
    """
    cir.check_alpha(a)
    cir.elapsed(t)
    for step in range(steps):
        xi = rng.standard_normal(x.shape)
        after = scheme(x, a, t / steps, xi)
        stop_on_nan(after, step)
        yield x, xi, after
        x = after


def simulate(
    scheme: Scheme, theta0: float, a: float, t: float, steps: int, paths: int, rng: np.random.Generator
) -> np.ndarray:  # fmt: skip
    """Positive part of θ_t after `steps` equal steps from θ_0. Shape (paths,). Raises as `walk`."""
    x = np.full(paths, float(cir.check_state(theta0, "θ_0")))
    for _, _, after in walk(scheme, x, a, t, steps, rng):
        x = after
    return np.maximum(x, 0.0)


def stop_on_nan(values: np.ndarray, step: int) -> None:
    """Raise ValueError naming the step and the first coordinate that is NaN; infinities are found as well."""
    if not np.isfinite(values.sum()):
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            where = tuple(int(i) for i in bad[0])
            raise ValueError(
                f"step {step}: coordinate {where} is {values[where]}, {len(bad)} in all; use smaller steps"
            )


def squared_ou_exact(theta0: float, a: float, t: float, paths: int, rng: np.random.Generator) -> np.ndarray:
    """θ_t as a sum of m = 2α squared Ornstein-Uhlenbeck processes dU = -U/2 dt + dB/√2 (Section 2.3), exact in one step.

    Raises:
        ValueError: 2α is not a whole number.
    """
    parts = _whole(a)
    s = float(cir.elapsed(t))
    u = rng.standard_normal((parts, paths)) * np.sqrt(s / 2)
    u[0] += np.sqrt(theta0 * (1 - s))
    return (u**2).sum(0)


def squared_ou_euler(u: np.ndarray, h: float, xi: np.ndarray) -> np.ndarray:
    """One Euler step of the Ornstein-Uhlenbeck parts. u, ξ: (m, paths)."""
    return u * (1 - h / 2) + np.sqrt(h / 2) * xi


def _whole(a: float) -> int:
    parts = round(2 * a)
    if parts < 1 or abs(parts - 2 * a) > 1e-12:
        raise ValueError(f"squared Ornstein-Uhlenbeck processes need 2α whole, got 2α = {2 * a:g}")
    return parts
