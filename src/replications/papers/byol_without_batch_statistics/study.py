"""The runs behind the claims of "BYOL works even without batch statistics": one training for each layout of norms.

`run` is BYOL's pre-training with other networks. Every arm has its own learning rate, chosen at equal cost: each rate
of `RATES` trains each arm for `TUNING.epochs` epochs, and `tuning.best` picks by neighbours of held-out training images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from replications.data import cifar10
from replications.papers.byol import study as byol
from replications.papers.byol.method import Network
from replications.papers.byol.pretraining import METRICS, Learner, Pretraining, dry_steps, pretrain, split
from replications.papers.byol.study import make_optimizer
from replications.papers.byol_without_batch_statistics import identities
from replications.papers.byol_without_batch_statistics.identities import Identities
from replications.papers.byol_without_batch_statistics.method import build, calibrate, layout, whole
from replications.study import Context, Outcome, Plan, Study


@dataclass(frozen=True)
class Config(Pretraining):
    """BYOL's config and where its networks are normalised, and by what."""

    layout: str = "bn"  # see method.layout
    groups: int = 16  # most groups of a group norm


def networks(config: Config, context: Context) -> tuple[Network, Network]:
    """Online and target network on the run's device, from different streams of the seed, as BYOL's are."""

    def one(name: str, predictor: bool) -> Network:
        network = build(
            layout(config.layout, config.groups),
            config.encoder,
            config.hidden,
            config.projection,
            context.generator(name, device="cpu"),  # the same weights on every device
            predictor,
            (config.projector_depth, config.predictor_depth),
        )
        return network.to(context.device).to(memory_format=torch.channels_last)

    online = one("online", predictor=config.predictor == "mlp")
    return online, online if config.target == "online" else one("target", predictor=False)


class LayoutLearner(Learner):
    """BYOL, or SimCLR where the config says so, with a layout of norms."""

    def __init__(self, config: Config, context: Context) -> None:
        self.config = config
        self.context = context
        self.online, self.target = networks(config, context)
        self.optimizer = make_optimizer(config, self.online)

    def prepare(self, views: list[torch.Tensor]) -> None:
        """Set the affine layers of both networks, each from the first batch; settle the statistics of batch norms."""
        if self.config.layout == "affine":
            for network in (self.online, self.target):
                calibrate(whole(network), views[0])
        if self.config.layout in ("bn", "encoder_bn"):
            super().prepare(views)


def run(config: Config, context: Context) -> Outcome:
    """Train one layout, then measure its frozen features.

    Raises:
        FloatingPointError: the loss of a run that is no control is not finite.
        UserError: the data are not here.
    """
    return pretrain(config, context, LayoutLearner(config, context), split(config, context))


def dry_run(config: Config, context: Context) -> str:
    """Build the real networks and take two steps on four random images of the real shape."""
    return dry_steps(config, context, LayoutLearner)


STUDY = None
