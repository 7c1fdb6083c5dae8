"""Back from noise to data: reverse SDE (Eq. 12, 13), probability-flow ODE (Eq. 15-17), exact bridge.

Every step is from level s to a smaller level r, with s = 1 - e^{-bt}; a `Denoiser` gives p(k | y) at a level. After
the score of `posterior.mixture_score` is inserted, the boundary term (α - 1)/y cancels: the forms below are regular at
y = 0 for every α > 0. The paper's own forms stand beside them (`*_from_score`), with the one that holds a slip.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from replications.papers.simplex_diffusion import posterior as post
from replications.papers.simplex_diffusion.bessel import log_f
from replications.papers.simplex_diffusion.cir import check_alpha, poisson_rate
from replications.papers.simplex_diffusion.schemes import stop_on_nan

Denoiser = Callable[[np.ndarray, float], np.ndarray]  # (state (..., n), level) → probabilities (..., n)
Step = Callable[[np.ndarray, float, float, Denoiser, np.ndarray, np.random.Generator], np.ndarray]


def reverse_drift_from_score(z: np.ndarray, score: np.ndarray, alpha: ArrayLike, b: float = 1.0) -> np.ndarray:
    """-b(α - Z) + 2b diag(Z) ∇log p + 2b 1 (Eq. 12, 13). (..., n) → (..., n)."""
    return b * (-(np.asarray(alpha) - z) + 2 * z * score + 2)


def reverse_drift(
    z: np.ndarray, p: np.ndarray, s: float, alpha: ArrayLike, b: float = 1.0, theta0: float = 1.0
) -> np.ndarray:
    """The same with the score inserted: b[α - (2/s - 1) Z + p zR_α(z)], which is bα at Z = 0. (..., n) → (..., n)."""
    signal = 4 * theta0 * (1 - s) / s**2 * z * post.ratio(z, s, alpha, theta0)
    return b * (np.asarray(alpha) - (2 / s - 1) * z + p * signal)


def ode_field_from_score(y: np.ndarray, score: np.ndarray, alpha: ArrayLike, b: float = 1.0) -> np.ndarray:
    """dY/dt = b(α - 1 - Y - diag(Y) ∇log p) (Eq. 16). (..., n) → (..., n)."""
    return b * (np.asarray(alpha) - 1 - y - y * score)


def log_ode_field_as_printed(score: np.ndarray, b: float = 1.0) -> np.ndarray:
    """dlog Y/dt = -b(1 + ∇log p), the paper's log-domain form: right only for α = 1."""
    return -b * (1 + score)


def log_ode_field(y: np.ndarray, score: np.ndarray, alpha: ArrayLike, b: float = 1.0) -> np.ndarray:
    """dlog Y/dt = b((α - 1)/Y - 1 - ∇log p): the corrected form, zero at stationarity."""
    return b * ((np.asarray(alpha) - 1) / y - 1 - score)


def ode_euler(
    y: np.ndarray, s: float, r: float, denoise: Denoiser, alpha: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Euler on dY/dlog s = Y - D; what would go negative is set to zero."""
    step = np.log(r / s)
    return np.maximum(y + step * (y - post.denoiser(y, denoise(y, s), s, alpha)), 0.0)


def ode_exponential(
    y: np.ndarray, s: float, r: float, denoise: Denoiser, alpha: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The step that is exact for constant D, Y ← (r/s) Y + (1 - r/s) D: never negative (Euler in s itself)."""
    return r / s * y + (1 - r / s) * post.denoiser(y, denoise(y, s), s, alpha)


def ode_heun(
    y: np.ndarray, s: float, r: float, denoise: Denoiser, alpha: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Heun on dY/dlog s = Y - D: two evaluations a step."""
    step = np.log(r / s)
    first = y - post.denoiser(y, denoise(y, s), s, alpha)
    ahead = np.maximum(y + step * first, 0.0)
    second = ahead - post.denoiser(ahead, denoise(ahead, r), r, alpha)
    return np.maximum(y + step / 2 * (first + second), 0.0)


def sde_step(
    y: np.ndarray, s: float, r: float, denoise: Denoiser, alpha: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Full-truncation Euler on the reverse SDE over t = log((1-r)/(1-s)) units of time; the raw state is carried."""
    h = np.log((1 - r) / (1 - s))
    positive = np.maximum(y, 0.0)
    drift = reverse_drift(positive, denoise(positive, s), s, alpha)
    return y + h * drift + np.sqrt(2 * h * positive) * rng.standard_normal(y.shape)


def bridge_step(
    y: np.ndarray, s: float, r: float, denoise: Denoiser, alpha: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw k ~ p(· | y), then y_r from the exact law given (y_s, k): right at any step size for one position."""
    p = denoise(y, s)
    tokens = np.minimum((p.cumsum(-1) < rng.random((*y.shape[:-1], 1))).sum(-1), y.shape[-1] - 1)
    return bridge(y, tokens, s, r, alpha, rng)


def bridge(
    y: np.ndarray, tokens: np.ndarray, s: float, r: float, alpha: ArrayLike, rng: np.random.Generator, theta0: float = 1.0
) -> np.ndarray:  # fmt: skip
    """y_r given y_s and the token: Gamma(α + M)/(1/s_r + κ), M ~ Poisson(A + B) + 2 Bessel(α - 1, 2√(AB)).

    A carries the signal (true coordinate only), B the state ahead; y: (..., n), tokens: (...).

    Raises:
        ValueError: r is not below s.
    """
    if not 0 < r < s <= 1:
        raise ValueError(f"a bridge goes from level s to a smaller level: got s = {s:g}, r = {r:g}")
    alpha = np.broadcast_to(np.asarray(alpha, dtype=float), y.shape[-1:])
    between = (s - r) / (1 - r)  # 1 - e^{-b(t - r)}
    kappa = (1 - between) / between
    rate = 1 / r + kappa
    ahead = kappa / between * y / rate  # B: (..., n)
    count = rng.poisson(ahead)
    index = tokens[..., None]
    at_token = np.take_along_axis(ahead, index, -1)[..., 0]
    signal = float(poisson_rate(theta0, r)) / r / rate  # A
    extra = rng.poisson(signal, tokens.shape) + 2 * bessel_counts(
        alpha[tokens] - 1, 2 * np.sqrt(signal * at_token), rng
    )
    np.put_along_axis(count, index, np.take_along_axis(count, index, -1) + extra[..., None], -1)
    return rng.standard_gamma(alpha + count) / rate


def bessel_counts(order: np.ndarray, w: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws m with probability ∝ (w/2)^{2m+ν}/(m! Γ(m+ν+1)), ν > -1: Devroye's rejection for log-concave laws (2002).

    About five proposals an element; the loop is over rounds, never over elements. Shapes of `order` and `w` equal.
    """
    shape = w.shape
    order, w = order.reshape(-1), w.reshape(-1)
    out = np.zeros(len(w), dtype=np.int64)
    mode = np.floor(np.maximum((np.sqrt(w**2 + order**2) - order) / 2, 0.0))
    log_mode = _log_bessel_mass(mode, order, w)
    left = np.flatnonzero(w > 0)
    while len(left):
        p = np.exp(log_mode[left])
        width = 1 + p / 2
        flat = rng.random(len(left)) <= width / (1 + width)
        y = np.where(flat, rng.random(len(left)) * width, width + rng.standard_exponential(len(left))) / p
        step = np.rint(y) * rng.choice((-1.0, 1.0), len(left))
        m = mode[left] + step
        log_bound = np.log(rng.random(len(left))) + np.minimum(0.0, width - p * y)
        inside = m >= 0
        log_ratio = np.full(len(left), -np.inf)
        log_ratio[inside] = _log_bessel_mass(m[inside], order[left[inside]], w[left[inside]]) - log_mode[left[inside]]
        accepted = log_bound <= log_ratio
        out[left[accepted]] = m[accepted]
        left = left[~accepted]
    return out.reshape(shape)


def _log_bessel_mass(m: np.ndarray, order: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Logarithm of the Bessel law's probability of m; w > 0 wherever it is used."""
    log_total = np.empty_like(w)
    for value in np.unique(order):
        log_total[order == value] = log_f(value + 1, w[order == value])
    half = np.log(np.maximum(w, 1e-300) / 2)
    a = order + 1
    return 2 * m * half - special.gammaln(m + 1) - special.gammaln(m + a) + special.gammaln(a) - log_total


STEPS: dict[str, Step] = {
    "ODE Euler": ode_euler,
    "ODE exponential": ode_exponential,
    "ODE Heun": ode_heun,
    "reverse SDE": sde_step,
    "bridge": bridge_step,
}


def levels(
    kind: str, steps: int, first: float, last: float, knots: tuple[np.ndarray, np.ndarray] | None = None
) -> np.ndarray:
    """steps + 1 falling levels: equal in "t", "s", "log s", or in "entropy" (`knots`: levels and entropies, both rising).

    Raises:
        ValueError: unknown kind, or fewer than one step.
    """
    if steps < 1:
        raise ValueError(f"at least one step is needed, got {steps}")
    if kind == "t":
        return -np.expm1(-np.linspace(-np.log1p(-first), -np.log1p(-last), steps + 1))
    if kind == "s":
        return np.linspace(first, last, steps + 1)
    if kind == "log s":
        return np.geomspace(first, last, steps + 1)
    if kind == "entropy" and knots is not None:
        inner = np.interp(np.linspace(knots[1][-1], knots[1][0], steps + 1)[1:-1], knots[1], knots[0])
        return np.concatenate([[first], np.clip(inner, last, first), [last]])
    raise ValueError(f"unknown grid '{kind}': choose t, s, log s or entropy (with knots)")


def generate(
    step: Step, grid: np.ndarray, shape: tuple[int, ...], denoise: Denoiser, alpha: ArrayLike, rng: np.random.Generator
) -> np.ndarray:  # fmt: skip
    """From the stationary law at grid[0] down to grid[-1]. shape: (..., n); returns the last state (..., n).

    Raises:
        ValueError: α ≤ 0, or a NaN, with the step and the coordinate.
    """
    alpha = np.broadcast_to(check_alpha(alpha), shape[-1:])
    y = rng.standard_gamma(alpha, shape)
    for index, (s, r) in enumerate(itertools.pairwise(grid)):
        y = step(y, float(s), float(r), denoise, alpha, rng)
        stop_on_nan(y, index)
    return np.maximum(y, 0.0)
