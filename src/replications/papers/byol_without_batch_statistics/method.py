"""Normalisation without batch statistics (Richemond et al. 2020, arXiv 2010.10241): layers, layouts, initialisation.

A layout says what stands where BYOL has batch norm, in encoder, projector and predictor; the loss is BYOL's. Weight
standardisation is that of Qiao et al. (2019), with the biased deviation and a floor on it in place of an ε added to it,
so that its invariances are exact. The paper's body could not be read: its number of groups is recalled, and the formula
of the data-dependent initialisation is derived from what it must do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from replications.models import initialise
from replications.models.heads import mlp_head
from replications.models.resnet import Conv, Norm, ResNet, resnet18, resnet50, tiny_resnet
from replications.papers.byol.method import Network, forward

EPS = 1e-5  # of batch norm, group norm and the affine initialisation, inside the root
FLOOR = 1e-5  # smallest deviation that weight standardisation divides by

LAYOUTS = ("bn", "encoder_bn", "none", "affine", "gn_ws")
ENCODERS: dict[str, Callable[[Norm, Conv], ResNet]] = {
    "tiny": lambda norm, conv: tiny_resnet(16, "3x3/2", norm, conv),
    "resnet18": lambda norm, conv: resnet18("3x3", norm, conv),
    "resnet50": lambda norm, conv: resnet50("7x7/4", norm, conv),
}


def standardise(weight: torch.Tensor) -> torch.Tensor:
    """Ŵ = (W - μ)/σ, mean and biased deviation over the fan-in of each output unit. (O, …) → (O, …)."""
    variance, mean = torch.var_mean(weight, dim=tuple(range(1, weight.ndim)), correction=0, keepdim=True)
    return (weight - mean) * variance.clamp(min=FLOOR**2).rsqrt()


class StandardConv2d(nn.Conv2d):
    """A convolution with standardised weights. Its outputs grow with √fan-in, so that a norm must follow."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._conv_forward(x, standardise(self.weight), self.bias)


class StandardLinear(nn.Linear):
    """A linear layer with standardised weights, which a norm must follow as well."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, standardise(self.weight), self.bias)


class Affine(nn.Module):
    """γx + β by channel, (B, C, …) → (B, C, …): trainable, without statistics, the identity until `calibrate` sets it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale, shift = (p.to(x.dtype).view(-1, *[1] * (x.ndim - 2)) for p in (self.weight, self.bias))
        return torch.addcmul(shift, x, scale)


class NoNorm(nn.Identity):
    """Where a norm would stand."""


@torch.no_grad()
def calibrate(network: nn.Module, batch: torch.Tensor) -> None:
    """Set every `Affine` of `network` from one batch, so that on it the network computes what batch norm would.

    γ = 1/√(σ² + ε) and β = -μ/√(σ² + ε) of the layer's own input, over samples and positions. One pass goes layer by
    layer, so that each sees the outputs of those already set.
    """

    def from_statistics(layer: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        assert isinstance(layer, Affine)
        (x,) = inputs
        variance, mean = torch.var_mean(x, dim=(0, *range(2, x.ndim)), correction=0)
        layer.weight.copy_((variance + EPS).rsqrt())
        layer.bias.copy_(-mean * layer.weight)

    hooks = [
        layer.register_forward_pre_hook(from_statistics) for layer in network.modules() if isinstance(layer, Affine)
    ]
    network(batch)
    for hook in hooks:
        hook.remove()


class GroupNorm(nn.GroupNorm):
    """Group norm in the precision of its parameters, whatever autocast makes of its input, in which it answers."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.to(self.weight.dtype)).to(x.dtype)


def group_norm(groups: int) -> Norm:
    """Group norms of at most `groups` groups and of at least four channels each.

    A group of one channel would be instance norm, which is zero where a sample has a single position.
    """
    return lambda channels: GroupNorm(max(1, min(groups, channels // 4)), channels, EPS)


@dataclass(frozen=True)
class Layout:
    """Factories of the layers of a network: channels → norm, and convolutions and hidden linear layers as in torch."""

    encoder: Norm
    heads: Norm
    conv: Conv = nn.Conv2d
    linear: Callable[..., nn.Module] = nn.Linear


def layout(name: str, groups: int = 16) -> Layout:
    """What stands where BYOL has batch norm.

    "bn": batch norm, as in BYOL. "encoder_bn": batch norm in the encoder, nothing in the heads. "none": nothing.
    "affine": `Affine`. "gn_ws": group norm, fed by standardised weights.

    Raises:
        ValueError: unknown name.
    """
    nothing: Norm = lambda channels: NoNorm()  # noqa: E731
    known = {
        "bn": Layout(nn.BatchNorm2d, nn.BatchNorm1d),
        "encoder_bn": Layout(nn.BatchNorm2d, nothing),
        "none": Layout(nothing, nothing),
        "affine": Layout(Affine, Affine),
        "gn_ws": Layout(group_norm(groups), group_norm(groups), StandardConv2d, StandardLinear),
    }
    if name not in known:
        raise ValueError(f"unknown layout '{name}': choose one of {', '.join(LAYOUTS)}")
    return known[name]


def build(
    layers: Layout,
    encoder: str,
    hidden: int,
    projection: int,
    generator: torch.Generator,
    predictor: bool,
    depths: tuple[int, int] = (2, 2),
) -> Network:
    """Encoder, projector and, where asked for, predictor, with weights drawn from `generator`.

    The last linear layer of a head has neither norm nor standardised weights. Layouts draw the same weights.
    """
    body = ENCODERS[encoder](layers.encoder, layers.conv)

    def head(inputs: int, depth: int) -> nn.Sequential:
        return mlp_head(inputs, hidden, projection, depth, norm=layers.heads, linear=layers.linear)

    projector = head(body.features, depths[0])
    last = head(projection, depths[1]) if predictor else None
    network = Network(body, projector, last)
    initialise(network, generator)
    return network


def whole(network: Network) -> nn.Sequential:
    """The network as one module, images (B, 3, H, W) → predictions (B, D), or projections without a predictor."""
    return nn.Sequential(network.encoder, network.projector, network.predictor)


def sample_losses(online: Network, target: Network, one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
    """BYOL's objective before its average over the batch: a value a sample. (B, 3, H, W) twice → (B,).

    In the precision of the networks, where `byol.method.regression_loss` is always in float32.
    """
    (p1, p2), (z1, z2) = forward(online, target, one, two)
    return 4 - 2 * F.cosine_similarity(p1, z2) - 2 * F.cosine_similarity(p2, z1)
