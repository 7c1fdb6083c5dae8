"""E8: digits of 8×8 pixels, ink or none. With V = 2 the embeddings end as ±√d a and x̂_0 is a hyperbolic tangent."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from replications.papers.continuous_diffusion_for_categorical_data import method, sampling
from replications.papers.continuous_diffusion_for_categorical_data.config import Config
from replications.papers.continuous_diffusion_for_categorical_data.corpus import digit_sets
from replications.papers.continuous_diffusion_for_categorical_data.sampling import rho_times, warped_times
from replications.papers.continuous_diffusion_for_categorical_data.training import train
from replications.study import Context, Curve, Outcome

KEPT = 40  # samples stored for the reader


def tanh_error(embeddings: Tensor, generator: torch.Generator) -> float:
    """Largest error of x̂_0 of a fair pair against √d a tanh(√d a·x/t²), over √d; embeddings must be ±√d a. (2, d)."""
    d = embeddings.shape[1]
    axis = embeddings[0] / math.sqrt(d)
    x = 3 * torch.randn(200, d, generator=generator, dtype=embeddings.dtype)
    prior = torch.full((2,), 0.5, dtype=embeddings.dtype)
    worst = 0.0
    for t in (0.5, 2.0, 8.0):
        found = method.expected_embedding(method.posterior(x, t, embeddings, prior), embeddings)
        closed = math.sqrt(d) * axis * torch.tanh(math.sqrt(d) * (x @ axis) / t**2)[:, None]
        worst = max(worst, float((found - closed).abs().max()) / math.sqrt(d))
    return worst


def distances(one: Tensor, two: Tensor) -> dict[str, float]:
    """Largest gap of a pixel's mean, and mean total variation of the joint law of two pixels, over all pairs."""
    first, second = (part.float() for part in (one, two))
    gap = (first.mean(0) - second.mean(0)).abs().max()
    joint = []
    for flip_a in (False, True):
        for flip_b in (False, True):
            tables = []
            for part in (first, second):
                a, b = (1 - part if flip else part for flip in (flip_a, flip_b))
                tables.append(a.T @ b / len(part))
            joint.append((tables[0] - tables[1]).abs())
    pairs = torch.stack(joint).sum(0) / 2
    return {"pixel_gap": float(gap), "pair_tv": float(pairs.mean())}


def digits(config: Config, context: Context) -> Outcome:
    """Train on digits of the training set; pixels and pairs of pixels of samples against test digits, read once."""
    tokens, test = (part.to(context.device) for part in digit_sets())

    def draw(count: int, generator: torch.Generator) -> Tensor:
        return tokens[torch.randint(len(tokens), (count,), generator=generator, device=tokens.device)]

    model, fit, curves = train(config, context, draw, share=0.8)
    n, shape = config.steps[0], (config.draws, config.length)
    vectors = model.embeddings()
    scalars: dict[str, float] = {}
    arms = {"": warped_times(fit.warp(), n), "_uniform": rho_times(config.t_min, config.t_max, n, 1)}
    found = {
        key: sampling.sample(model.denoiser(), vectors, times, shape, context.generator("sampling"))[0]
        for key, times in arms.items()
    }
    for key, generated in found.items():
        scalars |= {f"{name}{key}": value for name, value in distances(generated, test).items()}
    floor = distances(tokens[: config.draws], test)
    pair = method.unit_moment(torch.stack([model.rows[0], -model.rows[0]]).detach().double().cpu())
    scalars |= {
        **{f"{name}_floor": value for name, value in floor.items()},
        "ink": float(found[""].float().mean()),
        "ink_data": float(test.float().mean()),
        "cosine": float((vectors[0] * vectors[1]).sum() / config.dimension),
        "tanh_error": tanh_error(pair, torch.Generator().manual_seed(0)),
    }
    shown = {"training": Curve.thin(list(range(1, config.updates + 1)), curves["loss"], "update", "loss, nats")}
    samples = found[""][:KEPT].to(torch.uint8).cpu().numpy()
    return Outcome(scalars, shown, {"samples": samples}, steps=config.updates, samples=config.updates * config.batch)
