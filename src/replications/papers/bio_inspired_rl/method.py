"""Equations of "Biologically inspired architectures for sample-efficient deep reinforcement learning" (arXiv 1911.11285).

The paper's body could not be read. These are the equations of the methods that its abstract names: factorised weights
(Kossaifi et al. 2017), the categorical projection and n-step returns of Rainbow (Bellemare et al. 2017, Hessel et al.
2018), K-FAC (Martens and Grosse 2015) and the number of scattering coefficients (Bruna and Mallat 2013).

Tensors carry a leading member dimension M: several networks of one shape side by side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from replications.study import UserError


def contract_tucker(x: Tensor, core: Tensor, c: Tensor, h: Tensor, w: Tensor) -> Tensor:
    """vec(x ×₁ U₁ᵀ ×₂ U₂ᵀ ×₃ U₃ᵀ) G: features x (M, B, H, W, C) to (M, B, r4), the full weight never built.

    core (M, r2·r3·r1, r4); factors c (M, C, r1), h (M, H, r2), w (M, W, r3). Rows and columns go first, both at once by
    U₂ ⊗ U₃: features as they lie in memory need no rearrangement then. Equation eq-bio-tucker without U₄ and b.
    """
    m, b, height, width, channels = x.shape
    places = (h[:, :, None, :, None] * w[:, None, :, None, :]).view(m, 1, height * width, -1)  # (M, 1, HW, r2·r3)
    x = torch.matmul(places.transpose(2, 3), x.reshape(m, b, height * width, channels))  # (M, B, r2·r3, C)
    return torch.bmm(torch.bmm(x.view(m, -1, channels), c).view(m, b, -1), core)


def rebuild_tucker(core: Tensor, c: Tensor, h: Tensor, w: Tensor, out: Tensor) -> Tensor:
    """The full weight (C, H, W, O) of one member: core (r2·r3·r1, r4), out (r4, O). For tests and for full rank."""
    r1, r2, r3 = c.shape[1], h.shape[1], w.shape[1]
    return torch.einsum("kiad,ca,hk,wi,do->chwo", core.view(r2, r3, r1, -1), c, h, w, out)


def decompose_tucker(weight: Tensor, ranks: Sequence[int]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Higher-order SVD of a weight (C, H, W, O): core (r2·r3·r1, r4), factors c, h, w and out (r4, O). Exact at full rank.

    Raises:
        UserError: a rank that is below 1 or above its dimension.
    """
    check_ranks(ranks, weight.shape)
    factors = []
    for mode, rank in enumerate(ranks):
        unfolded = weight.movedim(mode, 0).reshape(weight.shape[mode], -1)
        factors.append(torch.linalg.svd(unfolded, full_matrices=False)[0][:, :rank])
    c, h, w, o = factors
    core = torch.einsum("chwo,ca,hk,wi,od->kiad", weight, c, h, w, o)
    return core.reshape(-1, core.shape[-1]), c, h, w, o.T.contiguous()


def check_ranks(ranks: Sequence[int], dimensions: Sequence[int]) -> None:
    """Refuse ranks that are below 1 or above their dimension.

    Raises:
        UserError: names the rank and its dimension.
    """
    if len(ranks) != len(dimensions):
        raise UserError(f"{len(ranks)} ranks for {len(dimensions)} dimensions: give one rank a dimension")
    for rank, dimension in zip(ranks, dimensions):
        if not 1 <= rank <= dimension:
            raise UserError(f"rank {rank} for a dimension of {dimension}: it must be between 1 and {dimension}")


def count_dense(features: Sequence[int], outputs: int) -> int:
    """Coefficients of a dense layer from C × H × W features, bias included."""
    return (math.prod(features) + 1) * outputs


def count_low_rank(features: Sequence[int], outputs: int, rank: int) -> int:
    """k (CHW + O) + O."""
    return rank * (math.prod(features) + outputs) + outputs


def count_cp(features: Sequence[int], outputs: int, rank: int) -> int:
    """R (C + H + W + O) + O."""
    return rank * (sum(features) + outputs) + outputs


def count_tucker(features: Sequence[int], outputs: int, ranks: Sequence[int]) -> int:
    """C r1 + H r2 + W r3 + r1 r2 r3 r4 + O r4 + O. Equation eq-bio-tucker."""
    return sum(d * r for d, r in zip((*features, outputs), ranks)) + math.prod(ranks) + outputs


def count_scattering(scales: int, angles: int, order: int) -> int:
    """Coefficients per plane and place of a scattering transform: 1 + LJ (order 1), + L²J(J − 1)/2 (order 2)."""
    return 1 + angles * scales + (angles**2 * scales * (scales - 1) // 2 if order == 2 else 0)


def n_step(rewards: Tensor, terminal: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """Discounted sums up to the first terminal step, and γⁿ where there was none, else 0.

    rewards and terminal (..., n) of steps t to t + n − 1; both results (...).
    """
    n = rewards.shape[-1]
    alive = (~terminal).to(rewards.dtype).cumprod(-1)
    reached = torch.cat([torch.ones_like(alive[..., :1]), alive[..., :-1]], -1)  # step k was played in this episode
    weights = gamma ** torch.arange(n, dtype=rewards.dtype, device=rewards.device)
    return (rewards * reached * weights).sum(-1), gamma**n * alive[..., -1]


def project(probabilities: Tensor, returns: Tensor, discounts: Tensor, support: Tensor) -> Tensor:
    """Φ T z: mass (..., N) on returns + discounts · support, moved to the two nearest atoms of the support.

    Mass and, off the clipped ends, its mean are conserved. Bellemare et al. 2017, algorithm 1.
    """
    low, high, n = support[0], support[-1], len(support)
    moved = (returns[..., None] + discounts[..., None] * support).clamp(low, high)
    place = (moved - low) / ((high - low) / (n - 1))
    lower = place.floor().clamp(0, n - 2)  # so that the upper atom is another one
    share = place - lower
    out = torch.zeros_like(probabilities)
    out.scatter_add_(-1, lower.long(), probabilities * (1 - share))
    return out.scatter_add_(-1, lower.long() + 1, probabilities * share)


def damped_inverses(a: Tensor, g: Tensor, damping: float) -> tuple[Tensor, Tensor]:
    """(A + π√λ I)⁻¹ and (G + √λ/π I)⁻¹ with π² = (tr A / dim A) / (tr G / dim G). Shapes (M, n, n), (M, m, m).

    Martens and Grosse 2015, section 6.3: factored Tikhonov damping. Equation eq-bio-kfac.
    """

    def mean_eigenvalue(matrix: Tensor) -> Tensor:
        return (matrix.diagonal(dim1=-2, dim2=-1).sum(-1) / matrix.shape[-1]).clamp_min(1e-12)

    pi = (mean_eigenvalue(a) / mean_eigenvalue(g)).sqrt()[:, None, None]
    root = math.sqrt(damping)

    def inverse(matrix: Tensor, added: Tensor) -> Tensor:
        eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
        return torch.cholesky_inverse(torch.linalg.cholesky(matrix + added * eye))

    return inverse(a, pi * root), inverse(g, root / pi)


def precondition(gradient: Tensor, a_inverse: Tensor, g_inverse: Tensor) -> Tensor:
    """A⁻¹ ∇W G⁻¹ for weights (M, in, out): the K-FAC direction of one linear map."""
    return a_inverse @ gradient @ g_inverse
