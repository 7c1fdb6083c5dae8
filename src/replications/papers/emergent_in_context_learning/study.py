"""The study of "Data distributional properties drive emergent in-context learning in transformers".

Two kinds of condition: Gaussian items (`BenchConfig`, the laptop's evidence) and drawings of characters (`ImageConfig`,
small on the laptop, the published setting at profile `paper`). The drawings are not
declared as data, so that a machine without Omniglot can run all the rest: their checksum is pinned in the source.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from replications.papers.emergent_in_context_learning import images, training
from replications.papers.emergent_in_context_learning.images import ImageConfig
from replications.papers.emergent_in_context_learning.recurrent import KINDS
from replications.papers.emergent_in_context_learning.training import BenchConfig
from replications.study import Context, Metric, Outcome, Plan, Study

Config = BenchConfig | ImageConfig
RATES = (3e-4, 1e-3, 3e-3, 1e-2)  # the same four for every architecture, all of them in the record
EXPONENTS = (0.0, 0.5, 1.0, 1.5, 2.0)


def run(config: Config, context: Context) -> Outcome:
    """Train one network and probe it, on Gaussian items or on drawings."""
    return images.train(config, context) if isinstance(config, ImageConfig) else training.train(config, context)


def bench(base: BenchConfig) -> dict[str, BenchConfig]:
    """The conditions on Gaussian items, by claim; those that cost most come last."""
    threshold = replace(base, classes=512)  # near the number of classes from which on in-context learning wins
    below = replace(base, classes=384, steps=base.steps * 4 // 3)  # where nothing but variation can make it win
    mostly = replace(base, bursty=0.9)
    return {
        # burstiness
        "bursty-0": replace(base, bursty=0.0),
        "bursty-0.5": replace(base, bursty=0.5),
        "bursty-0.9": mostly,
        "bursty-1": base,
        # number of classes
        **{f"classes-{k}": replace(base, classes=k) for k in (128, 256, 512, 2048)},
        # labels a class
        **{f"labels-{m}": replace(threshold, multiplicity=m) for m in (2, 4)},
        # variation within a class
        **{f"noise-{e:g}": replace(below, noise=e) for e in (0.0, 0.1, 0.5, 0.75, 3.2)},
        # Zipf
        **{f"zipf-{a:g}": replace(mostly, classes=8 * base.classes, alpha=a) for a in EXPONENTS},
        # transience
        "long": replace(mostly, steps=8000),
        "long-decay": replace(mostly, steps=8000, weight_decay=0.1),
        # classes in context
        **{f"copies-{b}": replace(base, copies=b) for b in (1, 4)},
        # architectures
        **{f"transformer-{lr:g}": replace(mostly, lr=lr) for lr in RATES if lr != base.lr},
        **{f"{kind}-{lr:g}": replace(mostly, network=kind, lr=lr) for kind in ("lstm", "rnn", "gru") for lr in RATES},
    }


def architectures(base: BenchConfig) -> dict[str, list[str]]:
    """The names of the conditions of each architecture's sweep over learning rates."""
    names = {kind: [f"{kind}-{lr:g}" for lr in RATES] for kind in ("transformer", *KINDS)}
    at = RATES.index(base.lr)
    return names | {"transformer": [*names["transformer"][:at], "bursty-0.9", *names["transformer"][at + 1 :]]}


def drawings(base: ImageConfig) -> dict[str, ImageConfig]:
    """The conditions on drawings."""
    return {f"image-bursty-{p:g}": replace(base, bursty=p) for p in (0.0, 1.0)}


def published() -> dict[str, ImageConfig]:
    """The paper's figures 2 to 7: 12 layers, 105 pixels, 500,000 steps of 32 sequences."""
    base = ImageConfig(
        drawings="omniglot-full", size=105, orientations=1, held_out=10, classes=1600, labels=0, bursty=0.9, depth=12,
        embedder="resnet", lr=3e-4, warmup=4000, batch=32, steps=500_000, look=10_000, probe=1000, final=10_000,
    )  # fmt: skip
    many = replace(base, orientations=images.ORIENTATIONS, classes=12_800)
    return {
        "image-bursty-0.9": base,
        **{f"image-bursty-{p:g}": replace(base, bursty=p) for p in (0.0, 0.5, 1.0)},
        "image-classes-100": replace(base, classes=100),
        "image-classes-12800": many,
        **{f"image-labels-{m}": replace(base, multiplicity=m) for m in (2, 5, 10)},
        **{f"image-single-noise-{s:g}": replace(base, exemplars=1, noise=s) for s in (0.0, 0.1, 0.5)},
        **{f"image-zipf-{a:g}": replace(many, alpha=a) for a in (0.5, 1.0, 1.5, 2.0, 3.0)},
        **{
            f"image-{kind}-{depth}": replace(base, network=kind, depth=depth)
            for kind in ("lstm", "rnn")
            for depth in (2, 12)
        },
    }


def dry_run(config: Config, context: Context) -> str:
    """Build the network and take two steps on four random sequences of the real shape."""
    if isinstance(config, BenchConfig):
        train = training.train(replace(config, steps=2, probe=16, final=16), context)
        return f"{config.network} on Gaussian items, loss {train.scalars['loss']:.3f}"
    draw = context.generator("dry run")
    task = images.task_of(config, config.classes or 1600)
    model = images.build(config, task.labels, context.generator("weights"))
    optimizer = torch.optim.Adam(model.parameters(), config.lr)
    losses = []
    for _ in range(2):
        sequences, asked = images.Sampler(task, draw).train(4)
        shape = 4, config.pairs + 1, 1, config.size, config.size
        pixels = torch.rand(shape, generator=draw, device=context.device)
        losses.append(float(images.update(model, optimizer, pixels, sequences.labels, asked)))
    if not all(math.isfinite(loss) for loss in losses):
        raise FloatingPointError("the loss of the dry run is not finite")
    count = sum(weight.numel() for weight in model.parameters())
    return (
        f"{config.network} of {config.depth} layers, {count:,} parameters, {task.labels} labels, "
        f"{config.size} pixels, loss {losses[0]:.3f} → {losses[1]:.3f}"
    )


LAPTOP = BenchConfig(steps=3000)
SMOKE = replace(LAPTOP, steps=200, look=50, probe=200, final=400)
LAPTOP_IMAGES = ImageConfig()
GPU_IMAGES = replace(published()["image-bursty-0.9"], drawings="best", classes=0, steps=30_000, look=1000)

STUDY = Study(
    paper="emergent_in_context_learning",
    title="Data distributional properties drive emergent in-context learning in transformers",
    run=run,
    metrics={
        "ic": Metric("fraction", "accuracy over all labels on classes never seen, named in context alone"),
        "ic_closed": Metric("fraction", "the same among the labels that stand in the context"),
        "ic_copied": Metric("fraction", "share of those predictions, over all labels, that stand in the context"),
        "ic2": Metric("fraction", "accuracy on trained classes whose labels are moved on: the context's label counts"),
        "iw": Metric("fraction", "accuracy on trained classes, drawn from the class law, that the context lacks"),
        "iw_top": Metric("fraction", "the same for the ten most common classes, uniformly"),
        "iw_rest": Metric("fraction", "the same for all other classes, uniformly"),
        "ic_peak": Metric("fraction", "largest ic of the curve"),
        "ic_drop": Metric("fraction", "ic_peak less the ic of the end"),
        "iw_since_peak": Metric("fraction", "iw of the end less that at the peak of ic"),
        "loss": Metric("nats", "training loss, mean over the steps since the last point of the curve"),
        "loss_since_peak": Metric("nats", "the training loss of the end less that at the peak of ic"),
        "previous": Metric("fraction", "layer 1: what a label's token gives to the item before it, on new classes"),
        "match": Metric("fraction", "layer 2: what the query gives to the labels of its own class, on new classes"),
        "synthetic": Metric("", "1 where a program drew the characters, 0 where people did"),
        "trained_classes": Metric("classes", "that a network on drawings saw"),
        "held_out_classes": Metric("classes", "that only the in-context probe shows"),
    },
    profiles={
        "smoke": Plan(
            {
                "bursty-1": SMOKE,
                "bursty-0": replace(SMOKE, bursty=0.0),
                "lstm-0.001": replace(SMOKE, network="lstm", steps=20, look=20),
                "image-bursty-1": replace(
                    LAPTOP_IMAGES, drawings="letters", held_out=4, batch=8, steps=20, look=10, probe=64, final=64
                ),
            },
            seeds=1,
            minutes=0.4,
            memory_gb=1.0,
        ),
        "laptop": Plan({**bench(LAPTOP), **drawings(LAPTOP_IMAGES)}, seeds=3, minutes=60.0, memory_gb=1.5),
        "gpu": Plan(
            drawings(GPU_IMAGES), seeds=3, minutes=30, hardware="one H100 GPU (estimated, never run)", memory_gb=4
        ),
        "paper": Plan(published(), seeds=5, minutes=60 * 24 * 30, hardware="16 TPU v3 cores a run", memory_gb=16),
    },
    dry_run=dry_run,
)
