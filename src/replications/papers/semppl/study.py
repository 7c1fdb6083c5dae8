"""The runs behind SemPPL's claims: semantic positives on CIFAR-10 with 1 % and 10 % of its labels (Bošnjak et al. 2023)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from replications.data import cifar10
from replications.papers.byol.pretraining import METRICS as PRETRAINING_METRICS
from replications.papers.byol.pretraining import ONE_PERCENT, TEN_PERCENT, Split, dry_steps, pretrain, split
from replications.papers.byol.study import CLASSES, RESNET50
from replications.papers.byol.tuning import trial
from replications.papers.semppl.exact import METRICS as EXACT_METRICS
from replications.papers.semppl.exact import Algebra, run_algebra
from replications.papers.semppl.learner import Config, SemPPL
from replications.study import Context, Metric, Outcome, Plan, Study

RECALLED: dict[str, Any] = {
    "c": 0.3,
    "alpha": 0.2,
    "invariance": 5.0,
    "k": 1,
}  # the paper's constants as recalled, never read


def run(config: Config, context: Context) -> Outcome:
    """Train with the labels of `few_labels`, then measure frozen features with the same rows.

    Raises:
        FloatingPointError: the loss is not finite.
        UserError: the data are not here, or a field of the config is unknown.
    """
    data = split(config, context)
    return pretrain(config, context, SemPPL(config, context, data), data)


def dry_run(config: Config, context: Context) -> str:
    """Build the real networks and take two steps on four images, and two labelled ones, of the real shape."""

    def make(small: Config, context: Context) -> SemPPL:
        side = small.size * 8 // 7
        draw, device = context.generator("dry labels"), context.device
        pictures = torch.randint(256, (CLASSES, 3, side, side), dtype=torch.uint8, generator=draw, device=device)
        labels = torch.arange(CLASSES, device=device)
        return SemPPL(small, context, Split(pictures, labels, pictures, labels))

    return dry_steps(replace(config, labelled=2, queue=64), context, make)


LOSSES: dict[str, dict[str, Any]] = {
    "semppl": {},
    "alpha_0": {"alpha": 0.0},
    "byol_semppl": {"base": "byol"},
    "byol": {"base": "byol", "alpha": 0.0},
}
RATES = (0.1, 0.3, 1.0)  # peak learning rates that every loss tries
LEARNING_RATES = {  # what `tuning.TRIALS` selects; a test compares
    "semppl": 0.3,
    "alpha_0": 1.0,
    "byol_semppl": 0.1,
    "byol": 0.3,
}


def tuned(base: Config, loss: str) -> Config:
    """`base` with a loss and its learning rate."""
    return replace(base, lr=LEARNING_RATES[loss], **LOSSES[loss])


def arms(full: Config) -> dict[str, Config]:
    """Everything that the rules compare, at one length."""
    semppl, ten = tuned(full, "semppl"), replace(full, share=TEN_PERCENT)
    return {
        **{loss: tuned(full, loss) for loss in LOSSES},
        "oracle": replace(semppl, positives="oracle"),
        "random": replace(semppl, positives="random"),
        "flips_20": replace(semppl, flips=0.2),
        "flips_40": replace(semppl, flips=0.4),
        "semppl_ten": tuned(ten, "semppl"),
        "alpha_0_ten": tuned(ten, "alpha_0"),
    }


def trials(short: Config) -> dict[str, Config]:
    """Every loss at every rate, judged by training images that are held out."""
    tried = replace(short, held_out=5_000)
    return {trial(loss, rate): replace(tried, lr=rate, **form) for loss, form in LOSSES.items() for rate in RATES}


def sweep(short: Config) -> dict[str, Config]:
    """The constants that are recalled or ours, one changed at a time, on shorter trainings with references of their own."""
    return {
        "sweep_alpha_0": replace(short, alpha=0.0),
        "sweep": short,
        "sweep_alpha_0.2": replace(short, alpha=0.2),
        "sweep_alpha_5": replace(short, alpha=5.0),
        "sweep_k_1": replace(short, k=1),
        "sweep_invariance_0": replace(short, invariance=0.0),
        "sweep_recalled": replace(short, **RECALLED),
    }


LAPTOP = Config(share=ONE_PERCENT)
SHORT = replace(LAPTOP, epochs=1.5, looks=3)
TINY = replace(LAPTOP, images=4_000, test_images=1_000, epochs=1.0, looks=2)
RESNET18 = replace(
    LAPTOP,
    encoder="resnet18",
    hidden=2048,
    crop_area=0.08,
    size=32,
    epochs=30.0,
    batch=512,
    lr=0.24,
    negatives=32,
    labelled=64,
    queue=4_096,
    tau=0.99,
    looks=20,
)  # lr: 0.06 × 512/128
IMAGENET = replace(
    LAPTOP,
    **RECALLED,
    **RESNET50,
    epochs=300.0,
    labelled=41,
    queue=20 * 4096,
    lr=0.3 * 4096 / 256,
    weight_decay=1e-6,
    tau=0.996,
    warmup=1 / 30,
)  # labelled: 1 % of a batch
IMAGENET_TEN = replace(IMAGENET, share=TEN_PERCENT, labelled=410)

STUDY = Study(
    paper="semppl",
    title="SemPPL",
    run=run,
    kinds={Algebra: run_algebra},
    metrics={
        **PRETRAINING_METRICS,
        "pseudo": Metric("fraction", "pseudo-labels of unlabelled training images that are right, voted by both views"),
        "pseudo_view": Metric("fraction", "the same from the first view alone"),
        "pseudo_random": Metric("fraction", "pseudo of the untrained target network"),
        "purity": Metric("fraction", "semantic positives of unlabelled images whose class is the image's"),
        "entropy": Metric("", "entropy of the pseudo-labels over log 10: 1 where all classes are given equally often"),
        **EXACT_METRICS,
    },
    profiles={
        "smoke": Plan(
            {
                "semppl": TINY,
                "alpha_0": replace(TINY, alpha=0.0),
                "algebra": Algebra(),
            },
            seeds=1,
            minutes=0.3,
            memory_gb=1.5,
        ),
        "laptop": Plan(
            {**arms(LAPTOP), **sweep(SHORT), **trials(SHORT), "algebra": Algebra()}, seeds=3, minutes=50, memory_gb=2
        ),
        "gpu": Plan(
            {"semppl": RESNET18, "alpha_0": replace(RESNET18, alpha=0.0)},
            seeds=3,
            minutes=30,
            hardware="one H100 GPU (estimated)",
            memory_gb=12,
        ),
        "paper": Plan(
            {
                "one_percent": IMAGENET,
                "ten_percent": IMAGENET_TEN,
                "one_percent_selective": replace(IMAGENET, encoder="selective_resnet50"),
                "ten_percent_selective": replace(IMAGENET_TEN, encoder="selective_resnet50"),
            },
            seeds=1,
            minutes=14 * 24 * 60,
            hardware="accelerators by the dozen (estimated)",
            memory_gb=16,
        ),
    },
    data=(cifar10.DATASET,),
    dry_run=dry_run,
)
