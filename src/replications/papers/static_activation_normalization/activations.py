"""The activations that the chapter normalises, each with its derivative; scaled exactly as in their own papers."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from replications.training.batched_layers import RELU, Base

SELU_SCALE = 1.0507009873554805  # Klambauer et al. 2017
SELU_ALPHA = 1.6732632423543772


def _into(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, out: out.copy_(function(x))


def _base(name: str, value: Callable[[Tensor], Tensor], slope: Callable[[Tensor], Tensor]) -> Base:
    return Base(name, _into(value), _into(slope))


def _leaky(a: float) -> Base:
    return _base(
        f"leaky {a:g}", lambda x: functional.leaky_relu(x, a), lambda x: torch.where(x > 0, torch.ones_like(x), a)
    )


def _exponential(name: str, scale: float, alpha: float) -> Base:
    """scale·x right of 0 and scale·alpha·(eˣ − 1) left of it."""

    def left(x: Tensor, out: Tensor) -> Tensor:
        return torch.clamp_max(x, 0.0, out=out).exp_()  # exp and not expm1: ten times faster, and exact to 1 ulp of 1

    def value(x: Tensor, out: Tensor) -> Tensor:
        return left(x, out).sub_(1.0).mul_(scale * alpha).add_(x.clamp_min(0.0), alpha=scale)

    def slope(x: Tensor, out: Tensor) -> Tensor:
        return left(x, out).mul_(scale * alpha).masked_fill_(x > 0, scale)

    return Base(name, value, slope)


def _density(x: Tensor) -> Tensor:
    return torch.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def _silu_slope(x: Tensor) -> Tensor:
    s = torch.sigmoid(x)
    return s * (1.0 + x * (1.0 - s))


LINEAR = _base("linear", lambda x: x, torch.ones_like)
ABS = _base("abs", torch.abs, torch.sign)
SELU = _exponential("SELU", SELU_SCALE, SELU_ALPHA)
TANH = _base("tanh", torch.tanh, lambda x: 1.0 - torch.tanh(x) ** 2)

ACTIVATIONS: dict[str, Base] = {
    base.name: base
    for base in (
        RELU,
        _leaky(0.01),
        _leaky(0.2),
        ABS,
        _exponential("ELU", 1.0, 1.0),
        SELU,
        TANH,
        _base("erf", torch.erf, lambda x: 2.0 / math.sqrt(math.pi) * torch.exp(-x * x)),
        _base("sigmoid", torch.sigmoid, lambda x: torch.sigmoid(x) * torch.sigmoid(-x)),
        _base("softplus", functional.softplus, torch.sigmoid),
        _base("GELU", functional.gelu, lambda x: 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0))) + x * _density(x)),
        _base("SiLU", functional.silu, _silu_slope),
        _base("square", torch.square, lambda x: 2.0 * x),
        LINEAR,
    )
}
