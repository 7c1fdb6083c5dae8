"""A bound on the likelihood of tokens, which the loss of Section 3.1 is not: it adds up the entropies of single positions.

The information that x_t has of all tokens together falls as dH/dt = t^{-3} E‖x_0 - x̂_0‖² (I-MMSE). So, for any estimate
that is a function of x and t alone,

    nats a token ≤ L(t_min) + ∫ t^{-3} E‖x_0 - x̂_0‖² dt + d/(2 t_max²),

with equality for the exact posterior. With self-conditioning the estimate is a function of the sampler's history: here it
is that of a fresh first pass at the same (x, t).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from replications.papers.continuous_diffusion_for_categorical_data import method
from replications.papers.continuous_diffusion_for_categorical_data.model import Model


@torch.no_grad()
def nats(model: Model, tokens: Tensor, generator: torch.Generator, nodes: int = 24) -> float:
    """The bound for tokens (B, L), nothing given, nats a token; Gauss-Legendre in log t."""
    config, vectors = model.config, model.embeddings()
    x0, denoise = vectors[tokens], model.denoiser()
    places, weights = np.polynomial.legendre.leggauss(nodes)
    low, high = np.log(config.t_min), np.log(config.t_max)
    levels = np.exp(low + (high - low) * (places + 1) / 2)

    def probabilities(t: float) -> Tensor:
        x = method.noise(x0, torch.full((len(tokens),), t, device=x0.device), generator)
        p = denoise(x, t, None)
        return denoise(x, t, method.expected_embedding(p, vectors)) if config.self_conditioning else p

    chosen = probabilities(config.t_min).gather(-1, tokens[..., None]).clamp(min=1e-30)
    total = -float(chosen.log().mean()) + config.dimension / (2 * config.t_max**2)
    for t, weight in zip(levels.tolist(), weights * (high - low) / 2):
        estimate = method.expected_embedding(probabilities(t), vectors)
        total += weight * float((x0 - estimate).square().sum(-1).mean()) / t**2  # t^{-3} dt = t^{-2} dlog t
    return total
