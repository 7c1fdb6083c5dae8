"""What a run measures on finite sets of arms, and with entropic transport. The seed draws the bandit."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from replications.papers.wasserstein_rl import arms as discrete
from replications.papers.wasserstein_rl import contrasts
from replications.papers.wasserstein_rl.arms import Arms, kl, line, softmax, total_variation
from replications.papers.wasserstein_rl.contrasts import fisher_rao
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
from replications.papers.wasserstein_rl.transport import PENALTIES, EntropicBandit, entropic_variance, variance
from replications.study import Context, Curve, Outcome

if TYPE_CHECKING:
    from replications.papers.wasserstein_rl.study import Config

SHARES = (0.5, 0.8, 0.95, 1.05, 1.25, 1.5, 2.0, 3.0)  # of the pinning threshold
SETTLED = 40.0  # relaxation times after which a flow has arrived


def draw_arms(rng: np.random.Generator, n: int) -> Arms:
    """n arms on a line with rewards in [0, 1] and β in [0.2, 0.4]."""
    beta = rng.uniform(0.2, 0.4)
    return Arms(rng.uniform(size=n), beta, beta * line(n))


def draw_policy(rng: np.random.Generator, n: int) -> np.ndarray:
    """A random policy with at least 1/2n on every arm. (n,)."""
    return 0.5 / n + 0.5 * rng.dirichlet(np.ones(n))


def relaxation_time(arms: Arms) -> float:
    """One over the spectral gap of the generator."""
    root = np.sqrt(arms.pi)
    rates = np.linalg.eigvalsh(arms.generator * root[:, None] / root[None, :])
    return float(-1 / rates[-2])


def jko(bandit: Arms, rho: np.ndarray, h: float) -> np.ndarray:
    """The JKO step without its length."""
    return bandit.jko_step(rho, h)[0]


def arms(config: Config, context: Context) -> Outcome:
    """Arms on a line: the flow of Maas, its JKO and trust-region steps, the pinning static cost, and Fisher-Rao."""
    rng = draws(context)
    bandit, rho = draw_arms(rng, config.arms), draw_policy(rng, config.arms)
    hs, end = [1 / n for n in config.steps], bandit.flow(rho, 1.0)
    residual = bandit.onsager(rho) @ bandit.gradient(rho) + rho @ bandit.generator
    scalars = {"maas_identity": float(np.abs(residual).max())}
    curves = {}
    for name, step in (("implicit", bandit.implicit_euler_step), ("jko", partial(jko, bandit))):
        errors = []
        for h, n in zip(hs, config.steps):
            path = iterate(partial(step, h=h), rho, n)
            errors.append(2 * total_variation(path[-1], end))
        scalars[f"{name}_order"] = order(hs, errors)
        curves[name] = error_curve(hs, errors)
    walked = iterate(lambda p: bandit.jko_step(p[0], hs[0]), (rho, 0.0), config.steps[0])
    energies = [discrete.free_energy(p, bandit.reward, bandit.beta) for p, _ in walked]
    scalars["dissipation_excess"] = excess_energy(energies, [length for _, length in walked[1:]], hs[0])
    context.progress(0.3)

    slowest = relaxation_time(bandit)
    times = np.concatenate([[0.0], np.geomspace(1e-3, SETTLED * slowest, 1000)])
    flow = np.array([bandit.flow(rho, t) for t in times])
    scalars["flow_defect"] = float(max(np.abs(flow.sum(1) - 1).max(), -flow.min()))
    trust = []
    for radius in config.arm_radii:
        walk = follow(
            partial(bandit.trust_region_step, radius=radius),
            rho,
            lambda p: kl(p, bandit.pi) > LAST_GAP * kl(rho, bandit.pi),
        )
        trust.append(distance_to_curve(np.array(walk), flow))
    scalars["trust_order"] = order(config.arm_radii, trust)
    curves["trust"] = error_curve(config.arm_radii, trust, "radius ε")
    context.progress(0.8)

    pinning, curves["moved"] = static_cost(bandit, rho)
    scalars |= pinning
    contrast = np.array([fisher_rao(rho, bandit.reward, bandit.beta, t) for t in times])
    scalars["paths_apart"] = distance_to_curve(contrast[::10], flow)
    scalars |= limits(rng, config)
    some = slice(0, None, 10)
    arrays = {"wasserstein": flow[some], "fisher_rao": contrast[some], "times": times[some], "gibbs": bandit.pi}
    small = {name: array.astype(np.float32) for name, array in arrays.items()}
    return Outcome(scalars, curves, small, steps=3 * sum(config.steps))


def static_cost(bandit: Arms, rho: np.ndarray) -> tuple[dict[str, float], Curve]:
    """The squared-distance cost: what moves at shares of the predicted threshold, and the threshold by bisection."""
    at = np.arange(len(rho), dtype=float)
    cost = (at[:, None] - at[None, :]) ** 2
    predicted = contrasts.pinning_threshold(rho, bandit.reward, bandit.beta, cost)

    def moved(share: float) -> float:
        plan = contrasts.static_jko_step(rho, bandit.reward, bandit.beta, cost, share * predicted)
        return contrasts.moved(plan)

    low, high = 0.5, 2.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if moved(middle) < 1e-9 else (low, middle)
    found = [moved(share) for share in SHARES]
    scalars = {"pinned_moved": max(found[:3]), "freed_moved": found[3], "threshold_ratio": (low + high) / 2}
    return scalars, Curve(list(SHARES), found, "h / predicted threshold", "share of mass moved")


def limits(rng: np.random.Generator, config: Config) -> dict[str, float]:
    """Over several states, each with its reward field r(s, ·): where both flows end, and what Fisher-Rao cannot reach."""
    worst = {"stationary_tv": 0.0, "fisher_rao_tv": 0.0, "fisher_rao_reach": 0.0}
    reach = 1.0
    for _ in range(config.states):
        state = draw_arms(rng, config.arms)
        late = SETTLED * relaxation_time(state)
        pi = softmax(state.reward, state.beta)
        for start in (draw_policy(rng, config.arms), np.eye(config.arms)[0]):
            end = state.flow(start, late)
            worst["stationary_tv"] = max(worst["stationary_tv"], total_variation(end, pi))
        inside = draw_policy(rng, config.arms)
        other = fisher_rao(inside, state.reward, state.beta, SETTLED / state.beta)
        worst["fisher_rao_tv"] = max(worst["fisher_rao_tv"], total_variation(other, pi))
        shut = inside * (np.arange(config.arms) > 0)
        shut /= shut.sum()  # no mass on the first arm
        for time in (0.1, 1.0, 10.0, SETTLED / state.beta):
            reached = float(fisher_rao(shut, state.reward, state.beta, time)[0])
            worst["fisher_rao_reach"] = max(worst["fisher_rao_reach"], reached)
        reach = min(reach, float(state.flow(shut, 1.0)[0] / pi[0]))
    return {**worst, "wasserstein_reach": reach}


def entropic(config: Config, context: Context) -> Outcome:
    """Entropic transport by POT under a quadratic reward: the stationary variance against ε.

    Raises:
        UserError: POT is not installed.
    """
    rng = draws(context)
    k, beta, h = rng.uniform(0.8, 1.5), rng.uniform(0.2, 0.4), rng.uniform(0.8, 1.2)
    points = np.linspace(-1.0, 1.0, config.grid) * 6.5 * np.sqrt(beta / k)
    reward = -k * points**2 / 2
    start = softmax(reward, beta)
    scalars: dict[str, float] = {"closed_form_error": 0.0}
    curves = {}
    for i, penalty in enumerate(PENALTIES):
        bias = []
        for epsilon in config.epsilons:
            bandit = EntropicBandit(points, reward, beta, epsilon, penalty)
            found = variance(points, bandit.settle(start, h))
            exact = entropic_variance(k, beta if penalty == "entropy" else beta - epsilon, epsilon, h)
            scalars["closed_form_error"] = max(scalars["closed_form_error"], abs(found - exact))
            bias.append(k * found - beta)
            context.progress((i + len(bias) / len(config.epsilons)) / 2)
        share = np.array(bias) / np.array(config.epsilons)
        scalars[f"{penalty}_slope"] = float(np.polyfit(config.epsilons, share, 1)[1])  # of the bias at ε → 0
        curves[penalty] = Curve(list(config.epsilons), bias, "ε (reward)", "temperature bias k·variance - β (reward)")
        if penalty == "entropy":
            double = 2 * bias[-1] - bias[-2]  # ε halves from the last but one to the last
            scalars["extrapolated_share"] = abs(double) / abs(bias[-1])
    return Outcome(scalars, curves)
