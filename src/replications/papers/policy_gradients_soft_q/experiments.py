"""What a run measures of the identities: four experiments, each a function of a config and a context."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from replications.papers.policy_gradients_soft_q import inequalities, method
from replications.papers.policy_gradients_soft_q.gradients import (
    Largest,
    Slips,
    bandit_gradients,
    n_step_gradients,
    normal,
)
from replications.papers.policy_gradients_soft_q.inequalities import OF_PROCESSES, OF_VALUES, attained, excess
from replications.papers.policy_gradients_soft_q.mdp import (
    SoftMDP,
    bellman,
    chain,
    chain_value,
    discounted_sum,
    evaluate,
    grid,
    policy_iteration,
    random_mdp,
    value_iteration,
)
from replications.study import Context, Curve, Outcome

if TYPE_CHECKING:
    from replications.papers.policy_gradients_soft_q.study import Config

SCATTER = 50  # random cases kept of each setting, for the figure
BINS = 50  # of the histograms of left/right
CHAIN_PRIZES = (-1.0, 0.5, 1.0, 3.0)  # units of reward
VALUE_LABELS = ("temperature τ (units of reward)", "soft value V (units of reward)")


def chunks(total: int, size: int) -> Iterator[int]:
    """Sizes that add to `total`, none above `size`."""
    for start in range(0, total, size):
        yield min(size, total - start)


def duality(config: Config, context: Context) -> Outcome:
    """Donsker-Varadhan both ways, the gap identity, and the two gradients of a bandit with a random network."""
    generator, largest = context.generator(), Largest()
    slips, scatter = Slips(), []
    misses: list[float] = []
    for tau in config.taus:
        for actions in config.actions:
            kept = 0
            for count in chunks(config.draws, config.chunk):
                q, reward, log_mu, log_pi = _bandits(count, actions, generator)
                gap = method.duality_gap(log_pi, q, log_mu, tau)
                divergence = tau * method.kl(log_pi, method.soft_policy(q, log_mu, tau))
                largest.see("gap_identity", gap - divergence)
                _conjugacy(q, log_pi, log_mu, tau, largest, misses)
                bandit_gradients(config.hidden, reward, log_mu, tau, generator, largest, slips)
                if kept < SCATTER:
                    scatter.append(torch.stack([divergence, gap])[:, : SCATTER - kept])
                    kept += scatter[-1].shape[1]
        slips.close(tau)
    arrays = {"gap": torch.cat(scatter, 1).cpu().numpy().astype(np.float32)}
    return Outcome({**largest.scalars, **slips.scalars(), "dv_miss": min(misses)}, slips.curves(), arrays)


def process(config: Config, context: Context) -> Outcome:
    """Soft optimality by two routes, the performance identities, and the n-step gradients on tabular processes."""
    generator, largest, slips, missed = context.generator(), Largest(), Slips(), []
    for tau in config.taus:
        for count in chunks(config.draws, config.chunk):
            mdp = _world(config, count, generator)
            log_pi = torch.log_softmax(normal(generator, count, *mdp.reward.shape[-2:]), -1)
            value = value_iteration(mdp, tau)
            solved, log_best = policy_iteration(mdp, tau)
            largest.see("bellman_residual", bellman(mdp, value, tau) - value)
            consistency = method.action_value(value, log_best, mdp.log_mu, tau) - mdp.action_value(solved)
            largest.see("consistency", consistency)
            for name, identity in OF_PROCESSES.items():
                largest.see(f"{name}_excess", excess(identity(mdp, log_pi, tau), 1.0))
            missed.append(_wrong_trajectory(mdp, log_pi, solved, log_best, tau))
            for steps in config.steps:
                n_step_gradients(mdp, count, config.hidden, tau, steps, generator, largest, slips)
        slips.close(tau)
        if config.world == "chain":
            for prize in CHAIN_PRIZES:
                found = value_iteration(chain(prize), tau)[0] - chain_value(prize, tau)
                largest.see("closed_form", found)
    scalars = {**largest.scalars, **slips.scalars(), "wrong_trajectory_error": min(missed)}
    return Outcome(scalars, slips.curves())


def _wrong_trajectory(mdp: SoftMDP, log_pi: Tensor, best: Tensor, log_best: Tensor, tau: float) -> float:
    """I3 with the states that π* visits where π's are due: the median relative error over draws."""
    gap = best - evaluate(mdp, log_pi, tau)
    wrong = tau * discounted_sum(mdp, log_best, method.kl(log_pi, log_best))
    return float(((wrong - gap).norm(dim=-1) / gap.norm(dim=-1)).median())


def candidates(config: Config, context: Context) -> Outcome:
    """The inequalities about values on random cases, and at the cases that attain their constants."""
    generator, largest = context.generator(), Largest()
    edges = torch.linspace(0.0, 1.0, BINS + 1, dtype=torch.float64)
    counts = {name: torch.zeros(BINS, dtype=torch.float64) for name in OF_VALUES}
    for actions in config.actions:
        for count in chunks(math.ceil(config.draws / len(config.actions)), config.chunk):
            draw = inequalities.random_draw(count, actions, generator)
            for name, inequality in OF_VALUES.items():
                sides = inequality(draw)
                largest.see(f"{name}_excess", excess(sides, draw.scale))
                left, right = sides[0]
                ratio = torch.nan_to_num(left / right, nan=1.0).clamp(0.0, 1.0).cpu()
                counts[name] += torch.histogram(ratio, edges).hist
        context.progress((1 + config.actions.index(actions)) / len(config.actions))
    sharp = {name: attained(name) for name in OF_VALUES if name != "i5"}  # I5 is an equality
    scalars = largest.scalars | {f"{name}_attained": min(ratios) for name, ratios in sharp.items()}
    arrays = {name: counts[name].numpy().astype(np.int32) for name in ("i6", "i7", "i8")}
    return Outcome(scalars, arrays=arrays)


def limits(config: Config, context: Context) -> Outcome:
    """Cold and hot limits of V_τ, and what an entropy bonus pays for that a KL penalty to uniform does not."""
    generator, largest = context.generator(), Largest()
    q, _, log_mu, _ = _bandits(config.draws, config.actions[0], generator)
    best, where = q.max(-1)
    others = q.scatter(-1, where[:, None], -torch.inf).amax(-1)
    cold = (best - others) / 50.0  # the runner-up has weight e^-50 here
    expansion = best + cold * log_mu.gather(-1, where[:, None])[:, 0]
    largest.see("cold_error", (method.soft_value(q, log_mu, cold) - expansion) / (1.0 + best.abs()))
    temperatures = torch.logspace(2, 3, 9, dtype=torch.float64, device=q.device)
    residual = [float(_hot_residual(q, log_mu, tau).abs().median()) for tau in temperatures]
    order = np.polyfit(np.log(temperatures.cpu().numpy()), np.log(residual), 1)[0]

    axis = np.geomspace(1e-2, 1e2, 81).tolist()
    case, reference = q[:1], log_mu[:1]
    curves = {"soft_value": Curve(axis, [float(method.soft_value(case, reference, t)) for t in axis], *VALUE_LABELS)}
    mean = float(method.expectation(reference, case))
    variance = float(method.expectation(reference, case**2)) - mean**2
    curves["hot"] = Curve(axis, [mean + variance / (2.0 * t) for t in axis], *VALUE_LABELS)
    corner = float(case.max()), float(reference[0, int(case.argmax())])
    curves["cold"] = Curve(axis, [corner[0] + t * corner[1] for t in axis], *VALUE_LABELS)
    curves |= _reach_curves(config.gamma)

    reach = [float(np.interp(0.3, curves[name].x, curves[name].y)) for name in ("reach_bonus", "reach_kl")]
    largest.see("reach_ratio", reach[0] / reach[1])
    shift = _bonus_shift(config.gamma, 0.1, absorbing=False)
    largest.see("bonus_identity", shift - 0.1 * math.log(4) / (1.0 - config.gamma))
    largest.see("episodic_spread", method.oscillation(_bonus_shift(config.gamma, 0.1, absorbing=True)))
    return Outcome({**largest.scalars, "hot_order": float(order)}, curves)


def _hot_residual(q: Tensor, log_mu: Tensor, tau: Tensor) -> Tensor:
    """What V_τ leaves after its mean and variance terms, of order τ⁻². (B,)."""
    mean = method.expectation(log_mu, q)
    variance = method.expectation(log_mu, (q - mean[:, None]) ** 2)
    return method.soft_value(q - mean[:, None], log_mu, tau.expand(len(q))) - variance / (2.0 * tau)


def _reach_curves(gamma: float) -> dict[str, Curve]:
    """E γ^(T-1), T the moves to the paying corner, under the optimal policies of the two forms of regularisation."""
    world, bonus = _forms(gamma, absorbing=True)
    axis = np.geomspace(1e-2, 1.0, 41).tolist()
    curves = {}
    for name, form in (("reach_kl", world), ("reach_bonus", bonus)):
        reach = []
        for tau in axis:
            log_pi = method.soft_policy(form.action_value(value_iteration(form, tau)), form.log_mu, tau)
            arrival = method.expectation(log_pi, world.reward)  # the reward is 1 on arrival, else 0
            reach.append(float(discounted_sum(world, log_pi, arrival)[0]))
        curves[name] = Curve(axis, reach, "temperature τ (units of reward)", "discounted chance to arrive")
    return curves


def _forms(gamma: float, absorbing: bool) -> tuple[SoftMDP, SoftMDP]:
    """The grid with a KL penalty to uniform, and with an entropy bonus: a reference that does not sum to one."""
    world = grid(5, gamma, absorbing=absorbing)
    reference = torch.zeros_like(world.log_mu)
    if absorbing:
        reference[-1] = world.log_mu[-1]  # no entropy is paid once the episode has ended
    return world, SoftMDP(world.transition, world.reward, reference, gamma)


def _bonus_shift(gamma: float, tau: float, absorbing: bool) -> Tensor:
    """V of the bonus less V of the penalty, in every cell but the paying one. (24,)."""
    penalty, bonus = (value_iteration(form, tau) for form in _forms(gamma, absorbing))
    return (bonus - penalty)[:-1]


def _conjugacy(q: Tensor, log_pi: Tensor, log_mu: Tensor, tau: float, largest: Largest, misses: list[float]) -> None:
    """Donsker-Varadhan both ways, and the gradient of V_τ."""
    divergence, phi = method.kl(log_pi, log_mu), q / tau
    best_phi = log_pi - log_mu + 0.7  # any constant will do
    shortfall = divergence - method.donsker_varadhan(2.0 * best_phi, log_pi, log_mu)  # twice the right φ
    misses.append(float(shortfall.median()))
    largest.see("dv_kl", method.donsker_varadhan(best_phi, log_pi, log_mu) - divergence)
    log_mean, best_pi = torch.logsumexp(log_mu + phi, -1), method.soft_policy(q, log_mu, tau)
    largest.see("dv_log_mean", tau * (method.expectation(best_pi, phi) - method.kl(best_pi, log_mu) - log_mean))
    beyond_kl = method.donsker_varadhan(phi, log_pi, log_mu) - divergence
    beyond_mean = tau * (method.expectation(log_pi, phi) - divergence - log_mean)
    largest.see("dv_excess", torch.cat([beyond_kl, beyond_mean]).clamp_min(0.0))
    leaf = q.detach().requires_grad_()
    slope = torch.autograd.grad(method.soft_value(leaf, log_mu, tau).sum(), leaf)[0]
    largest.see("conjugate_gradient", slope - best_pi.exp())


def _bandits(count: int, actions: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """q, mean rewards, log μ, log π, each (count, actions)."""
    q, reward, mu, pi = (normal(generator, count, actions) for _ in range(4))
    return q, reward, torch.log_softmax(mu, -1), torch.log_softmax(pi, -1)


def _world(config: Config, count: int, generator: torch.Generator) -> SoftMDP:
    if config.world == "random":
        return random_mdp(config.states, config.actions[0], config.gamma, generator, count)
    if config.world == "grid":
        return grid(5, config.gamma).to(generator.device)
    if config.world == "chain":
        return chain(1.0).to(generator.device)
    raise ValueError(f"unknown world '{config.world}': choose random, grid or chain")
