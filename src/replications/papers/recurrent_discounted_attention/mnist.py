"""Sequential MNIST (section 6.4): one pixel a step, softmax at the end; permuted (section 6.5) with one order a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from replications.data import mnist
from replications.papers.recurrent_discounted_attention.tasks import Batch, Task, pixels
from replications.papers.recurrent_discounted_attention.training import objective, train
from replications.papers.recurrent_discounted_attention.units import Model
from replications.study import Context, Outcome

if TYPE_CHECKING:
    from replications.papers.recurrent_discounted_attention.study import Config

CLASSES = 10


def task_of(x: Tensor, labels: Tensor) -> Task:
    """Batches drawn with replacement from sequences x (T, N, 1) with labels (N,); read at the last step."""

    def draw(batch: int, generator: torch.Generator) -> Batch:
        chosen = torch.randint(len(labels), (batch,), generator=generator, device=x.device)
        return Batch(x[:, chosen], labels[chosen], torch.full_like(chosen, len(x) - 1))

    share = torch.bincount(labels, minlength=CLASSES) / len(labels)
    return Task(1, CLASSES, "classes", draw, plateau=torch.special.entr(share).sum().item())


@torch.no_grad()
def accuracy(model: Model, x: Tensor, labels: Tensor) -> float:
    """Share of sequences x (T, N, 1) whose class is found."""
    task = task_of(x, labels)
    last = torch.full_like(labels, len(x) - 1)
    found = [
        objective(model, task, part, label, where)[0][1] * len(label)
        for part, label, where in zip(x.split(500, 1), labels.split(500), last.split(500))
    ]
    return (torch.stack(found).sum() / len(labels)).item()


def run(config: Config, context: Context, data: mnist.MNIST | None = None) -> Outcome:
    """Train on the training images, and read the test images once, at the end.

    Raises:
        UserError: the images are not here.
    """
    data = mnist.load() if data is None else data
    order = None
    if config.permuted:
        order = torch.randperm(config.length**2, generator=context.generator("order", "cpu"))
    x, labels = pixels(data.train_images, data.train_labels, config.length, order)
    model, outcome = train(config, context, task_of(x.to(context.device), labels.to(context.device)))
    test, known = pixels(
        data.test_images[: config.evaluated], data.test_labels[: config.evaluated], config.length, order
    )
    scalars = dict(outcome.scalars)
    scalars["test_accuracy"] = accuracy(model, test.to(context.device), known.to(context.device))
    return Outcome(scalars, outcome.curves, steps=outcome.steps, samples=outcome.samples)
