"""Layers with a leading member dimension: activations with coefficients of each member's own, and batch normalisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

BATCH_NORM_EPS = 1e-5
RUNNING_RATE = 0.1  # of the running statistics, as torch.nn.BatchNorm1d has it


@dataclass(frozen=True)
class Base:
    """A scalar function and its derivative, both elementwise; `out` receives the result."""

    name: str
    value: Callable[[Tensor, Tensor], Tensor]  # (x, out) → out
    slope: Callable[[Tensor, Tensor], Tensor]  # (x, out) → out


def _relu_value(x: Tensor, out: Tensor) -> Tensor:
    return torch.clamp_min(x, 0.0, out=out)


def _relu_slope(x: Tensor, out: Tensor) -> Tensor:
    return torch.gt(x, 0.0, out=out)


RELU = Base("relu", _relu_value, _relu_slope)


@dataclass
class Activation:
    """f(x) = scale·g(x) + tilt·x + shift with a base function g shared by the members and coefficients of their own."""

    base: Base
    scale: Tensor  # (M, 1, 1)
    tilt: Tensor  # (M, 1, 1)
    shift: Tensor  # (M, 1, 1)

    @classmethod
    def shared(cls, base: Base, members: int) -> Activation:
        """The base function itself for every member."""
        one = torch.ones(members, 1, 1)
        return cls(base, one, torch.zeros_like(one), torch.zeros_like(one))

    def value(self, x: Tensor, out: Tensor) -> Tensor:
        """f(x) of pre-activations x (M, B, width), in `out`."""
        self.base.value(x, out)
        return out.mul_(self.scale).addcmul_(x, self.tilt).add_(self.shift)

    def pull_back(self, x: Tensor, cotangent: Tensor, scratch: Tensor) -> Tensor:
        """f'(x) times `cotangent`, in place of `cotangent`."""
        self.base.slope(x, scratch)
        return cotangent.mul_(scratch.mul_(self.scale).add_(self.tilt))

    def keep(self, index: Tensor) -> None:
        """Keep the members `index` and forget the others."""
        self.scale, self.tilt, self.shift = self.scale[index], self.tilt[index], self.shift[index]


class BatchNorm:
    """Batch normalisation of one hidden layer for M members, as torch.nn.BatchNorm1d has it (gain 1, offset 0)."""

    def __init__(self, members: int, width: int, like: Tensor) -> None:
        self.gain = like.new_ones(members, 1, width)
        self.offset = like.new_zeros(members, 1, width)
        self.mean = like.new_zeros(members, 1, width)  # running
        self.variance = like.new_ones(members, 1, width)  # running, unbiased
        self._normalised = self._inverse = like.new_empty(0)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """Normalised x (M, B, width), in place of x; by the batch's statistics where `training`, else the running ones."""
        if not training:
            gain = torch.rsqrt(self.variance + BATCH_NORM_EPS).mul_(self.gain)
            return x.sub_(self.mean).mul_(gain).add_(self.offset)
        batch = x.shape[1]
        x.sub_(mean := x.mean(1, keepdim=True))
        self._normalised = self._buffer(self._normalised, x)
        variance = torch.mul(x, x, out=self._normalised).mean(1, keepdim=True)
        self.mean.lerp_(mean, RUNNING_RATE)
        self.variance.lerp_(variance * (batch / (batch - 1)), RUNNING_RATE)
        self._inverse = torch.rsqrt(variance + BATCH_NORM_EPS)
        torch.mul(x, self._inverse, out=self._normalised)
        return torch.mul(self._normalised, self.gain, out=x).add_(self.offset)

    def backward(self, delta: Tensor, scratch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients with respect to the input (in place of `delta`), the gain and the offset."""
        to_gain = torch.mul(delta, self._normalised, out=scratch).sum(1, keepdim=True)
        to_offset = delta.sum(1, keepdim=True)
        delta.addcmul_(self._normalised, to_gain, value=-1.0 / delta.shape[1]).sub_(to_offset / delta.shape[1])
        return delta.mul_(self.gain * self._inverse), to_gain, to_offset

    @staticmethod
    def _buffer(old: Tensor, like: Tensor) -> Tensor:
        return old if old.shape == like.shape else torch.empty_like(like)

    def tensors(self) -> tuple[str, ...]:
        return ("gain", "offset", "mean", "variance")
