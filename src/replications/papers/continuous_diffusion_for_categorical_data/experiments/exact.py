"""The sampler without network error: a Markov chain with its exact posterior (C1, C9 to C12, and the head-to-head).

One chain for every seed, that of the chapter on simplex diffusion; embeddings and noise come from the seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from replications.papers.continuous_diffusion_for_categorical_data import method, rival, sampling
from replications.papers.continuous_diffusion_for_categorical_data.chain import Chain, unigram_entropy
from replications.papers.continuous_diffusion_for_categorical_data.config import Config
from replications.papers.continuous_diffusion_for_categorical_data.sampling import PLAIN, Knobs, rho_times, warped_times
from replications.papers.continuous_diffusion_for_categorical_data.warping import Warp
from replications.study import Context, Curve, Outcome

KNOTS = 60  # of the exact loss curve, log-spaced in t
RHOS = (1, 2, 4, 8)
TEMPERATURES = (0.5, 0.8, 0.9, 1.2, 1.5, 2.0, 5.0, 10.0, 100.0)  # of the warp, Table 2
MIXTURES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # μ, Table 2
SHAPES = tuple((a, b) for a in (0.5, 1.0, 2.0) for b in (0.5, 1.0, 2.0) if (a, b) != (1.0, 1.0))
SHARP = (0.5, 0.8, 0.9, 0.95, 0.98)  # score and softmax temperature, initial σ, nucleus, Table 2


class Setting:
    """The chain, embeddings of norm √d, the exact loss curve and its warp."""

    def __init__(self, config: Config, context: Context) -> None:
        self.config, self.context = config, context
        self.chain = Chain.random(config.categories, device=context.device)
        rows = torch.randn(config.categories, config.dimension, generator=context.generator("embeddings", "cpu"))
        self.embeddings = method.unit_moment(rows).to(context.device)
        self.denoise = self.chain.denoiser(self.embeddings)
        self.times = np.geomspace(config.t_min, config.t_max, KNOTS)
        self.loss, self.error = self.exact_loss()
        self.warp = self.warp_of((1.0, 1.0))

    def warp_of(self, shape: tuple[float, float]) -> Warp:
        warp = Warp.from_curve(self.times, self.loss, shape)
        w_t, w_u = (w.to(self.context.device) for w in (warp.w_t, warp.w_u))
        return Warp(w_t, w_u, warp.t_min, warp.t_max)

    def exact_loss(self) -> tuple[np.ndarray, np.ndarray]:
        """Cross-entropy L(t) in nats and E‖x_0 - x̂_0‖² a position at every knot, on common tokens and noise. Two (KNOTS,)."""
        sequences = max(100, min(1000, self.config.draws))
        generator = self.context.generator("loss")
        tokens = self.chain.sample(sequences, self.config.length, generator)
        x0 = self.embeddings[tokens]
        epsilon = torch.randn(x0.shape, generator=generator, device=x0.device)
        found = []
        for t in self.times.tolist():
            p = self.denoise(x0 + t * epsilon, t, None)
            chosen = p.gather(-1, tokens[..., None]).clamp(min=1e-30)
            gap = (x0 - method.expected_embedding(p, self.embeddings)).square().sum(-1)
            found.append((-chosen.log().mean(), gap.mean()))
        loss, error = torch.tensor(found, dtype=torch.float64).T.numpy()
        return loss, error

    def generated(
        self, times: list[float], name: str, knobs: Knobs = PLAIN, heun: bool = False, share: float = 1.0
    ) -> Tensor:  # fmt: skip
        """Tokens (B, L) of one sampler; `name` names its random stream."""
        shape = max(64, int(share * self.config.draws)), self.config.length
        generator = self.context.generator(name)
        return sampling.sample(self.denoise, self.embeddings, times, shape, generator, knobs, heun)[0]

    def measured(self, tokens: Tensor) -> dict[str, float]:
        return measured(self.chain, tokens)


def measured(chain: Chain, tokens: Tensor) -> dict[str, float]:
    """NLL under the chain with its standard error, unigram entropy, bigram total variation."""
    nll = chain.nll(tokens)
    return {
        "nll": float(nll.mean()),
        "se": float(nll.std() / math.sqrt(len(nll))),
        "entropy": unigram_entropy(tokens, len(chain.stationary)),
        "tv": chain.bigram_distance(tokens),
    }


def truth(setting: Setting) -> dict[str, float]:
    """The chain itself, and as many fresh sequences of it."""
    c = setting.config
    fresh = setting.measured(setting.chain.sample(max(64, c.draws), c.length, setting.context.generator("truth")))
    return {
        "data_nll": setting.chain.entropy(c.length),
        "data_entropy": setting.chain.unigram_entropy(),
        **{f"fresh_{key}": value for key, value in fresh.items()},
    }


def spacings(config: Config, context: Context) -> Outcome:
    """E1: Euler with every spacing, Heun at as many evaluations, over N; the loss curve; identities."""
    setting = Setting(config, context)
    low, high = config.t_min, config.t_max
    arms: dict[str, Callable[[int], list[float]]] = {
        "uniform": lambda n: rho_times(low, high, n, 1),
        "rho2": lambda n: rho_times(low, high, n, 2),
        "rho4": lambda n: rho_times(low, high, n, 4),
        "rho8": lambda n: rho_times(low, high, n, 8),
        "warped": lambda n: warped_times(setting.warp, n),
        "warped_rho8": lambda n: warped_times(setting.warp, n, 8),
        "heun": lambda n: warped_times(setting.warp, n // 2),
    }
    scalars = truth(setting) | identities(setting)
    curves: dict[str, Curve] = {}
    for done, (name, times) in enumerate(arms.items()):
        found = [
            setting.measured(setting.generated(times(n), f"{name} {n}", heun=name == "heun")) for n in config.steps
        ]
        for key, label in (("nll", "nats a token"), ("entropy", "nats"), ("tv", "total variation")):
            curves[f"{name} {key}"] = Curve(list(config.steps), [part[key] for part in found], "evaluations", label)
        for n, part in zip(config.steps, found):
            scalars |= {f"{key}_{name}_{n}": value for key, value in part.items()}
        context.progress((done + 1) / len(arms))
    curves["loss"] = Curve(list(setting.times), list(setting.loss), "t", "cross-entropy, nats")
    return Outcome(scalars, curves, samples=config.draws * len(arms) * len(config.steps))


def knobs(config: Config, context: Context) -> Outcome:
    """E6 and C9: temperature, mixture and shape of the warp; temperatures, nucleus and initial noise; one N."""
    setting = Setting(config, context)
    (n,) = config.steps
    plain = warped_times(setting.warp, n)
    grids = {"warp": plain, "no warp": rho_times(config.t_min, config.t_max, n, 1)}
    grids |= {f"warp T {a:g}": warped_times(setting.warp.tempered(a), n) for a in TEMPERATURES}
    grids |= {f"warp μ {a:g}": warped_times(setting.warp.mixed(a), n) for a in MIXTURES}
    grids |= {f"Beta {a:g} {b:g}": warped_times(setting.warp_of((a, b)), n) for a, b in SHAPES}
    turned = knob_arms(SHARP)
    scalars, curves = truth(setting), {}
    # one random stream for all: arms are compared on the same initial noise
    found = {name: setting.measured(setting.generated(times, "knobs")) for name, times in grids.items()}
    context.progress(0.5)
    found |= {name: setting.measured(setting.generated(plain, "knobs", knob)) for name, knob in turned.items()}
    for name, part in found.items():
        scalars |= {f"{key} {name}": part[key] for key in ("nll", "entropy")}
    for kind in KNOB_NAMES:
        points = [found[f"{kind} {a:g}"] for a in SHARP] + [found["warp"]]
        curves[kind] = Curve(
            [p["entropy"] for p in points], [p["nll"] for p in points], "entropy, nats", "nats a token"
        )
    return Outcome(scalars, curves, samples=config.draws * len(found))


KNOB_NAMES = {
    "score T": "score_temperature", "softmax T": "softmax_temperature", "initial σ": "initial_scale", "nucleus": "nucleus",
}  # fmt: skip


def knob_arms(values: tuple[float, ...]) -> dict[str, Knobs]:
    """Every knob of Table 2 at every value."""
    arms: dict[str, Knobs] = {}
    for kind, field in KNOB_NAMES.items():
        for value in values:
            turned: dict[str, Any] = {field: value}
            arms[f"{kind} {value:g}"] = replace(PLAIN, **turned)
    return arms


def rivals(config: Config, context: Context) -> Outcome:
    """Gaussian embeddings against the simplex process at α = 1: the same chain, exact posteriors, equal evaluations.

    Each on levels that lower its own exact loss in equal parts.
    """
    setting = Setting(config, context)
    chain, v = setting.chain, config.categories
    levels = np.concatenate([np.geomspace(rival.LAST, 0.3, 30), np.linspace(0.3, rival.FIRST, 31)[1:]])
    generator = context.generator("rival loss")
    tokens = chain.sample(max(100, min(1000, config.draws)), config.length, generator)
    loss = []
    for s in levels.tolist():
        p = chain.posterior(rival.log_emission(rival.noised(tokens, s, v, generator), s))
        loss.append(float(-p.gather(-1, tokens[..., None]).clamp(min=1e-30).log().mean()))
    scalars, curves = truth(setting), {}
    for name in ("gaussian", "gaussian_heun", "simplex", "simplex_heun"):
        heun, found = name.endswith("heun"), []
        for n in config.steps:
            steps = n // 2 if heun else n
            if name.startswith("gaussian"):
                generated = setting.generated(warped_times(setting.warp, steps), f"{name} {n}", heun=heun)
            else:
                grid = rival.entropy_levels(levels, np.array(loss), steps)
                shape = max(64, config.draws), config.length
                generated = rival.sample(chain, grid, shape, context.generator(f"{name} {n}"), heun)
            found.append(setting.measured(generated))
            scalars |= {f"{key}_{name}_{n}": value for key, value in found[-1].items()}
        for key, label in (("nll", "nats a token"), ("tv", "total variation")):
            curves[f"{name} {key}"] = Curve(list(config.steps), [part[key] for part in found], "evaluations", label)
    return Outcome(scalars, curves, samples=4 * config.draws * len(config.steps))


def identities(setting: Setting) -> dict[str, float]:
    """Section 3.1 to rounding, in float64: scores by interpolation against gradients of log densities; the entropy integral."""
    generator = setting.context.generator("identities", "cpu")
    d, v = setting.config.dimension, setting.config.categories
    embeddings = setting.embeddings.double().cpu()
    chain = Chain(setting.chain.transition.double().cpu(), setting.chain.stationary.double().cpu())
    errors: list[float] = []
    blind: list[float] = []
    for t in (0.5, 1.0, 3.0, 10.0):
        tokens = chain.sample(8, 6, generator)
        x = method.noise(embeddings[tokens], torch.full((8,), t, dtype=torch.float64), generator).requires_grad_()
        (slope,) = torch.autograd.grad(chain.log_density(x, t, embeddings).sum(), x)
        x = x.detach()
        p = chain.denoiser(embeddings)(x, t, None)
        size = slope.abs().max()
        for guess, errs in ((p, errors), (torch.full_like(p, 1 / v), blind)):
            found = method.score(x, method.expected_embedding(guess, embeddings), t)
            errs.append(float((found - slope).abs().max() / size))
    # H(w) = ∫ E‖x_0 - x̂_0‖² t^{-3} dt, trapezium in log t, with d/(2t²) beyond the last level
    rate = setting.error / setting.times**2
    integral = float(np.trapezoid(rate, np.log(setting.times))) + d / (2 * setting.config.t_max**2)
    return {
        "score_error": max(errors),
        "score_error_blind": min(blind),
        "entropy_integral": integral + float(setting.loss[0]),
        "loss_rise": float(np.diff(setting.loss).min()),
        "loss_end": float(setting.loss[-1]),
    }
