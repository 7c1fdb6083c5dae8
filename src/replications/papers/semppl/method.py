"""SemPPL: contrastive terms, invariance penalty, labelled queue, vote and semantic positives (Bošnjak et al. 2023).

The paper's method section could not be read: the structure is that of its abstract and of summaries that quote it, the
form of the losses is recalled. The score φ(u, v) = τ exp(⟨u, v⟩/τ) enters ratios alone, where its prefactor cancels, so
only exponents are computed. All rows are unit vectors; no function asks the device for a value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from replications.papers.byol.method import regression_loss

EMPTY = -1  # label of a place of the queue that holds nothing yet, and of an image whose label training may not see


@dataclass(frozen=True)
class Weights:
    """Constants of the objective c(L_augm + λ I_augm) + α(L_sem + λ I_sem); the paper's are unread."""

    augmentation: float  # c
    semantic: float  # α
    invariance: float  # λ
    temperature: float  # τ


def draw_negatives(batch: int, count: int, generator: torch.Generator) -> torch.Tensor:
    """Rows of the negatives of every anchor, uniform over the other images, with replacement. (B, count).

    Raises:
        ValueError: a batch of one has no negatives.
    """
    if batch < 2:
        raise ValueError("an anchor needs another image in its batch for a negative")
    device = generator.device
    others = torch.randint(batch - 1, (batch, count), generator=generator, device=device)
    return others + (others >= torch.arange(batch, device=device)[:, None])  # skips the anchor itself


def candidates(
    anchors: torch.Tensor,
    positives: torch.Tensor,
    projections: torch.Tensor,
    negatives: torch.Tensor,
    temperature: float,
) -> torch.Tensor:
    """⟨anchor, ·⟩/τ for the positive, in column 0, and the negatives. (B, D) ×3, rows (B, n) → logits (B, 1 + n)."""
    own = (anchors * positives).sum(dim=1, keepdim=True)
    others = (anchors @ projections.T).gather(1, negatives)
    return torch.cat([own, others], dim=1) / temperature


def contrast(logits: torch.Tensor) -> torch.Tensor:
    """-log of the positive's share, one value an anchor: L_augm or L_sem. (B, 1 + n) → (B,)."""
    return -F.log_softmax(logits, dim=1)[:, 0]


def invariance(logits: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """KL(p ‖ sg q) of the shares p and q of the same candidates in two views, one value an anchor. (B, 1 + n) ×2 → (B,)."""
    log_p, log_q = F.log_softmax(logits, dim=1), F.log_softmax(reference.detach(), dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1)


def contrastive_objective(
    online: Sequence[torch.Tensor],
    target: Sequence[torch.Tensor],
    semantic: torch.Tensor,
    exists: torch.Tensor,
    negatives: torch.Tensor,
    weights: Weights,
) -> torch.Tensor:
    """The objective of two views, averaged over both directions and the batch: a scalar.

    `online` holds the predictions (B, D) of views 1 and 2, `target` the target's projections of the same views,
    `semantic` a projection (B, D) from the queue an image, ignored where `exists` (B,) is false. Both directions use
    the same negatives and the same semantic positive, so that their distributions are over the same candidates. With
    α = 0 nothing that comes from the queue or from a label is touched.
    """
    pairs = ((online[0], target[1].detach()), (online[1], target[0].detach()))  # each view against the other's target

    def terms(positives: Sequence[torch.Tensor]) -> torch.Tensor:
        one, two = (
            candidates(anchors, own, projections, negatives, weights.temperature)
            for (anchors, projections), own in zip(pairs, positives)
        )
        loss = contrast(one) + contrast(two)
        if weights.invariance > 0:
            loss = loss + weights.invariance * (invariance(one, two) + invariance(two, one))
        return loss / 2  # (B,)

    loss = weights.augmentation * terms([projections for _, projections in pairs])
    if weights.semantic > 0:
        loss = loss + weights.semantic * terms([semantic.detach()] * 2) * exists
    return loss.mean()


def regression_objective(
    online: Sequence[torch.Tensor],
    target: Sequence[torch.Tensor],
    semantic: torch.Tensor,
    exists: torch.Tensor,
    weights: Weights,
) -> torch.Tensor:
    """BYOL's loss in place of the contrastive one, with the same semantic positives and no negatives: a scalar."""
    loss = regression_loss(online[0], target[1].detach()) + regression_loss(online[1], target[0].detach())
    loss = weights.augmentation * loss
    if weights.semantic > 0:
        drawn = semantic.detach()
        loss = loss + weights.semantic * exists * (
            regression_loss(online[0], drawn) + regression_loss(online[1], drawn)
        )
    return loss.mean()


class Queue:
    """A ring of projections and their true labels: places are reused, oldest first, by a pointer kept on the device."""

    def __init__(self, capacity: int, dimensions: int, device: torch.device) -> None:
        self.vectors = torch.zeros(capacity, dimensions, device=device)  # (C, D)
        self.labels = torch.full((capacity,), EMPTY, dtype=torch.int64, device=device)  # (C,)
        self.pointer = torch.zeros((), dtype=torch.int64, device=device)  # the place written next

    @torch.no_grad()
    def push(self, vectors: torch.Tensor, labels: torch.Tensor) -> None:
        """Write (S, D) and (S,) over the oldest entries; of more than the capacity the last ones stay."""
        capacity, size = len(self.labels), len(labels)
        kept = torch.arange(max(0, size - capacity), size, device=self.labels.device)
        places = (self.pointer + kept) % capacity
        self.vectors.index_copy_(0, places, vectors[kept].to(self.vectors.dtype))
        self.labels.index_copy_(0, places, labels[kept])
        self.pointer.add_(size).remainder_(capacity)

    def state(self) -> dict[str, torch.Tensor]:
        """What `restore` needs."""
        return {"vectors": self.vectors, "labels": self.labels, "pointer": self.pointer}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Take over what `state` returned."""
        for name, own in self.state().items():
            own.copy_(state[name])


@torch.no_grad()
def votes(queries: torch.Tensor, vectors: torch.Tensor, labels: torch.Tensor, k: int, classes: int) -> torch.Tensor:
    """Votes of the `k` nearest entries of a queue for every view and image. (V, B, D), (C, D), (C,) → (V, B, classes).

    A vote counts 1 + cos/(4Vk): over all V views the cosines add less than a half, so that the number of votes decides
    and similarity breaks ties. Sum over views and take the largest for the label; empty places have no vote.
    """
    views, batch, dimensions = queries.shape
    k = min(k, len(labels))
    similarity = queries.reshape(-1, dimensions) @ vectors.T  # (VB, C)
    similarity = similarity.masked_fill(labels == EMPTY, -math.inf)
    cosine, nearest = similarity.topk(k, dim=1)
    weight = torch.where(cosine.isfinite(), 1 + cosine / (4 * views * k), 0.0)
    counted = weight.new_zeros(views * batch, classes)
    counted.scatter_add_(1, labels[nearest].clamp(min=0), weight)
    return counted.reshape(views, batch, classes)


@torch.no_grad()
def draw_positives(
    wanted: torch.Tensor, labels: torch.Tensor, classes: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """For every wanted label (B,) an entry of the queue with it, uniformly: (places (B,), whether there is one (B,)).

    Entries are sorted by label, and place start_y + ⌊u·count_y⌋ of that order is taken.
    """
    bucket = torch.where(labels == EMPTY, classes, labels)  # empty places last
    order = bucket.argsort(stable=True)
    counts = torch.zeros(classes + 1, dtype=torch.int64, device=labels.device)
    counts.index_add_(0, bucket, torch.ones_like(bucket))
    starts = counts.cumsum(0) - counts
    u = torch.rand(len(wanted), dtype=torch.float64, generator=generator, device=labels.device)
    count = counts[wanted]
    offset = (u * count).long().clamp(max=(count - 1).clamp(min=0))
    return order[(starts[wanted] + offset).clamp(max=len(order) - 1)], count > 0
