"""Networks of M agents side by side: a convolutional or scattering trunk, hidden layers of any kind, dueling outputs.

Trunks: `nature` (Mnih et al. 2015, Rainbow), `der` (van Hasselt et al. 2019, data-efficient Rainbow), `minatar` (Young
and Tian 2019), `none` (the input is used as it comes: scattering coefficients). Outputs of one atom are action values,
of several the logits of C51.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from replications.papers.bio_inspired_rl.layers import (
    Layer,
    Linear,
    LowRank,
    Noise,
    Tape,
    Weights,
    affine,
    make_layer,
)
from replications.study import UserError

TRUNKS: dict[str, tuple[tuple[int, int, int], ...]] = {  # outputs, side of the kernel, stride; without padding
    "nature": ((32, 8, 4), (64, 4, 2), (64, 3, 1)),
    "der": ((32, 5, 5), (64, 5, 5)),
    "minatar": ((16, 3, 1),),
    "none": (),
}


@dataclass(frozen=True)
class Shape:
    """All that a network's shape depends on."""

    trunk: str
    planes: tuple[int, int, int]  # C, H, W of the input
    actions: int
    layer: str = "dense"  # dense, low-rank, cp or tucker
    hidden: int = 128  # units
    ranks: tuple[int, ...] = ()
    output_rank: int = 0  # of the output layer (dueling: the advantage's); 0: dense
    atoms: int = 1  # of C51; 1: plain action values
    dueling: bool = False  # two hidden layers, for value and advantage
    noisy: bool = False  # hidden and output layers


class Network:
    """The layers of a shape; weights are kept outside.

    Raises:
        UserError: an unknown trunk or layer, ranks that do not fit.
    """

    def __init__(self, shape: Shape) -> None:
        if shape.trunk not in TRUNKS:
            raise UserError(f"unknown trunk '{shape.trunk}': choose from {', '.join(TRUNKS)}")
        self.shape = shape
        channels, height, width = shape.planes
        self.convolutions: list[tuple[Linear, int, int]] = []
        for index, (outputs, side, stride) in enumerate(TRUNKS[shape.trunk]):
            self.convolutions.append((Linear(f"conv{index}", channels * side * side, outputs), side, stride))
            channels, height, width = outputs, (height - side) // stride + 1, (width - side) // stride + 1
        self.features = (channels, height, width)
        streams = {"value": 1, "advantage": shape.actions} if shape.dueling else {"hidden": shape.actions}
        self.streams: dict[str, tuple[Layer, Linear | LowRank]] = {}
        for name, width in streams.items():
            hidden = make_layer(name, shape.layer, self.features, shape.hidden, shape.ranks, shape.noisy)
            units = width * shape.atoms
            if shape.output_rank and name != "value":  # the value's 51 outputs are few
                self.streams[name] = hidden, LowRank(f"{name}-out", shape.hidden, units, shape.output_rank)
            else:
                self.streams[name] = hidden, Linear(f"{name}-out", shape.hidden, units, shape.noisy)

    @property
    def layers(self) -> list[Layer]:
        """Every layer, in the order of its weights."""
        return [conv for conv, _, _ in self.convolutions] + [layer for pair in self.streams.values() for layer in pair]

    def count(self) -> int:
        """Learned coefficients, by the formulas."""
        return sum(layer.count() for layer in self.layers)

    def count_hidden(self) -> int:
        """Learned coefficients of the hidden layers."""
        return sum(hidden.count() for hidden, _ in self.streams.values())

    def start(self, generator: torch.Generator) -> dict[str, Tensor]:
        """One member's weights."""
        weights: dict[str, Tensor] = {}
        for layer in self.layers:
            weights |= layer.start(generator)
        return weights

    def noise(self, generators: list[torch.Generator], device: torch.device) -> Noise | None:
        """Factorised noise of every noisy map, f(x) = sign(x)√|x|; None where nothing is noisy."""
        if not self.shape.noisy:
            return None
        found = {}
        for layer in self.layers:
            if isinstance(layer, Linear) and layer.noisy:
                rows, columns = (
                    torch.stack([torch.randn(1, n, generator=g, device=g.device) for g in generators]).to(device)
                    for n in (layer.inputs, layer.outputs)
                )
                found[layer.name] = (rows.sign() * rows.abs().sqrt(), columns.sign() * columns.abs().sqrt())
        return found

    def trunk(self, weights: Weights, x: Tensor, tape: Tape | None = None) -> Tensor:
        """Features (M, B, H', W', C') of inputs (M, B, C, H, W)."""
        x = x.movedim(2, -1).contiguous()  # (M, B, H, W, C)
        for conv, side, stride in self.convolutions:
            patches = x.unfold(2, side, stride).unfold(3, side, stride)  # (M, B, H', W', C, side, side)
            patches = patches.movedim(4, -1)  # rows of side · C neighbours, which lie together
            m, b, height, width = patches.shape[:4]
            x = affine(weights, conv.name, patches.reshape(m, b * height * width, -1), tape)
            x = torch.relu(x).view(m, b, height, width, -1)
        return x

    def __call__(self, weights: Weights, x: Tensor, noise: Noise | None = None, tape: Tape | None = None) -> Tensor:
        """Outputs (M, B, actions, atoms) of inputs (M, B, C, H, W)."""
        x = self.trunk(weights, x, tape)
        m, b = x.shape[:2]
        found = [
            out(weights, torch.relu(hidden(weights, x, tape, noise)), tape, noise).view(m, b, -1, self.shape.atoms)
            for hidden, out in self.streams.values()
        ]
        if len(found) == 1:
            return found[0]
        value, advantage = found
        return value + advantage - advantage.mean(2, keepdim=True)


def values(outputs: Tensor, support: Tensor | None) -> Tensor:
    """Action values (M, B, actions) of outputs (M, B, actions, atoms)."""
    return outputs[..., 0] if support is None else outputs.softmax(-1) @ support


@cache
def fit(shape: Shape, layer: str, ratio: float, reference: Shape | None = None, share: float = 0.0) -> Shape:
    """`shape` with the largest layer of a kind that leaves at most 1/ratio of the dense network's coefficients in all.

    The dense network is that of `shape`, or of `reference` where the trunks differ.

    `narrow` keeps dense layers and shrinks their width; the others keep the width. Tucker ranks of the features are
    the `share` of each dimension, by default three quarters up to threefold compression and then half; the rank of the
    units fills the budget.
    Where dense outputs of C51 leave the hidden layer too little, they become low-rank too, of rank hidden/8.

    Raises:
        UserError: nothing of that kind is small enough.
    """
    dense = replace(shape, layer="dense", ranks=(), output_rank=0)
    budget = Network(reference or dense).count() / ratio
    features = Network(dense).features
    if layer == "narrow":
        found = _largest(range(1, shape.hidden + 1), lambda h: replace(dense, hidden=h), budget)
    else:
        found = None
        for output_rank in (0, shape.hidden // 8) if shape.atoms > 1 else (0,):
            base = replace(shape, layer=layer, output_rank=output_rank)
            if layer == "tucker":
                share = share or (0.75 if ratio <= 3 else 0.5)
                inner = tuple(math.ceil(dimension * share) for dimension in features)
                ranks, least = range(1, shape.hidden + 1), shape.hidden // 8
                found = _largest(ranks, lambda r, b=base, i=inner: replace(b, ranks=(*i, r)), budget)  # type: ignore[misc]
            else:
                limit = min(shape.hidden, math.prod(features)) if layer == "low-rank" else 4 * shape.hidden
                ranks, least = range(1, limit + 1), 1
                found = _largest(ranks, lambda r, b=base: replace(b, ranks=(r,)), budget)  # type: ignore[misc]
            if found is not None and found.ranks[-1] >= least:
                break
            found = None
    if found is None:
        raise UserError(f"no {layer} layer makes this network {ratio:g} times smaller: choose a smaller ratio")
    return found


def _largest(sizes: range, make: Callable[[int], Shape], budget: float) -> Shape | None:
    """The shape of the largest size within the budget; counts grow with the size."""
    place = bisect_right(sizes, budget, key=lambda size: Network(make(size)).count())
    return make(sizes[place - 1]) if place else None
