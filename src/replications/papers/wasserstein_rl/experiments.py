"""What a run measures on the line: Gaussian policies and the double well. The seed draws the bandit."""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from replications.papers.wasserstein_rl.fokker_planck import FokkerPlanck
from replications.papers.wasserstein_rl.gaussian import Gaussian, QuadraticBandit, gaussian_w2
from replications.papers.wasserstein_rl.measures import (
    LAST_GAP,
    distance_to_curve,
    draws,
    error_curve,
    excess_energy,
    follow,
    iterate,
    order,
)
from replications.papers.wasserstein_rl.method import (
    QuantileBandit,
    Reward,
    double_well,
    levels,
    quantile_w2,
)
from replications.study import Context, Curve, Outcome

if TYPE_CHECKING:
    from replications.papers.wasserstein_rl.study import Config

BOX = 3.0  # actions are in [-BOX, BOX] for the solver; the Gibbs law beyond is below e^{-50}
NEAR = 0.35  # "near" a good action, in units of action
LONG = 400.0  # time at which the slowest bandit has settled to e^{-30}
KEPT = 30.0  # length of the animation, in units of time


def gaussian(config: Config, context: Context) -> Outcome:
    """Quadratic reward, Gaussian policy: everything against closed forms."""
    rng = draws(context)
    bandit = QuadraticBandit(rng.uniform(0.5, 2.0), rng.uniform(-1.0, 1.0), rng.uniform(0.1, 0.5))
    still = bandit.stationary
    start = Gaussian(
        bandit.m + rng.choice([-1, 1]) * rng.uniform(0.5, 2.0), still.std * math.exp(rng.uniform(-0.9, 0.9))
    )
    end, hs = bandit.flow(start, 1.0), [1 / n for n in config.steps]
    paths = [iterate(partial(bandit.jko_step, h=h), start, n) for h, n in zip(hs, config.steps)]
    slow = [iterate(partial(bandit.jko_step, h=h / 2), start, n)[-1] for h, n in zip(hs, config.steps)]
    errors, slow_errors = [gaussian_w2(path[-1], end) for path in paths], [gaussian_w2(p, end) for p in slow]
    scalars = {"order": order(hs, errors), "doubled_penalty_order": order(hs, slow_errors)}

    h, path = hs[0], paths[0]
    scalars["dissipation_excess"] = excess_energy(
        [bandit.free_energy(p) for p in path], [gaussian_w2(p, q) for p, q in pairwise(path)], h
    )
    to_still = np.array([gaussian_w2(p, still) for p in path])
    scalars["contraction_excess"] = float(max(0.0, (to_still[1:] * (1 + h * bandit.k) / to_still[:-1] - 1).max()))
    scalars["fixed_point_error"] = max(abs(bandit.jko_step(still, h).std - still.std) for h in (0.01, 0.5, 5.0))
    flat, heated = QuadraticBandit(0.0, 0.0, bandit.beta), start.std
    scalars["heat_error"] = 0.0
    for h in (0.01, 0.5, 5.0):
        warm = flat.jko_step(Gaussian(0.0, heated), h).std
        exact = flat.flow(Gaussian(0.0, heated), h).std ** 2 - heated**2 - 2 * bandit.beta * h
        scalars["heat_error"] = max(scalars["heat_error"], abs(warm**2 - warm * heated - bandit.beta * h), abs(exact))

    times = np.linspace(0.0, 3.0 / bandit.k, 61)
    kl = np.array([bandit.kl_to_stationary(bandit.flow(start, t)) for t in times])
    bound = kl[0] * np.exp(-2 * bandit.k * times)
    scalars["kl_bound_excess"] = float(max(0.0, (kl / bound - 1).max()))

    flow = [bandit.flow(start, t) for t in np.linspace(0.0, 4.0 / bandit.k, 2001)]
    curve = np.array([(p.mean, p.std) for p in flow])
    ends_at = LAST_GAP * bandit.kl_to_stationary(start)
    trust = []
    for radius in config.radii:
        walk = follow(
            partial(bandit.trust_region_step, radius=radius),
            start,
            lambda p: bandit.kl_to_stationary(p) > ends_at,
        )
        trust.append(distance_to_curve(np.array([(p.mean, p.std) for p in walk]), curve))
    scalars["trust_order"] = order(config.radii, trust)
    curves = {
        "errors": error_curve(hs, errors),
        "doubled_penalty": error_curve(hs, slow_errors),
        "trust": error_curve(config.radii, trust, "radius ε (action)"),
        "kl": Curve(list(times * bandit.k), list(kl / kl[0]), "time × k", "KL(π_t‖π_∞) / KL(π_0‖π_∞)"),
    }
    return Outcome(scalars, curves, steps=sum(config.steps))


def draw_well(rng: np.random.Generator, coldest: float = 0.15) -> tuple[float, float, Gaussian]:
    """Tilt and β (`coldest` to 0.3) of a double well, and a start in the worse well."""
    side = rng.choice([-1.0, 1.0])
    tilt, beta = side * rng.uniform(0.05, 0.2), rng.uniform(coldest, 0.3)
    return tilt, beta, Gaussian(-side * rng.uniform(0.6, 1.1), rng.uniform(0.3, 0.5))


def wells(config: Config, context: Context) -> Outcome:
    """Double well: the JKO scheme by quantiles against the Fokker-Planck solver, and the long run."""
    tilt, beta, start = draw_well(draws(context))
    reward = double_well(tilt)
    solver = FokkerPlanck(reward, beta, -BOX, BOX, config.cells)
    density = solver.gaussian(start)
    at = levels(config.quantiles)
    bandit, x = QuantileBandit(reward, beta), start.mean + start.std * ndtri(at)
    end = solver.quantiles(solver.evolve(density, 1.0, config.solver_steps), at)

    hs = [1 / n for n in config.steps]
    paths = [iterate(partial(bandit.jko_step, h=h), x, n) for h, n in zip(hs, config.steps)]
    context.progress(0.4)
    errors = [quantile_w2(path[-1], end) for path in paths]
    slow = [quantile_w2(iterate(partial(bandit.jko_step, h=h / 2), x, n)[-1], end) for h, n in zip(hs, config.steps)]
    floor = quantile_w2(2 * paths[-1][-1] - paths[-2][-1], end)  # h → 0 by extrapolation: what N and Δx leave
    path = paths[-1]
    energies = [bandit.free_energy(p) for p in path]
    scalars = {
        "order": order(hs, errors),
        "doubled_penalty_order": order(hs, slow),
        "floor": floor,
        "floor_share": floor / errors[-1],
        "dissipation_excess": excess_energy(energies, [quantile_w2(p, q) for p, q in pairwise(path)], hs[-1]),
        "energy_drop": energies[0] - energies[-1],
    }
    context.progress(0.6)
    scalars |= long_run(config, solver, reward, density, 1.0 if tilt > 0 else -1.0)
    trust = trust_region_errors(config, bandit, start.mean + start.std * ndtri(levels(config.trust_quantiles)))
    scalars["trust_order"] = order(config.radii, trust)
    times = np.concatenate([[0.0], np.geomspace(0.02, KEPT, config.frames - 1)])
    frames = list(solver.snapshots(density, times.tolist(), 0.005))
    keep = np.abs(solver.centres) < 2.2
    thin = slice(0, None, max(1, int(keep.sum()) // 160))
    arrays = {"frames": np.stack([f[keep][thin] for f in frames]), "gibbs": solver.gibbs()[keep][thin]}
    arrays |= {"actions": solver.centres[keep][thin], "times": times, "reward": -solver.potential[keep][thin]}
    curves = {
        "errors": error_curve(hs, errors),
        "doubled_penalty": error_curve(hs, slow),
        "trust": error_curve(config.radii, trust, "radius ε (action)"),
        "energy": Curve.thin(list(np.arange(len(path)) * hs[-1]), energies, "time", "free energy F (reward)"),
    }
    small = {name: array.astype(np.float32) for name, array in arrays.items()}
    return Outcome(scalars, curves, small, steps=2 * sum(config.steps))


def long_run(
    config: Config, solver: FokkerPlanck, reward: Reward, density: np.ndarray, best: float
) -> dict[str, float]:
    """Where the mass goes: stationary law, concentration near the best action, and the balance of moments."""
    a, gibbs = solver.centres, solver.gibbs()
    late = solver.evolve(density, LONG, 10 * config.solver_steps)
    reversed_ = FokkerPlanck(Reward(tuple(-c for c in reward.coefficients)), solver.beta, -BOX, BOX, config.cells)
    wrong = reversed_.evolve(density, KEPT, 2 * config.solver_steps)
    right = solver.evolve(density, KEPT, 2 * config.solver_steps)
    uniform = 2 * NEAR / (2 * BOX)
    mean = (a * solver.rate(density)).sum() - (reward.slope(a) * density).sum()  # d/dt E[a] = E[r']
    square = (a**2 * solver.rate(density)).sum() - (
        2 * a * reward.slope(a) * density
    ).sum()  # d/dt E[a²] = 2E[ar'] + 2β
    near = [solver.mass(d, best - NEAR, best + NEAR) for d in (density, right, wrong)]
    return {
        "stationary_tv": solver.total_variation(late, gibbs),
        "gibbs_residual": float(np.abs(solver.rate(gibbs)).max() / (solver.up.max() * gibbs.max())),
        "advection_error": float(abs(mean) * solver.width),
        "diffusion_error": float(abs(square * solver.width - 2 * solver.beta)),
        "near_start": near[0],
        "near_end": near[1],
        "concentration": math.log(near[1] / uniform),
        "wrong_drift_concentration": math.log(near[2] / uniform),
    }


def trust_region_errors(config: Config, bandit: QuantileBandit, x: np.ndarray) -> list[float]:
    """W₂ distance of trust-region paths to the flow curve of the same quantile grid, one a radius."""
    h, scale = 1 / config.trust_curve, 1 / math.sqrt(len(x))
    coarse = iterate(partial(bandit.jko_step, h=h), x, 2 * config.trust_curve)
    fine = iterate(partial(bandit.jko_step, h=h / 2), x, 4 * config.trust_curve)[::2]
    curve = 2 * np.array(fine) - np.array(coarse)  # second order in h
    low, high = bandit.free_energy(curve[-1]), bandit.free_energy(x)
    found = []
    for radius in config.radii:
        walk = follow(
            partial(bandit.trust_region_step, radius=radius),
            x,
            lambda p: bandit.free_energy(p) > low + LAST_GAP * (high - low),
        )
        found.append(distance_to_curve(np.array(walk) * scale, curve * scale))
    return found
