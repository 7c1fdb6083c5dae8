"""Section 4: without a discount, h_t = (-1)^t c needs attention that grows geometrically (Lemma 1 and Corollary 2).

Numbers take the place of the network: z_t, a_t and γ_t of one unit, |z_t| ≤ 1 as for a bounded input. With attention free,
z_t = ±1 and the least attention that moves n/d to its target is known in closed form. With attention bounded, the numbers
are fitted by Adam in float64, with and without a discount: what they cannot do, no network can.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from replications.papers.recurrent_discounted_attention.method import lemma_growth, two_state_step
from replications.study import Context, Curve, Outcome

if TYPE_CHECKING:
    from replications.papers.recurrent_discounted_attention.study import Config

TARGET = 0.5  # c
BOUND = 3.0  # of |ln a_t| where attention is bounded: weights within a factor of e^6


ARMS = ("free", "bounded", "discounted")


def unroll(z: Tensor, q: Tensor, log_gamma: Tensor) -> tuple[Tensor, Tensor]:
    """r_t = n_t/d_t and ln d_t, (T,) each, of values z_t, log attention q_t and log discounts."""
    r, s = z[0], q[0]  # the first step is the same for every start
    path = [(r, s)]
    for t in range(1, len(z)):
        r, s = two_state_step(r, s, z[t], q[t], log_gamma[t])
        path.append((r, s))
    return torch.stack([r for r, _ in path]), torch.stack([s for _, s in path])


def least_attention(r: Tensor) -> tuple[Tensor, Tensor]:
    """z_t and ln a_t, (T,) each, with which a unit without discount follows r_t, ln a_1 = 0, and d_t grows least.

    α_t = a_t/d_t = (r_t - r_{t-1})/(z_t - r_{t-1}) is least for z_t = ±1 on the side of the target, and ln d_t then grows by
    -ln(1 - α_t) a step, which is Lemma 1 with equality.
    """
    z = torch.cat([r[:1], torch.sign(r[1:] - r[:-1])])
    alpha = (r[1:] - r[:-1]) / (z[1:] - r[:-1])
    before = torch.cat([torch.zeros_like(alpha[:1]), -torch.log1p(-alpha).cumsum(0)[:-1]])  # ln d_{t-1}
    return z, torch.cat([torch.zeros_like(alpha[:1]), before + torch.logit(alpha)])


def bounded(free: Tensor, discount: bool) -> tuple[Tensor, Tensor, Tensor]:
    """z_t, ln a_t and ln γ_t, (T,) each, of free numbers (3, T)."""
    q = BOUND * torch.tanh(free[1] / BOUND)
    return torch.tanh(free[0]), q, F.logsigmoid(free[2]) if discount else torch.zeros_like(q)


def run(config: Config, context: Context) -> Outcome:
    """Every arm's error, the growth of ln d_t, the range of attention, and the lemma's bound less the growth of each step."""
    signs = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(config.length)[: config.length]
    target = TARGET * signs
    scalars, curves = {}, {}
    for index, name in enumerate(ARMS):
        if name == "free":
            z, q = least_attention(torch.atanh(target))
            log_gamma = torch.zeros_like(q)
        else:
            draw = context.generator(name, "cpu")
            free = torch.randn(3, config.length, generator=draw, dtype=torch.float64).requires_grad_()
            optimizer = torch.optim.Adam([free], lr=config.lr)
            for step in range(config.steps):
                optimizer.zero_grad()
                r, _ = unroll(*bounded(free, name == "discounted"))
                (torch.tanh(r) - target).square().mean().backward()
                optimizer.step()
                context.progress((index - 1 + (step + 1) / config.steps) / 2)
            z, q, log_gamma = bounded(free.detach(), name == "discounted")
        r, s = unroll(z, q, log_gamma)
        growth = s[1:] - s[:-1]
        scalars[f"error_{name}"] = (torch.tanh(r) - target).abs().max().item()
        scalars[f"growth_{name}"] = growth.mean().item()
        scalars[f"attention_{name}"] = (q.max() - q.min()).item()
        scalars[f"lemma_{name}"] = (lemma_growth(r, 1.0) - growth).max().item()
        steps = list(range(1, config.length + 1))
        curves[f"ln_d_{name}"] = Curve.thin(steps, (s - s[0]).tolist(), "step", "ln d_t - ln d_1")
        curves[f"h_{name}"] = Curve.thin(steps, torch.tanh(r).tolist(), "step", "h_t")
    x = math.atanh(TARGET)
    scalars["growth_needed"] = -math.log1p(-2 * x / (1 + x))
    return Outcome(scalars, curves, steps=2 * config.steps)
