"""The two gradients that the equivalence equates, measured on random networks; and the slips that must part them."""

from __future__ import annotations

import math
from collections import defaultdict

import torch
from torch import Tensor

from replications.papers.policy_gradients_soft_q import method
from replications.papers.policy_gradients_soft_q.mdp import SoftMDP, n_step_advantage
from replications.study import Curve

SLIPS = ("behaviour", "through_sampling", "wrong_kl")


class Largest:
    """Keeps the largest of the errors it is shown, by name."""

    def __init__(self) -> None:
        self.scalars: dict[str, float] = defaultdict(float)

    def see(self, name: str, error: Tensor | float) -> None:
        """Note the largest absolute value of `error`; NaN stays NaN."""
        worst = float(torch.as_tensor(error).detach().abs().max())
        if not worst <= self.scalars[name] and not math.isnan(self.scalars[name]):
            self.scalars[name] = worst


class Slips:
    """Relative errors of the equality once something is wrong: the median over draws, the least over settings."""

    def __init__(self) -> None:
        self._open: dict[str, list[float]] = {slip: [] for slip in SLIPS}
        self._closed: dict[str, list[tuple[float, float]]] = {slip: [] for slip in SLIPS}

    def see(self, slip: str, wrong: Tensor, right: Tensor) -> None:
        """Note the relative difference of two gradients, (B, parameters)."""
        relative = (wrong - right).norm(dim=1) / right.norm(dim=1)
        self._open[slip].append(float(relative.median()))

    def close(self, tau: float) -> None:
        """File what was seen since the last call under temperature `tau`."""
        for slip, seen in self._open.items():
            self._closed[slip].append((tau, min(seen)))
            seen.clear()

    def scalars(self) -> dict[str, float]:
        """The errors at the temperature nearest to 1."""
        return {
            f"{slip}_error": min(pairs, key=lambda pair: abs(math.log(pair[0])))[1]
            for slip, pairs in self._closed.items()
        }

    def curves(self) -> dict[str, Curve]:
        """Error against temperature, one curve for each slip."""
        labels = ("temperature τ (units of reward)", "relative error of the gradient")
        curves = {}
        for slip, pairs in self._closed.items():
            taus, errors = zip(*sorted(pairs))
            curves[f"slip_{slip}"] = Curve(taus, errors, *labels)
        return curves


def bandit_gradients(
    hidden: int, reward: Tensor, log_mu: Tensor, tau: float, generator: torch.Generator, largest: Largest, slips: Slips
) -> None:
    """Equation eq-pgsq-bandit for a random two-layer q_θ; its two sides, and the slips."""
    count, actions = reward.shape
    theta = [normal(generator, count, hidden), normal(generator, count, actions, hidden) / math.sqrt(hidden)]
    theta = [part.requires_grad_() for part in theta]
    q = torch.einsum("bah,bh->ba", theta[1], torch.tanh(theta[0]))
    value, log_pi = method.soft_value(q, log_mu, tau), method.soft_policy(q, log_mu, tau)
    on_policy = log_pi.detach().exp()

    def policy_side(kl_tau: float) -> Tensor:
        returns = method.regularised_return(log_pi, reward, log_mu, kl_tau)
        frozen = method.regularised_return(log_pi, reward, log_mu, tau)
        return flat(-tau * returns + method.value_loss(value, frozen), theta)

    left, right = flat(method.soft_q_loss(q, reward, on_policy), theta), policy_side(tau)
    largest.see("bandit_gradient", left - right)
    slips.see("behaviour", flat(method.soft_q_loss(q, reward, log_mu.exp()), theta), right)
    slips.see("through_sampling", flat(method.soft_q_loss(q, reward, log_pi.exp()), theta), right)
    slips.see("wrong_kl", left, policy_side(2.0 * tau))


def n_step_gradients(
    mdp: SoftMDP, count: int, hidden: int, tau: float, steps: int, generator: torch.Generator, largest: Largest,
    slips: Slips,
) -> None:  # fmt: skip
    """Equation eq-pgsq-n-step for a random two-layer (V_θ, π_θ) and a random state distribution; sample form too."""
    states, actions = mdp.reward.shape[-2:]
    features = normal(generator, states, hidden)
    theta = [normal(generator, count, hidden, hidden) / math.sqrt(hidden)]
    theta.append(normal(generator, count, hidden, 1 + actions))
    theta = [part.requires_grad_() for part in theta]
    out = torch.tanh(features @ theta[0]) @ theta[1] / math.sqrt(hidden)  # (B, S, 1 + A)
    value, log_pi = out[..., 0], torch.log_softmax(out[..., 1:], -1)
    visits = torch.softmax(normal(generator, count, states), -1)  # any d(s) will do
    delta = n_step_advantage(mdp, log_pi.detach(), value.detach(), tau, steps)
    divergence = tau * method.kl(log_pi, mdp.log_mu)
    target = ((value + divergence)[..., None] + delta).detach()
    q = method.action_value(value, log_pi, mdp.log_mu, tau)
    critic = method.value_loss(value, value + method.expectation(log_pi, delta))

    def soft_q(weights: Tensor) -> Tensor:
        return flat((visits * method.soft_q_loss(q, target, weights)).sum(-1), theta)

    def policy_side(kl_weight: float) -> Tensor:
        actor = method.policy_gradient_loss(log_pi, delta, mdp.log_mu, tau, kl_weight)
        return flat((visits * (actor + critic)).sum(-1), theta)

    left, right = soft_q(log_pi.detach().exp()), policy_side(tau**2)
    largest.see("n_step_gradient", left - right)
    slips.see("behaviour", soft_q(mdp.log_mu.exp().expand_as(log_pi)), right)
    slips.see("through_sampling", soft_q(log_pi.exp()), right)
    slips.see("wrong_kl", left, policy_side(2.0 * tau**2))

    action = torch.randint(actions, (count, states, 1), generator=generator, device=value.device)  # anyone's choice
    chosen, reference = log_pi.gather(-1, action)[..., 0], mdp.log_mu.expand_as(log_pi).gather(-1, action)[..., 0]
    sampled = (value, chosen, reference, target.gather(-1, action)[..., 0], tau)
    one, two = (f(*sampled).sum(-1) for f in (method.soft_q_sample_loss, method.actor_critic_sample_loss))
    largest.see("sample_gradient", flat(one, theta) - flat(two, theta))


def flat(loss: Tensor, theta: list[Tensor]) -> Tensor:
    """Gradients of each draw's loss, (B, parameters)."""
    return torch.cat([part.flatten(1) for part in torch.autograd.grad(loss.sum(), theta, retain_graph=True)], 1)


def normal(generator: torch.Generator, *shape: int) -> Tensor:
    """Standard normal numbers in float64, on the generator's device."""
    return torch.randn(*shape, generator=generator, dtype=torch.float64, device=generator.device)
