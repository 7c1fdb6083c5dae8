"""The Cox-Ingersoll-Ross process with σ² = 2b: transition law, moments, score, exact samplers (Section 2, Eq. 1-11).

    dθ = b(a - θ) dt + √(2bθ) dW,    stationary law Gamma(a, rate 1).

One coordinate of the simplex diffusion is one such process; b is a time scale, so functions take either (t, b) or the
elapsed fraction s = 1 - e^{-bt}: 0 at the data, 1 at the stationary law. Where the paper's printed form holds a slip,
the function named `*_as_printed` keeps it, for the tests that show the difference.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from replications.papers.simplex_diffusion.bessel import log_f, ratio_over_argument

BLOCK = 1 << 16  # coordinates drawn from one random stream: the draws do not depend on the number of threads


def check_alpha(alpha: ArrayLike) -> np.ndarray:
    """α as an array of floats.

    Raises:
        ValueError: a value is not positive.
    """
    alpha = np.asarray(alpha, dtype=float)
    bad = ~(alpha > 0)
    if bad.any():
        raise ValueError(f"α must be positive, got {alpha[bad].flat[0]:g}: it is the shape of a Gamma law")
    return alpha


def elapsed(t: ArrayLike, b: float = 1.0) -> np.ndarray:
    """s = 1 - e^{-bt} in [0, 1).

    Raises:
        ValueError: negative time, or b not positive.
    """
    t = np.asarray(t, dtype=float)
    if not b > 0:
        raise ValueError(f"b must be positive, got {b:g}: it is a rate")
    bad = ~(t >= 0)
    if bad.any():
        raise ValueError(f"t must not be negative, got {t[bad].flat[0]:g}: the process starts from data at t = 0")
    return -np.expm1(-b * t)


def check_state(theta: ArrayLike, name: str = "θ") -> np.ndarray:
    """A state of the process as an array.

    Raises:
        ValueError: a negative or NaN coordinate, which the process never has.
    """
    theta = np.asarray(theta, dtype=float)
    bad = ~(theta >= 0)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"{name} must not be negative, got {theta[bad].flat[0]:g} at coordinate {where}")
    return theta


def poisson_rate(theta0: ArrayLike, s: ArrayLike) -> np.ndarray:
    """λ = θ_0 (1 - s)/s, half the non-centrality of Eq. 7: the mean number of surviving units of signal."""
    return np.asarray(theta0, dtype=float) * (1 - np.asarray(s)) / np.asarray(s)


def mean(theta0: ArrayLike, a: ArrayLike, t: ArrayLike, b: float = 1.0) -> np.ndarray:
    """E[θ_t | θ_0] = θ_0 e^{-bt} + a(1 - e^{-bt}) (Eq. 5, first form)."""
    s = elapsed(t, b)
    return np.asarray(theta0) * (1 - s) + np.asarray(a) * s


def mean_as_printed(theta0: ArrayLike, a: ArrayLike, t: ArrayLike, b: float = 1.0) -> np.ndarray:
    """The last form of Eq. 5, a + e^{-bt}(θ_0 - 1): right only for a = 1, where θ_0 - a was meant."""
    return np.asarray(a) + (1 - elapsed(t, b)) * (np.asarray(theta0) - 1)


def variance(theta0: ArrayLike, a: ArrayLike, t: ArrayLike, b: float = 1.0) -> np.ndarray:
    """Var[θ_t | θ_0] = 2θ_0 (e^{-bt} - e^{-2bt}) + a(1 - e^{-bt})² (Eq. 6 with σ² = 2b)."""
    s = elapsed(t, b)
    return 2 * np.asarray(theta0) * s * (1 - s) + np.asarray(a) * s**2


def variance_as_printed(theta0: ArrayLike, a: ArrayLike, t: ArrayLike, b: float = 1.0) -> np.ndarray:
    """The last form of Eq. 6, with e^{-2t} where e^{-2bt} was meant: right only for b = 1."""
    s = elapsed(t, b)
    return 2 * np.asarray(theta0) * ((1 - s) - np.exp(-2 * np.asarray(t))) + np.asarray(a) * s**2


def log_density(theta: ArrayLike, theta0: ArrayLike, a: float, t: ArrayLike, b: float = 1.0) -> np.ndarray:
    """log f(θ_t | θ_0), as a Gamma density times e^{-λ} F_a(z): Eq. 8 for θ_0 > 0, and its limit at θ_0 = 0.

    Raises:
        ValueError: a ≤ 0, t < 0, or a negative state.
    """
    s, theta = elapsed(t, b), check_state(theta)
    check_alpha(a)
    z = 2 * np.sqrt(check_state(theta0, "θ_0") * theta * (1 - s)) / s
    log_gamma = special.xlogy(a - 1, theta) - theta / s - a * np.log(s) - special.gammaln(a)
    return log_gamma - poisson_rate(theta0, s) + log_f(a, z)


def density_as_printed(theta: ArrayLike, theta0: ArrayLike, a: float, t: ArrayLike, b: float = 1.0) -> np.ndarray:
    """Eq. 8 letter by letter: needs θ_0 > 0 (it divides by it) and overflows where I_{a-1} does."""
    theta, theta0 = np.asarray(theta, dtype=float), np.asarray(theta0, dtype=float)
    c, decay = 1 / elapsed(t, b), np.exp(-b * np.asarray(t))
    power = (theta / (theta0 * decay)) ** ((a - 1) / 2)
    bessel = special.iv(a - 1, 2 * c * np.sqrt(theta0 * theta * decay))
    return c * np.exp(-c * (theta0 * decay + theta)) * power * bessel


def score(theta: ArrayLike, theta0: ArrayLike, a: float, t: ArrayLike, b: float = 1.0) -> np.ndarray:
    """∂ log f/∂θ = (a - 1)/θ - 1/s + 2λ/s · H_a(z): no 0/0 besides the boundary term. Raises as `log_density`."""
    s, theta = elapsed(t, b), check_state(theta)
    check_alpha(a)
    z = 2 * np.sqrt(check_state(theta0, "θ_0") * theta * (1 - s)) / s
    return boundary_term(a, theta) - 1 / s + 2 * poisson_rate(theta0, s) / s * ratio_over_argument(a, z)


def boundary_term(a: ArrayLike, theta: ArrayLike) -> np.ndarray:
    """(a - 1)/θ, which is zero for a = 1 even at θ = 0."""
    a, theta = np.broadcast_arrays(np.asarray(a, dtype=float) - 1, np.asarray(theta, dtype=float))
    out = np.zeros(a.shape)
    with np.errstate(divide="ignore"):
        return np.divide(a, theta, out=out, where=a != 0)


def laplace(u: ArrayLike, theta0: ArrayLike, a: ArrayLike, t: ArrayLike, b: float = 1.0) -> np.ndarray:
    """E exp(-uθ_t) = (1 + us)^{-a} exp(-θ_0 u e^{-bt}/(1 + us))."""
    s = elapsed(t, b)
    scale = 1 + np.asarray(u) * s
    return scale ** -np.asarray(a) * np.exp(-np.asarray(theta0) * np.asarray(u) * (1 - s) / scale)


def cdf(theta: ArrayLike, theta0: float, a: float, t: float, b: float = 1.0) -> np.ndarray:
    """P(θ_t ≤ θ | θ_0) from the library's non-central χ² (Eq. 7), Gamma where θ_0 = 0: the oracle of the KS tests."""
    s = float(elapsed(t, b))
    if theta0 == 0:
        return stats.gamma.cdf(theta, a, scale=s)
    return special.chndtr(2 * np.asarray(theta) / s, 2 * a, 2 * float(poisson_rate(theta0, s)))


def sample(
    theta0: ArrayLike, a: float, t: float, rng: np.random.Generator, b: float = 1.0, size: int | None = None,
    method: str = "chi_square", threads: int = 1,
) -> np.ndarray:  # fmt: skip
    """Exact draws of θ_t | θ_0 in one step, whatever t (Eq. 7).

    `theta0` is a number (with `size`) or an array, whose shape the result has. Blocks of 65,536 coordinates have random
    streams of their own, so that `threads` changes the time and not the numbers.

    Raises:
        ValueError: a ≤ 0, t < 0, a negative state, or an unknown method.
    """
    if method not in _METHODS:
        raise ValueError(f"unknown method '{method}': choose from {', '.join(_METHODS)}")
    check_alpha(a)
    s = float(elapsed(t, b))
    start = np.asarray(check_state(theta0, "θ_0"))
    out = np.empty(start.shape if size is None else size)
    flat, starts = out.reshape(-1), start.reshape(-1)
    if s == 0:
        flat[:] = starts
        return out
    blocks = range(0, len(flat), BLOCK)
    streams = rng.spawn(len(blocks))

    def draw(low: int, stream: np.random.Generator) -> None:
        block = slice(low, low + BLOCK)
        rate = poisson_rate(starts[0] if start.ndim == 0 else starts[block], s)
        _METHODS[method](flat[block], rate, a, stream)
        flat[block] *= s

    if threads == 1 or len(blocks) == 1:
        for low, stream in zip(blocks, streams):
            draw(low, stream)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(draw, blocks, streams))
    return out


def _poisson_gamma(out: np.ndarray, rate: np.ndarray, a: float, rng: np.random.Generator) -> None:
    """Gamma(a + N), N ~ Poisson(λ)."""
    if not rate.any():
        rng.standard_gamma(a, out=out)
        return
    out[:] = rng.standard_gamma(a + rng.poisson(rate, out.shape))


def _chi_square(out: np.ndarray, rate: np.ndarray, a: float, rng: np.random.Generator) -> None:
    """Half a χ² with 2a degrees and non-centrality 2λ; a shifted squared normal and a Gamma where 2a ≥ 1."""
    if a < 0.5:
        out[:] = rng.noncentral_chisquare(2 * a, 2 * rate, out.shape)
        out *= 0.5
        return
    rng.standard_normal(out=out)
    out += np.sqrt(2 * rate)
    out *= out
    out *= 0.5
    if a == 1.0:
        second = rng.standard_normal(out.shape)
        second *= second
        second *= 0.5
        out += second
    elif a > 0.5:
        out += rng.standard_gamma(a - 0.5, out.shape)


_METHODS = {"poisson_gamma": _poisson_gamma, "chi_square": _chi_square}
