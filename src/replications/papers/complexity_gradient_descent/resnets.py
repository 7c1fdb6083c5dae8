"""Residual networks on CIFAR-10 under schedules of the L2 coefficient: the `gpu` profile.

A run trains one network for each value of the grid, one after another; a stopped run goes on inside the network it was in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from replications.data import cifar10
from replications.models.resnet import resnet18, tiny_resnet
from replications.papers.complexity_gradient_descent import schedules
from replications.papers.complexity_gradient_descent.coefficients import MOMENTUM
from replications.papers.complexity_gradient_descent.images import CLASSES
from replications.papers.complexity_gradient_descent.looks import UNIFORM
from replications.study import Context, Outcome, UserError

GRID = (2.5e-4, 1e-3, 4e-3, 1.6e-2)  # rate-weighted mean λ
GRID_FINE = (1.25e-4, 2.5e-4, 5e-4, 1e-3, 2e-3, 4e-3, 8e-3)
VALIDATION = 5000  # last training images: they choose λ_0
PAD = 4  # pixels of a shift, at most


@dataclass(frozen=True)
class ResNetConfig:
    """One schedule of L2 on CIFAR-10, trained once for every mean coefficient."""

    schedule: str  # name in schedules.SCHEDULES
    network: str = "tiny"  # tiny (width 32, stride-2 stem) or resnet18 (3×3 stem)
    decays: tuple[float, ...] = GRID  # rate-weighted mean λ, nearly so for schedules that follow the loss
    rate: float = 0.05  # η_0
    annealing: str = "cosine"  # of the learning rate: cosine, steps or constant
    batch: int = 256  # images of one step
    epochs: int = 10  # passes over 45,000 images

    def __post_init__(self) -> None:
        if min(self.decays) < 0.0:
            raise UserError(f"L2 coefficient λ = {min(self.decays):g}: it must be 0 or more")
        if self.network not in ("tiny", "resnet18"):
            raise UserError(f"unknown network '{self.network}': choose tiny or resnet18")
        schedules.schedule(self.schedule)


class Classifier(nn.Module):
    """A residual network and a linear layer: images (B, 3, 32, 32) → logits (B, 10)."""

    def __init__(self, name: str, generator: torch.Generator) -> None:
        super().__init__()
        self.encoder = tiny_resnet(width=32) if name == "tiny" else resnet18()
        self.head = nn.Linear(self.encoder.features, CLASSES)
        for parameter in self.matrices():
            fan_in = parameter[0].numel()
            nn.init.normal_(parameter, std=(2.0 / fan_in) ** 0.5, generator=generator)
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, 10) of images (B, 3, 32, 32)."""
        return self.head(self.encoder(images))

    def matrices(self) -> list[nn.Parameter]:
        """The weights that L2 acts on: convolutions and the linear layer, no biases, no batch norm."""
        return [parameter for parameter in self.parameters() if parameter.ndim > 1]

    def others(self) -> list[nn.Parameter]:
        """The rest."""
        return [parameter for parameter in self.parameters() if parameter.ndim <= 1]


def optimizer_of(net: Classifier, rate: float) -> torch.optim.SGD:
    """SGD with L2 on the matrices alone."""
    groups: list[dict[str, Any]] = [{"params": net.matrices()}, {"params": net.others(), "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=rate, momentum=MOMENTUM)


def step(net: Classifier, optimizer: torch.optim.SGD, x: Tensor, labels: Tensor, rate: float, decay: float) -> Tensor:
    """One step with learning rate η_t and L2 coefficient λ_t; the loss, without penalty, in nats."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.param_groups[0]["weight_decay"] = decay
    with torch.autocast(x.device.type, torch.bfloat16, enabled=x.device.type == "cuda"):
        logits = net(x)
    loss = functional.cross_entropy(logits.float(), labels)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.detach()


def standardised(images: Tensor) -> Tensor:
    """uint8 images (N, 3, 32, 32) with zero mean and unit variance by channel."""
    mean, std = (torch.tensor(values, device=images.device)[:, None, None] for values in (cifar10.MEAN, cifar10.STD))
    return (images.float() / 255.0 - mean) / std


def augment(x: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror half of the images and shift each by up to PAD pixels, zeros moving in."""
    n, side = len(x), x.shape[-1]
    mirrored = torch.rand(n, generator=generator) < 0.5
    x = torch.where(mirrored.to(x.device)[:, None, None, None], x.flip(3), x)
    shift = torch.randint(2 * PAD + 1, (2, n, 1), generator=generator) + torch.arange(side)
    rows, columns = shift.to(x.device)  # (N, side)
    padded = functional.pad(x, (PAD, PAD, PAD, PAD))
    at = torch.arange(n, device=x.device)[:, None, None, None]
    channel = torch.arange(x.shape[1], device=x.device)[None, :, None, None]
    return padded[at, channel, rows[:, None, :, None], columns[:, None, None, :]]


def run(config: ResNetConfig, context: Context) -> Outcome:
    """Train the grid; NLL and accuracy on validation and test images for each coefficient."""
    data, device = cifar10.load(), context.device
    kept = len(data.train_images) - VALIDATION
    x, labels = standardised(data.train_images.to(device)), data.train_labels.to(device)
    steps = config.epochs * (kept // config.batch)
    rows: list[list[float]] = []
    saved = context.restore()
    if saved is not None:
        rows = saved["rows"]
    for member in range(len(rows), len(config.decays)):
        state = saved if saved is not None and saved["step"] else None
        saved = None
        net, row = _train(config, context, member, rows, (x[:kept], labels[:kept]), steps, state)
        if row[2] < 0.0:
            row += evaluate(net, x[kept:], labels[kept:])
            row += evaluate(net, standardised(data.test_images.to(device)), data.test_labels.to(device))
        else:
            row += [UNIFORM, 1.0 / CLASSES] * 2
        rows.append(row)
        context.save({"rows": rows, "step": 0})
    names = ("mean_decay", "loss", "diverged_at", "validation_nll", "validation_accuracy", "test_nll", "test_accuracy")
    arrays = {name: np.array(values, dtype=np.float32) for name, values in zip(names, zip(*rows))}
    best = int(arrays["validation_nll"].argmin())
    scalars = {
        "nll": float(arrays["test_nll"][best]),
        "accuracy": float(arrays["test_accuracy"][best]),
        "best_decay": config.decays[best],
        "diverged_share": float((arrays["diverged_at"] >= 0).mean()),
    }
    total = steps * len(config.decays)
    return Outcome(scalars, arrays=arrays, steps=total, samples=total * config.batch)


def _train(
    config: ResNetConfig,
    context: Context,
    member: int,
    rows: list[list[float]],
    data: tuple[Tensor, Tensor],
    steps: int,
    state: dict[str, Any] | None,
) -> tuple[Classifier, list[float]]:
    """One network; (Σηλ/Ση, loss of the last hundred steps, step of divergence or −1)."""
    x, labels = data
    net = Classifier(config.network, context.generator("weights", "cpu")).to(context.device)
    optimizer = optimizer_of(net, config.rate)
    order, shake = context.generator("data", "cpu"), context.generator("augment", "cpu")
    e = schedules.rates(config.annealing, steps)
    start = schedules.start(config.schedule, config.decays[member], e)
    multiplier = schedules.schedule(config.schedule).multiplier
    first, losses, shrink, rest = 0, torch.full((steps,), torch.nan), 0.0, torch.empty(0, dtype=torch.int64)
    level = torch.ones(2, dtype=torch.float64)  # first loss, smoothed loss
    if state is not None:
        first, shrink, losses, level, rest = (state[key] for key in ("step", "shrink", "losses", "level", "rest"))
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        order.set_state(state["order"])
        shake.set_state(state["shake"])
    for t in range(first, steps):
        if len(rest) < config.batch:
            rest = torch.randperm(len(x), generator=order)
        chosen, rest = rest[: config.batch].to(x.device), rest[config.batch :]
        done = torch.tensor(t / steps, dtype=torch.float64)
        decay = start * float(multiplier(e[t], level[1] / level[0], done))
        shrink += float(e[t]) * decay
        loss = step(net, optimizer, augment(x[chosen], shake), labels[chosen], config.rate * float(e[t]), decay)
        losses[t] = loss.cpu()
        level = torch.stack(
            [
                losses[0].double(),
                losses[0].double() if t == 0 else torch.lerp(losses[t].double(), level[1], schedules.SMOOTHING),
            ]
        )
        if not losses[t] <= 1e4:
            return net, [float("nan"), float("nan"), float(t)]
        if t % 50 == 0:
            context.progress((member + t / steps) / len(config.decays))
        if context.due():
            context.save(
                {
                    "rows": rows, "step": t + 1, "shrink": shrink, "losses": losses, "level": level, "rest": rest,
                    "net": net.state_dict(), "optimizer": optimizer.state_dict(), "order": order.get_state(),
                    "shake": shake.get_state(),
                }
            )  # fmt: skip
    return net, [shrink / float(e.sum()), float(losses[-100:].mean()), -1.0]


def evaluate(net: Classifier, x: Tensor, labels: Tensor) -> list[float]:
    """Mean NLL in nats and accuracy, batch norm by its running statistics."""
    net.eval()
    nll = right = 0.0
    with torch.no_grad():
        for part, answers in zip(x.split(1000), labels.split(1000)):
            logits = net(part)
            nll += float(functional.cross_entropy(logits, answers, reduction="sum"))
            right += float((logits.argmax(1) == answers).sum())
    return [nll / len(x), right / len(x)]


def dry_run(config: ResNetConfig, context: Context) -> str:
    """Two steps of the configured network on random images of the real shape."""
    generator = context.generator(device="cpu")
    net = Classifier(config.network, generator).to(context.device)
    optimizer = optimizer_of(net, config.rate)
    batch = min(config.batch, 16)  # a CPU takes half a minute over a full one
    x = torch.randn(batch, 3, 32, 32, generator=generator).to(context.device)
    labels = (torch.arange(batch) % CLASSES).to(context.device)
    losses = [float(step(net, optimizer, x, labels, config.rate, config.decays[0])) for _ in range(2)]
    count = sum(parameter.numel() for parameter in net.parameters())
    return f"{config.network}: {count:,} parameters, loss {losses[0]:.3f} then {losses[1]:.3f} nats"
