"""Many small perceptrons of one shape trained as one program: an explicit leading member dimension and `torch.bmm`.

Members (seeds, learning rates, initialisations, activations of one family) share nothing but the instruction stream, so
a member ends with the same numbers as alone, bit for bit on one machine. Forward and backward are written out: an
autograd graph costs more than the arithmetic of a network this small, and written out the weight gradient goes straight
into the momentum buffer (one `baddbmm`) while its factors are still in cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from replications.training.batched_layers import Activation, BatchNorm
from replications.training.batched_optimizers import Optimizer


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
    losses = nets.weights[0].new_full((steps, nets.members), torch.nan)
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
