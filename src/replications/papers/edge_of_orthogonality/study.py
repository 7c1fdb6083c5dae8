"""The runs behind the claims: every predictor times its ridges, the ladder of τ, and the propositions (Richemond et al. 2023).

A condition is named after its predictor and, for closed forms, its ridge: `stiefel_0.3`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from replications.data import cifar10
from replications.papers.byol.pretraining import METRICS, dry_steps, pretrain, split
from replications.papers.byol.study import RESNET50
from replications.papers.edge_of_orthogonality.algebra import ALGEBRA_METRICS, Algebra, run_algebra
from replications.papers.edge_of_orthogonality.learner import POINTS, Config, Orthogonal, make, short, watched_curves
from replications.papers.edge_of_orthogonality.published import ALPHAS, ROWS
from replications.study import Context, Metric, Outcome, Plan, Study

LADDER = (0.0, 0.3, 0.9)  # ridges of the forms whose claims need several
COPY_LADDER = (0.0, 0.15, 0.3)  # of DirectCopy, whose claim is about the first of the paper's ridges
TAUS = (0.0, 0.5, 0.9)  # besides the 0.99 of every other condition
RIDGES: dict[str, tuple[float, ...]] = {
    "regression": (0.0, 0.3),
    "direct_pred": (0.0, 0.3),
    "direct_copy": COPY_LADDER,
    "neumann": (0.0, 0.3),
    "visser": LADDER,
    "newton_schulz": (0.0, 0.3),
    "newton_schulz_twice": LADDER,
    "stiefel": LADDER,
}
LIMIT = 100.0  # a ridge that drowns the closed form


def run(config: Config, context: Context) -> Outcome:
    """One training, then frozen features on the test split; curves and spectra of predictor and latents besides.

    Raises:
        FloatingPointError: the loss of a run that is no control is not finite.
        UserError: the data are not here, or a setting is unknown.
    """
    data = split(config, context)
    steps_an_epoch = len(data.images) // config.batch
    learner = Orthogonal(config, context, steps=max(2, round(config.epochs * steps_an_epoch)))
    outcome = pretrain(config, context, learner, data)
    curves = {name: short(curve, 2 * POINTS) for name, curve in outcome.curves.items()}
    at = torch.stack(learner.spectra["at"]) / steps_an_epoch
    spectra = {name: torch.stack(rows) for name, rows in learner.spectra.items() if name != "at"}
    arrays = {"at": at.numpy(), **{name: rows.numpy().astype(np.float16) for name, rows in spectra.items()}}
    return replace(outcome, curves={**curves, **watched_curves(learner.watched, steps_an_epoch)}, arrays=arrays)


def named(predictor: str, alpha: float) -> str:
    """The condition of a closed form at ridge `alpha`."""
    return f"{predictor}_{alpha:g}"


def closed_forms(base: Config) -> dict[str, Config]:
    """Every closed form at its ridges; without one it may collapse, and is a control."""
    return {
        named(name, alpha): replace(base, predictor=name, alpha=alpha, control=alpha == 0)
        for name, ridges in RIDGES.items()
        for alpha in ridges
    }


def arms(base: Config) -> dict[str, Config]:
    """All conditions that train. Where a claim allows that one collapses, it is a control: recorded, whatever happens."""
    ns2 = replace(base, predictor="newton_schulz_twice", alpha=0.3)
    other = not base.output_norm
    return {
        "linear": base,
        "mlp": replace(base, predictor="mlp"),
        "none": replace(base, predictor="none", control=True),
        **closed_forms(base),
        named("newton_schulz_twice", LIMIT): replace(ns2, alpha=LIMIT, control=True),
        **{f"linear_tau_{tau:g}": replace(base, tau=tau, control=True) for tau in TAUS},
        "linear_symmetric": replace(base, start="symmetric"),
        "linear_fast": replace(base, predictor_lr=10.0, control=True),
        "through_gradient": replace(ns2, through=True, control=True),
        "other_norm_linear": replace(base, output_norm=other, control=True),
        "other_norm_ns2": replace(ns2, output_norm=other, control=True),
    }


LAPTOP = Config()
TINY = replace(LAPTOP, images=3_000, test_images=500, epochs=0.5, looks=1)
SMOKE = ("linear", "none", "direct_copy_0.3", "newton_schulz_0.3")
RESNET18 = replace(
    LAPTOP,
    encoder="resnet18",
    size=32,
    images=50_000,
    hidden=2048,
    projection=256,
    crop_area=0.08,
    epochs=40.0,
    batch=512,
    lr=0.06,
    looks=10,
    output_norm=False,
)
GPU = ("linear", "linear_fast", "visser_0", "newton_schulz_twice_0.3", "stiefel_0.3")
IMAGENET = replace(
    LAPTOP,
    **RESNET50,
    epochs=100.0,
    lr=0.45 * 4096 / 256,
    weight_decay=1e-6,
    warmup=0.1,
    output_norm=False,
)


def tables(base: Config, suffix: str) -> dict[str, Config]:
    """A ridge table of the paper with its baseline: six closed forms at seven ridges."""
    grid = {
        named(name, alpha) + suffix: replace(base, predictor=name, alpha=alpha, control=alpha == 0)
        for name in ROWS
        for alpha in ALPHAS
    }
    return {f"linear{suffix}": base, **grid}


def dry_run(config: Config, context: Context) -> str:
    """Build the real networks and take two steps on four random images of the real shape."""
    return dry_steps(config, context, make)


STUDY = Study(
    paper="edge_of_orthogonality",
    title="The edge of orthogonality",
    run=run,
    kinds={Algebra: run_algebra},
    metrics={
        **METRICS,
        "srank": Metric("", "stable rank ‖P‖_F²/‖P‖² of the predictor at the last step"),
        "trace": Metric("", "tr P / f‖P‖ of the predictor at the last step"),
        "asymmetry": Metric("", "‖P - Pᵀ‖_F / ‖P‖_F at the last step"),
        "projection": Metric("", "operator norm of P² - P, P scaled to norm 1, at the last step"),
        "polar": Metric("", "‖P - U‖_F of the predictor and its polar factor at the last step"),
        "polar_scaled": Metric("", "polar, P scaled to norm 1"),
        "ends": Metric(
            "fraction", "eigenvalues of the latents' centred covariance over the largest: share in [0, 0.1] ∪ [0.9, 1]"
        ),
        "ends_uncentred": Metric("fraction", "ends of the uncentred covariance"),
        "lower_quartile": Metric("", "lower quartile of the rescaled eigenvalues of `ends`"),
        "median": Metric("", "their median"),
        "upper_quartile": Metric("", "their upper quartile"),
        **ALGEBRA_METRICS,
    },
    profiles={
        "smoke": Plan(
            {"algebra": Algebra(), **{name: arm for name, arm in arms(TINY).items() if name in SMOKE}},
            seeds=1,
            minutes=0.4,
            memory_gb=1.5,
        ),
        "laptop": Plan({"algebra": Algebra(), **arms(LAPTOP)}, seeds=3, minutes=25, memory_gb=1.5),
        "gpu": Plan(
            {name: arm for name, arm in arms(RESNET18).items() if name in GPU},
            seeds=3,
            minutes=30,
            hardware="one H100 GPU (estimated)",
            memory_gb=12,
        ),
        "paper": Plan(
            {
                **tables(IMAGENET, ""),
                **tables(replace(IMAGENET, epochs=300.0, lr=0.3 * 4096 / 256, warmup=1 / 30), "_300"),
            },
            seeds=3,
            minutes=258 * 8 * 60,
            hardware="512 TPU v3 cores, hours a run (estimated)",
            memory_gb=16,
        ),
    },
    data=(cifar10.DATASET,),
    dry_run=dry_run,
)
