"""One SemPPL training: a `Learner` with a labelled queue (Bošnjak et al. 2023; loop, views and optimiser are BYOL's).

What training may see of the labels is `few_labels(...)`, the rows that the few-label probes are fitted on. The other
labels serve to count how many pseudo-labels are right, and the arm with oracle positives. Where the paper feeds the
labelled images that happen to be in a batch to the queue, every step here adds a labelled mini-batch: at 1 % and a small
batch, entries would be hundreds of steps old. The target network embeds it in one forward pass with the queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from replications.papers.byol.method import unit
from replications.papers.byol.pretraining import Learner, Split, few_labels
from replications.papers.byol.study import CLASSES, Pretraining, make_optimizer, two_views
from replications.papers.semppl.method import (
    EMPTY,
    Queue,
    Weights,
    contrastive_objective,
    draw_negatives,
    draw_positives,
    regression_objective,
    votes,
)
from replications.papers.semppl.networks import build
from replications.study import Context, UserError
from replications.training.ema import ema_update

FIRST = 8  # batches that the untrained target labels before the first step, so that the queue is never empty
WINDOW = {  # what is counted over the steps between two looks
    "pseudo": "pseudo-labels that are right",
    "pseudo_view": "right from one view",
    "purity": "positives of the right class",
    "entropy": "entropy of the pseudo-labels / log classes",
}


@dataclass(frozen=True)
class Config(Pretraining):
    """One training. The defaults are the laptop's; of BYOL's fields, loss_norm, beta and accumulation are unused."""

    # what is learnt
    base: str = "contrastive"  # what semantic positives are added to: "contrastive", or "byol" without negatives
    c: float = 1.0  # weight of the augmentation term
    alpha: float = 1.0  # weight of the semantic term; 0 is the baseline
    invariance: float = 1.0  # λ, weight of the KL penalty inside both terms
    temperature: float = 0.2  # τ
    negatives: int = 10  # an anchor, drawn from the batch
    positives: str = (
        "pseudo"  # label of an anchor: "pseudo", "oracle" (its true one) or "random" (drawn anew each step)
    )
    flips: float = 0.0  # share of images whose pseudo-label is replaced by a wrong one, always by the same distance
    # labels
    share: float = 0.01  # of the training labels, equally many a class
    labelled: int = 32  # labelled images a step; both their views enter the queue
    queue: int = 2_048  # C, entries: 32 steps old at most
    k: int = 10  # neighbours that vote, a view
    # BYOL's fields with other values
    size: int = 16  # pixels a side
    epochs: float = 5.0
    tau: float = 0.9  # the target's decay at step 0, not the temperature: a thousand steps want a faster target
    lr: float = 0.3  # peak; the arms of profile laptop have what their trials select


class SemPPL(Learner):
    """Networks, labels, queue and counts of one training on `data`.

    Raises:
        UserError: an unknown base loss or kind of positives.
    """

    curves = WINDOW
    loss_label = "loss"

    def __init__(self, config: Config, context: Context, data: Split) -> None:
        for value, known in (
            (config.base, ("contrastive", "byol")),
            (config.positives, ("pseudo", "oracle", "random")),
        ):
            if value not in known:
                raise UserError(f"'{value}' is not one of {', '.join(known)}: change the config")
        self.config: Config = config
        self.context = context
        self.online, self.target = build(config, context)
        self.optimizer = make_optimizer(config, self.online)
        self.weights = Weights(config.c, config.alpha, config.invariance, config.temperature)

        seen = few_labels(data.labels, config.share, context)
        self.images = data.images
        self.labelled, self.answers = data.images[seen], data.labels[seen]  # all that the queue is ever filled from
        self.known = torch.full_like(data.labels, EMPTY)
        self.known[seen] = self.answers
        self.hidden = data.labels  # for counting, and for oracle positives
        draw = context.generator("flips")
        flipped = torch.rand(len(self.hidden), generator=draw, device=context.device) < config.flips
        distance = torch.randint(1, CLASSES, (len(self.hidden),), generator=draw, device=context.device)
        self.shift = flipped * distance  # (N,), classes from the voted label to the one used

        self.queue = Queue(config.queue, config.projection, context.device)
        self.counts = torch.zeros(5, device=context.device)  # unlabelled; right; right from view 1; positives; pure
        self.histogram = torch.zeros(CLASSES, device=context.device)  # of pseudo-labels
        self.windows: list[dict[str, float]] = []

    def prepare(self, views: list[torch.Tensor]) -> None:
        """Settle the statistics, then let the untrained target label some batches: the first point of the curves."""
        super().prepare(views)
        draw = self.context.generator("first labels")
        for rows in torch.arange(len(self.images), device=self.context.device).split(self.config.batch)[:FIRST]:
            self._tag(rows, self._views(self.images[rows], draw), draw)

    def step(self, rows: torch.Tensor, pixels: torch.Tensor, tau: float, draw: torch.Generator) -> torch.Tensor:
        """One step on uint8 `pixels` (B, 3, H, W), the training images `rows` (B,). Returns the loss, on the device."""
        views, batch = self._views(pixels, draw), len(pixels)
        negatives = draw_negatives(batch, self.config.negatives, draw)
        target, semantic, exists = self._tag(rows, views, draw)
        self.optimizer.zero_grad()
        with self._autocast():
            predictions = [self.online.predictor(self.online.project(view[:batch])) for view in views]
        online = [unit(prediction.float()) for prediction in predictions]
        if self.config.base == "byol":
            loss = regression_objective(online, target, semantic, exists, self.weights)
        else:
            loss = contrastive_objective(online, target, semantic, exists, negatives, self.weights)
        loss.backward()
        self.optimizer.step()
        ema_update(self.target.encoder, self.online.encoder, tau)
        ema_update(self.target.projector, self.online.projector, tau)
        return loss.detach()

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.context.device.type, torch.bfloat16, enabled=self.config.bfloat16)

    def _views(self, pixels: torch.Tensor, draw: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Two views of a batch and, behind it, of a labelled mini-batch drawn from the queue's source."""
        device = self.context.device
        self.drawn = torch.randint(len(self.labelled), (self.config.labelled,), generator=draw, device=device)
        return two_views(self.config, torch.cat([pixels, self.labelled[self.drawn]]), draw)

    @torch.no_grad()
    def _tag(
        self, rows: torch.Tensor, views: tuple[torch.Tensor, torch.Tensor], draw: torch.Generator
    ) -> tuple[list[torch.Tensor], torch.Tensor, torch.Tensor]:
        """Target projections of both views (B, D), semantic positives (B, D) and which exist (B,); fills the queue."""
        config, batch = self.config, len(rows)
        with self._autocast():
            projections = [self.target.project(view) for view in views]
        whole = torch.stack([unit(z.float()) for z in projections])  # (2, B + labelled, D)
        target = whole[:, :batch]
        self.queue.push(whole[:, batch:].flatten(0, 1), self.answers[self.drawn].repeat(2))

        ballots = votes(target, self.queue.vectors, self.queue.labels, config.k, CLASSES)
        voted, single = ballots.sum(dim=0).argmax(dim=1), ballots[0].argmax(dim=1)
        known, truth = self.known[rows], self.hidden[rows]
        used = torch.where(known == EMPTY, (voted + self.shift[rows]) % CLASSES, known)
        if config.positives == "oracle":
            used = truth
        elif config.positives == "random":
            used = torch.randint(CLASSES, used.shape, generator=draw, device=used.device)
        places, exists = draw_positives(used, self.queue.labels, CLASSES, draw)

        unknown = known == EMPTY
        pure = exists & (self.queue.labels[places] == truth)
        counted = (unknown, voted == truth, single == truth, exists, pure)
        self.counts += torch.stack([(unknown & what).sum() for what in counted])
        self.histogram.index_add_(0, voted, unknown.float())
        return list(target), self.queue.vectors[places], exists

    def look(self, z: torch.Tensor) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
        """What was counted since the last look, which starts anew."""
        unknown, right, single, positives, pure = self.counts.tolist()
        share = self.histogram / self.histogram.sum()
        entropy = torch.special.entr(share).sum() / torch.log(torch.tensor(float(CLASSES)))
        points = {"pseudo": right / unknown, "pseudo_view": single / unknown, "purity": pure / max(1.0, positives)}
        points["entropy"] = entropy.item()
        self.counts.zero_()
        self.histogram.zero_()
        self.windows.append(points)
        return dict(points), {}

    def scalars(self) -> dict[str, float]:
        """The last window, and the accuracy of the untrained target's pseudo-labels."""
        return {**self.windows[-1], "pseudo_random": self.windows[0]["pseudo"]}

    def state(self) -> dict[str, Any]:
        """What a later `restore` needs, the queue and the counts included."""
        own = {"queue": self.queue.state(), "counts": self.counts, "histogram": self.histogram, "windows": self.windows}
        return {**super().state(), **own}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        super().restore(state)
        self.queue.restore(state["queue"])
        self.counts.copy_(state["counts"])
        self.histogram.copy_(state["histogram"])
        self.windows = state["windows"]
