"""Optimisers for networks with a leading member dimension: every member has its learning rate, and its decay.

They are called layer by layer during the backward pass, with the two factors of a weight gradient rather than the
gradient itself, so that SGD can add it straight into its momentum.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Optimizer(Protocol):
    """Turns gradients into steps, layer by layer during the backward pass; every member has its learning rate."""

    learning_rate: Tensor  # (M,)

    def matrix(self, key: str, weight: Tensor, inputs: Tensor, delta: Tensor) -> None:
        """Step `weight` (M, in, out) along inputsᵀ·delta."""

    def vector(self, key: str, parameter: Tensor, gradient: Tensor) -> None:
        """Step `parameter` (M, 1, out) along `gradient`."""

    def start_step(self) -> None: ...

    def keep(self, index: Tensor) -> None: ...


class SGD:
    """m ← momentum·m + g + L2·w; w ← (1 − decay)·w − rate·m, with rate, L2 and decay (M,) read at every step.

    `l2` is the coupled coefficient of torch.optim.SGD(weight_decay); `decay` the decoupled one of SGDW. Both act on
    weight matrices only.
    """

    def __init__(
        self,
        learning_rate: Tensor,
        momentum: float = 0.9,
        l2: Tensor | None = None,
        decay: Tensor | None = None,
    ) -> None:
        self.learning_rate, self.momentum, self.l2, self.decay = learning_rate, momentum, l2, decay
        self._buffers: dict[str, Tensor] = {}

    def start_step(self) -> None:
        """Take this step's coefficients."""
        self._rate = -self.learning_rate[:, None, None]

    def matrix(self, key: str, weight: Tensor, inputs: Tensor, delta: Tensor) -> None:
        """Step a weight matrix; its gradient never exists on its own."""
        buffer = self._buffer(key, weight)
        torch.baddbmm(buffer, inputs.transpose(1, 2), delta, beta=self.momentum, out=buffer)
        if self.l2 is not None:
            buffer.addcmul_(weight, self.l2[:, None, None])
        if self.decay is not None:
            weight.mul_(1.0 - self.decay[:, None, None])
        weight.addcmul_(buffer, self._rate)

    def vector(self, key: str, parameter: Tensor, gradient: Tensor) -> None:
        """Step a bias, a gain or an offset."""
        parameter.addcmul_(self._buffer(key, parameter).mul_(self.momentum).add_(gradient), self._rate)

    def keep(self, index: Tensor) -> None:
        """Keep the members `index` and forget the others."""
        self.learning_rate = self.learning_rate[index]
        self.l2 = None if self.l2 is None else self.l2[index]
        self.decay = None if self.decay is None else self.decay[index]
        self._buffers = {key: buffer[index] for key, buffer in self._buffers.items()}

    def _buffer(self, key: str, like: Tensor) -> Tensor:
        if key not in self._buffers:
            self._buffers[key] = torch.zeros_like(like)
        return self._buffers[key]


class Adam:
    """Adam (Kingma and Ba 2015) with torch.optim.Adam's defaults and a learning rate (M,) for every member."""

    def __init__(self, learning_rate: Tensor, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        self.learning_rate, self.betas, self.eps = learning_rate, betas, eps
        self._moments: dict[str, tuple[Tensor, Tensor]] = {}
        self._step = 0

    def start_step(self) -> None:
        """Count the step: the bias corrections need it."""
        self._step += 1
        self._rate = -self.learning_rate[:, None, None] / (1.0 - self.betas[0] ** self._step)
        self._root = (1.0 - self.betas[1] ** self._step) ** 0.5

    def matrix(self, key: str, weight: Tensor, inputs: Tensor, delta: Tensor) -> None:
        """Step a weight matrix."""
        self.vector(key, weight, torch.bmm(inputs.transpose(1, 2), delta))

    def vector(self, key: str, parameter: Tensor, gradient: Tensor) -> None:
        """Step any parameter along its gradient."""
        if key not in self._moments:
            self._moments[key] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        first, second = self._moments[key]
        first.lerp_(gradient, 1.0 - self.betas[0])
        second.mul_(self.betas[1]).addcmul_(gradient, gradient, value=1.0 - self.betas[1])
        size = torch.sqrt(second).div_(self._root).add_(self.eps)
        parameter.addcmul_(first / size, self._rate)

    def keep(self, index: Tensor) -> None:
        """Keep the members `index` and forget the others."""
        self.learning_rate = self.learning_rate[index]
        self._moments = {key: (first[index], second[index]) for key, (first, second) in self._moments.items()}
