"""The runs behind the claims of "BYOL works even without batch statistics": one training for each layout of norms.

`run` is BYOL's pre-training with other networks. Every arm has its own learning rate, chosen at equal cost: each rate
of `RATES` trains each arm for a short while, and `tuning.TRIALS` picks by neighbours of held-out training images.
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
from replications.papers.byol.tuning import trial
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
    data = split(config, context)  # first: it says what is not here
    return pretrain(config, context, LayoutLearner(config, context), data)


def dry_run(config: Config, context: Context) -> str:
    """Build the real networks and take two steps on four random images of the real shape."""
    return dry_steps(config, context, LayoutLearner)


SIMCLR: dict[str, Any] = {"predictor": "none", "target": "online", "beta": 1.0}
ARMS: dict[str, dict[str, Any]] = {
    "bn": {"layout": "bn"},
    "encoder_bn": {"layout": "encoder_bn"},
    "none": {"layout": "none"},
    "affine": {"layout": "affine"},
    "gn_ws": {"layout": "gn_ws"},
    "simclr_bn": {"layout": "bn", **SIMCLR},
    "simclr_none": {"layout": "none", **SIMCLR},
}
RATES = (0.03, 0.1, 0.3)  # peak learning rates that every arm tries
LEARNING_RATES: dict[str, float] = {  # what `tuning.TRIALS` selects; a test compares
    "bn": 0.1,
    "encoder_bn": 0.1,
    "none": 0.03,
    "affine": 0.03,
    "gn_ws": 0.3,
    "simclr_bn": 0.03,
    "simclr_none": 0.03,
}

LAPTOP = Config(epochs=8.0, control=True)  # how an arm ends is the question: one that diverges is recorded
SHORT = replace(LAPTOP, epochs=3.0)  # the first runs of this chapter, kept beside the longer ones
TUNING = replace(LAPTOP, epochs=1.0, images=20_000, held_out=5_000, looks=2)
TINY = replace(LAPTOP, epochs=1.0, images=2_560, test_images=250, size=16, looks=2)
RESNET18 = Config(
    encoder="resnet18", hidden=1024, projection=256, crop_area=0.08, epochs=30.0, batch=512, looks=20, control=True
)
GPU_RATE = 0.6  # of the laptop's rate, as in BYOL's chapter, for another network and batch
SMOKE = ("gn_ws", "bn", "none")
WITHOUT_NEGATIVES = ("bn", "encoder_bn", "none", "affine", "gn_ws")
ABLATION = Config(**asdict(byol.ABLATION))  # 300 epochs on ImageNet
LONG = Config(**asdict(byol.IMAGENET))  # 1000


def tuned(base: Config, arm: str, share: float = 1.0) -> Config:
    """`base` with an arm's networks and `share` of its learning rate."""
    return replace(base, lr=share * LEARNING_RATES[arm], **ARMS[arm])


def short(arm: str) -> str:
    """Name of the condition that trains an arm for three epochs."""
    return f"short_{arm}"


def _trials() -> Mapping[str, Config]:
    return {trial(arm, rate): replace(TUNING, lr=rate, **form) for arm, form in ARMS.items() for rate in RATES}


STUDY = Study(
    paper="byol_without_batch_statistics",
    title="BYOL works even without batch statistics",
    run=run,
    kinds={Identities: identities.check},
    metrics={**METRICS, **identities.METRICS},
    profiles={
        "smoke": Plan(
            {**{arm: replace(TINY, **ARMS[arm]) for arm in SMOKE}, "identities": Identities()},
            seeds=1,
            minutes=0.5,
            memory_gb=1.5,
        ),
        "laptop": Plan(
            {
                **_trials(),
                **{arm: tuned(LAPTOP, arm) for arm in ARMS},
                **{short(arm): tuned(SHORT, arm) for arm in WITHOUT_NEGATIVES},
                "identities": Identities(),
            },
            seeds=3,
            minutes=88,
            memory_gb=2.1,
        ),
        "gpu": Plan(
            {**{arm: tuned(RESNET18, arm, GPU_RATE) for arm in WITHOUT_NEGATIVES}, "identities": Identities()},
            seeds=3,
            minutes=30,
            hardware="one H100 GPU (estimated)",
            memory_gb=12,
        ),
        "paper": Plan(
            {
                **{arm: replace(ABLATION, control=True, **form) for arm, form in ARMS.items()},
                "bn_1000": replace(LONG, layout="bn"),
                "gn_ws_1000": replace(LONG, layout="gn_ws"),
            },
            seeds=1,
            minutes=60 * 33,
            hardware="512 TPU v3 cores, 8 hours a run of 1000 epochs",
            memory_gb=16,
        ),
    },
    data=(cifar10.DATASET,),
    dry_run=dry_run,
)
