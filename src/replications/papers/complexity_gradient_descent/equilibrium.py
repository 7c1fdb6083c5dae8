"""Does the norm of scale-invariant weights settle where L2 and gradient noise balance? Measured in trained networks.

Weights before a batch norm do not change its output when they are scaled, so their gradient is orthogonal to them, and
|w|⁴ → ηG²/(2λ(1 − β)) with G = |w||∇L| (`method.equilibrium_norm4`). Without momentum that is a balance of exact terms; with
momentum it needs gradients that are uncorrelated in time. Without batch norm it has no reason to hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from replications.papers.complexity_gradient_descent import method
from replications.papers.complexity_gradient_descent.runs import Batch, TrainConfig
from replications.study import Context, Curve, Outcome
from replications.training.batched import Perceptrons, train
from replications.training.batched_optimizers import SGD


@dataclass(frozen=True)
class EquilibriumConfig:
    """A network trained at constant η and λ for long enough to forget its start; one member for each pair."""

    batch_norm: bool
    momentum: float
    pairs: tuple[tuple[float, float], ...]  # (η, λ)
    data: str = "mnist"
    steps: int = 3000  # the last half is averaged over
    width: int = 128  # units of each of the two hidden layers
    images: int = 4000
    batch: int = 100


class WatchedSGD(SGD):
    """SGD that also averages |w|⁴, |w|²|g|² and the squared angle of a step over the steps while `watching`."""

    watching = False

    def __init__(self, learning_rate: Tensor, momentum: float, l2: Tensor) -> None:
        super().__init__(learning_rate, momentum, l2=l2)
        self.sums: dict[str, Tensor] = {}  # layer → (M, 3)
        self.count = 0

    def start_step(self) -> None:
        """Count the step."""
        super().start_step()
        self.count += self.watching

    def matrix(self, key: str, weight: Tensor, inputs: Tensor, delta: Tensor) -> None:
        """Step a weight matrix, as SGD does, and look at it."""
        if not self.watching:
            return super().matrix(key, weight, inputs, delta)
        gradient2 = torch.bmm(inputs.transpose(1, 2), delta).square().sum((1, 2))
        before, norm2 = functional.normalize(weight.flatten(1), dim=1), weight.square().sum((1, 2))
        super().matrix(key, weight, inputs, delta)
        chord2 = (functional.normalize(weight.flatten(1), dim=1) - before).square().sum(1)  # the angle's square
        seen = torch.stack([norm2.square(), norm2 * gradient2, chord2], 1).double()
        self.sums[key] = self.sums[key] + seen if key in self.sums else seen
        return None


def run(config: EquilibriumConfig, context: Context) -> Outcome:
    """Ratio of |w|⁴ and of the step's angle to their predictions, by member and layer, averaged over the last half."""
    shape = TrainConfig(
        "constant", config.data, config.batch_norm, width=config.width, images=config.images, batch=config.batch,
        steps=config.steps,
    )  # fmt: skip
    batch = Batch([shape], [context])
    owner = [0] * len(config.pairs)
    nets = batch.networks(owner)
    rate, decay = (torch.tensor(values, device=context.device) for values in zip(*config.pairs))
    optimizer = WatchedSGD(rate, config.momentum, decay)
    at = np.unique(np.linspace(0, config.steps, 50).round().astype(int)).tolist()
    norms: list[np.ndarray] = []

    def look(step: int, nets: Perceptrons, alive: Tensor) -> None:
        norms.append(nets.weights[0].flatten(1).norm(dim=1).cpu().numpy())
        context.progress(step / config.steps)

    def watch(step: int, losses: Tensor, alive: Tensor) -> None:
        optimizer.watching = step >= config.steps // 2

    ended = train(
        nets,
        optimizer,
        lambda step, alive: batch.stream(owner, step, alive),
        config.steps,
        look=look,
        look_at=at,
        schedule=watch,
    )
    if (ended.diverged >= 0).any():
        raise ValueError(f"a network diverged at step {int(ended.diverged.max())}: no balance to measure, lower η")
    sums = (
        torch.stack([optimizer.sums[f"w{k}"] for k in range(3)], 1).cpu().numpy() / optimizer.count
    )  # (M, 3 layers, 3)
    norm4, gradient2, angle2 = np.moveaxis(sums, 2, 0)
    beta = config.momentum
    expected = [[method.equilibrium_norm4(r, d, g, beta) for g in row] for (r, d), row in zip(config.pairs, gradient2)]
    angle = np.array([method.equilibrium_angle(r, d, beta) for r, d in config.pairs])
    ratio = norm4 / np.array(expected)  # (M, layers)
    turning = np.sqrt(angle2) / angle[:, None]
    scalars = {
        "norm_error": float(np.abs(ratio[:, :2] - 1.0).max()),  # the two layers before a batch norm
        "angle_error": float(np.abs(turning[:, :2] - 1.0).max()),
        "norm_error_output": float(np.abs(ratio[:, 2] - 1.0).min()),
    }
    curves = {
        f"norm_{k}": Curve.thin(at, [float(row[k]) for row in norms], "step", "|w| of the first layer")
        for k in range(len(config.pairs))
    }
    arrays = {
        "norm_ratio": ratio.astype(np.float32),
        "angle_ratio": turning.astype(np.float32),
        "effective_rate": (rate.cpu().numpy()[:, None] / np.sqrt(norm4)).astype(np.float32),  # η/|w|²
        "effective_rate_expected": (rate.cpu().numpy()[:, None] / np.sqrt(expected)).astype(np.float32),
    }
    steps = config.steps * len(config.pairs)
    return Outcome(scalars, curves, arrays, steps=steps, samples=steps * config.batch)
