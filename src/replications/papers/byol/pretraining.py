"""The pre-training of the chapters that build on BYOL: the loop, its curves, and how frozen features are measured.

A paper brings a `Learner`, which holds the networks and makes one step; `pretrain` calls it and measures. `Learner`
itself is BYOL. As in `byol.study`, every random number of step k comes from a generator named after k and an epoch's
order from one named after the epoch, and no step asks the device for a value.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from replications.data import cifar10
from replications.papers.byol.method import update
from replications.papers.byol.study import (
    CLASSES,
    SETTLING,
    WATCHED,
    Pretraining,
    features,
    make_optimizer,
    networks,
    two_views,
)
from replications.study import Context, Curve, Metric, Outcome, UserError
from replications.training.collapse import covariance_spectrum, effective_rank, embedding_std
from replications.training.evaluation import (
    embed,
    few_label_subset,
    knn_accuracy,
    logistic_probe,
    settle_statistics,
)
from replications.training.lars import set_lr
from replications.training.schedules import cosine_tau, warmup_cosine

ONE_PERCENT, TEN_PERCENT = 0.01, 0.1  # shares of the labels that the few-label probes see

METRICS: dict[str, Metric] = {
    "knn": Metric("fraction", "test accuracy of 200 nearest neighbours by cosine, votes exp(cosine/0.1)"),
    "linear": Metric("fraction", "test accuracy of logistic regression (L-BFGS), standardised features"),
    "linear_1": Metric("fraction", "linear, fitted on 1 % of the labels, equally many a class"),
    "linear_10": Metric("fraction", "linear, fitted on 10 % of the labels, equally many a class"),
    "knn_random": Metric("fraction", "knn of the same encoder before its first step"),
    "linear_random": Metric("fraction", "linear of the same encoder before its first step"),
    "linear_1_random": Metric("fraction", "linear_1 of the same encoder before its first step"),
    "linear_10_random": Metric("fraction", "linear_10 of the same encoder before its first step"),
    "loss": Metric("", "training loss, mean of the last 2 % of steps"),
    "std": Metric("", "√D × mean over dimensions of the deviation of z/‖z‖: 1 spread on the sphere, 0 a point"),
    "effective_rank": Metric("dimensions", "exp of the entropy of the covariance spectrum of z/‖z‖"),
    "trained": Metric("fraction", "share of the steps taken; below 1 where a control diverged"),
}
CURVES = {"std": "√D × deviation of z/‖z‖", "effective_rank": "effective rank", "knn": "kNN accuracy"}


@dataclass(frozen=True)
class Split:
    """uint8 images (N, 3, H, W) to train on and to judge with, and their labels (N,), on the run's device."""

    images: torch.Tensor
    labels: torch.Tensor
    judged: torch.Tensor
    judged_labels: torch.Tensor


def split(config: Pretraining, context: Context) -> Split:
    """What a run trains on and what it is judged by.

    Raises:
        UserError: the data are not here.
    """
    if config.size > 32:
        raise UserError("pre-training at 224 pixels needs ImageNet, which is not here: try its model with --dry-run")
    data, device = cifar10.load(), context.device
    images, labels = data.train_images[: config.images].to(device), data.train_labels[: config.images].to(device)
    if config.held_out > 0:
        kept = len(images) - config.held_out
        return Split(images[:kept], labels[:kept], images[kept:], labels[kept:])
    judged, judged_labels = data.test_images[: config.test_images], data.test_labels[: config.test_images]
    return Split(images, labels, judged.to(device), judged_labels.to(device))


def few_labels(labels: torch.Tensor, share: float, context: Context) -> torch.Tensor:
    """Rows of the class-balanced `share` of the labels that this seed may see, in training and in its probes."""
    draw = context.generator(f"labels {share}", device="cpu")
    return few_label_subset(labels.cpu(), share, CLASSES, draw).to(labels.device)


def whole(config: Pretraining, encoder: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Representations (N, features) of uncropped uint8 images, averaged down to the size of the views where it differs."""
    if images.shape[-1] != config.size:
        images = F.avg_pool2d(images.float(), images.shape[-1] // config.size).round().to(torch.uint8)
    return features(config, encoder, images)


class Learner:
    """BYOL: its networks, its optimiser and one step of it. Papers that build on it override what they change."""

    curves: Mapping[str, str] = {}  # name → label of what `look` adds
    loss_label = "loss, of 8"

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context
        self.online, self.target = networks(config, context)
        self.optimizer = make_optimizer(config, self.online)

    def prepare(self, views: list[torch.Tensor]) -> None:
        """Make untrained networks ready for evaluation mode, from some batches of views (B, 3, H, W)."""
        for network in (self.online, self.target):
            settle_statistics(nn.Sequential(network.encoder, network.projector), views)

    def step(self, rows: torch.Tensor, pixels: torch.Tensor, tau: float, draw: torch.Generator) -> torch.Tensor:
        """One step on uint8 `pixels` (B, 3, H, W), the training images `rows` (B,). Returns the loss, on the device."""
        config = self.config
        pairs = [two_views(config, part, draw) for part in pixels.chunk(config.accumulation)]
        return update(
            self.online,
            self.target,
            self.optimizer,
            pairs,
            tau,
            config.loss_norm,
            config.beta,
            config.temperature,
            config.bfloat16,
        )

    def look(self, z: torch.Tensor) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
        """Points for `curves` and arrays of one shape at every look, given projections z (N, D) of training images."""
        return {}, {}

    def scalars(self) -> dict[str, float]:
        """What the paper reports at the end besides `METRICS`."""
        return {}

    def state(self) -> dict[str, Any]:
        """What a later `restore` needs to go on with the same bits; a paper with state of its own adds it."""
        return {
            "online": self.online.state_dict(),
            "target": self.target.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        self.online.load_state_dict(state["online"])
        self.target.load_state_dict(state["target"])
        self.optimizer.load_state_dict(state["optimizer"])


@dataclass
class Looks:
    """What the looks of a run have seen: points of the curves, and arrays with a row a look."""

    curves: dict[str, list[float]]
    arrays: dict[str, list[torch.Tensor]] = field(default_factory=dict)

    def add(self, points: Mapping[str, float], arrays: Mapping[str, torch.Tensor]) -> None:
        """One look."""
        for name, value in points.items():
            self.curves[name].append(value)
        for name, array in arrays.items():
            self.arrays.setdefault(name, []).append(array.float().cpu())


def measure(config: Pretraining, context: Context, encoder: nn.Module, data: Split) -> dict[str, float]:
    """Neighbours and probes of frozen features, with all labels and with few."""
    y, judged = whole(config, encoder, data.images), whole(config, encoder, data.judged)
    few = {
        f"linear_{percent}": few_labels(data.labels, share, context)
        for percent, share in ((1, ONE_PERCENT), (10, TEN_PERCENT))
    }
    return {
        "knn": knn_accuracy(y, data.labels, judged, data.judged_labels, CLASSES),
        "linear": logistic_probe(y, data.labels, judged, data.judged_labels, CLASSES),
        **{
            name: logistic_probe(y[rows], data.labels[rows], judged, data.judged_labels, CLASSES)
            for name, rows in few.items()
        },
    }


_untrained: dict[str, dict[str, float]] = {}


def measure_untrained(config: Pretraining, context: Context, encoder: nn.Module, data: Split) -> dict[str, float]:
    """`measure`, kept for the later runs of this process that start from the same encoder: most conditions of a seed do."""
    digest = hashlib.blake2b(repr((context.seed, config.encoder, config.size, config.bfloat16)).encode())
    for tensor in (data.images, data.labels, data.judged, data.judged_labels, *encoder.state_dict().values()):
        digest.update(tensor.cpu().numpy().tobytes())
    key = digest.hexdigest()
    if key not in _untrained:
        _untrained[key] = measure(config, context, encoder, data)
    return dict(_untrained[key])


def pretrain(config: Pretraining, context: Context, learner: Learner, data: Split) -> Outcome:
    """Train `learner`, then measure its frozen features on `data.judged`, which is read before and after training only.

    Raises:
        FloatingPointError: the loss of a run that is no control is not finite.
    """
    images, labels = data.images, data.labels
    steps_an_epoch = len(images) // config.batch
    steps = max(2, round(config.epochs * steps_an_epoch))
    looks = {round(k * steps / config.looks) for k in range(config.looks)}

    saved = context.restore()
    if saved is None:
        begin, losses = 0, torch.zeros(steps, device=context.device)
        seen = Looks({name: [] for name in ("epoch", *CURVES, *learner.curves)})
        draw = context.generator("settling")
        learner.prepare([two_views(config, images[: config.batch], draw)[0] for _ in range(SETTLING)])
        untrained = measure_untrained(config, context, learner.online.encoder, data)
    else:
        begin, losses, untrained = saved["step"], saved["losses"].to(context.device), saved["untrained"]
        seen = Looks(saved["curves"], saved["arrays"])
        learner.restore(saved["learner"])

    def look(step: int) -> bool:
        """Look at training images; true where a control has diverged."""
        encoder, projector = learner.online.encoder, learner.online.projector
        y = whole(config, encoder, images[-WATCHED - 10_000 :])
        bank, queries, known = y[:-WATCHED], y[-WATCHED:], labels[-len(y) :]
        z = embed(projector, queries, lambda part: part)  # in float32: the spread of a point is rounding
        spectrum = covariance_spectrum(z)
        points, arrays = learner.look(z)
        points["epoch"] = step / steps_an_epoch
        points["std"] = embedding_std(z).item()
        points["effective_rank"] = effective_rank(spectrum)
        points["knn"] = knn_accuracy(bank, known[:-WATCHED], queries, known[-WATCHED:], CLASSES)
        seen.add(points, {"spectrum": spectrum, **arrays})
        broken = torch.nonzero(~torch.isfinite(losses[:step]))
        if len(broken) > 0 and not config.control:
            raise FloatingPointError(f"seed {context.seed}: the loss is not finite at step {int(broken[0])} of {steps}")
        return len(broken) > 0

    order = torch.empty(0)
    for step in range(begin, steps):
        if step in looks and look(step):
            break
        epoch, place = divmod(step, steps_an_epoch)
        if place == 0 or step == begin:
            order = torch.randperm(len(images), generator=context.generator(f"epoch {epoch}"), device=context.device)
        rows = order[place * config.batch : (place + 1) * config.batch]
        set_lr(learner.optimizer, warmup_cosine(step, steps, round(config.warmup * steps), config.lr))
        tau = cosine_tau(step, steps, config.tau) if config.tau > 0 else 0.0
        losses[step] = learner.step(rows, images[rows], tau, context.generator(f"step {step}"))
        context.progress((step + 1) / steps)
        if context.due():
            context.save(
                {
                    "step": step + 1,
                    "losses": losses,
                    "untrained": untrained,
                    "curves": seen.curves,
                    "arrays": seen.arrays,
                    "learner": learner.state(),
                }
            )
    else:
        step = steps
        look(step)

    last = losses[: max(step, 1)].cpu()
    scalars = {
        **measure(config, context, learner.online.encoder, data),
        **{f"{name}_random": value for name, value in untrained.items()},
        "loss": last[-max(1, steps // 50) :].mean().item(),
        "std": seen.curves["std"][-1],
        "effective_rank": seen.curves["effective_rank"][-1],
        "trained": step / steps,
        **learner.scalars(),
    }
    points = [float(part.mean()) for part in last.tensor_split(min(200, len(last)))]
    ends = [float(part[-1] + 1) / steps_an_epoch for part in torch.arange(len(last)).tensor_split(len(points))]
    epochs = seen.curves["epoch"]
    return Outcome(
        scalars,
        {
            "loss": Curve(ends, points, "epoch", learner.loss_label),
            **{
                name: Curve(epochs, seen.curves[name], "epoch", label)
                for name, label in {**CURVES, **learner.curves}.items()
            },
        },
        {name: torch.stack(array).numpy().astype(np.float32) for name, array in seen.arrays.items()},  # (looks, …)
        steps=step,
        samples=step * config.batch,
    )


def dry_steps(config: Pretraining, context: Context, make: Callable[[Any, Context], Learner]) -> str:
    """Build the real networks and take two steps on four random images of the real shape."""
    learner = make(config, context)
    draw = context.generator("dry run")
    side = config.size * 8 // 7  # photographs a little larger than the crops
    losses = []
    for step in range(2):
        pixels = torch.randint(256, (4, 3, side, side), dtype=torch.uint8, generator=draw, device=context.device)
        set_lr(learner.optimizer, warmup_cosine(step + 1, 1000, 10, config.lr))
        losses.append(learner.step(torch.arange(4, device=context.device), pixels, config.tau, draw).item())
    if not all(math.isfinite(loss) for loss in losses):
        raise FloatingPointError("the loss of the dry run is not finite")
    count = sum(p.numel() for p in learner.online.parameters())
    return (
        f"{config.encoder}, {count:,} online parameters, {config.size} pixels, loss {losses[0]:.3f} → {losses[1]:.3f}"
    )
