"""LARS with the semantics of BYOL's released code (You et al. 2017; BYOL, section 3.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn


def parameter_groups(module: nn.Module, weight_decay: float, lr_multiplier: float = 1.0) -> list[dict[str, Any]]:
    """Two groups: weights of two or more dimensions, then biases and norm parameters, which are never decayed.

    Splitting by dimension cannot miss a norm on a shortcut, as splitting by name can. `adapt` tells LARS to rescale a
    group; `lr_multiplier` is read by `set_lr`.
    """
    matrices = [p for p in module.parameters() if p.ndim > 1]
    vectors = [p for p in module.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": weight_decay, "adapt": True, "lr_multiplier": lr_multiplier},
        {"params": vectors, "weight_decay": 0.0, "adapt": False, "lr_multiplier": lr_multiplier},
    ]
    return [group for group in groups if group["params"]]


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of every group to `lr` times the group's multiplier."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("lr_multiplier", 1.0)


class LARS(torch.optim.Optimizer):
    """Layer-wise adaptive rates, for groups made by `parameter_groups`.

    For a tensor of an adapted group: g ← g + λw; r = η‖w‖/‖g‖ where both norms are positive, else 1; m ← μm + rg;
    w ← w - lr·m. Biases and norm parameters take r = 1 and no decay, at the same learning rate, so they alone feel the
    scale of the loss. The ratio contains the decayed gradient and is not clipped. Nothing is read from the device.

    Raises:
        ValueError: a negative learning rate, momentum, decay or trust coefficient.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust: float = 1e-3,
    ) -> None:
        for name, value in (("lr", lr), ("momentum", momentum), ("weight_decay", weight_decay), ("trust", trust)):
            if value < 0:
                raise ValueError(f"LARS needs {name} at or above zero, got {value}")
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "trust": trust, "adapt": True}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update every parameter that has a gradient; the gradients themselves are left as they are."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if not params:
                continue
            grads = [p.grad for p in params]
            if group["weight_decay"] > 0:
                grads = list(torch._foreach_add(grads, params, alpha=group["weight_decay"]))
            if group["adapt"]:
                weight_norm = torch.stack(torch._foreach_norm(params))  # (tensors,)
                grad_norm = torch.stack(torch._foreach_norm(grads))
                usable = (weight_norm > 0) & (grad_norm > 0)
                ratio = torch.where(usable, group["trust"] * weight_norm / grad_norm, 1.0)
                grads = list(torch._foreach_mul(grads, list(ratio.unbind())))
            for p in params:
                if "momentum_buffer" not in self.state[p]:
                    self.state[p]["momentum_buffer"] = torch.zeros_like(p)
            buffers = [self.state[p]["momentum_buffer"] for p in params]
            torch._foreach_mul_(buffers, group["momentum"])
            torch._foreach_add_(buffers, grads)
            torch._foreach_add_(params, buffers, alpha=-group["lr"])
        return loss
