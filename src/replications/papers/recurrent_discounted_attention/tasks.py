"""The tasks of section 6: exact generators, and the loss at which a constant prediction stays.

Every batch of a generated task is fresh, so its loss before the update is a test loss. Sequences come as (T, B, I).
The copy task is the one of the RWA's released code; the multiple-copy task is rebuilt from the paper's text, which gives
its period of 20 steps and no more. `where` tells which step is read: all, or one index a sequence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Batch(NamedTuple):
    """One batch; `where` (B,) is the step that is read, None for every step."""

    x: Tensor  # (T, B, I)
    target: Tensor  # (T, B) or (B,); classes int64, else float
    where: Tensor | None = None


@dataclass(frozen=True)
class Task:
    """A task: its sizes, its loss, and its generator of batches."""

    inputs: int
    outputs: int
    loss: str  # "square", "binary" (both one output) or "classes"
    draw: Callable[[int, torch.Generator], Batch]
    plateau: float  # loss of the best constant prediction, in the loss's unit
    blank: int | None = None  # the class that is no answer, where every step is read


def _need(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def addition(length: int) -> Task:
    """Sum of the two marked of `length` numbers U[0, 1]; squared error at the last step; plateau 1/6.

    The markers are distinct and uniform over the sequence, as in the RWA's released code.

    Raises:
        ValueError: fewer than two steps.
    """
    _need(length >= 2, f"addition needs at least 2 steps, got {length}")

    def draw(batch: int, generator: torch.Generator) -> Batch:
        device = generator.device
        values = torch.rand(length, batch, generator=generator, device=device)
        first = torch.randint(length, (batch,), generator=generator, device=device)
        shift = torch.randint(1, length, (batch,), generator=generator, device=device)
        mark = torch.zeros_like(values)
        mark.scatter_(0, torch.stack([first, (first + shift) % length]), 1.0)
        return Batch(torch.stack([values, mark], -1), (values * mark).sum(0), torch.full_like(first, length - 1))

    return Task(2, 1, "square", draw, plateau=1 / 6)


def classify_length(longest: int) -> Task:
    """Is the sequence longer than half of `longest`? Noise U[0, 1], length uniform on 1 … longest, read at its end.

    Reading the state at a sequence's own last step is the same as freezing it there.

    Raises:
        ValueError: a longest length below 2.
    """
    _need(longest >= 2, f"classifying lengths needs a longest length of at least 2, got {longest}")

    def draw(batch: int, generator: torch.Generator) -> Batch:
        device = generator.device
        length = torch.randint(1, longest + 1, (batch,), generator=generator, device=device)
        steps = int(longest)  # all batches have one shape; what follows a sequence's end is never read
        x = torch.rand(steps, batch, 1, generator=generator, device=device)
        return Batch(x, (2 * length > longest).float(), length - 1)

    share = (longest - longest // 2) / longest
    return Task(1, 1, "binary", draw, plateau=-(share * math.log(share) + (1 - share) * math.log(1 - share)))


def copy(symbols: int, wait: int) -> Task:
    """`symbols` symbols of 7, blanks, a recall marker at a random time, then the symbols; total 2·symbols + wait.

    One-hot inputs of 9: 7 symbols, blank, marker; 8 classes: 7 symbols and blank. The answer ends before step e, uniform
    on 2·symbols + 1 … 2·symbols + wait - 1; the marker stands right before the answer.

    Raises:
        ValueError: no symbols, or a wait below 2.
    """
    _need(symbols >= 1 and wait >= 2, f"copy needs symbols ≥ 1 and wait ≥ 2, got {symbols} and {wait}")
    length, blank, marker = 2 * symbols + wait, 7, 8

    def draw(batch: int, generator: torch.Generator) -> Batch:
        device = generator.device
        word = torch.randint(7, (symbols, batch), generator=generator, device=device)
        end = torch.randint(2 * symbols + 1, length, (batch,), generator=generator, device=device)
        x = torch.full((length, batch), blank, device=device)
        x[:symbols] = word
        x.scatter_(0, (end - symbols - 1)[None], marker)
        answer = end - symbols + torch.arange(symbols, device=device)[:, None]  # (S, B)
        target = torch.full_like(x, blank).scatter_(0, answer, word)
        return Batch(F.one_hot(x, 9).float(), target)

    return Task(9, 8, "classes", draw, plateau=symbols * math.log(7) / length, blank=blank)


SYMBOLS, PERIOD = 8, 20  # of one copy in the multiple-copy task: 8 symbols, 2 blanks, marker, 8 answers, 1 blank


def multicopy(copies: int) -> Task:
    """`copies` copies back to back, of 8 symbols of 8 classes, 20 steps each; every step is read.

    One-hot inputs of 10: 8 symbols, blank, marker; 9 classes: 8 symbols and blank. Plateau 8 ln(8)/20.

    Raises:
        ValueError: no copies.
    """
    _need(copies >= 1, f"multicopy needs at least 1 copy, got {copies}")
    blank, marker = SYMBOLS, SYMBOLS + 1

    def draw(batch: int, generator: torch.Generator) -> Batch:
        word = torch.randint(8, (copies, SYMBOLS, batch), generator=generator, device=generator.device)
        x = word.new_full((copies, PERIOD, batch), blank)
        target = x.clone()
        x[:, :SYMBOLS], x[:, SYMBOLS + 2] = word, marker
        target[:, SYMBOLS + 3 : 2 * SYMBOLS + 3] = word
        return Batch(F.one_hot(x.flatten(0, 1), 10).float(), target.flatten(0, 1))

    return Task(10, 9, "classes", draw, plateau=SYMBOLS * math.log(8) / PERIOD, blank=blank)


def pixels(images: Tensor, labels: Tensor, side: int, order: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 28, 28) uint8 as sequences (side², N, 1) in [0, 1], averaged down to `side`; labels (N,).

    Args:
        order: a permutation of the side² pixels, for the permuted task.

    Raises:
        ValueError: a side that does not divide 28, a permutation of another length, or a label outside 0 … 9.
    """
    _need(side >= 1 and 28 % side == 0, f"side {side} does not divide 28: use 28, 14 or 7")
    check_classes(labels, 10)
    small = F.avg_pool2d(images.float() / 255, 28 // side).flatten(1)  # (N, side²)
    if order is not None:
        _need(len(order) == side * side, f"a permutation of {side * side} pixels is needed, got {len(order)}")
        small = small[:, order]
    return small.t().unsqueeze(-1).contiguous(), labels


def check_classes(labels: Tensor, classes: int) -> None:
    """Raise ValueError where a label is outside 0 … classes - 1."""
    if labels.numel() and (int(labels.min()) < 0 or int(labels.max()) >= classes):
        worst = int(labels.min()) if int(labels.min()) < 0 else int(labels.max())
        raise ValueError(f"label {worst} is outside 0 to {classes - 1}: check the data, or the number of classes")


def score(task_loss: str, logits: Tensor, target: Tensor, blank: int | None = None) -> Tensor:
    """Loss, accuracy, and accuracy on answers alone, as one tensor (3,); NaN where there is no such thing.

    Args:
        task_loss: "square", "binary" or "classes"; the loss is a mean, in nats for the last two.
        logits: (…, outputs). target: (…,). blank: the class that is no answer.
    """
    nothing = logits.new_full((), math.nan)
    if task_loss == "square":
        return torch.stack([F.mse_loss(logits.squeeze(-1), target), nothing, nothing])
    if task_loss == "binary":
        margin = logits.squeeze(-1)
        right = ((margin > 0) == (target > 0.5)).float().mean()
        return torch.stack([F.binary_cross_entropy_with_logits(margin, target), right, nothing])
    loss = F.cross_entropy(logits.flatten(0, -2), target.flatten())
    right = (logits.detach().argmax(-1) == target).float()
    if blank is None:
        return torch.stack([loss, right.mean(), nothing])
    answer = (target != blank).float()
    return torch.stack([loss, right.mean(), (right * answer).sum() / answer.sum()])
