"""What a run measures with Langevin particles. The seed draws the bandit and the noise."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

from replications.papers.wasserstein_rl.experiments import BOX, draw_well
from replications.papers.wasserstein_rl.fokker_planck import FokkerPlanck
from replications.papers.wasserstein_rl.measures import draws
from replications.papers.wasserstein_rl.method import double_well, quadratic
from replications.papers.wasserstein_rl.particles import euler_maruyama_variance, langevin, tv_excess
from replications.study import Context, Curve, Outcome

if TYPE_CHECKING:
    from replications.papers.wasserstein_rl.study import Config


def particles(config: Config, context: Context) -> Outcome:
    """Langevin particles: stationary variance under a quadratic reward, and the law in a double well."""
    rng, device = draws(context), context.device
    generator = context.generator("noise")
    k, beta = rng.uniform(0.5, 2.0), rng.uniform(0.1, 0.5)
    h = 0.2 / k
    start = 0.1 * torch.randn(config.particles, dtype=torch.float64, device=device, generator=generator)
    scalars = {}
    for name, noise in (("variance_ratio", 1.0), ("halved_noise_ratio", math.sqrt(0.5)), ("no_noise_ratio", 0.0)):
        found = langevin(start, quadratic(k, 0.0), beta, h, 50, generator, noise=noise)
        scalars[name] = float(found.var()) / euler_maruyama_variance(k, beta, h)
    scalars["uncorrected_ratio"] = scalars["variance_ratio"] * euler_maruyama_variance(k, beta, h) * k / beta
    context.progress(0.2)

    tilt, beta, policy = draw_well(rng, coldest=0.25)  # the slowest mode falls by e^{-6} in 36 units of time
    reward = double_well(tilt)
    solver = FokkerPlanck(reward, beta, -BOX, BOX, config.cells)
    edges = torch.linspace(-2.0, 2.0, 41, dtype=torch.float64)
    start = policy.mean + policy.std * torch.randn(
        config.particles, dtype=torch.float64, device=device, generator=generator
    )
    early = langevin(start, reward, beta, 0.005, 200, generator)
    law = solver.evolve(solver.gaussian(policy), 1.0, config.solver_steps)
    scalars["transient_tv"], scalars["transient_z"], *_ = compare(early, solver, law, edges)
    context.progress(0.4)
    late = langevin(early, reward, beta, config.langevin_step, config.langevin_steps, generator, corrected=True)
    scalars["stationary_tv"], scalars["stationary_z"], share, wanted = compare(late, solver, solver.gibbs(), edges)
    middles, width = ((edges[1:] + edges[:-1]) / 2).tolist(), float(edges[1] - edges[0])
    label = "density (1/action)"
    curves = {
        "histogram": Curve(middles, (share[1:-1] / width).tolist(), "action", label),
        "gibbs": Curve(middles, (wanted[1:-1] / width).tolist(), "action", label),
    }
    total = config.particles * (150 + 200 + config.langevin_steps)
    return Outcome(scalars, curves, steps=350 + config.langevin_steps, samples=total)


def compare(
    actions: torch.Tensor, solver: FokkerPlanck, density: np.ndarray, edges: torch.Tensor
) -> tuple[float, float, torch.Tensor, torch.Tensor]:
    """TV of a histogram to a density, its excess in standard errors, and both laws; the outer bins are open."""
    bins = torch.bucketize(actions.cpu(), edges)
    counts = torch.bincount(bins, minlength=len(edges) + 1).double()
    cuts = [-BOX, *edges.tolist(), BOX]
    wanted = torch.tensor([solver.mass(density, a, b) for a, b in pairwise(cuts)], dtype=torch.float64)
    wanted /= wanted.sum()
    return *tv_excess(counts, wanted), counts / counts.sum(), wanted
