"""The exponential moving average that makes a target network (BYOL, equation 1)."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def ema_update(target: nn.Module, online: nn.Module, tau: float) -> None:
    """ξ ← τξ + (1 - τ)θ, parameter by parameter and in place; running statistics are not averaged.

    τ = 1 leaves the target as it is, bit for bit, and τ = 0 copies the online network.
    """
    torch._foreach_lerp_(list(target.parameters()), list(online.parameters()), 1.0 - tau)
