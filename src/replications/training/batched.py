"""Many small perceptrons of one shape trained as one program: an explicit leading member dimension and `torch.bmm`.

Members (seeds, learning rates, initialisations, activations of one family) share nothing but the instruction stream, so
a member ends with the same numbers as alone. Forward and backward are written out: an autograd graph costs more than
the arithmetic of a network this small, and written out the weight gradient is accumulated straight into the momentum
buffer (one `baddbmm`) while its factors are still in cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

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


class Perceptrons:
    """M perceptrons of one shape: weights (M, in, out), biases (M, 1, out), one activation after every hidden layer.

    Raises:
        ValueError: there is no hidden layer, or weights and biases do not fit together.
    """

    def __init__(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor], activation: Activation, batch_norm: bool = False
    ) -> None:
        if len(weights) < 2:
            raise ValueError(f"depth {len(weights) - 1}: a perceptron needs at least one hidden layer")
        if len(weights) != len(biases) or any(b.shape[-1] != w.shape[-1] for w, b in zip(weights, biases)):
            raise ValueError("every weight matrix (M, in, out) needs a bias (M, 1, out)")
        self.weights, self.biases, self.activation = list(weights), list(biases), activation
        hidden = self.weights[:-1]
        self.norms = [BatchNorm(w.shape[0], w.shape[2], w) for w in hidden] if batch_norm else []
        self._workspace: tuple[list[Tensor], list[Tensor]] | None = None

    @property
    def members(self) -> int:
        """How many networks train side by side."""
        return self.weights[0].shape[0]

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return len(self.weights) - 1

    def keep(self, index: Tensor) -> None:
        """Keep the members `index` and forget the others."""
        self.weights = [weight[index] for weight in self.weights]
        self.biases = [bias[index] for bias in self.biases]
        self.activation.keep(index)
        for norm in self.norms:
            for name in norm.tensors():
                setattr(norm, name, getattr(norm, name)[index])
        self._workspace = None

    def hidden(self, x: Tensor) -> list[Tensor]:
        """Activations of every hidden layer, (M, B, width) each, for inputs x (M, B, in), as at test time."""
        with torch.no_grad():
            return self._hidden(x, training=False)[1]

    def logits(self, x: Tensor) -> Tensor:
        """Outputs (M, B, classes) for inputs x (M, B, in), as at test time: batch norm uses its running statistics."""
        return torch.baddbmm(self.biases[-1], self.hidden(x)[-1], self.weights[-1])

    def step(self, x: Tensor, labels: Tensor, optimizer: Optimizer) -> Tensor:
        """One step of mean softmax cross-entropy: losses (M,) in nats, before the step.

        x (M, B, in), labels (M, B) int64.
        """
        optimizer.start_step()
        before, after = self._hidden(x, training=True)
        logits = torch.baddbmm(self.biases[-1], after[-1], self.weights[-1])
        log_p = functional.log_softmax(logits, dim=-1)  # (M, B, classes)
        picked = labels[:, :, None]
        losses = -log_p.gather(2, picked)[:, :, 0].mean(1)  # (M,)
        delta = log_p.exp_()
        delta.scatter_add_(2, picked, -torch.ones_like(picked, dtype=delta.dtype)).div_(x.shape[1])
        for layer in range(self.depth, -1, -1):
            inputs = after[layer - 1] if layer else x
            below = None
            if layer:
                below = torch.bmm(delta, self.weights[layer].transpose(1, 2))  # with the weights of before the step
            optimizer.matrix(f"w{layer}", self.weights[layer], inputs, delta)
            optimizer.vector(f"b{layer}", self.biases[layer], delta.sum(1, keepdim=True))
            if below is not None:
                delta = self.activation.pull_back(before[layer - 1], below, after[layer - 1])
                if self.norms:
                    delta = self._norm_step(layer - 1, delta, after[layer - 1], optimizer)
        return losses

    def _norm_step(self, layer: int, delta: Tensor, scratch: Tensor, optimizer: Optimizer) -> Tensor:
        norm = self.norms[layer]
        delta, to_gain, to_offset = norm.backward(delta, scratch)
        optimizer.vector(f"gain{layer}", norm.gain, to_gain)
        optimizer.vector(f"offset{layer}", norm.offset, to_offset)
        return delta

    def _hidden(self, x: Tensor, training: bool) -> tuple[list[Tensor], list[Tensor]]:
        """Inputs and outputs of the activation, layer by layer; in training they are overwritten by the next step."""
        before, after = self._buffers(x) if training else ([], [])
        y = x
        for layer in range(self.depth):
            z = torch.baddbmm(
                self.biases[layer], y, self.weights[layer], out=before[layer] if training else None
            )  # (M, B, width)
            if self.norms:
                z = self.norms[layer].forward(z, training)
            y = self.activation.value(z, after[layer] if training else torch.empty_like(z))
            if not training:
                before.append(z)
                after.append(y)
        return before, after

    def _buffers(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        shape = x.shape[:2]
        if self._workspace is None or self._workspace[0][0].shape[:2] != shape:
            sizes = [weight.shape[2] for weight in self.weights[:-1]]
            self._workspace = (
                [x.new_empty(*shape, size) for size in sizes],
                [x.new_empty(*shape, size) for size in sizes],
            )
        return list(self._workspace[0]), list(self._workspace[1])


@dataclass(frozen=True)
class Training:
    """What `train` leaves: losses (steps, M) in nats, NaN after a divergence, and the step of divergence (M,) or -1."""

    losses: Tensor
    diverged: Tensor


def train(
    nets: Perceptrons,
    optimizer: Optimizer,
    batch: Callable[[int, Tensor], tuple[Tensor, Tensor]],
    steps: int,
    *,
    look: Callable[[int, Perceptrons, Tensor], None] | None = None,
    look_at: Sequence[int] = (),
    schedule: Callable[[int, Tensor, Tensor], None] | None = None,
    limit: float = 1e4,
) -> Training:
    """Train every member for `steps` steps; a member whose loss is not finite or above `limit` nats has diverged.

    `batch(step, alive)` gives inputs (A, B, in) and labels (A, B) for the members `alive` (A,) that still train.
    `look(step, nets, alive)` is called before the steps of `look_at`, and after the last where it holds `steps`.
    `schedule(step, losses, alive)` may change the optimiser's coefficients before a step; losses holds the past.
    A diverged member is recorded with its step and leaves the program at the next multiple of ten steps.
    """
    alive = torch.arange(nets.members, device=nets.weights[0].device)
    losses = torch.full((steps, nets.members), torch.nan, device=alive.device)
    looks = set(look_at)
    with torch.no_grad():
        for step in range(steps):
            if step % 10 == 0 and step:
                recent = losses[step - 10 : step, alive]
                healthy = (recent <= limit).all(0)  # false for NaN
                if not healthy.all():
                    index = healthy.nonzero()[:, 0]
                    alive = alive[index]
                    nets.keep(index)
                    optimizer.keep(index)
                    if not len(alive):
                        break
            if look is not None and step in looks:
                look(step, nets, alive)
            if schedule is not None:
                schedule(step, losses, alive)
            losses[step, alive] = nets.step(*batch(step, alive), optimizer)
        if look is not None and steps in looks and len(alive):
            look(steps, nets, alive)
    return _ended(losses, limit)


def _ended(losses: Tensor, limit: float) -> Training:
    """Losses with NaN from the first divergence on, and the step at which it happened."""
    bad = ~(losses <= limit)
    gone = bad.cumsum(0) > 0
    diverged = torch.where(bad.any(0), bad.int().argmax(0), -1)
    return Training(losses.masked_fill(gone, torch.nan), diverged)
