"""Example, to be replaced by the study of "Zipfian environments for reinforcement learning"."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from replications.papers.zipfian_environments.method import parallelogram_gap
from replications.study import Context, Metric, Outcome, Plan, Study


@dataclass(frozen=True)
class Config:
    """One condition; every field has its unit or its reason on its line."""

    dimension: int = 8  # of the random vectors
    pairs: int = 1000  # of random vectors


def run(config: Config, context: Context) -> Outcome:
    """Check the law on random pairs of vectors: a pure function of the config and the seed."""
    generator = context.generator("vectors")
    shape = (2, config.pairs, config.dimension)
    first, second = torch.randn(shape, generator=generator, dtype=torch.float64, device=context.device)
    gap = parallelogram_gap(first, second)  # (pairs,)
    context.progress(1.0)
    return Outcome({"gap": float(gap.abs().max())}, samples=config.pairs)


def dry_run(config: Config, context: Context) -> str:
    """Two pairs of the real dimension."""
    gap = run(replace(config, pairs=2), context).scalars["gap"]
    return f"{config.dimension} dimensions, {config.pairs} pairs; gap of two pairs {gap:.1e}"


def conditions(pairs: int) -> dict[str, Config]:
    """The conditions at a size."""
    return {"plane": Config(2, pairs), "high": Config(100, pairs)}


STUDY = Study(
    paper="zipfian_environments",
    title="Zipfian environments for reinforcement learning",
    run=run,
    metrics={"gap": Metric("fraction", "largest relative error of the parallelogram law over all pairs")},
    profiles={
        "smoke": Plan(conditions(1000), seeds=1, minutes=0.1),
        "laptop": Plan(conditions(10_000), seeds=3, minutes=0.2),
        "gpu": Plan(conditions(100_000), seeds=5, minutes=0.2, hardware="one GPU"),
        "paper": Plan(conditions(1_000_000), seeds=5, minutes=1.0, hardware="one GPU"),
    },
    dry_run=dry_run,
)
