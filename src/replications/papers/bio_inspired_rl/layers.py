"""Layers of M networks side by side: each is a few named linear maps, dense or factorised (arXiv 1911.11285, section 3.3
of our reading: the tensor regression layer of Kossaifi et al.).

A layer knows its shapes and how to draw one member's start; the weights live in a dict of tensors (M, in, out) or
(M, 1, out). Every linear map goes through `affine`, which can note its inputs and outputs for K-FAC.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from replications.papers.bio_inspired_rl import method
from replications.study import UserError

Weights = Mapping[str, Tensor]  # (M, ...) each
Tape = dict[str, tuple[Tensor, Tensor]]  # map → its inputs (M, N, in) and outputs (M, N, out)
Noise = Mapping[str, tuple[Tensor, Tensor]]  # noisy map → (M, 1, in), (M, 1, out)

KINDS = ("dense", "low-rank", "cp", "tucker")
SIGMA = 0.1  # σ₀ of noisy layers in van Hasselt et al.'s setting


def affine(weights: Weights, name: str, x: Tensor, tape: Tape | None = None, noise: Noise | None = None) -> Tensor:
    """x (M, N, in) through the map `name`, with its bias and its noise where it has them. (M, N, out)."""
    w, bias = weights[f"{name}.w"], weights.get(f"{name}.b")
    y = torch.bmm(x, w) if bias is None else torch.baddbmm(bias, x, w)
    if noise is not None and name in noise:
        rows, columns = noise[name]  # ε = f(rows)ᵀ f(columns): the noisy matrix is never built
        y = y + columns * (torch.bmm(x * rows, weights[f"{name}.sw"]) + weights[f"{name}.sb"])
    if tape is not None:
        tape[name] = (x, y)
    return y


def _uniform(shape: tuple[int, ...], fan_in: int, generator: torch.Generator) -> Tensor:
    bound = 1 / math.sqrt(fan_in)
    return torch.empty(shape).uniform_(-bound, bound, generator=generator)


def _orthonormal(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    """Columns (or, where they are more than the rows, rows) that are orthonormal."""
    q = torch.linalg.qr(torch.randn(max(rows, columns), min(rows, columns), generator=generator))[0]
    return q if rows >= columns else q.T.contiguous()


@dataclass(frozen=True)
class Linear:
    """A dense map, noisy or not, that starts as the framework's: U(±1/√in)."""

    name: str
    inputs: int
    outputs: int
    noisy: bool = False

    def count(self) -> int:
        """Coefficients; noise doubles weights and biases."""
        return method.count_dense((self.inputs,), self.outputs) * (2 if self.noisy else 1)

    def start(self, generator: torch.Generator) -> dict[str, Tensor]:
        """One member's weights."""
        weights = {
            f"{self.name}.w": _uniform((self.inputs, self.outputs), self.inputs, generator),
            f"{self.name}.b": _uniform((1, self.outputs), self.inputs, generator),
        }
        if self.noisy:
            weights[f"{self.name}.sw"] = torch.full((self.inputs, self.outputs), SIGMA / math.sqrt(self.inputs))
            weights[f"{self.name}.sb"] = torch.full((1, self.outputs), SIGMA / math.sqrt(self.outputs))
        return weights

    def __call__(self, weights: Weights, x: Tensor, tape: Tape | None = None, noise: Noise | None = None) -> Tensor:
        """(M, B, ...) to (M, B, outputs)."""
        return affine(weights, self.name, x.reshape(*x.shape[:2], -1), tape, noise)


@dataclass(frozen=True)
class LowRank:
    """W = V Z with V (in, k) orthonormal at the start: the plain matrix factorisation."""

    name: str
    inputs: int
    outputs: int
    rank: int

    def __post_init__(self) -> None:
        method.check_ranks((self.rank,), (min(self.inputs, self.outputs),))

    def count(self) -> int:
        """k (in + out) + out."""
        return method.count_low_rank((self.inputs,), self.outputs, self.rank)

    def start(self, generator: torch.Generator) -> dict[str, Tensor]:
        """One member's weights; outputs spread as a dense layer's do."""
        return {
            f"{self.name}.in.w": _orthonormal(self.inputs, self.rank, generator),
            f"{self.name}.out.w": torch.randn(self.rank, self.outputs, generator=generator) / math.sqrt(3 * self.rank),
            f"{self.name}.out.b": _uniform((1, self.outputs), self.inputs, generator),
        }

    def __call__(self, weights: Weights, x: Tensor, tape: Tape | None = None, noise: Noise | None = None) -> Tensor:
        """(M, B, ...) to (M, B, outputs)."""
        x = affine(weights, f"{self.name}.in", x.reshape(*x.shape[:2], -1), tape)
        return affine(weights, f"{self.name}.out", x, tape)


@dataclass(frozen=True)
class CP:
    """W = Σ_r c_r ∘ h_r ∘ w_r ∘ o_r on features (C, H, W)."""

    name: str
    features: tuple[int, int, int]
    outputs: int
    rank: int

    def __post_init__(self) -> None:
        if self.rank < 1:  # a CP rank may exceed every dimension
            raise UserError(f"CP rank {self.rank}: it must be 1 or more")

    def count(self) -> int:
        """R (C + H + W + O) + O."""
        return method.count_cp(self.features, self.outputs, self.rank)

    def start(self, generator: torch.Generator) -> dict[str, Tensor]:
        """One member's weights: columns of unit length, outputs spread as a dense layer's do."""
        weights = {}
        for mode, dimension in zip("chw", self.features):
            factor = torch.randn(dimension, self.rank, generator=generator)
            weights[f"{self.name}.{mode}.w"] = factor / factor.norm(dim=0)
        weights[f"{self.name}.out.w"] = torch.randn(self.rank, self.outputs, generator=generator) / math.sqrt(
            3 * self.rank
        )
        weights[f"{self.name}.out.b"] = _uniform((1, self.outputs), math.prod(self.features), generator)
        return weights

    def __call__(self, weights: Weights, x: Tensor, tape: Tape | None = None, noise: Noise | None = None) -> Tensor:
        """(M, B, H, W, C) to (M, B, outputs)."""
        if tape is not None:
            raise UserError("K-FAC needs layers made of linear maps: choose dense, low-rank or tucker in place of cp")
        m, b, height, width, channels = x.shape
        x = torch.bmm(x.reshape(m, -1, channels), weights[f"{self.name}.c.w"]).view(m, b, height * width, self.rank)
        places = weights[f"{self.name}.h.w"][:, :, None] * weights[f"{self.name}.w.w"][:, None]  # (M, H, W, R)
        x = (x * places.view(m, 1, height * width, self.rank)).sum(2)
        return affine(weights, f"{self.name}.out", x)


@dataclass(frozen=True)
class Tucker:
    """W = G ×₁ U₁ ×₂ U₂ ×₃ U₃ ×₄ U₄ on features (C, H, W), contracted input modes first. Equation eq-bio-tucker."""

    name: str
    features: tuple[int, int, int]
    outputs: int
    ranks: tuple[int, ...]

    def __post_init__(self) -> None:
        method.check_ranks(self.ranks, (*self.features, self.outputs))

    def count(self) -> int:
        """C r1 + H r2 + W r3 + r1 r2 r3 r4 + O r4 + O."""
        return method.count_tucker(self.features, self.outputs, self.ranks)

    def start(self, generator: torch.Generator) -> dict[str, Tensor]:
        """One member's weights: orthonormal factors, core N(0, O / (3 r1 r2 r3 r4))."""
        r4 = self.ranks[3]
        weights = {
            f"{self.name}.{mode}.w": _orthonormal(dimension, rank, generator)
            for mode, dimension, rank in zip("chw", self.features, self.ranks)
        }
        inner = math.prod(self.ranks[:3])
        core = torch.randn(inner, r4, generator=generator)
        weights[f"{self.name}.core.w"] = core * math.sqrt(self.outputs / (3 * inner * r4))
        weights[f"{self.name}.out.w"] = _orthonormal(self.outputs, r4, generator).T.contiguous()
        weights[f"{self.name}.out.b"] = _uniform((1, self.outputs), math.prod(self.features), generator)
        return weights

    def __call__(self, weights: Weights, x: Tensor, tape: Tape | None = None, noise: Noise | None = None) -> Tensor:
        """(M, B, H, W, C) to (M, B, outputs)."""
        if tape is None:
            core, c, h, w = (weights[f"{self.name}.{part}.w"] for part in ("core", "c", "h", "w"))
            return affine(weights, f"{self.name}.out", method.contract_tucker(x, core, c, h, w))
        m, b, height, width, channels = x.shape  # the same, map by map
        x = affine(weights, f"{self.name}.c", x.reshape(m, -1, channels), tape).view(m, b, height, width, -1)
        x = affine(weights, f"{self.name}.w", x.transpose(3, 4).reshape(m, -1, width), tape)
        x = x.view(m, b, height, self.ranks[0], -1).movedim(2, -1).reshape(m, -1, height)
        x = affine(weights, f"{self.name}.h", x, tape)
        x = x.view(m, b, self.ranks[0], self.ranks[2], -1).permute(0, 1, 4, 3, 2).reshape(m, b, -1)
        return affine(weights, f"{self.name}.out", affine(weights, f"{self.name}.core", x, tape), tape)


Layer = Linear | LowRank | CP | Tucker


def make_layer(
    name: str, kind: str, features: tuple[int, int, int], outputs: int, ranks: tuple[int, ...], noisy: bool = False
) -> Layer:
    """A layer from features (C, H, W) to `outputs` units.

    Raises:
        UserError: an unknown kind, or ranks that do not fit.
    """
    if kind not in KINDS:
        raise UserError(f"unknown layer '{kind}': choose from {', '.join(KINDS)}")
    wanted = {"dense": 0, "low-rank": 1, "cp": 1, "tucker": 4}[kind]
    if len(ranks) != wanted:
        raise UserError(f"a {kind} layer takes {wanted} ranks, got {len(ranks)}")
    if noisy and kind != "dense":
        raise UserError(f"a {kind} layer has no noisy form: choose dense, or noisy=False")
    if kind == "tucker":
        return Tucker(name, features, outputs, ranks)
    if kind == "cp":
        return CP(name, features, outputs, ranks[0])
    if kind == "low-rank":
        return LowRank(name, math.prod(features), outputs, ranks[0])
    return Linear(name, math.prod(features), outputs, noisy)
