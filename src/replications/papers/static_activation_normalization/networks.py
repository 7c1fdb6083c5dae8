"""The networks that are trained against one another: readings of the transform, and the baselines they may win over.

Which ReLU is meant is always in the name: `relu-lecun` has hidden weights of variance 1/fan_in, `relu-he` of 2/fan_in.
Every network has first-layer weights of variance 1/fan_in on inputs of unit mean square, so that all of them start with
pre-activations of unit variance; outputs have weights of variance 1/fan_in, biases are 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import torch
from torch import Tensor

from replications.papers.static_activation_normalization.activations import SELU
from replications.papers.static_activation_normalization.method import (
    Affine,
    gaussian_coefficients,
    interpolated,
    tilted,
)
from replications.training.batched_layers import RELU, Base

PLAIN = Affine(1.0, 0.0, 0.0)
LSUV_TOLERANCE = 0.1  # of the output variance (Mishkin and Matas 2016; recalled)
LSUV_ROUNDS = 10


@dataclass(frozen=True)
class Network:
    """An activation scale·base(x) + tilt·x + shift, and the variance of its hidden weights times fan_in."""

    label: str  # in figures and tables
    base: Base
    form: Affine
    weight_variance: float = 1.0
    batch_norm: bool = False
    lsuv: bool = False


@cache
def networks() -> dict[str, Network]:
    """Every network by name."""
    relu = gaussian_coefficients(RELU)
    a, t = interpolated(relu, 0.0), tilted(relu)
    return {
        "relu-lecun": Network("ReLU, σ²=1", RELU, PLAIN),
        "relu-he": Network("ReLU, σ²=2 (He)", RELU, PLAIN, 2.0),
        "sanf-a": Network("SANF-A", RELU, a),
        "sanf-a-critical": Network("SANF-A, σ²=1−1/π", RELU, a, 1.0 - 1.0 / math.pi),
        "sanf-z": Network("SANF-Z", RELU, interpolated(relu, 1.0)),
        "sanf-c-0.25": Network("SANF-c, c=0.25", RELU, interpolated(relu, 0.25)),
        "sanf-c-0.5": Network("SANF-c, c=0.5", RELU, interpolated(relu, 0.5)),
        "sanf-t": Network("SANF-T, σ²=1", RELU, t),
        "sanf-t-2": Network("SANF-T, σ²=2", RELU, t, 2.0),
        "sanf-t-unit": Network("SANF-T, σ²=2.75", RELU, t, 1.0 / (1.0 - 2.0 / math.pi)),
        "selu": Network("SELU", SELU, PLAIN),
        "batch-norm": Network("ReLU + batch norm", RELU, PLAIN, 2.0, batch_norm=True),
        "lsuv": Network("ReLU + LSUV", RELU, PLAIN, lsuv=True),
    }


def network(name: str) -> Network:
    """The network called `name`.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in networks():
        raise ValueError(f"unknown network '{name}': choose one of {', '.join(networks())}")
    return networks()[name]


def layer_sizes(inputs: int, width: int, depth: int, classes: int) -> list[tuple[int, int]]:
    """(fan_in, fan_out) of every weight matrix; depth counts hidden layers.

    Raises:
        ValueError: depth or width below 1.
    """
    if depth < 1:
        raise ValueError(f"depth {depth}: a network needs at least one hidden layer")
    if width < 1:
        raise ValueError(f"width {width}: a layer needs at least one unit")
    sizes = [inputs, *[width] * depth, classes]
    return list(pairwise(sizes))


def initial_weights(
    net: Network, sizes: list[tuple[int, int]], generator: torch.Generator, batch: Tensor
) -> list[Tensor]:
    """Weights (fan_in, fan_out) of every layer. Networks drawn from equal generators differ by their scale only.

    `batch` (B, in) is read by LSUV alone.
    """
    normal = [torch.randn(size, generator=generator) for size in sizes]
    if net.lsuv:
        return _lsuv(net, normal, batch)
    last = len(sizes) - 1
    scales = [net.weight_variance if 0 < layer < last else 1.0 for layer in range(len(sizes))]
    return [w * math.sqrt(scale / w.shape[0]) for w, scale in zip(normal, scales)]


def apply(net: Network, x: Tensor) -> Tensor:
    """The activation of a network, elementwise."""
    out = net.base.value(x, torch.empty_like(x)).mul_(net.form.scale)
    return out.add_(x, alpha=net.form.tilt).add_(net.form.shift)


def slope(net: Network, x: Tensor) -> Tensor:
    """The derivative of a network's activation, elementwise."""
    return net.base.slope(x, torch.empty_like(x)).mul_(net.form.scale).add_(net.form.tilt)


def _lsuv(net: Network, normal: list[Tensor], batch: Tensor) -> list[Tensor]:
    """Orthogonal weights, then every layer scaled until its output has unit variance on `batch`."""
    weights, y = [], batch
    for matrix in normal:
        w = _orthogonal(matrix)
        for _ in range(LSUV_ROUNDS):
            variance = (y @ w).var()
            if abs(variance - 1.0) < LSUV_TOLERANCE:
                break
            w = w / variance.sqrt()
        weights.append(w)
        y = apply(net, y @ w)
    return weights


def _orthogonal(matrix: Tensor) -> Tensor:
    """Orthonormal columns, or rows where the matrix is wide, uniformly distributed (signs fixed by R's diagonal)."""
    wide = matrix.shape[0] < matrix.shape[1]
    q, r = torch.linalg.qr(matrix.T if wide else matrix)
    q = q * torch.sign(torch.diagonal(r))
    return q.T.contiguous() if wide else q
