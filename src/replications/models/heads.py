"""Projectors and predictors: multi-layer perceptrons with a norm after every hidden layer (BYOL, section 3.3)."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


def mlp_head(
    inputs: int,
    hidden: int,
    outputs: int,
    depth: int = 2,
    *,
    norm: Callable[[int], nn.Module] | None = nn.BatchNorm1d,
    output_norm: Callable[[int], nn.Module] | None = None,
    output_bias: bool = False,
    linear: Callable[..., nn.Module] = nn.Linear,
) -> nn.Sequential:
    """(B, inputs) → (B, outputs) through `depth` linear layers; depth 1 is a linear map.

    Hidden layers are linear (with bias), norm, ReLU. The last one has no norm unless `output_norm` is given, and no
    bias unless `output_bias`: BYOL's released code has none there, its pseudo-code has one. `linear` makes the hidden
    layers, so that a paper can standardise their weights; the last layer is always plain.

    Raises:
        ValueError: depth below one.
    """
    if depth < 1:
        raise ValueError(f"a head needs at least one layer, got depth {depth}")
    head = nn.Sequential()
    for _ in range(depth - 1):
        head.append(linear(inputs, hidden))
        if norm is not None:
            head.append(norm(hidden))
        head.append(nn.ReLU(inplace=True))
        inputs = hidden
    head.append(nn.Linear(inputs, outputs, bias=output_bias))
    if output_norm is not None:
        head.append(output_norm(outputs))
    return head
