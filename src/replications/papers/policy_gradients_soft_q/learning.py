"""What the walk of walk.py measures: how far the agents part, where they go, and gradients that agree in the mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from replications.papers.policy_gradients_soft_q import walk as walking
from replications.papers.policy_gradients_soft_q.mdp import SoftMDP, evaluate, grid, policy_iteration
from replications.study import Context, Curve, Outcome

if TYPE_CHECKING:
    from replications.papers.policy_gradients_soft_q.study import Config


SMALLEST = 4  # batch
LARGE = 256  # batch from which the slope is fitted: smaller ones have not reached the law


def learning(config: Config, context: Context) -> Outcome:
    """Soft Q-learning and the policy gradient from one θ, and how the analytic-KL gradient approaches theirs."""
    device, tau = context.device, config.tau
    mdp = grid(5, config.gamma).to(device)
    cells, actions = mdp.reward.shape
    names = list(walking.WALKERS)
    parameters = walking.initial_parameters(len(names), cells, config.hidden, actions, context.generator("weights"))
    marks = set(np.unique(np.linspace(0, config.updates, 101).round().astype(int)).tolist())
    distance: list[Tensor] = []
    policies: list[Tensor] = []
    values: list[Tensor] = []
    updates: list[int] = []

    def observe(update: int, theta: walking.Parameters) -> None:
        frozen = [part.detach() for part in theta]
        distance.append(torch.stack([(part - part[:1]).flatten(1).abs().amax(1) for part in frozen]).amax(0))
        if update in marks:
            _, log_pi = walking.tables(frozen)
            updates.append(update)
            policies.append(log_pi.exp().flatten(1))
            values.append(evaluate(mdp, log_pi, tau)[:, 0])
        context.progress(update / config.updates)

    first = [part.detach()[:1].clone() for part in parameters]
    sizes, misses = _cosines(mdp, first, config, context.generator("cosine"))
    sgd = (tau, config.updates, config.batch, config.rollout, config.rate)
    walking.walk(mdp, parameters, *sgd, context.generator("walk"), observe)
    best, log_best = policy_iteration(mdp, tau)
    apart, path, soft = torch.stack(distance).cpu(), torch.stack(policies, 1), torch.stack(values, 1).cpu()
    plane, optimum, explained = _project(path, log_best.exp().flatten())
    large = sizes >= LARGE
    scalars = {
        "walk_distance": float(apart[:, names.index("policy_gradient")].max()),
        "policy_distance": float((path[names.index("policy_gradient")] - path[0]).abs().max()),
        "analytic_distance": float(apart[-1, names.index("analytic_kl")]),
        "wrong_kl_distance": float(apart[-1, names.index("wrong_kl")]),
        "progress": float((soft[0, -1] - soft[0, 0]) / (best[0].cpu() - soft[0, 0])),
        "cosine_slope": float(np.polyfit(np.log(sizes[large]), np.log(misses[large]), 1)[0]),
        "cosine_miss": float(misses[-1]),
        "plane_share": explained,
    }
    curves = {"cosine": Curve(sizes.tolist(), misses.tolist(), "batch size", "1 - cosine")}
    for index, name in enumerate(names):
        curves[f"value_{name}"] = Curve(updates, soft[index].tolist(), "update", "soft value of the start")
        if index:
            steps = range(len(apart))
            curves[f"distance_{name}"] = Curve.thin(steps, apart[:, index].tolist(), "update", "largest |θ - θ'|")
    arrays = {"path": plane.astype(np.float32), "optimum": optimum.astype(np.float32)}
    samples = len(names) * config.updates * config.batch * config.rollout
    return Outcome(scalars, curves, arrays, steps=config.updates, samples=samples)


def _project(path: Tensor, optimum: Tensor) -> tuple[np.ndarray, np.ndarray, float]:
    """The walks (W, T, ·) and the optimum on the two directions in which soft Q-learning's policy varies most."""
    centre = path[0].mean(0)
    _, strength, directions = torch.linalg.svd(path[0] - centre, full_matrices=False)
    signs = torch.sign((path[0, -1] - path[0, 0]) @ directions[:2].T)  # the walk goes to the right and up
    basis = directions[:2] * torch.where(signs == 0, torch.ones_like(signs), signs)[:, None]
    share = float((strength[:2] ** 2).sum() / (strength**2).sum())
    return ((path - centre) @ basis.T).cpu().numpy(), ((optimum - centre) @ basis.T).cpu().numpy(), share


def _cosines(
    mdp: SoftMDP, theta: walking.Parameters, config: Config, generator: torch.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of 1 - cos between the gradients of soft Q-learning and of analytic-KL A2C on the same batch, by batch size.

    Gradients with respect to V and log π of each cell are averaged in nested batches of 4^k; the inner product with
    respect to θ follows from the Jacobian of those tables.
    """

    def flat_tables(*parameters: Tensor) -> Tensor:
        return torch.cat([part.flatten() for part in walking.tables(list(parameters))])

    jacobian = torch.autograd.functional.jacobian(flat_tables, tuple(theta))
    jacobian = torch.cat([part.flatten(1) for part in jacobian], 1)  # (S + S·A, parameters)
    gram = jacobian @ jacobian.T
    rounds = [_misses(mdp, theta, config, gram, generator) for _ in range(config.cosine_rounds)]
    return SMALLEST * 4.0 ** np.arange(len(rounds[0])), np.mean(rounds, 0)


def _misses(
    mdp: SoftMDP, theta: walking.Parameters, config: Config, gram: Tensor, generator: torch.Generator
) -> list[float]:
    """Mean of 1 - cos over the batches of one round of samples, for batch sizes 4, 16, …."""
    cells, total = mdp.reward.shape[0], 4**config.cosine_power
    value, log_pi = walking.tables(theta)
    start = torch.randint(cells, (1, total), generator=generator, device=value.device)
    uniforms = torch.rand(config.rollout, 2, total, generator=generator, dtype=torch.float64, device=value.device)
    data = walking.rollout(mdp, value, log_pi, start, config.rollout, config.tau, uniforms)
    groups = total // SMALLEST
    state, action, delta = (part[0, 0].reshape(groups, SMALLEST) for part in (data.states, data.actions, data.delta))
    index = torch.arange(groups, device=value.device)[:, None]
    gradients = []
    for name in ("soft_q", "analytic_kl"):
        leaves = [value.expand(groups, -1).clone(), log_pi.expand(groups, -1, -1).clone()]
        leaves = [leaf.requires_grad_() for leaf in leaves]
        sample = (leaves[0][index, state], leaves[1][index, state], action, delta, mdp.log_mu[state], config.tau)
        parts = torch.autograd.grad(walking.WALKERS[name](*sample).mean(1).sum(), leaves)
        gradients.append(torch.cat([part.flatten(1) for part in parts], 1))  # (groups, S + S·A)
    first, second = gradients
    misses = []
    while len(first) >= 64:  # batches to average over
        inner, own, other = (((a @ gram) * b).sum(1) for a, b in ((first, second), (first, first), (second, second)))
        misses.append(float((1.0 - inner / (own * other).sqrt()).mean()))
        first, second = (part.reshape(-1, 4, part.shape[1]).mean(1) for part in (first, second))
    return misses
