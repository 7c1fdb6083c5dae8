"""Two agents that learn on a grid: one descends the soft Q-learning loss, one the policy gradient's, from one θ.

Same network, same plain SGD, same random numbers; each acts for itself. The agents ("walkers") are the leading
dimension of every tensor, so that all walk in one program. n-step targets as in equation eq-pgsq-delta.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from replications.papers.policy_gradients_soft_q import method
from replications.papers.policy_gradients_soft_q.mdp import SoftMDP
from replications.papers.policy_gradients_soft_q.method import kl

Parameters = list[Tensor]


@dataclass(frozen=True)
class Rollout:
    """n steps of B environments for each of W walkers, with n-step sums of the temporal difference errors."""

    states: Tensor  # (W, n, B), integers
    actions: Tensor  # (W, n, B), integers
    delta: Tensor  # (W, n, B), Δ_t over the steps that are left, frozen
    last: Tensor  # (W, B), the states reached


def initial_parameters(walkers: int, cells: int, hidden: int, actions: int, generator: torch.Generator) -> Parameters:
    """One random tanh network from a one-hot cell to V and the logits, copied to every walker."""
    shapes = [(cells, hidden), (1, hidden), (hidden, 1 + actions), (1, 1 + actions)]
    scales = [1.0, 1.0, hidden**-0.5, 0.1]
    one = [
        scale * torch.randn(*shape, generator=generator, dtype=torch.float64, device=generator.device)
        for scale, shape in zip(scales, shapes)
    ]
    return [tensor.expand(walkers, *tensor.shape).clone().requires_grad_() for tensor in one]


def tables(parameters: Parameters) -> tuple[Tensor, Tensor]:
    """V_θ (W, S) and log π_θ (W, S, A) in every cell: the input is one-hot, so the first layer is a look-up."""
    first, first_bias, second, second_bias = parameters
    out = torch.tanh(first + first_bias) @ second + second_bias  # (W, S, 1 + A)
    return out[..., 0], torch.log_softmax(out[..., 1:], -1)


def rollout(
    mdp: SoftMDP, value: Tensor, log_pi: Tensor, start: Tensor, steps: int, tau: float, uniforms: Tensor
) -> Rollout:
    """Let every walker act for `steps` steps from `start` (W, B) by its own policy.

    uniforms: (steps, 2, B) in [0, 1), shared by the walkers: the same policy takes the same actions.
    """
    value, log_pi = value.detach(), log_pi.detach()
    act, move = log_pi.exp().cumsum(-1), mdp.transition.cumsum(-1)
    divergence = tau * kl(log_pi, mdp.log_mu)  # (W, S)
    walker = torch.arange(start.shape[0], device=start.device)[:, None]
    state, states, actions, errors = start, [], [], []
    for step in range(steps):
        action = _draw(act[walker, state], uniforms[step, 0])
        landing = _draw(move[state, action], uniforms[step, 1])
        bootstrap = mdp.gamma * value[walker, landing] - value[walker, state]
        errors.append(mdp.reward[state, action] - divergence[walker, state] + bootstrap)
        states.append(state)
        actions.append(action)
        state = landing
    tail = torch.zeros_like(errors[0])
    sums = []
    for error in reversed(errors):
        tail = error + mdp.gamma * tail
        sums.append(tail)
    return Rollout(torch.stack(states, 1), torch.stack(actions, 1), torch.stack(sums[::-1], 1), state)


def _draw(cumulative: Tensor, uniform: Tensor) -> Tensor:
    """The outcome whose interval holds `uniform`; the last one where rounding leaves the sum below it."""
    index = (cumulative <= uniform[..., None]).sum(-1)
    return index.clamp_max(cumulative.shape[-1] - 1)


Loss = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, float], Tensor]
# (V, log π over actions, action, Δ, log μ over actions, τ) → the loss of each sample


def soft_q(value: Tensor, log_pi: Tensor, action: Tensor, delta: Tensor, log_mu: Tensor, tau: float) -> Tensor:
    """Soft Q-learning on Q = V + τ log π/μ."""
    target = _target(value, log_pi, delta, log_mu, tau)
    return method.soft_q_sample_loss(value, _of(log_pi, action), _of(log_mu, action), target, tau)


def actor_critic(value: Tensor, log_pi: Tensor, action: Tensor, delta: Tensor, log_mu: Tensor, tau: float) -> Tensor:
    """The policy gradient with coefficients (τ, τ², 1) and the sampled log-ratio."""
    target = _target(value, log_pi, delta, log_mu, tau)
    return method.actor_critic_sample_loss(value, _of(log_pi, action), _of(log_mu, action), target, tau)


def analytic_kl(value: Tensor, log_pi: Tensor, action: Tensor, delta: Tensor, log_mu: Tensor, tau: float) -> Tensor:
    """The policy gradient with the analytic KL: equal in the mean only."""
    return method.analytic_actor_critic_sample_loss(value, log_pi, action, delta, log_mu, tau)


def wrong_kl(value: Tensor, log_pi: Tensor, action: Tensor, delta: Tensor, log_mu: Tensor, tau: float) -> Tensor:
    """The policy gradient with KL coefficient τ where τ² is due: the slip that breaks the equality."""
    target = _target(value, log_pi, delta, log_mu, tau)
    chosen, reference = _of(log_pi, action), _of(log_mu, action)
    return method.actor_critic_sample_loss(value, chosen, reference, target, tau, kl_weight=tau)


WALKERS: dict[str, Loss] = {
    "soft_q": soft_q,
    "policy_gradient": actor_critic,
    "analytic_kl": analytic_kl,
    "wrong_kl": wrong_kl,
}


def losses(mdp: SoftMDP, parameters: Parameters, data: Rollout, tau: float) -> Tensor:
    """The mean loss of each walker on its own data, in the order of WALKERS. (W,)."""
    value, log_pi = tables(parameters)
    means = []
    for walker, loss in enumerate(WALKERS.values()):
        state = data.states[walker]  # (n, B)
        sample = (value[walker][state], log_pi[walker][state], data.actions[walker], data.delta[walker])
        means.append(loss(*sample, mdp.log_mu[state], tau).mean())
    return torch.stack(means)


def walk(
    mdp: SoftMDP,
    parameters: Parameters,
    tau: float,
    updates: int,
    batch: int,
    steps: int,
    rate: float,
    generator: torch.Generator,
    observe: Callable[[int, Parameters], None],
) -> None:
    """`updates` steps of plain SGD for all walkers at once; `observe` sees θ before the first and after each."""
    state = torch.zeros(len(WALKERS), batch, dtype=torch.long, device=parameters[0].device)
    observe(0, parameters)
    for update in range(1, updates + 1):
        with torch.no_grad():
            value, log_pi = tables(parameters)
        uniforms = torch.rand(steps, 2, batch, generator=generator, dtype=torch.float64, device=generator.device)
        data = rollout(mdp, value, log_pi, state, steps, tau, uniforms)
        state = data.last
        gradients = torch.autograd.grad(losses(mdp, parameters, data, tau).sum(), parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients):
                parameter -= rate * gradient
        observe(update, parameters)


def _target(value: Tensor, log_pi: Tensor, delta: Tensor, log_mu: Tensor, tau: float) -> Tensor:
    return (value + tau * kl(log_pi, log_mu) + delta).detach()  # Q̂ = V + τ KL + Δ


def _of(log_p: Tensor, action: Tensor) -> Tensor:
    return log_p.gather(-1, action[..., None])[..., 0]
