"""Training, top to bottom: levels, noise, self-conditioning, the loss, and the fit of the warp (Sections 3.1 to 3.4).

Every random number of an update comes from a stream named after it, so that a resumed run draws what it would have drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from replications.papers.continuous_diffusion_for_categorical_data import method
from replications.papers.continuous_diffusion_for_categorical_data.config import Config
from replications.papers.continuous_diffusion_for_categorical_data.masks import make_mask
from replications.papers.continuous_diffusion_for_categorical_data.model import Model
from replications.papers.continuous_diffusion_for_categorical_data.warping import Warp, WarpFit, low_discrepancy
from replications.study import Context, UserError

Draw = Callable[[int, torch.Generator], Tensor]  # (sequences, generator) → tokens (B, L)
LOSSES = ("cross-entropy", "squared error")
LEVELS = ("warped", "uniform", "log-uniform")


def build(config: Config, context: Context) -> tuple[Model, WarpFit]:
    """A model and an unfitted warp on the run's device, the same weights on every device.

    Raises:
        ValueError: an unknown loss or law of levels, or an alphabet of fewer than two symbols.
    """
    for value, known in ((config.loss, LOSSES), (config.levels, LEVELS)):
        if value not in known:
            raise ValueError(f"unknown '{value}': choose from {', '.join(known)}")
    model = Model(config, context.generator("weights", "cpu")).to(context.device)
    fit = WarpFit(config.t_min, config.t_max, config.bins, config.floor, config.warp_rate).to(context.device)
    return model, fit


def optimiser_of(model: Model, config: Config) -> torch.optim.Optimizer:
    """Adam with the paper's β = (0.9, 0.99)."""
    return torch.optim.Adam(model.parameters(), config.learning_rate, betas=(0.9, 0.99), fused=True)


def levels_of(config: Config, fit: WarpFit, device: torch.device) -> Warp:
    """The law of t in training: the fitted one of this moment, or a fixed one."""
    if config.levels == "uniform":
        return Warp.uniform(config.t_min, config.t_max, device)
    if config.levels == "log-uniform":
        return Warp.log_uniform(config.t_min, config.t_max, device=device)
    return fit.warp()


def batch_loss(model: Model, tokens: Tensor, warp: Warp, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """The loss of a batch of tokens (B, L); levels (B,) and cross-entropies a sequence (B,) for the fit of the warp."""
    config, b = model.config, len(tokens)
    t = warp.t(low_discrepancy(b, generator))  # (B,)
    mask = make_mask(config.masks, b, tokens.shape[1], generator)  # (B, L)
    embeddings = model.embeddings()
    x0 = embeddings[tokens]
    x = method.noise(x0, t, generator)
    given = None
    if config.masks != "none":
        seen = torch.rand(b, 1, 1, generator=generator, device=t.device) >= config.unconditional
        given = x0 * (1 - mask)[..., None] * seen
    previous = None
    if config.self_conditioning:
        half = torch.randperm(b, generator=generator, device=t.device)[: b // 2]  # levels are in order: draw who
        with torch.no_grad():
            first = model.logits(x[half], t[half], mask[half], None if given is None else given[half])
            previous = torch.zeros_like(x).index_copy_(0, half, model.estimate(first, embeddings))
    logits = model.logits(x, t, mask, given, previous)
    entropies = method.cross_entropy(logits, tokens) * mask  # (B, L), zero where tokens are given
    if config.loss == "cross-entropy":
        loss = entropies.sum() / mask.sum()
    else:  # gradients reach the target too: that is what collapses embeddings
        gap = (x0 - method.expected_embedding(logits.softmax(-1), embeddings)).square().sum(-1)
        loss = (gap * mask).sum() / mask.sum()
    return loss, t, entropies.detach().sum(1) / mask.sum(1)


def train(
    config: Config, context: Context, draw: Draw, share: float = 1.0, watch: Callable[[Model], dict[str, float]] | None = None
) -> tuple[Model, WarpFit, dict[str, list[float]]]:  # fmt: skip
    """Train one arm; `share` is the training's part of the run's progress.

    Returns the model, the fitted warp and curves: the loss of every update, and what `watch` saw at 50 of them.

    Raises:
        FloatingPointError: a loss that is not finite, with its update.
        UserError: a checkpoint that does not fit the run.
    """
    model, fit = build(config, context)
    optimiser = optimiser_of(model, config)
    curves: dict[str, list[float]] = {"loss": []}
    looks = max(1, config.updates // 50)
    if (saved := context.restore()) is not None:
        curves = restored(saved, model, fit, optimiser, config)
    for update in range(len(curves["loss"]), config.updates):
        if watch is not None and update % looks == 0:
            for name, value in {"update": float(update), **watch(model)}.items():
                curves.setdefault(name, []).append(value)
        optimiser.param_groups[0]["lr"] = config.learning_rate * schedule(update, config.updates)
        generator = context.generator(f"update {update}")
        tokens = draw(config.batch, generator)
        warp = levels_of(config, fit, context.device)
        loss, t, entropies = batch_loss(model, tokens, warp, generator)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        fit.update(t, entropies, warp.density(t))
        curves["loss"].append(loss.item())
        if not math.isfinite(curves["loss"][-1]):
            raise FloatingPointError(f"update {update}: the loss is {curves['loss'][-1]}; lower the learning rate")
        context.progress(share * (update + 1) / config.updates)
        if context.due():
            context.save(
                {
                    "model": model.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "warp": fit.state_dict(),
                    "warp optimiser": fit.optimiser.state_dict(),
                    "curves": curves,
                }
            )
    return model.eval().requires_grad_(False), fit, curves


def schedule(update: int, updates: int) -> float:
    """The share of the peak learning rate: 5 % linear warm-up, then a half cosine to zero."""
    return min(1.0, (update + 1) / max(1, updates // 20)) * (1 + math.cos(math.pi * update / updates)) / 2


def restored(
    saved: Any, model: Model, fit: WarpFit, optimiser: torch.optim.Optimizer, config: Config
) -> dict[str, list[float]]:
    """Load a checkpoint and return its curves.

    Raises:
        UserError: a part is missing, weights have another shape or are not finite, or it is of a longer run.
    """
    for part in ("model", "optimiser", "warp", "warp optimiser", "curves"):
        if part not in saved:
            raise UserError(f"the checkpoint has no '{part}': delete it and run again")
    curves: dict[str, list[float]] = saved["curves"]
    if len(curves["loss"]) > config.updates:
        raise UserError(
            f"the checkpoint is at update {len(curves['loss'])} of {config.updates}: delete it and run again"
        )
    for name, tensor in saved["model"].items():
        if not torch.isfinite(tensor).all():
            raise UserError(f"the checkpoint's '{name}' is not finite: delete it and run again")
    try:
        model.load_state_dict(saved["model"])
        fit.load_state_dict(saved["warp"])
    except RuntimeError as error:
        raise UserError(f"the checkpoint does not fit the model: {str(error).splitlines()[-1].strip()}") from error
    optimiser.load_state_dict(saved["optimiser"])
    fit.optimiser.load_state_dict(saved["warp optimiser"])
    return curves
