"""Zipf's law over situations, and three evaluation splits (Chan et al. 2022, equation 1 and section 3; code of the paper).

Differs from the paper in nothing: split names other than `zipf_<exponent>`, `uniform` and `uniform_rare` do not exist here.
"""

from __future__ import annotations

import numpy as np
import torch

from replications.study import UserError

RARE_SHARE = 5  # the rarest 20 %: the last n // 5 ranks
EPSILON = 1e-3  # ε of the value rescaling, the published 10⁻³


def zipf(n: int, exponent: float) -> np.ndarray:
    """p(X = x) = x^{-α} / Z over ranks x = 1 … n, equation 1. Shape (n,); α = 0 is uniform.

    Raises:
        UserError: no ranks, or an exponent that is negative or not finite.
    """
    if n < 1 or not np.isfinite(exponent) or exponent < 0:
        raise UserError(f"a Zipf law needs at least one rank and an exponent of 0 or more, got n={n} and {exponent}")
    weights = np.arange(1, n + 1, dtype=float) ** -float(exponent)
    return weights / weights.sum()


def rarest(n: int) -> np.ndarray:
    """Uniform over the last ⌊n/5⌋ ranks, zero elsewhere. Shape (n,).

    Raises:
        UserError: fewer than five ranks have no rarest fifth.
    """
    if n < RARE_SHARE:
        raise UserError(f"the rarest fifth of {n} ranks is empty: at least {RARE_SHARE} are needed")
    law = np.zeros(n)
    law[-(n // RARE_SHARE) :] = 1 / (n // RARE_SHARE)
    return law


def split(name: str, n: int) -> np.ndarray:
    """The law of the split called `name` over `n` ranks: `zipf_<exponent>`, `uniform` or `uniform_rare`. Shape (n,).

    Raises:
        UserError: no such split.
    """
    if name == "uniform":
        return zipf(n, 0)
    if name == "uniform_rare":
        return rarest(n)
    kind, _, exponent = name.partition("_")
    try:
        alpha = float(exponent)
    except ValueError:
        kind = ""
    if kind != "zipf":
        raise UserError(f"no split '{name}': choose uniform, uniform_rare or zipf_<exponent>, as in zipf_2")
    return zipf(n, alpha)


def rescale(x: torch.Tensor) -> torch.Tensor:
    """h(x) = sign(x)(√(|x|+1) - 1) + εx: the values that the replay agent learns (appendix, R2D2)."""
    return torch.sign(x) * (torch.sqrt(x.abs() + 1) - 1) + EPSILON * x


def unscale(y: torch.Tensor) -> torch.Tensor:
    """h⁻¹(y), the inverse of `rescale` in closed form."""
    root = (torch.sqrt(1 + 4 * EPSILON * (y.abs() + 1 + EPSILON)) - 1) / (2 * EPSILON)
    return torch.sign(y) * (root**2 - 1)
