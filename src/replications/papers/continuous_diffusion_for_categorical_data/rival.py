"""The simplex process at α = 1, as small as it can be: the other side of the head-to-head on one chain.

Richemond, Dieleman and Doucet (2022): every category is a Cox-Ingersoll-Ross process with stationary law Gamma(1). With
s the elapsed fraction, 1 at rest, z = (2/s)√((1-s)y) and R = I_1/I_0, the posterior of the token is ∝ π_v I_0(z_v) and the
flow is dY/dlog s = Y - D, D = p s/(1-s) (z/2) R(z): the shape of the Gaussian one, with D in place of x̂_0. Their chapter
holds the whole process, for every α, and tests it; this file is compared with it in a test.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor

from replications.papers.continuous_diffusion_for_categorical_data.chain import Chain

FIRST, LAST = 1 - float(np.exp(-8.0)), 1e-3  # levels of the start, e^{-8} of the signal, and of decoding


def noised(tokens: Tensor, s: float, categories: int, generator: torch.Generator) -> Tensor:
    """Y given tokens: s Gamma(1) everywhere, s Gamma(1 + Poisson((1-s)/s)) at the token. (B, L) → (B, L, V).

    At α = 1 such a coordinate is s times the sum of two squared normals over two, one of them shifted.
    """
    normal = torch.randn(2, *tokens.shape, categories, generator=generator, device=tokens.device)
    shift = torch.nn.functional.one_hot(tokens, categories) * (2 * (1 - s) / s) ** 0.5
    return s / 2 * ((normal[0] + shift).square() + normal[1].square())


def argument(y: Tensor, s: float) -> Tensor:
    """z, the argument of the Bessel functions."""
    return 2 / s * ((1 - s) * y).sqrt()


def log_emission(y: Tensor, s: float) -> Tensor:
    """log p(y | v) up to what all v share. (B, L, V) → (B, L, V)."""
    z = argument(y, s)
    return torch.special.i0e(z).log() + z


def destination(y: Tensor, p: Tensor, s: float) -> Tensor:
    """D, where the flow goes. (B, L, V), (B, L, V) → (B, L, V)."""
    z = argument(y, s)
    return p * (s / (1 - s) / 2) * z * (torch.special.i1e(z) / torch.special.i0e(z))


@torch.no_grad()
def sample(chain: Chain, levels: list[float], shape: tuple[int, int], generator: torch.Generator, heun: bool) -> Tensor:
    """Tokens (B, L) by the flow with the exact posterior, steps exact for constant D or Heun's in log s."""
    v = len(chain.stationary)
    y = -torch.rand(*shape, v, generator=generator, device=generator.device).clamp(min=1e-38).log()  # Gamma(1)
    for s, r in itertools.pairwise(levels):
        goal = destination(y, chain.posterior(log_emission(y, s)), s)
        if heun:
            h = float(np.log(r / s))
            ahead = (y + h * (y - goal)).clamp(min=0)
            back = destination(ahead, chain.posterior(log_emission(ahead, r)), r)
            y = (y + h / 2 * (y - goal + ahead - back)).clamp(min=0)
        else:
            y = torch.lerp(goal, y, r / s)
    return chain.posterior(log_emission(y, levels[-1])).argmax(-1)


def entropy_levels(s: np.ndarray, loss: np.ndarray, steps: int) -> list[float]:
    """N + 1 falling levels between FIRST and LAST at which the loss falls in equal parts. s, loss: rising."""
    rising = np.maximum.accumulate(loss) + 1e-3 * loss[-1] * np.linspace(0, 1, len(s))
    inner = np.interp(np.linspace(rising[-1], rising[0], steps + 1)[1:-1], rising, s)
    return [FIRST, *inner.tolist(), LAST]
