"""Which classes and labels stand in a training sequence (section 2.1): burstiness, the class law, multiplicity.

A sequence is N pairs (class, label) and a query class; everything here is indices, vectorised over sequences on one
device. Two kinds of burst: "copies" has N/B distinct classes, B copies each (Reddy 2023, where labels are shared and may
repeat); "paper" has two classes three times each and two fillers, all drawn with replacement.

Differs from the release: rank 0 is the most common class there last, here first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

PAPER_COPIES = 3  # of each of the two bursty classes


@dataclass(frozen=True)
class Sequences:
    """R sequences of N pairs: classes and labels in context, the query's class and the labels that count as right."""

    classes: Tensor  # (R, N)
    labels: Tensor  # (R, N)
    query: Tensor  # (R,) class of the query
    target: Tensor  # (R,) first label that counts as right; a class owns `multiplicity` consecutive ones
    multiplicity: int = 1

    def __len__(self) -> int:
        return len(self.query)

    def __getitem__(self, rows: slice) -> Sequences:
        return replace(
            self,
            classes=self.classes[rows],
            labels=self.labels[rows],
            query=self.query[rows],
            target=self.target[rows],
        )

    def right(self, predicted: Tensor) -> Tensor:
        """Which predictions (R,) name a label of the query. (R,) bool"""
        return (predicted >= self.target) & (predicted < self.target + self.multiplicity)


@dataclass(frozen=True)
class Task:
    """What sequences are made of.

    Raises:
        ValueError: a length of 0, more classes in a context than exist, or labels out of range.
    """

    classes: int  # K
    labels: int  # L
    pairs: int = 8  # N
    copies: int = 2  # B; 0 is the paper's 3 + 3 + 2
    bursty: float = 1.0  # share of bursty sequences, p_B
    alpha: float = 0.0  # Zipf exponent of the class law
    multiplicity: int = 1  # labels that a class owns, one of them in any sequence

    def __post_init__(self) -> None:
        if self.pairs < 1:
            raise ValueError(f"pairs = {self.pairs}: a sequence needs at least one pair")
        if self.copies < 0 or (self.copies and self.pairs % self.copies):
            raise ValueError(f"copies = {self.copies} does not divide pairs = {self.pairs}: choose a divisor, or 0")
        if not self.copies and self.pairs <= 2 * PAPER_COPIES:
            raise ValueError(f"pairs = {self.pairs}: a burst of 3 + 3 and fillers needs more than {2 * PAPER_COPIES}")
        if self.in_context > self.classes or self.classes < 2:
            raise ValueError(f"classes = {self.classes}: a context holds {self.in_context} and a probe needs another")
        if not 0 <= self.bursty <= 1:
            raise ValueError(f"bursty = {self.bursty}: a share is between 0 and 1")
        if self.multiplicity < 1 or self.labels % self.multiplicity:
            raise ValueError(f"multiplicity = {self.multiplicity} does not divide labels = {self.labels}")

    @property
    def in_context(self) -> int:
        """Distinct classes that a bursty context needs."""
        return self.pairs // self.copies if self.copies else 1

    def first_label(self, classes: Tensor) -> Tensor:
        """First of the labels that a class owns: k·m mod L; unique where L = K·m."""
        return classes * self.multiplicity % self.labels

    def check_labels(self, labels: Tensor) -> None:
        """Raise ValueError where a label is not one of 0 … L - 1."""
        if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < self.labels:
            raise ValueError(
                f"labels from {int(labels.min())} to {int(labels.max())}: there are {self.labels}, from 0 on"
            )


def zipf(classes: int, alpha: float) -> Tensor:
    """Probabilities p(x) ∝ (x + 1)^{-α} of the classes x = 0 … K - 1, most common first. (K,) float64

    Raises:
        ValueError: no class, or a negative exponent.
    """
    if classes < 1 or alpha < 0:
        raise ValueError(
            f"a law over {classes} classes with exponent {alpha}: needs a class, and an exponent from 0 on"
        )
    weights = torch.arange(1, classes + 1, dtype=torch.float64) ** -alpha
    return weights / weights.sum()


class Sampler:
    """Draws sequences of a task from one generator; everything lives on the generator's device."""

    def __init__(self, task: Task, generator: torch.Generator) -> None:
        self.task, self.generator, self.device = task, generator, generator.device
        cumulative = zipf(task.classes, task.alpha).cumsum(0)
        self.cumulative = (cumulative / cumulative[-1]).to(self.device)

    def draw(self, *shape: int) -> Tensor:
        """Classes drawn independently from the class law."""
        uniform = torch.rand(shape, generator=self.generator, device=self.device, dtype=torch.float64)
        return torch.searchsorted(self.cumulative, uniform, right=True).clamp_(max=self.task.classes - 1)

    def distinct(self, rows: int, count: int) -> Tensor:
        """The first `count` different classes of a stream of independent draws, row by row. (rows, count)"""
        drawn = self.draw(rows, count)
        for place in range(1, count):
            self._avoid(drawn[:, place], drawn[:, :place])
        return drawn

    def _avoid(self, values: Tensor, taken: Tensor) -> None:
        """Draw again, in place, every one of `values` (rows,) that stands in its row of `taken` (rows, n)."""
        while len(again := (taken == values[:, None]).any(1).nonzero()[:, 0]):
            values[again] = self.draw(len(again))

    def coin(self, sides: int, *shape: int) -> Tensor:
        """Uniform whole numbers below `sides`."""
        return torch.randint(sides, shape, generator=self.generator, device=self.device)

    def shuffled(self, values: Tensor) -> Tensor:
        """Every row of `values` (R, N) in an order of its own, as positions (R, N)."""
        return torch.rand(values.shape, generator=self.generator, device=self.device).argsort(1)

    def burst(self, rows: int) -> tuple[Tensor, Tensor, Tensor]:
        """Bursty sequences: classes (R, N), labels (R, N) and the query's place in the context (R,)."""
        task = self.task
        if task.copies:
            chosen = self.distinct(rows, task.in_context)  # (R, N/B)
            labels = self.own_labels(chosen).repeat_interleave(task.copies, 1)
            classes = chosen.repeat_interleave(task.copies, 1)
            query = self.coin(task.pairs, rows)
        else:
            bursts, fillers = self.draw(rows, 2), self.draw(rows, task.pairs - 2 * PAPER_COPIES)
            classes = torch.cat([bursts.repeat_interleave(PAPER_COPIES, 1), fillers], 1)
            labels = torch.cat(
                [self.own_labels(bursts).repeat_interleave(PAPER_COPIES, 1), self.own_labels(fillers)], 1
            )
            query = self.coin(2 * PAPER_COPIES, rows)
        return classes, labels, query

    def own_labels(self, classes: Tensor) -> Tensor:
        """One of the labels of each class, drawn at random."""
        first = self.task.first_label(classes)
        return first + self.coin(self.task.multiplicity, *classes.shape) if self.task.multiplicity > 1 else first

    def train(self, rows: int) -> tuple[Sequences, Tensor]:
        """Training sequences, and the label that the loss asks for (R,).

        In a burst that is the label that the query's class has in this context. Elsewhere nine classes are drawn
        independently, each with one of its labels.
        """
        task = self.task
        classes, labels, place = self.burst(rows)
        query, asked = _at(classes, place), _at(labels, place)
        plain = torch.rand(rows, generator=self.generator, device=self.device) >= task.bursty  # (R,)
        other = self.draw(rows, task.pairs + 1)
        other_labels = self.own_labels(other)
        classes = torch.where(plain[:, None], other[:, :-1], classes)
        labels = torch.where(plain[:, None], other_labels[:, :-1], labels)
        query, asked = torch.where(plain, other[:, -1], query), torch.where(plain, other_labels[:, -1], asked)
        order = self.shuffled(classes)
        classes, labels = classes.gather(1, order), labels.gather(1, order)
        return Sequences(classes, labels, query, task.first_label(query), task.multiplicity), asked

    def in_context(
        self, rows: int, held_out: int = 0, labels: Sequence[int] = (), replacement: bool = False
    ) -> Sequences:
        """Bursts of classes that no network has seen, all copies of a class with one label; only that one is right.

        The paper's probe (B = 0) has two classes four times each.

        Args:
            held_out: number of unseen classes, called K … K + h - 1; 0 makes new ones for every sequence, 0 … .
            labels: those that the classes get, in random order; without any, each gets one at random.
            replacement: draw the classes with replacement, as the release does: two may be the same with two labels.

        Raises:
            ValueError: more classes in context than are held out, or labels that do not exist.
        """
        task = self.task
        groups, copies = (task.in_context, task.copies) if task.copies else (2, task.pairs // 2)
        if held_out:
            if held_out < groups:
                raise ValueError(f"held_out = {held_out}: a context holds {groups} different classes")
            random = torch.rand(rows, held_out, generator=self.generator, device=self.device)
            chosen = self.coin(held_out, rows, groups) if replacement else random.argsort(1)[:, :groups]
            chosen = chosen + task.classes
        else:
            chosen = torch.arange(rows * groups, device=self.device).view(rows, groups)
        if labels:
            named = torch.tensor(labels, device=self.device)
            task.check_labels(named)
            given = named[torch.rand(rows, len(labels), generator=self.generator, device=self.device).argsort(1)]
            given = given[:, :groups]
        else:
            given = self.coin(task.labels, rows, groups)
        return self._probe(chosen.repeat_interleave(copies, 1), given.repeat_interleave(copies, 1))

    def shifted(self, rows: int) -> Sequences:
        """Bursts of trained classes whose labels are moved on by one class: the label in context is wrong in weights."""
        classes, labels, place = self.burst(rows)
        return self._probe(classes, (labels + self.task.multiplicity) % self.task.labels, place)

    def _probe(self, classes: Tensor, labels: Tensor, place: Tensor | None = None) -> Sequences:
        """Shuffled contexts that ask for the class, and the label, at a `place` (R,), by default any."""
        if place is None:
            place = self.coin(classes.shape[1], len(classes))
        query, target = _at(classes, place), _at(labels, place)
        order = self.shuffled(classes)
        return Sequences(classes.gather(1, order), labels.gather(1, order), query, target)

    def in_weights(self, rows: int, query: str = "all", top: int = 10) -> Sequences:
        """Independent contexts without the query's class: only the weights can know its label.

        Args:
            query: "all" draws it from the class law, "top" uniformly from the `top` most common, "rest" from the others.
        """
        task = self.task
        if query not in ("all", "top", "rest"):
            raise ValueError(f"query = '{query}': choose all, top or rest")
        if query == "all":
            asked = self.draw(rows)
        else:
            top = min(top, task.classes - 1)
            asked = self.coin(top, rows) if query == "top" else top + self.coin(task.classes - top, rows)
        classes = self.draw(rows, task.pairs)
        for place in range(task.pairs):
            self._avoid(classes[:, place], asked[:, None])
        return Sequences(classes, self.own_labels(classes), asked, task.first_label(asked), task.multiplicity)


def _at(values: Tensor, place: Tensor) -> Tensor:
    """values[r, place[r]]. (R,)"""
    return values.gather(1, place[:, None])[:, 0]
