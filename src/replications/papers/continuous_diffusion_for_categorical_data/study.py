"""The study of "Continuous diffusion for categorical data": exact posteriors first, then small networks, then real text.

The paper's base model reads 32,000 word pieces of a private corpus; profile `paper` writes it out for a user's token file.
Laptop runs keep its method and shrink its world until the exact answer is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from replications.data import mnist, wikipedia
from replications.papers.continuous_diffusion_for_categorical_data.config import Config
from replications.papers.continuous_diffusion_for_categorical_data.experiments import (
    chains,
    characters,
    digits,
    embeddings,
    exact,
)
from replications.papers.continuous_diffusion_for_categorical_data.metrics import METRICS
from replications.papers.continuous_diffusion_for_categorical_data.training import (
    batch_loss,
    build,
    levels_of,
    optimiser_of,
)
from replications.study import Context, Outcome, Plan, Study

EXPERIMENTS: dict[str, Callable[[Config, Context], Outcome]] = {
    "spacings": exact.spacings,
    "knobs": exact.knobs,
    "rivals": exact.rivals,
    "embeddings": embeddings.embeddings,
    "chain": chains.chain,
    "characters": characters.characters,
    "digits": digits.digits,
}
EXACT = Config("spacings", lowest=0.3 / 4, highest=25.0, self_conditioning=False)  # t in [0.3, 100]
TOKEN = Config(
    "embeddings", categories=8, length=1, dimension=4, lowest=0.05, highest=5.0, levels="log-uniform", sigma=1.0, blocks=1,
    self_conditioning=False, learning_rate=5e-3, batch=256,
)  # fmt: skip  # t in [0.1, 10]
SMALL = Config(
    "chain", categories=8, length=16, dimension=8, batch=32, learning_rate=5e-3, warp_rate=0.1, floor=1e-4
)  # fmt: skip
TEXT = Config(
    "characters", categories=27, length=64, dimension=32, width=96, batch=32, learning_rate=3e-3, warp_rate=0.1,
    floor=1e-4, masks="mixed",
)  # fmt: skip
PIXELS = Config("digits", categories=2, length=64, dimension=8, batch=32, learning_rate=5e-3, warp_rate=0.1, floor=1e-4)
ARMS: dict[str, dict[str, Any]] = {
    "ce-sphere": {},
    "mse-sphere": {"loss": "squared error"},
    "ce-free": {"normalised": False},
    "mse-free": {"loss": "squared error", "normalised": False},
    "ce-frozen": {"learnt": False},
    "mse-frozen": {"loss": "squared error", "learnt": False},
}
DIMENSIONS = (2, 4, 32)  # besides the base model's 8
SIGMAS = (1e-4, 0.1, 1.0)  # besides the base model's 1e-3


def run(config: Config, context: Context) -> Outcome:
    """Run one experiment.

    Raises:
        ValueError: an unknown experiment, or what the experiment refuses (an empty alphabet, a negative t, …).
    """
    if config.experiment not in EXPERIMENTS:
        raise ValueError(f"unknown experiment '{config.experiment}': choose from {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[config.experiment](config, context)


def chain_arms(base: Config) -> dict[str, Config]:
    """Every ablation of the network on the chain; `base` warps, conditions on itself and is adequate."""
    thin = replace(base, blocks=1)
    arms = {
        "chain": replace(base, variants=True),
        "chain-uniform": replace(base, levels="uniform", variants=True),
        "chain-log-uniform": replace(base, levels="log-uniform", variants=True),
        "chain-no-self": replace(base, self_conditioning=False),
        "chain-thin": thin,
        "chain-thin-no-self": replace(thin, self_conditioning=False),
        "chain-renormalised": replace(base, renormalise=True),
        "chain-clamped": replace(base, clamp=True),
        "chain-timeless": replace(base, time_input=False),
    }
    arms |= {f"chain-d{d}": replace(base, dimension=d) for d in DIMENSIONS}
    return arms | {f"chain-sigma-{sigma:g}": replace(base, sigma=sigma) for sigma in SIGMAS}


def conditions(
    size: float, steps: tuple[int, ...], token: Config, small: Config, text: Config, pixels: Config
) -> dict[str, Config]:
    """Every condition; `size` scales the draws of the exact experiments, 1 being the laptop's."""

    def draws(n: int) -> int:
        return max(64, int(n * size))

    exact_steps = tuple(n for n in (10, 20, 50, 100, 200) if n <= max(steps))
    found = {
        "spacings": replace(EXACT, draws=draws(5000), steps=exact_steps),
        "knobs": replace(EXACT, experiment="knobs", draws=draws(3000), steps=(min(50, max(steps)),)),
        "rivals": replace(EXACT, experiment="rivals", draws=draws(3000), steps=exact_steps[:4]),
    }
    found |= {f"token-{name}": replace(token, **fields) for name, fields in ARMS.items()}
    found |= chain_arms(small)
    found |= {
        "text": replace(text, variants=True),
        "text-uniform": replace(text, levels="uniform"),
        "text-no-self": replace(text, self_conditioning=False),
        "digits": pixels,
    }
    return found


def smoke() -> dict[str, Config]:
    """Everything that runs without data, a little of it."""
    token = replace(TOKEN, updates=40, batch=64, width=32, draws=200, steps=(8,))
    small = replace(SMALL, updates=30, width=32, draws=48, steps=(8, 12))
    text = replace(TEXT, updates=12, width=32, length=16, draws=16, steps=(4, 6), judge_updates=12)
    pixels = replace(PIXELS, updates=12, width=32, draws=32, steps=(6,))
    return conditions(0.03, (10, 20), token, small, text, pixels)


def laptop() -> dict[str, Config]:
    """About an hour of one core."""
    token = replace(TOKEN, updates=1000, draws=4000)
    small = replace(SMALL, updates=1200, draws=1000, steps=(50, 200))
    text = replace(TEXT, updates=1500, draws=128, steps=(50, 200), judge_updates=1500)
    pixels = replace(PIXELS, updates=800, draws=500)
    return conditions(1.0, (50, 200), token, small, text, pixels)


def gpu() -> dict[str, Config]:
    """One H100: characters at six blocks of 384 units, batch 512, and longer training of everything else."""
    token = replace(TOKEN, updates=4000, draws=20_000)
    small = replace(SMALL, updates=6000, batch=256, blocks=4, learning_rate=2e-3, draws=5000, steps=(50, 200))
    text = replace(
        TEXT, width=384, blocks=6, heads=6, batch=512, learning_rate=3e-4, updates=5000, bfloat16=True, warp_rate=1e-2,
        draws=1000, steps=(50, 200), judge_updates=5000,
    )  # fmt: skip
    pixels = replace(PIXELS, updates=3000, batch=256, draws=5000)
    return conditions(2.0, (50, 200), token, small, text, pixels)


def paper() -> dict[str, Config]:
    """The paper's base model and its ablations on a user's file of word pieces; the judge has the model's size."""
    base = Config(
        "characters", categories=32_000, length=64, tokens="tokens.npy", dimension=256, width=1024, blocks=8, heads=16,
        masks="mixed", updates=1_000_000, batch=1024, learning_rate=1e-4, bfloat16=True, draws=5000, steps=(200, 500),
        judge_updates=1_000_000, variants=True,
    )  # fmt: skip  # t in [1, 300]
    found = {
        "base": base,
        "uniform": replace(base, levels="uniform"),
        "no-self": replace(base, self_conditioning=False),
        "renormalised": replace(base, renormalise=True),
        "clamped": replace(base, clamp=True),
        "both": replace(base, renormalise=True, clamp=True),
    }
    found |= {
        f"d{d}": replace(base, dimension=d, lowest=0.1 / d**0.5, highest=300 / d**0.5) for d in (16, 64, 128, 256, 1024)
    }
    found |= {f"sigma-{sigma:g}": replace(base, sigma=sigma) for sigma in (1e-4, 1e-2, 0.1, 1.0)}
    return found | {f"masks-{kind}": replace(base, masks=kind) for kind in ("prefix", "random")}


def dry_run(config: Config, context: Context) -> str:
    """Build the real model and take two steps on two random sequences of the real length."""
    config = replace(config, batch=2)
    model, fit = build(config, context)
    optimiser, losses = optimiser_of(model, config), []
    for step in range(2):
        generator = context.generator(f"dry run {step}")
        tokens = torch.randint(config.categories, (2, config.length), generator=generator, device=context.device)
        warp = levels_of(config, fit, context.device)
        loss, t, entropies = batch_loss(model, tokens, warp, generator)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        fit.update(t, entropies, warp.density(t))
        losses.append(loss.item())
    count = sum(p.numel() for p in model.parameters())
    return (
        f"{count:,} parameters, d = {config.dimension}, V = {config.categories}, loss {losses[0]:.3f} → {losses[1]:.3f}"
    )


STUDY = Study(
    paper="continuous_diffusion_for_categorical_data",
    title="Continuous diffusion for categorical data",
    run=run,
    metrics=METRICS,
    data=(wikipedia.DATASET, mnist.DATASET),
    profiles={
        "smoke": Plan(smoke(), seeds=1, minutes=0.6, memory_gb=1.0),
        "laptop": Plan(laptop(), seeds=3, minutes=50.0, memory_gb=1.5),
        "gpu": Plan(gpu(), seeds=3, minutes=30.0, hardware="one H100 GPU", memory_gb=20.0),
        "paper": Plan(paper(), seeds=5, minutes=6_000_000.0, hardware="accelerators for millions of steps a run, GPU", memory_gb=80.0),
    },
    dry_run=dry_run,
)  # fmt: skip
