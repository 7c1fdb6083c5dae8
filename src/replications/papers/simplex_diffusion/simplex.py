"""n independent coordinates and their normalisation X = Y/ΣY: noising tokens, the Dirichlet limit, the SDE of X."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from replications.papers.simplex_diffusion.cir import check_alpha, check_state, poisson_rate


def check_simplex(x: ArrayLike, tolerance: float = 1e-6) -> np.ndarray:
    """Points of the simplex, (..., n).

    Raises:
        ValueError: a negative coordinate, or coordinates that do not sum to one.
    """
    x = check_state(x, "x")
    total = x.sum(-1)
    off = ~(np.abs(total - 1) <= tolerance)
    if off.any():
        raise ValueError(f"a state off the simplex: its coordinates sum to {total[off].flat[0]:g}, they must sum to 1")
    return x


def check_level(s: ArrayLike) -> np.ndarray:
    """A noise level s = 1 - e^{-bt} in (0, 1]. Raises ValueError outside."""
    s = np.asarray(s, dtype=float)
    bad = ~((s > 0) & (s <= 1))
    if bad.any():
        raise ValueError(f"the noise level s must lie in (0, 1], got {s[bad].flat[0]:g}")
    return s


def noise_tokens(
    tokens: np.ndarray, alpha: ArrayLike, s: ArrayLike, rng: np.random.Generator, n: int | None = None, theta0: float = 1.0
) -> np.ndarray:  # fmt: skip
    """Y_t given tokens: s·Gamma(α_j) in every coordinate, s·Gamma(α_k + Poisson(λ)) in the true one (Eq. 7 at a vertex).

    tokens: (...) integers; α: (n,), or a number with `n`; s: a number or (...). Returns (..., n). One Poisson and n
    Gammas a token, no path. The paper does not say which state stands for a token: ours is θ_0 e_k, with θ_0 = 1.

    Raises:
        ValueError: α ≤ 0, s outside (0, 1], or a token that is no category.
    """
    alpha, s = check_alpha(alpha), check_level(s)
    n = len(alpha) if n is None else n
    tokens = np.asarray(tokens)
    if tokens.size and (tokens.min() < 0 or tokens.max() >= n):
        raise ValueError(f"tokens must lie in 0..{n - 1}, got {tokens.min()}..{tokens.max()}")
    equal = bool((alpha == alpha.flat[0]).all())
    y = _gamma(alpha.flat[0] if equal else alpha, (*tokens.shape, n), rng)  # (..., n)
    signal = rng.poisson(np.broadcast_to(poisson_rate(theta0, s), tokens.shape))
    true = rng.standard_gamma((alpha.flat[0] if equal else alpha[tokens]) + signal)
    np.put_along_axis(y, tokens[..., None], true[..., None], -1)
    y *= s[..., None] if s.ndim else s
    return y


def _gamma(alpha: float | np.ndarray, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Gamma draws; half a squared normal at α = 1/2, where that is quicker."""
    if np.ndim(alpha) == 0 and alpha == 0.5:
        y = rng.standard_normal(shape)
        y *= y
        y *= 0.5
        return y
    return rng.standard_gamma(alpha, shape)


def project(y: np.ndarray) -> np.ndarray:
    """X = Y/ΣY (Eq. 9). (..., n) → (..., n)."""
    return y / y.sum(-1, keepdims=True)


def dirichlet_moments(alpha: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Mean α/A (n,) and covariance α_i(Aδ_ij - α_j)/(A²(A + 1)) (n, n) of the limit law (Eq. 10)."""
    alpha = check_alpha(alpha)
    total = alpha.sum()
    return alpha / total, (np.diag(alpha) * total - np.outer(alpha, alpha)) / (total**2 * (total + 1))


def simplex_drift(y: np.ndarray, alpha: ArrayLike, b: float = 1.0) -> np.ndarray:
    """Drift of X, (b/S)(α - A X): sums to zero. (..., n) → (..., n)."""
    alpha = check_alpha(alpha)
    total = y.sum(-1, keepdims=True)
    return b / total * (alpha - alpha.sum() * y / total)


def simplex_covariance(y: np.ndarray, b: float = 1.0) -> np.ndarray:
    """Covariance of dX per unit time, (2b/S)(diag X - X Xᵀ): rows sum to zero. (..., n) → (..., n, n)."""
    total = y.sum(-1)[..., None, None]
    x = project(y)
    return 2 * b / total * (x[..., :, None] * np.eye(y.shape[-1]) - x[..., :, None] * x[..., None, :])


def expected_true_coordinate(k: int, alpha: ArrayLike, s: float, theta0: float = 1.0) -> float:
    """E[X_k] given token k: Σ_N Poisson(N; λ) (α_k + N)/(A + N)."""
    from scipy import stats

    alpha = check_alpha(alpha)
    rate = float(poisson_rate(theta0, s))
    count = np.arange(int(rate + 12 * np.sqrt(rate) + 40))
    return float(np.sum(stats.poisson.pmf(count, rate) * (alpha[k] + count) / (alpha.sum() + count)))
