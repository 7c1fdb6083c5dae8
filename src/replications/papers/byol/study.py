"""The runs behind BYOL's claims: pre-training on CIFAR-10, then frozen features (Grill et al. 2020, section 5).

`run` is one training from top to bottom. Every random number of step k comes from a generator named after k, and every
epoch's order from one named after the epoch, so a resumed run needs no generator's state to end with the same bits.
Nothing in a step asks the device for a value: losses stay there and are read when the curves look at features.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from replications.data import cifar10
from replications.data.augment import augment, normalise
from replications.models import initialise
from replications.models.heads import mlp_head
from replications.models.resnet import ResNet, resnet18, resnet50, tiny_resnet
from replications.papers.byol import equilibrium
from replications.papers.byol.method import Network, update, views
from replications.study import Context, Curve, Metric, Outcome, Plan, Study, UserError
from replications.training.collapse import covariance_spectrum, effective_rank, embedding_std
from replications.training.evaluation import embed, knn_accuracy, logistic_probe, ridge_probe, settle_statistics
from replications.training.lars import LARS, parameter_groups, set_lr
from replications.training.schedules import cosine_tau, warmup_cosine

CLASSES = 10
WATCHED = 2_000  # the last training images, on which the curves look; their neighbours come from the 10,000 before
SETTLING = 20  # batches that give an untrained encoder its running statistics

ENCODERS: dict[str, Callable[[], ResNet]] = {
    "tiny": lambda: tiny_resnet(16, "3x3/2"),  # 77,392 parameters
    "resnet18": lambda: resnet18("3x3"),
    "resnet50": lambda: resnet50("7x7/4"),
}


@dataclass(frozen=True)
class Config:
    """One training. The defaults are the laptop's."""

    # what is learnt
    predictor: str = "mlp"  # "mlp" or "none"
    target: str = "average"  # "average": ξ ← τξ + (1-τ)θ; "online": no target network, gradient through both branches
    tau: float = 0.99  # τ at step 0, rising to 1 by a cosine; constant where it is 0, as in Table 5a
    loss_norm: str = "l2"  # normalisation inside the loss, Table 20: l2, layer, batch or none
    beta: float = 0.0  # weight of the negatives: 0 is BYOL; 1 without predictor and target network is SimCLR
    temperature: float = 0.1  # α, of the negatives
    control: bool = False  # expected to collapse: a loss that is not finite is recorded instead of raised
    # networks
    encoder: str = "tiny"  # tiny, resnet18 or resnet50
    hidden: int = 512  # units of the heads' hidden layers
    projection: int = 128  # D, units of projection and prediction
    projector_depth: int = 2  # linear layers
    predictor_depth: int = 2  # linear layers; 1 is a linear predictor
    # data
    images: int = 50_000  # training images, the first of the set
    test_images: int = 10_000
    size: int = 32  # pixels a side
    augmentation: str = "paper"  # the set of views, see method.views
    crop_area: float = 0.2  # smallest share of the image that a crop keeps; the paper's 0.08 is for 224 pixels
    blur: bool = False  # at 32 pixels the paper's blur is three taps wide
    # optimisation
    epochs: float = 10.0
    batch: int = 256  # images of one optimiser step
    accumulation: int = 1  # parts of a batch that batch norm sees apart; Figure 3a divides 4096 images so
    optimizer: str = "sgd"  # "sgd" or "lars", momentum 0.9
    lr: float = 0.1  # peak learning rate, of the whole batch and the summed loss
    predictor_lr: float = 1.0  # λ, multiplier of the predictor's learning rate, Table 21
    projector_lr: float = 1.0  # μ, multiplier of the projector's, Table 22
    weight_decay: float = 5e-4  # of weights, never of biases and norms
    warmup: float = 0.05  # share of the training in which the learning rate rises linearly
    bfloat16: bool = True  # autocast; weights, running statistics, losses and optimiser stay in float32
    looks: int = 10  # times that the curves look at features, evenly from the first step on, besides the end


@dataclass(frozen=True)
class Pretraining(Config):
    """What `pretraining` adds: the config that the papers built on BYOL extend."""

    held_out: int = 0  # the last training images, judged in place of the test split, which is then not read: for tuning


@dataclass(frozen=True)
class Watch(Pretraining):
    """A run whose norms are watched and whose features are judged with few labels as well."""

    fit_predictor: bool = False  # a linear predictor, fitted to each batch, in place of a trained one


def watch(config: Watch, context: Context) -> Outcome:
    """The runs of `watched.run`, which builds on this module."""
    from replications.papers.byol import watched

    return watched.run(config, context)


def networks(config: Config, context: Context) -> tuple[Network, Network]:
    """Online and target network on the run's device, from different streams of the seed as in the released code."""

    def build(name: str, predictor: bool) -> Network:
        encoder, hidden, d = ENCODERS[config.encoder](), config.hidden, config.projection
        projector = mlp_head(encoder.features, hidden, d, config.projector_depth)
        network = Network(encoder, projector, mlp_head(d, hidden, d, config.predictor_depth) if predictor else None)
        initialise(network, context.generator(name, device="cpu"))  # the same weights on every device
        return network.to(context.device).to(memory_format=torch.channels_last)

    online = build("online", predictor=config.predictor == "mlp")
    return online, online if config.target == "online" else build("target", predictor=False)


def make_optimizer(config: Config, online: Network) -> torch.optim.Optimizer:
    """Momentum 0.9 on encoder, projector and predictor, whose biases and norms stand in groups of their own."""
    groups = [
        *parameter_groups(online.encoder, config.weight_decay),
        *parameter_groups(online.projector, config.weight_decay, config.projector_lr),
        *parameter_groups(online.predictor, config.weight_decay, config.predictor_lr),
    ]
    if config.optimizer == "lars":
        return LARS(groups, lr=config.lr, momentum=0.9)
    return torch.optim.SGD(groups, lr=config.lr, momentum=0.9, foreach=True)


def ready(pixels: torch.Tensor) -> torch.Tensor:
    """Pixels in [0, 1] as the networks take them."""
    return normalise(pixels, cifar10.MEAN, cifar10.STD).contiguous(memory_format=torch.channels_last)


def two_views(config: Config, pixels: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Views v ~ T and v' ~ T' of uint8 images (B, 3, H, W), normalised."""
    images = pixels.float() / 255
    first, second = views(config.augmentation, (config.crop_area, 1.0), config.blur)
    one = ready(augment(images, first, config.size, generator))
    return one, ready(augment(images, second, config.size, generator))


def features(config: Config, encoder: nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    """Representation y (N, features) of uint8 images."""
    with torch.autocast(pixels.device.type, torch.bfloat16, enabled=config.bfloat16):
        return embed(encoder, pixels, lambda part: ready(part.float() / 255))


def run(config: Config, context: Context) -> Outcome:
    """Train, then measure frozen features on the test split, which is read here and nowhere else.

    Raises:
        FloatingPointError: the loss of a run that is no control is not finite.
        UserError: the data are not here.
    """
    if config.size != 32:
        raise UserError("BYOL at 224 pixels needs ImageNet, which is not here: try its model with --dry-run")
    device, data = context.device, cifar10.load()
    images, labels = data.train_images[: config.images].to(device), data.train_labels[: config.images].to(device)
    test_images, test_labels = data.test_images[: config.test_images], data.test_labels[: config.test_images].to(device)

    def evaluate(encoder: nn.Module) -> dict[str, float]:
        y, y_test = features(config, encoder, images), features(config, encoder, test_images.to(device))
        sets = y, labels, y_test, test_labels, CLASSES
        return {"knn": knn_accuracy(*sets), "ridge": ridge_probe(*sets), "linear": logistic_probe(*sets)}

    def look(step: int) -> bool:
        """Add a point to the curves, from training images alone; true where a control has diverged."""
        y = features(config, online.encoder, images[-WATCHED - 10_000 :])
        bank, queries, known = y[:-WATCHED], y[-WATCHED:], labels[-len(y) :]
        z = embed(online.projector, queries, lambda part: part)  # in float32: the spread of a point is rounding
        spectrum = covariance_spectrum(z)
        curves["epoch"].append(step / steps_an_epoch)
        curves["std"].append(embedding_std(z).item())
        curves["effective_rank"].append(effective_rank(spectrum))
        curves["knn"].append(knn_accuracy(bank, known[:-WATCHED], queries, known[-WATCHED:], CLASSES))
        spectra.append(spectrum.cpu())
        broken = torch.nonzero(~torch.isfinite(losses[:step]))
        if len(broken) > 0 and not config.control:
            raise FloatingPointError(f"seed {context.seed}: the loss is not finite at step {int(broken[0])} of {steps}")
        return len(broken) > 0

    online, target = networks(config, context)
    optimizer = make_optimizer(config, online)
    steps_an_epoch = len(images) // config.batch
    steps = max(2, round(config.epochs * steps_an_epoch))
    looks = {round(k * steps / config.looks) for k in range(config.looks)}

    saved = context.restore()
    if saved is None:
        begin, losses, spectra = 0, torch.zeros(steps, device=device), []
        curves: dict[str, list[float]] = {"epoch": [], "std": [], "effective_rank": [], "knn": []}
        draw = context.generator("settling")
        settling = [two_views(config, images[: config.batch], draw)[0] for _ in range(SETTLING)]
        for network in (online, target):
            settle_statistics(nn.Sequential(network.encoder, network.projector), settling)
        untrained = evaluate(online.encoder)
    else:
        begin, losses, curves, spectra = saved["step"], saved["losses"].to(device), saved["curves"], saved["spectra"]
        untrained = saved["untrained"]
        online.load_state_dict(saved["online"])
        target.load_state_dict(saved["target"])
        optimizer.load_state_dict(saved["optimizer"])

    order = torch.empty(0)
    for step in range(begin, steps):
        if step in looks and look(step):
            break
        epoch, place = divmod(step, steps_an_epoch)
        if place == 0 or step == begin:
            order = torch.randperm(len(images), generator=context.generator(f"epoch {epoch}"), device=device)
        batch = order[place * config.batch : (place + 1) * config.batch]
        draw = context.generator(f"step {step}")
        pairs = [two_views(config, images[rows], draw) for rows in batch.chunk(config.accumulation)]
        set_lr(optimizer, warmup_cosine(step, steps, round(config.warmup * steps), config.lr))
        tau = cosine_tau(step, steps, config.tau) if config.tau > 0 else 0.0
        losses[step] = update(
            online, target, optimizer, pairs, tau, config.loss_norm, config.beta, config.temperature, config.bfloat16
        )
        context.progress((step + 1) / steps)
        if context.due():
            context.save(
                {
                    "step": step + 1,
                    "losses": losses,
                    "curves": curves,
                    "spectra": spectra,
                    "untrained": untrained,
                    "online": online.state_dict(),
                    "target": target.state_dict(),
                    "optimizer": optimizer.state_dict(),
                }
            )
    else:
        step = steps
        look(step)

    trained = evaluate(online.encoder)
    teacher = trained if target is online else evaluate(target.encoder)
    last = losses[: max(step, 1)].cpu()
    scalars = {
        **trained,
        **{f"{name}_random": value for name, value in untrained.items()},
        "knn_target": teacher["knn"],
        "loss": last[-max(1, steps // 50) :].mean().item(),
        "std": curves["std"][-1],
        "effective_rank": curves["effective_rank"][-1],
        "trained": step / steps,
    }
    points = [float(part.mean()) for part in last.tensor_split(min(200, len(last)))]
    ends = [float(part[-1] + 1) / steps_an_epoch for part in torch.arange(len(last)).tensor_split(len(points))]
    labelled = {"std": "√D × deviation of z/‖z‖", "effective_rank": "effective rank", "knn": "kNN accuracy"}
    return Outcome(
        scalars,
        {
            "loss": Curve(ends, points, "epoch", "loss, of 8"),
            **{name: Curve(curves["epoch"], curves[name], "epoch", label) for name, label in labelled.items()},
        },
        {"spectrum": torch.stack(spectra).numpy().astype(np.float32)},  # (looks, D), at the epochs of the curves
        steps=step,
        samples=step * config.batch,
    )


def dry_run(config: Config, context: Context) -> str:
    """Build the real networks and take two steps on four random images of the real shape."""
    online, target = networks(config, context)
    optimizer = make_optimizer(config, online)
    draw = context.generator("dry run")
    side = config.size * 8 // 7  # photographs a little larger than the crops
    losses = []
    for step in range(2):
        shape = (4, 3, side, side)
        pixels = torch.randint(256, shape, dtype=torch.uint8, generator=draw, device=context.device)
        set_lr(optimizer, warmup_cosine(step + 1, 1000, 10, config.lr))
        pairs = [two_views(config, pixels, draw)]
        losses.append(update(online, target, optimizer, pairs, config.tau, config.loss_norm, autocast=config.bfloat16))
    count = sum(p.numel() for p in online.parameters())
    if not all(math.isfinite(loss) for loss in losses):
        raise FloatingPointError("the loss of the dry run is not finite")
    return (
        f"{config.encoder}, {count:,} online parameters, {config.size} pixels, loss {losses[0]:.3f} → {losses[1]:.3f}"
    )


def _arms(full: Config, short: Config) -> dict[str, Config]:
    """Tables 5a and 5b: the τ ladder at equal budget; the arms that must collapse, at `short`'s."""
    return {
        "full": full,
        "no_predictor": replace(short, predictor="none", control=True),
        "no_stop_gradient": replace(short, target="online", control=True),
        "tau_0": replace(full, tau=0.0, control=True),
        "tau_0.9": replace(full, tau=0.9),
        "tau_0.999": replace(full, tau=0.999),
        "tau_1": replace(full, tau=1.0),
    }


def _variants(full: Config) -> dict[str, Config]:
    """Figure 3 and Tables 14a, 18 and 21: heads, batches and views, with SimCLR's form beside where compared."""
    simclr = replace(full, predictor="none", target="online", beta=1.0)
    return {
        "lambda_10": replace(full, tau=0.0, predictor_lr=10.0, control=True),  # a rate of 1 may diverge
        "linear_predictor": replace(full, predictor_depth=1),
        "negatives": replace(full, beta=1.0),
        "batch_64": replace(full, accumulation=4),
        "no_colour": replace(full, augmentation="no_colour"),
        "crop": replace(full, augmentation="crop"),
        "simclr_batch_64": replace(simclr, accumulation=4),
        "simclr_no_colour": replace(simclr, augmentation="no_colour"),
        "simclr_crop": replace(simclr, augmentation="crop"),
    }


def _watched(full: Config) -> dict[str, Any]:
    """What variants are compared with, and section 5, Figure 7, Tables 2a and 20: without decay, normalisation, a trained predictor."""
    byol = Watch(**asdict(full))
    simclr = replace(byol, predictor="none", target="online", beta=1.0)
    return {
        "watch": byol,
        "no_decay": replace(byol, weight_decay=0.0, control=True),
        "simclr": simclr,
        "simclr_no_decay": replace(simclr, weight_decay=0.0, control=True),
        "loss_none": replace(byol, loss_norm="none", control=True),
        "fitted_predictor": replace(byol, predictor="none", tau=0.0, fit_predictor=True, control=True),
    }


LAPTOP = Config()
SHORT = replace(LAPTOP, epochs=3.0)  # of arms that collapse at once, and of variants, compared among themselves
TINY = replace(LAPTOP, images=4_000, test_images=1_000, epochs=1.0, looks=2)
TINIER = replace(TINY, images=3_000, epochs=0.5)  # it has probes to fit as well
SMOKE = ("full", "no_predictor", "tau_1", "watch")
RESNET18 = Config(
    encoder="resnet18", hidden=1024, projection=256, crop_area=0.08, epochs=200.0, batch=512, lr=0.06, looks=20
)  # lr: lightly's 0.06 × 512/128 for a loss of a quarter of ours
RESNET50: dict[str, Any] = {  # on ImageNet, as the papers that build on BYOL have it too
    "encoder": "resnet50",
    "hidden": 4096,
    "projection": 256,
    "images": 1_281_167,
    "test_images": 50_000,
    "size": 224,
    "crop_area": 0.08,
    "blur": True,
    "batch": 4096,
    "optimizer": "lars",
    "bfloat16": False,
}
IMAGENET = Config(
    **RESNET50,
    epochs=1000.0,
    lr=0.2 * 4096 / 256,
    weight_decay=1.5e-6,
    tau=0.996,
    warmup=0.01,
)
ABLATION = replace(IMAGENET, epochs=300.0, lr=0.3 * 4096 / 256, weight_decay=1e-6, tau=0.99, warmup=1 / 30)

STUDY = Study(
    paper="byol",
    title="Bootstrap your own latent",
    run=run,
    metrics={
        "knn": Metric("fraction", "test accuracy of 200 nearest neighbours by cosine, votes exp(cosine/0.1)"),
        "ridge": Metric("fraction", "test accuracy of ridge regression on one-hot labels, standardised features"),
        "linear": Metric("fraction", "test accuracy of logistic regression (L-BFGS), standardised features"),
        "knn_random": Metric("fraction", "knn of the same encoder before its first step"),
        "ridge_random": Metric("fraction", "ridge of the same encoder before its first step"),
        "linear_random": Metric("fraction", "linear of the same encoder before its first step"),
        "knn_target": Metric("fraction", "knn of the target encoder at the end; the frozen random network where τ = 1"),
        "loss": Metric("of 8", "training loss, mean of the last 2 % of steps"),
        "std": Metric("", "√D × mean over dimensions of the deviation of z/‖z‖: 1 spread on the sphere, 0 a point"),
        "effective_rank": Metric("dimensions", "exp of the entropy of the covariance spectrum of z/‖z‖"),
        "trained": Metric("fraction", "share of the steps taken; below 1 where a control diverged"),
        "linear_1": Metric("fraction", "linear, fitted on 1 % of the labels, equally many a class"),
        "linear_10": Metric("fraction", "linear, fitted on 10 % of the labels, equally many a class"),
        "linear_1_random": Metric("fraction", "linear_1 of the same encoder before its first step"),
        "linear_10_random": Metric("fraction", "linear_10 of the same encoder before its first step"),
        **equilibrium.METRICS,
    },
    profiles={
        "smoke": Plan(
            {
                "equilibrium": equilibrium.Equilibrium(),
                **{name: arm for name, arm in {**_arms(TINY, TINY), **_watched(TINIER)}.items() if name in SMOKE},
            },
            seeds=1,
            minutes=0.5,
            memory_gb=1.5,
        ),
        "laptop": Plan(
            {
                **_arms(LAPTOP, SHORT),
                "short_tau_0": replace(SHORT, tau=0.0, control=True),
                **_variants(SHORT),
                **_watched(SHORT),
                "equilibrium": equilibrium.Equilibrium(),
            },
            seeds=3,
            minutes=105,
            memory_gb=2,
        ),
        "gpu": Plan({"resnet18": RESNET18}, seeds=3, minutes=30, hardware="one H100 GPU (estimated)", memory_gb=12),
        "paper": Plan(
            {"imagenet": IMAGENET, **_arms(ABLATION, ABLATION), **_variants(ABLATION), **_watched(ABLATION)},
            seeds=3,
            minutes=60 * 24 * 60,
            hardware="512 TPU v3 cores, 8 hours a run of 1000 epochs",
            memory_gb=16,
        ),
    },
    data=(cifar10.DATASET,),
    dry_run=dry_run,
    kinds={Watch: watch, equilibrium.Equilibrium: equilibrium.check},
)
