"""What a noisy state says of its token: conditional score, posterior, denoiser, and the entropy identity (Eq. 14, 18).

States y are (..., n), levels s numbers or (...) (one a position), α a number or (n,). The posterior p(k | y) is
proportional to π_k F_{α_k}(z_k): not linear in y, which is the paper's remark on Eq. 18.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from replications.papers.simplex_diffusion.bessel import log_f, over_categories, ratio_over_argument
from replications.papers.simplex_diffusion.cir import boundary_term, poisson_rate


def level(s: ArrayLike) -> np.ndarray:
    """s with a last axis for the categories."""
    s = np.asarray(s, dtype=float)
    return s[..., None] if s.ndim else s


def argument(y: np.ndarray, s: ArrayLike, theta0: float = 1.0) -> np.ndarray:
    """z = (2/s) √(θ_0 y (1 - s)). (..., n) → (..., n)."""
    s = level(s)
    return 2 / s * np.sqrt(theta0 * (1 - s) * y)


def ratio(y: np.ndarray, s: ArrayLike, alpha: ArrayLike, theta0: float = 1.0) -> np.ndarray:
    """H_α(z) of every coordinate. (..., n) → (..., n)."""
    return over_categories(ratio_over_argument, alpha, argument(y, s, theta0))


def log_emission(y: np.ndarray, s: ArrayLike, alpha: ArrayLike, theta0: float = 1.0) -> np.ndarray:
    """log p(y | k) up to what all k share: log F_{α_k}(z_k). (..., n) → (..., n)."""
    return over_categories(log_f, alpha, argument(y, s, theta0))


def posterior(
    y: np.ndarray, s: ArrayLike, alpha: ArrayLike, prior: np.ndarray, theta0: float = 1.0
) -> np.ndarray:  # fmt: skip
    """p(k | y) ∝ π_k F_{α_k}(z_k), from the whole state. prior: (n,); (..., n) → (..., n)."""
    return special.softmax(np.log(prior) + log_emission(y, s, alpha, theta0), axis=-1)


def posterior_from_simplex(
    x: np.ndarray, s: float, alpha: np.ndarray, prior: np.ndarray, theta0: float = 1.0
) -> np.ndarray:
    """p(k | x) ∝ π_k 1F1(A; α_k; λ x_k): from X alone, which knows less than Y. x: (..., n) → (..., n)."""
    rate = float(poisson_rate(theta0, s))
    total = alpha.sum()
    count = np.arange(1 + int(2 * (rate + total) + 20 * np.sqrt(rate + 1) + 60))
    weight = (
        special.gammaln(total + count) - special.gammaln(total) - special.gammaln(count + 1)
        - special.gammaln(alpha[:, None] + count) + special.gammaln(alpha)[:, None]
    )  # fmt: skip  # (n, N)
    log_kummer = special.logsumexp(weight + special.xlogy(count, rate * x[..., None]), axis=-1)
    return special.softmax(np.log(prior) + log_kummer, axis=-1)


def mixture_score(y: np.ndarray, p: np.ndarray, s: ArrayLike, alpha: ArrayLike, theta0: float = 1.0) -> np.ndarray:
    """∇log p(y) with p the probabilities of the token: (α - 1)/y - 1/s + p · zR_α(z)/(2y). (..., n) → (..., n).

    With p one-hot it is the conditional score; with a network's p it is score interpolation.
    """
    signal = 2 * level(poisson_rate(theta0, s)) / level(s)
    return boundary_term(alpha, y) - 1 / level(s) + signal * p * ratio(y, s, alpha, theta0)


def denoiser(y: np.ndarray, p: np.ndarray, s: ArrayLike, alpha: ArrayLike, theta0: float = 1.0) -> np.ndarray:
    """D = p · s/(1-s) · (z/2) R_α(z), so that the flow is dY/dlog s = Y - D; → p θ_0 y/α at s = 1. (..., n) → (..., n)."""
    return 2 * theta0 * p * y / level(s) * ratio(y, s, alpha, theta0)


def entropy_rate(
    y: np.ndarray, p: np.ndarray, tokens: np.ndarray, s: ArrayLike, alpha: ArrayLike, theta0: float = 1.0
) -> np.ndarray:
    """One draw of dH(k | Y)/ds: (θ_0/s²) Σ_j R_{α_j}² (1{j=k} - p_j)². (..., n), tokens (...) → (...).

    Its integral over s from 0 to 1 is H(k) for the exact p, and the bound on the likelihood for a network's.
    """
    z = argument(y, s, theta0)
    error = -p
    np.put_along_axis(error, tokens[..., None], np.take_along_axis(error, tokens[..., None], -1) + 1, -1)
    squared = (z * over_categories(ratio_over_argument, alpha, z) * error) ** 2
    return theta0 / np.asarray(s, dtype=float) ** 2 * squared.sum(-1)
