"""Particles: the Langevin equation dA = ∇r(A) dt + √(2β) dW, whose law solves the Fokker-Planck equation.

Gradient ascent on the action with additive noise of variance 2βh a step (√(βh) would halve the temperature). float64.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from replications.papers.wasserstein_rl.method import Reward, positive

BLOCK = 1 << 14  # particles that stay in the cache of a core while all their steps are taken


def langevin(
    start: Tensor,
    reward: Reward,
    beta: float,
    h: float,
    steps: int,
    generator: torch.Generator,
    *,
    corrected: bool = False,
    noise: float = 1.0,
) -> Tensor:
    """Particles after `steps` steps A ← A + h r'(A) + √(2βh) ξ. (particles,) → (particles,). Equation eq-wrl-langevin.

    Args:
        start: actions, (particles,).
        reward: r, whose slope drives the particles.
        beta: temperature, in units of reward.
        h: time step.
        steps: number of steps.
        generator: on the device of `start`.
        corrected: use the noise (ξ_n + ξ_{n+1})/2 (Leimkuhler and Matthews 2013), whose stationary law is off by
            O(h²) where that of Euler and Maruyama is off by O(h).
        noise: factor of the noise; anything but 1 is wrong on purpose.

    Raises:
        ValueError: β, h or steps not above zero, or particles that left to infinity since h is too large.
    """
    positive(beta=beta, h=h, steps=steps)
    scale = noise * math.sqrt(2 * beta * h)
    actions = start.clone()
    for block in actions.split(BLOCK if actions.device.type == "cpu" else len(actions)):  # views of `actions`
        last = torch.randn(block.shape, generator=generator, dtype=block.dtype, device=block.device)
        fresh = torch.empty_like(block)
        for _ in range(steps):
            torch.randn(block.shape, generator=generator, out=fresh)
            block.add_(reward.slope(block), alpha=h)
            if corrected:
                block.add_(last, alpha=scale / 2).add_(fresh, alpha=scale / 2)
            else:
                block.add_(fresh, alpha=scale)
            last, fresh = fresh, last
    if not bool(torch.isfinite(actions).all()):
        raise ValueError(f"particles left to infinity at h = {h:g}: choose h well below 2 / max |r''|")
    return actions


def euler_maruyama_variance(k: float, beta: float, h: float) -> float:
    """Stationary variance of the Euler-Maruyama scheme under r = -k a²/2: (β/k) / (1 - hk/2).

    Raises:
        ValueError: hk ≥ 2, where the scheme has no stationary law.
    """
    positive(k=k, beta=beta, h=h)
    if h * k >= 2:
        raise ValueError(f"h k = {h * k:g}: the scheme is unstable, choose h below 2 / k")
    return beta / k / (1 - h * k / 2)


def tv_excess(counts: Tensor, probabilities: Tensor) -> tuple[float, float]:
    """Total variation of a histogram to a law, and by how many standard errors it exceeds what sampling explains.

    Under the law, bin errors are near N(0, p(1-p)/n): the half sum of their absolute values has mean
    ½ Σ σ_i √(2/π) and variance ¼ Σ σ_i² (1 - 2/π), correlations between bins (of order 1/bins) left out.

    Args:
        counts: (bins,).
        probabilities: (bins,), adding to 1.
    """
    n = float(counts.sum())
    tv = float(0.5 * (counts / n - probabilities).abs().sum())
    sigma = (probabilities * (1 - probabilities) / n).sqrt()
    mean = float(0.5 * math.sqrt(2 / math.pi) * sigma.sum())
    deviation = float((0.25 * (1 - 2 / math.pi) * (sigma**2).sum()).sqrt())
    return tv, (tv - mean) / deviation
