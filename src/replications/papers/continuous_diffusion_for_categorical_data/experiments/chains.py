"""E3 to E5: networks trained on a small chain, against its exact posterior (C3 to C6, C8, C15)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from replications.papers.continuous_diffusion_for_categorical_data import method, sampling
from replications.papers.continuous_diffusion_for_categorical_data.chain import Chain
from replications.papers.continuous_diffusion_for_categorical_data.config import Config
from replications.papers.continuous_diffusion_for_categorical_data.experiments.exact import (
    KNOB_NAMES,
    knob_arms,
    measured,
)
from replications.papers.continuous_diffusion_for_categorical_data.model import Model
from replications.papers.continuous_diffusion_for_categorical_data.sampling import Knobs, rho_times, warped_times
from replications.papers.continuous_diffusion_for_categorical_data.training import build, train
from replications.papers.continuous_diffusion_for_categorical_data.warping import WarpFit
from replications.study import Context, Curve, Outcome

KNOTS = 40  # levels at which losses are compared, log-spaced in t
LOOKED_AT = 256  # sequences for each of them
SHARP = (0.8, 0.9, 0.95, 0.98)
WARPS = ("uniform", "rho8", "warped")


def chain(config: Config, context: Context) -> Outcome:
    """Train one arm, then sample from it in every way that the arm allows."""
    law = Chain.random(config.categories, device=context.device)
    model, fit, curves = train(config, context, lambda n, g: law.sample(n, config.length, g), share=0.7)
    spacings = {
        "uniform": lambda n: rho_times(config.t_min, config.t_max, n, 1),
        "rho8": lambda n: rho_times(config.t_min, config.t_max, n, 8),
        "warped": lambda n: warped_times(fit.warp(), n),
    }

    def generated(
        times: list[float], name: str, share: float = 1.0, knobs: Knobs = sampling.PLAIN, self_condition: bool = True
    ) -> dict[str, float]:
        shape = max(32, int(share * config.draws)), config.length
        knobs = replace(knobs, renormalise=config.renormalise, clamp=config.clamp)
        denoise = model.denoiser(self_condition=self_condition)
        tokens, near = sampling.sample(denoise, model.embeddings(), times, shape, context.generator(name), knobs)
        return {**measured(law, tokens), "nearest": float(law.nll(near).mean())}

    n = config.steps[0]
    plain = generated(spacings["warped"](n), "native")
    scalars = {
        "data_nll": law.entropy(config.length),
        "data_entropy": law.unigram_entropy(),
        **{key: plain[key] for key in ("nll", "se", "entropy", "tv", "nearest")},
        **rotation(model, config, context),
    }
    if config.self_conditioning:
        alone = generated(spacings["warped"](n), "native", self_condition=False)
        scalars |= {f"{key}_train_only": alone[key] for key in ("nll", "entropy")}
    found, shown = losses(model, fit, law, context)
    scalars |= found
    context.progress(0.8)
    if config.variants:
        for steps in config.steps:
            for name in WARPS:
                one = generated(spacings[name](steps), f"{name} {steps}", share=min(1.0, 50 / steps))
                scalars |= {f"{key}_{name}_{steps}": one[key] for key in ("nll", "se", "tv", "entropy")}
        times = spacings["warped"](n)
        for kind in KNOB_NAMES:
            turned = knob_arms(SHARP)
            ones = [generated(times, "knobs", 0.5, turned[f"{kind} {a:g}"]) for a in SHARP]
            ones.append(generated(times, "knobs", 0.5))
            shown[kind] = Curve([p["entropy"] for p in ones], [p["nll"] for p in ones], "entropy, nats", "nats a token")
    shown["training"] = Curve.thin(list(range(1, config.updates + 1)), curves["loss"], "update", "loss, nats")
    return Outcome(scalars, shown, steps=config.updates, samples=config.updates * config.batch)


def rotation(model: Model, config: Config, context: Context) -> dict[str, float]:
    """How far embeddings turned in training: mean of 1 - cos between first and last; smallest distance over √d."""
    first = method.unit_moment(build(config, context)[0].rows.detach())
    last = method.unit_moment(model.rows.detach())
    turned = 1 - (first * last).sum(-1) / config.dimension
    return {
        "rotation": float(turned.mean()),
        "min_distance": float(torch.pdist(model.embeddings()).min()) / config.dimension**0.5,
    }


@torch.no_grad()
def losses(model: Model, fit: WarpFit, law: Chain, context: Context) -> tuple[dict[str, float], dict[str, Curve]]:
    """L(t) of the network (without an earlier estimate) and of the exact posterior, and what the warp makes of them."""
    config, generator, device = model.config, context.generator("losses"), context.device
    vectors = model.embeddings()
    warp = fit.warp()

    def at(t: float) -> tuple[float, float]:
        tokens = law.sample(LOOKED_AT, config.length, generator)
        x = method.noise(vectors[tokens], torch.full((LOOKED_AT,), t, device=device), generator)
        p, exact = model.denoiser()(x, t, None), law.posterior(method.log_likelihood(x, t, vectors))
        own, best = (_surprise(q, tokens) for q in (p, exact))
        return own, best

    times = np.geomspace(config.t_min, config.t_max, KNOTS)
    own, exact = np.array([at(t) for t in times.tolist()]).T
    fitted = fit(torch.from_numpy(times).float().to(device)).cpu().numpy()
    u = np.linspace(0.02, 1, 25)
    warped = np.array([at(float(t))[0] for t in warp.t(torch.from_numpy(u).float().to(device))])
    asymptote = law.unigram_entropy()
    scalars = {
        "bayes_gap": float((own - exact).mean()),
        "fit_r2": 1 - float(((fitted - exact) ** 2).sum() / ((exact - exact.mean()) ** 2).sum()),
        "fit_r2_own": 1 - float(((fitted - own) ** 2).sum() / ((own - own.mean()) ** 2).sum()),
        "linearity": float(np.abs(warped - u * asymptote).max() / asymptote),
    }
    label = "cross-entropy, nats"
    return scalars, {
        "network loss": Curve(list(times), list(own), "t", label),
        "exact loss": Curve(list(times), list(exact), "t", label),
        "fitted loss": Curve(list(times), [float(v) for v in fitted], "t", label),
        "loss over u": Curve(list(u), list(warped), "u", label),
        "density": Curve(
            list(times), [float(v) for v in warp.density(torch.from_numpy(times).float().to(device))], "t", "F'(t')"
        ),
    }


def _surprise(p: Tensor, tokens: Tensor) -> float:
    return float(-p.gather(-1, tokens[..., None]).clamp(min=1e-30).log().mean())
