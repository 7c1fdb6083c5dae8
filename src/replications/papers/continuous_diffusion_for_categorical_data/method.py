"""Score interpolation, embeddings on a sphere, guidance: the equations of Section 3.

Tokens become vectors e_v of norm √d and are noised to x = x_0 + tε, so t is a standard deviation (f = 0, g = √(2t) in the
forward SDE). A network gives p(v | x, t) at every position; x̂_0 = Σ_v p(v) e_v is then the score's only unknown. Shapes:
B sequences, L positions, V symbols, d dimensions of an embedding. The free form with rows of any norm serves the arms
that show why the paper normalises.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def check_alphabet(categories: int) -> int:
    """The number of symbols V.

    Raises:
        ValueError: fewer than two, from which nothing can be learnt.
    """
    if categories < 2:
        raise ValueError(f"an alphabet of {categories} symbols: at least two are needed")
    return categories


def check_time(t: Tensor | float) -> Tensor:
    """Noise levels as a tensor.

    Raises:
        ValueError: one is negative or NaN; t is a standard deviation.
    """
    t = torch.as_tensor(t)
    bad = ~(t >= 0)
    if bad.any():
        raise ValueError(f"t must not be negative, got {t[bad].flatten()[0].item():g}: it is a standard deviation")
    return t


def unit_moment(rows: Tensor) -> Tensor:
    """Embeddings √d W_v/‖W_v‖, whose components have second moment 1 (Section 3.2). (V, d) → (V, d)."""
    return math.sqrt(rows.shape[-1]) * F.normalize(rows, dim=-1)


def noise(x0: Tensor, t: Tensor, generator: torch.Generator) -> Tensor:
    """x = x_0 + tε (Section 3.1). x0: (B, L, d), t: (B,).

    Raises:
        ValueError: a negative or NaN t.
    """
    epsilon = torch.randn(x0.shape, generator=generator, device=x0.device, dtype=x0.dtype)
    return x0 + check_time(t)[:, None, None] * epsilon


def input_scale(t: Tensor) -> Tensor:
    """c_in = 1/√(t² + 1): E‖c_in x‖² = d at every t. The only one of EDM's preconditioners that the paper uses."""
    return torch.rsqrt(check_time(t) ** 2 + 1)


def expected_embedding(p: Tensor, embeddings: Tensor) -> Tensor:
    """x̂_0 = Σ_v p(v) e_v (Eq. 7), of the very vectors that were noised. (B, L, V), (V, d) → (B, L, d)."""
    return p @ embeddings


def score(x: Tensor, estimate: Tensor, t: Tensor | float) -> Tensor:
    """ŝ = (x̂_0 - x)/t² (Eq. 8); with x̂_0 = e_v it is the conditional score of token v. (…, d) → (…, d)."""
    return (estimate - x) / t**2


def log_likelihood(x: Tensor, t: Tensor | float, embeddings: Tensor) -> Tensor:
    """log p(x | v) up to what all v share, (x·e_v - ‖e_v‖²/2)/t²; the norms cancel where they are equal. (…, d) → (…, V)."""
    return (x @ embeddings.T - embeddings.square().sum(-1) / 2) / t**2


def posterior(x: Tensor, t: Tensor | float, embeddings: Tensor, prior: Tensor) -> Tensor:
    """p(v | x) of one token with prior (V,): what the network has to learn. (…, d) → (…, V)."""
    return torch.softmax(prior.log() + log_likelihood(x, t, embeddings), -1)


def cross_entropy(logits: Tensor, tokens: Tensor) -> Tensor:
    """-log p(w_i | x, t) in nats at every position (Section 3.1). (B, L, V), (B, L) → (B, L)."""
    return F.cross_entropy(logits.flatten(0, -2), tokens.flatten(), reduction="none").view(tokens.shape)


def renormalised(estimate: Tensor) -> Tensor:
    """x̂_0 put back on the sphere of radius √d: studied in Section 5.3, off by default."""
    return unit_moment(estimate)


def clamped(estimate: Tensor, embeddings: Tensor) -> Tensor:
    """x̂_0 replaced by the embedding nearest to it: studied in Section 5.3, off by default."""
    return embeddings[nearest(estimate, embeddings)]


def nearest(x: Tensor, embeddings: Tensor) -> Tensor:
    """The token whose embedding is nearest. (…, d) → (…)."""
    return log_likelihood(x, 1.0, embeddings).argmax(-1)


def guided(free: Tensor, conditional: Tensor, gamma: float) -> Tensor:
    """ŝ_∅ + γ(ŝ_c - ŝ_∅), which for x̂_0 is the same formula; γ = 1 is no guidance (the form is Ho and Salimans')."""
    return torch.lerp(free, conditional, gamma)


def sharpened(p: Tensor, temperature: float = 1.0, nucleus: float = 1.0) -> Tensor:
    """Softmax temperature, then the smallest set of tokens that holds `nucleus` of the probability. (…, V) → (…, V)."""
    if temperature != 1:
        p = torch.softmax(p.clamp(min=1e-30).log() / temperature, -1)
    if nucleus < 1:
        ordered, index = p.sort(-1, descending=True)
        ordered = ordered * ((ordered.cumsum(-1) - ordered) < nucleus)  # the token that crosses the line stays
        p = torch.zeros_like(p).scatter(-1, index, ordered)
        p = p / p.sum(-1, keepdim=True)
    return p
