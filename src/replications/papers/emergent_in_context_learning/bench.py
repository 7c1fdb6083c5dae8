"""The Gaussian-item bench: the smallest model that shows the paper's trade-off (Reddy 2023, arXiv 2312.03002).

Items are noisy copies of Gaussian class means, labels are Gaussian vectors, and the network is two attention layers and
a small perceptron on the last token. Sequence-level facts come from `method`; the fast step is in `fast`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from replications.papers.emergent_in_context_learning.method import Sequences, Task

CONTENT = 63  # dimensions of items and labels, D
SLOTS = 65  # one-hot positions, 2·32 + 1, of which a sequence uses 2N + 1 from a random one on
WIDTH = SLOTS + CONTENT
HIDDEN = 3  # layers of the perceptron

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class World:
    """Fixed class means (K, D) and label vectors (L, D), both N(0, I/D), and the noise of an item."""

    means: Tensor = field(repr=False)
    labels: Tensor = field(repr=False)
    noise: float  # ε

    @classmethod
    def drawn(cls, task: Task, noise: float, generator: torch.Generator) -> World:
        """The world of one run."""

        def vectors(count: int) -> Tensor:
            shape = count, CONTENT
            return torch.randn(shape, generator=generator, device=generator.device) / math.sqrt(CONTENT)

        return cls(vectors(task.classes), vectors(task.labels), noise)

    def with_new_classes(self, count: int, generator: torch.Generator) -> World:
        """The same labels over `count` classes that were never seen."""
        means = torch.randn(count, CONTENT, generator=generator, device=self.means.device) / math.sqrt(CONTENT)
        return World(means, self.labels, self.noise)

    def tokens(self, sequences: Sequences, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Tokens x (R, 2N + 1, 128) = [position | content] of item, label, item, …, query, and positions (R, 2N + 1).

        An item is (μ + εη)/√(1 + ε²) with η ~ N(0, I/D), so that its squared length is one on average.

        Raises:
            ValueError: a sequence longer than the positions.
        """
        rows, pairs = sequences.classes.shape
        length = 2 * pairs + 1
        if length > SLOTS:
            raise ValueError(f"pairs = {pairs}: {length} tokens need as many of {SLOTS} positions")
        device = self.means.device
        asked = torch.cat([sequences.classes, sequences.query[:, None]], 1)  # (R, N + 1)
        items = torch.randn(rows, pairs + 1, CONTENT, generator=generator, device=device)
        items.mul_(self.noise / math.sqrt(CONTENT)).add_(self.means[asked]).div_(math.sqrt(1 + self.noise**2))
        shift = torch.randint(SLOTS - length + 1, (rows, 1), generator=generator, device=device)
        positions = shift + torch.arange(length, device=device)
        x = torch.zeros(rows, length, WIDTH, device=device)
        x.scatter_(2, positions[..., None], 1.0)
        x[:, 0::2, SLOTS:] = items
        x[:, 1::2, SLOTS:] = self.labels[sequences.labels]
        return x, positions


class Parameters:
    """Named matrices that are views of one flat vector, so that the optimiser is one call."""

    def __init__(self, shapes: Shapes, flat: Tensor | None = None, device: torch.device | str = "cpu") -> None:
        self.shapes = shapes
        sizes = [math.prod(shape) for shape in shapes.values()]
        self.flat = torch.zeros(sum(sizes), device=device) if flat is None else flat
        parts = self.flat.split(sizes)
        self.named = {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts)}

    def __getitem__(self, name: str) -> Tensor:
        return self.named[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.named)


def shapes(labels: int, width: int = WIDTH) -> Shapes:
    """Keys, queries and values of two layers, three perceptron layers with one scalar bias each, the readout."""
    attention = {f"{kind}{layer}": (width, width) for layer in (1, 2) for kind in "KQV"}
    hidden: Shapes = {}
    for layer in range(1, HIDDEN + 1):
        hidden |= {f"W{layer}": (width, width), f"b{layer}": ()}
    return {**attention, **hidden, "readout": (labels, width)}


def initial(labels: int, generator: torch.Generator) -> Parameters:
    """Normal weights of deviation 1/√D in attention, √(2/width) in the perceptron, 1/√width in the readout; no biases."""
    parameters = Parameters(shapes(labels), device=generator.device)
    for name in parameters:
        if name[0] in "KQVWr":
            scale = 1 / math.sqrt(CONTENT) if name[0] in "KQV" else math.sqrt((2 if name[0] == "W" else 1) / WIDTH)
            parameters[name].normal_(generator=generator).mul_(scale)
    return parameters


def forward(p: Parameters, x: Tensor) -> Tensor:
    """Logits (R, L) of tokens x (R, T, 128), written as the definition reads; the slow twin of `fast.Network`.

    u = x + V₁x softmax(K₁x · Q₁x), no scale and no norm; the same again; the perceptron reads the last token alone.
    """
    hidden = x
    for layer in (1, 2):
        keys, queries, values = (hidden @ p[f"{kind}{layer}"].T for kind in "KQV")
        scores = queries @ keys.transpose(1, 2)  # (R, T, T)
        future = torch.ones_like(scores, dtype=torch.bool).triu(1)
        hidden = hidden + scores.masked_fill(future, -torch.inf).softmax(-1) @ values
    last = hidden[:, -1]
    for layer in range(1, HIDDEN + 1):
        last = torch.relu(last @ p[f"W{layer}"].T + p[f"b{layer}"])
    return last @ p["readout"].T
