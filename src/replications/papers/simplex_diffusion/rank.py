"""The rank of the true token in a noisy draw (the paper's Limitations, claim C9), for any number of categories.

For equal α the other coordinates are independent Gammas, so the rank given the true coordinate is one plus a binomial
count: exact, with no V-dimensional draw. With N = 0 survivors (probability e^{-λ}) the rank is uniform on 1..V.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from replications.papers.simplex_diffusion.cir import poisson_rate


def cir_exceedance(v: int, alpha: float, s: float, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Draws of the chance that one wrong coordinate exceeds the true one, NaN where no signal is left (N = 0). (draws,)."""
    survivors = rng.poisson(float(poisson_rate(1.0, s)), draws)
    return np.where(survivors > 0, special.gammaincc(alpha, rng.standard_gamma(alpha + survivors)), np.nan)


def gaussian_exceedance(level: float, draws: int, rng: np.random.Generator) -> np.ndarray:
    """The same for orthogonal embeddings of norm √d in Gaussian noise t: the true logit leads by √d/t = `level`. (draws,)."""
    return special.ndtr(-(level + rng.standard_normal(draws)))


def ranks(exceedance: np.ndarray, v: int, rng: np.random.Generator) -> np.ndarray:
    """Ranks 1..V: one plus a binomial count of V - 1, uniform where the exceedance is NaN."""
    lost = np.isnan(exceedance)
    found = 1 + rng.binomial(v - 1, np.where(lost, 0.0, exceedance))
    return np.where(lost, rng.integers(1, v + 1, len(found)), found)


def top1(exceedance: np.ndarray, v: int) -> float:
    """Chance of rank one, with the binomial integrated out."""
    lost = np.isnan(exceedance)
    first = np.exp((v - 1) * np.log1p(-np.where(lost, 0.0, exceedance).clip(max=1 - 1e-16)))
    return float(np.where(lost, 1 / v, first).mean())


def mean_rank(exceedance: np.ndarray, v: int) -> float:
    """Mean rank, with the binomial integrated out."""
    return float(np.where(np.isnan(exceedance), (v + 1) / 2, 1 + (v - 1) * exceedance).mean())


def level_at(accuracy: float, v: int, alpha: float | None, draws: int, seed: int) -> float:
    """Noise level (s, or √d/t where α is None) at which top-1 accuracy is `accuracy`, by bisection on common draws."""
    low, high = (1e-3, 1 - 1e-6) if alpha is not None else (0.0, 12.0)
    for _ in range(24):
        middle = (low + high) / 2
        rng = np.random.default_rng(seed)
        found = (
            gaussian_exceedance(middle, draws, rng) if alpha is None else cir_exceedance(v, alpha, middle, draws, rng)
        )
        too_noisy = top1(found, v) < accuracy
        if too_noisy == (alpha is None):
            low = middle
        else:
            high = middle
    return (low + high) / 2
