"""What SemPPL's definitions imply exactly, measured on random vectors: no training, no data.

Everything runs in float64, so that an error says something about a formula and not about rounding.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from replications.papers.semppl.method import (
    EMPTY,
    Queue,
    Weights,
    candidates,
    contrast,
    contrastive_objective,
    draw_negatives,
    draw_positives,
    invariance,
    votes,
)
from replications.study import Context, Metric, Outcome

METRICS = {
    "equal_error": Metric("nats", "|term - log(1 + n)| where all similarities are equal, n negatives"),
    "perfect_error": Metric("nats", "|term - log(1 + n e^(-1/τ))| for a perfect positive and orthogonal negatives"),
    "prefactor_error": Metric("nats", "largest |term - ratio of scores φ| for φ times τ and times 7"),
    "same_positive_error": Metric("nats", "|L_sem - L_augm| where the semantic positive is the augmentation's"),
    "divergence_error": Metric("nats", "how far the penalty is from 0 between equal views, or below 0 elsewhere"),
    "leaked_gradient": Metric("", "largest gradient of the objective in target projections and queue entries"),
    "alpha_zero_change": Metric("", "largest change of loss and gradient at α = 0 when queue and labels change"),
    "ring_error": Metric("entries", "places of the queue that differ from a list of the last C pushed"),
    "own_label_error": Metric("fraction", "queue entries that one neighbour in the queue labels wrongly"),
    "wrong_positives": Metric("fraction", "drawn positives whose label is not the wanted one"),
    "uniform_excess": Metric("", "χ² of drawn places over its 99.9 % quantile: uniform draws stay below 1"),
}


@dataclass(frozen=True)
class Algebra:
    """Sizes of the random vectors."""

    batch: int = 32
    dimensions: int = 16
    classes: int = 5
    negatives: int = 10  # n
    temperature: float = 0.2  # τ
    capacity: int = 60  # of the queue
    draws: int = 100_000  # positives


def _units(count: int, config: Algebra, draw: torch.Generator) -> torch.Tensor:
    return F.normalize(torch.randn(count, config.dimensions, generator=draw, dtype=torch.float64), dim=1)


def run_algebra(config: Algebra, context: Context) -> Outcome:
    """All errors of `METRICS`."""
    draw = context.generator("algebra", device="cpu")
    return Outcome({**_terms(config, draw), **_gradients(config, draw), **_queue(config, draw)})


def _terms(config: Algebra, draw: torch.Generator) -> dict[str, float]:
    n, tau, batch = config.negatives, config.temperature, config.batch
    anchors, projections = _units(batch, config, draw), _units(batch, config, draw)
    rows = draw_negatives(batch, n, draw)

    same = anchors[:1].expand(batch, -1)
    equal = contrast(candidates(same, same, same, rows, tau)) - math.log(1 + n)
    axes = torch.eye(n + 1, config.dimensions, dtype=torch.float64)  # the first is the anchor
    others = torch.arange(1, n + 1)[None].expand(n + 1, -1)
    perfect = contrast(candidates(axes, axes, axes, others, tau))[0] - math.log1p(n * math.exp(-1 / tau))

    logits = candidates(anchors, projections, projections, rows, tau)
    ratios = []
    for prefactor in (tau, 7.0):
        scores = prefactor * torch.exp(anchors @ projections.T / tau)  # φ
        own = scores.diagonal()
        ratios.append(-torch.log(own / (own + scores.gather(1, rows).sum(dim=1))))

    weights = Weights(0.0, 1.0, 0.0, tau)
    views, exists = [anchors, _units(batch, config, draw)], torch.ones(batch, dtype=torch.bool)
    semantic = contrastive_objective(views, [projections] * 2, projections, exists, rows, weights)
    plain = contrastive_objective(views, [projections] * 2, projections, exists, rows, Weights(1.0, 0.0, 0.0, tau))

    elsewhere = invariance(logits, logits.flip(0))
    return {
        "equal_error": equal.abs().max().item(),
        "perfect_error": abs(perfect.item()),
        "prefactor_error": max((contrast(logits) - ratio).abs().max().item() for ratio in ratios),
        "same_positive_error": abs((semantic - plain).item()),
        "divergence_error": max(invariance(logits, logits).abs().max().item(), -min(0.0, elsewhere.min().item())),
    }


def _gradients(config: Algebra, draw: torch.Generator) -> dict[str, float]:
    batch = config.batch
    online = [_units(batch, config, draw).requires_grad_() for _ in range(2)]
    target = [_units(batch, config, draw).requires_grad_() for _ in range(2)]
    rows, exists = draw_negatives(batch, config.negatives, draw), torch.rand(batch, generator=draw) < 0.8
    queues = [_units(batch, config, draw).requires_grad_() for _ in range(2)]

    whole = contrastive_objective(online, target, queues[0], exists, rows, Weights(0.3, 0.2, 5.0, config.temperature))
    stopped = torch.autograd.grad(whole, [*target, queues[0]], allow_unused=True, materialize_grads=True)
    found = []
    for queue, there in zip(queues, (exists, ~exists)):
        loss = contrastive_objective(online, target, queue, there, rows, Weights(1.0, 0.0, 1.0, config.temperature))
        found.append([loss.detach(), *torch.autograd.grad(loss, online)])
    return {
        "leaked_gradient": max(gradient.abs().max().item() for gradient in stopped),
        "alpha_zero_change": max((one - two).abs().max().item() for one, two in zip(*found)),
    }


def _queue(config: Algebra, draw: torch.Generator) -> dict[str, float]:
    from scipy.stats import chi2

    queue = Queue(config.capacity, config.dimensions, torch.device("cpu"))
    queue.vectors = queue.vectors.double()
    last: deque[tuple[torch.Tensor, int]] = deque(maxlen=config.capacity)
    for size in (7, config.capacity - 3, 2 * config.capacity + 5, 1, 30):
        vectors = _units(size, config, draw)
        labels = torch.randint(config.classes, (size,), generator=draw)
        queue.push(vectors, labels)
        last.extend(zip(vectors, labels.tolist()))
    oldest_first = (queue.pointer + torch.arange(config.capacity)) % config.capacity
    wrong = [
        not torch.equal(queue.vectors[place], vector) or int(queue.labels[place]) != label
        for place, (vector, label) in zip(oldest_first, last, strict=True)
    ]

    ballots = votes(queue.vectors[None], queue.vectors, queue.labels, 1, config.classes)
    own = ballots[0].argmax(dim=1) != queue.labels

    queue.labels[-1] = EMPTY  # a place without an entry must never be drawn
    wanted = torch.randint(config.classes, (config.draws,), generator=draw)
    places, exists = draw_positives(wanted, queue.labels, config.classes, draw)
    filled = queue.labels != EMPTY
    drawn = torch.bincount(places[exists], minlength=config.capacity)[filled]
    members = torch.bincount(queue.labels[filled], minlength=config.classes)
    expected = (torch.bincount(wanted, minlength=config.classes) / members)[queue.labels[filled]]
    statistic = ((drawn - expected).square() / expected).sum().item()
    freedom = int(filled.sum()) - config.classes  # counts of a class add up to what was wanted of it
    return {
        "ring_error": float(sum(wrong)),
        "own_label_error": own.double().mean().item(),
        "wrong_positives": (queue.labels[places] != wanted)[exists].double().mean().item(),
        "uniform_excess": statistic / float(chi2.ppf(0.999, freedom)),
    }
