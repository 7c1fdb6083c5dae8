"""The study of "Continuous diffusion for categorical data": exact posteriors first, then small networks, then real text.

The paper's base model reads 32,000 word pieces of a private corpus; profile `paper` writes it out for a user's token file.
Laptop runs keep its method and shrink its world until the exact answer is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

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
from replications.papers.continuous_diffusion_for_categorical_data.training import (
    batch_loss,
    build,
    levels_of,
    optimiser_of,
)
from replications.study import Context, Metric, Outcome, Plan, Study

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
    "characters", categories=27, length=64, dimension=32, width=128, batch=32, learning_rate=3e-3, warp_rate=0.1,
    floor=1e-4, masks="mixed",
)  # fmt: skip
PIXELS = Config("digits", categories=2, length=64, dimension=8, batch=32, learning_rate=5e-3, warp_rate=0.1, floor=1e-4)
ARMS = {
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
        "rivals": replace(EXACT, experiment="rivals", draws=draws(5000), steps=exact_steps[:4]),
    }
    found |= {f"token-{name}": replace(token, **fields) for name, fields in ARMS.items()}
    found |= chain_arms(small)
    found |= {
        "text": replace(text, variants=True),
        "text-uniform": replace(text, levels="uniform", variants=True),
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
    """Budget: about an hour of one core."""
    token = replace(TOKEN, updates=1000, draws=4000)
    small = replace(SMALL, updates=1200, draws=1000, steps=(50, 200))
    text = replace(TEXT, updates=1000, draws=128, steps=(50, 200), judge_updates=1200)
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
        losses.append(float(loss))
    count = sum(p.numel() for p in model.parameters())
    return (
        f"{count:,} parameters, d = {config.dimension}, V = {config.categories}, loss {losses[0]:.3f} → {losses[1]:.3f}"
    )


_SAMPLES = {
    "nll": ("nats/token", "surprise of samples under the true chain, or under the judge where the data are text"),
    "se": ("nats/token", "standard error of it within a run"),
    "entropy": ("nats", "unigram entropy of samples"),
    "tv": ("total variation", "bigrams of samples against those of the chain"),
    "repeats": ("fraction", "runs of four characters that stand in their sequence more than once"),
}
_ARMS = {
    "uniform": "steps uniform in t", "rho2": "ρ = 2", "rho4": "ρ = 4", "rho8": "ρ = 8", "warped": "warped by the loss",
    "warped_rho8": "warped, ρ = 8 on u", "heun": "Heun, warped", "gaussian": "Gaussian, Euler",
    "gaussian_heun": "Gaussian, Heun", "simplex": "simplex, step exact for constant D", "simplex_heun": "simplex, Heun",
}  # fmt: skip
METRICS = {key: Metric(unit, f"{what}; the arm's own sampler, smallest N") for key, (unit, what) in _SAMPLES.items()}
METRICS |= {
    "data_nll": Metric("nats/token", "entropy of the chain's sequences"),
    "data_entropy": Metric("nats", "entropy of one token of the chain"),
    "score_error": Metric("fraction", "largest error of the interpolated score against the gradient of log p_t"),
    "score_error_blind": Metric("fraction", "the same, interpolating with equal weights; least over t"),
    "entropy_integral": Metric("nats/token", "L(t_min) + ∫ t^-3 E‖x_0 - x̂_0‖² dt + d/(2 t_max²), exact posterior"),
    "loss_rise": Metric("nats", "smallest rise of L(t) from one of 60 levels to the next, exact posterior"),
    "loss_end": Metric("nats", "L(t_max), exact posterior"),
    "min_distance": Metric("√d", "smallest distance of two embeddings"),
    "mean_distance": Metric("√d", "mean distance of embeddings"),
    "row_norm": Metric("√d", "mean norm of the rows W, after training"),
    "row_norm_start": Metric("√d", "mean norm of the rows W, before"),
    "row_norm_rise": Metric("√d", "smallest change between looks in the second half of training"),
    "bayes_gap": Metric("nats", "cross-entropy less that of the exact posterior, mean over levels"),
    "estimate_error": Metric("fraction", "E‖x̂_0 - exact x̂_0‖² over E‖x_0 - exact x̂_0‖², mean over levels"),
    "unigram_tv": Metric("total variation", "generated tokens against their law"),
    "rotation": Metric("1", "mean 1 - cos between an embedding before and after training"),
    "nearest": Metric("nats/token", "as nll, decoding by the nearest embedding"),
    "fit_r2": Metric("1", "R² of the fitted F̃ against the exact L(t), 40 levels equal in log t"),
    "fit_r2_own": Metric("1", "R² of F̃ against the network's own loss"),
    "linearity": Metric("fraction", "largest |loss - u × asymptote| over the asymptote, 25 values of u"),
    "nats": Metric("nats/token", "likelihood bound on test text"),
    "nats_judge": Metric("nats/token", "surprise of test text under the judge"),
    "pixel_gap": Metric("probability", "largest gap of a pixel's mean, samples against test digits"),
    "pair_tv": Metric("total variation", "mean over pairs of pixels of their joint law, samples against test digits"),
    "pixel_gap_uniform": Metric("probability", "the same, steps uniform in t"),
    "pair_tv_uniform": Metric("total variation", "the same, steps uniform in t"),
    "pixel_gap_floor": Metric("probability", "the same, as many training digits"),
    "pair_tv_floor": Metric("total variation", "the same, as many training digits"),
    "ink": Metric("fraction", "pixels with ink, samples"),
    "ink_data": Metric("fraction", "pixels with ink, test digits"),
    "cosine": Metric("1", "cosine of the two embeddings after training"),
    "tanh_error": Metric("√d", "largest error of x̂_0 against its hyperbolic tangent, V = 2"),
}
for _key, (_unit, _what) in _SAMPLES.items():
    METRICS |= {f"{_key}_{arm}_{n}": Metric(_unit, f"{_what}; {name}, N = {n} evaluations") for arm, name in _ARMS.items()
                for n in (8, 10, 12, 20, 50, 100, 200)}  # fmt: skip
    METRICS |= {
        f"{_key}_train_only": Metric(_unit, f"{_what}; trained with self-conditioning, sampled without"),
        f"fresh_{_key}": Metric(_unit, f"{_what}, of as many fresh sequences"),
        f"{_key}_data": Metric(_unit, f"{_what}, of test text"),
        f"{_key}_judge": Metric(_unit, f"{_what}, of the judge's own continuations"),
        f"{_key}_many": Metric(_unit, f"{_what}; largest N"),
        f"{_key}_rho1": Metric(_unit, f"{_what}; steps uniform in t"),
        f"{_key}_rho8": Metric(_unit, f"{_what}; ρ = 8"),
    }
    _arms = ["warp", "no warp", *exact.knob_arms(exact.SHARP), *(f"γ {a:g}" for a in characters.GUIDANCE)]
    _arms += [f"warp T {a:g}" for a in exact.TEMPERATURES] + [f"warp μ {a:g}" for a in exact.MIXTURES]
    _arms += [f"Beta {a:g} {b:g}" for a, b in exact.SHAPES]
    METRICS |= {f"{_key} {arm}": Metric(_unit, f"{_what}; {arm}") for arm in _arms}

STUDY = Study(
    paper="continuous_diffusion_for_categorical_data",
    title="Continuous diffusion for categorical data",
    run=run,
    metrics=METRICS,
    data=(wikipedia.DATASET, mnist.DATASET),
    profiles={
        "smoke": Plan(smoke(), seeds=1, minutes=0.6, memory_gb=1.0),
        "laptop": Plan(laptop(), seeds=3, minutes=35.0, memory_gb=1.5),
        "gpu": Plan(gpu(), seeds=3, minutes=30.0, hardware="one H100 GPU", memory_gb=20.0),
        "paper": Plan(paper(), seeds=5, minutes=6_000_000.0, hardware="accelerators for millions of steps a run, GPU", memory_gb=80.0),
    },
    dry_run=dry_run,
)  # fmt: skip
