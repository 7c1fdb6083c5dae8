"""Richemond and Maginnis 2017: the duality between relative entropy and log-sum-exp, and the two gradients it equates.

Only the abstract of the paper could be read. The equations below are its ingredients as the field states them
(Donsker-Varadhan, Legendre-Fenchel), re-derived; the n-step form is that of Schulman, Chen and Abbeel 2017. Numbers
"eq-pgsq-…" are those of the chapter. Policies and reference policies travel as logarithms: at τ = 0.01 a probability
underflows where its logarithm does not. `tau` is a number or a tensor of the batch shape (...), in units of reward.
"""

from __future__ import annotations

import torch
from torch import Tensor


def soft_value(q: Tensor, log_mu: Tensor, tau: float | Tensor) -> Tensor:
    """V_τ(q) = τ log Σ_a μ(a) exp(q(a)/τ), the conjugate of τ KL(·‖μ). (..., A) → (...). Equation eq-pgsq-soft-value."""
    return tau * torch.logsumexp(log_mu + q / _over_actions(tau), dim=-1)


def soft_policy(q: Tensor, log_mu: Tensor, tau: float | Tensor) -> Tensor:
    """log π_q, with π_q ∝ μ exp(q/τ), the gradient of V_τ. (..., A) → (..., A). Equation eq-pgsq-soft-policy."""
    return torch.log_softmax(log_mu + q / _over_actions(tau), dim=-1)


def kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p‖q) in nats, with 0 log 0 = 0. (..., A) → (...)."""
    ratio = (log_p - log_q).masked_fill(log_p == -torch.inf, 0.0)
    return (log_p.exp() * ratio).sum(-1)


def entropy(log_p: Tensor) -> Tensor:
    """Shannon entropy in nats; log n less the KL to uniform. (..., A) → (...)."""
    return -kl(log_p, torch.zeros_like(log_p))


def expectation(log_p: Tensor, x: Tensor) -> Tensor:
    """⟨p, x⟩ = Σ_a p(a) x(a). (..., A) → (...)."""
    return (log_p.exp() * x).sum(-1)


def regularised_return(log_pi: Tensor, reward: Tensor, log_mu: Tensor, tau: float | Tensor) -> Tensor:
    """η(π) = ⟨π, r⟩ - τ KL(π‖μ), what the entropy-regularised policy gradient ascends. (..., A) → (...)."""
    return expectation(log_pi, reward) - tau * kl(log_pi, log_mu)


def duality_gap(log_pi: Tensor, q: Tensor, log_mu: Tensor, tau: float | Tensor) -> Tensor:
    """V_τ(q) - η(π), which is τ KL(π‖π_q). (..., A) → (...). Equation eq-pgsq-gap."""
    return soft_value(q, log_mu, tau) - regularised_return(log_pi, q, log_mu, tau)


def donsker_varadhan(phi: Tensor, log_pi: Tensor, log_mu: Tensor) -> Tensor:
    """E_π φ - log E_μ exp φ: at most KL(π‖μ), with equality at φ = log π/μ + c. (..., A) → (...).

    Equation eq-pgsq-dv. The expectations are sums over the actions: from samples the logarithm of a mean is biased.
    """
    return expectation(log_pi, phi) - torch.logsumexp(log_mu + phi, dim=-1)


def oscillation(x: Tensor) -> Tensor:
    """osc(x) = max x - min x. (..., A) → (...)."""
    return x.amax(-1) - x.amin(-1)


# ------------------------------------------------------------------------------------- expected losses, all actions


def action_value(value: Tensor, log_pi: Tensor, log_mu: Tensor, tau: float | Tensor) -> Tensor:
    """Q = V + τ log π/μ, the parametrisation that both losses share. (...), (..., A) → (..., A). eq-pgsq-compose."""
    return value[..., None] + _over_actions(tau) * (log_pi - log_mu)


def soft_q_loss(q: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Σ_a w(a) ½(Q(a) - Q̂(a))²: the left side of equations eq-pgsq-bandit and eq-pgsq-n-step. (..., A) → (...).

    `target` is frozen. `weights` are used as they come: the identity needs them to be π_θ, detached; another policy's,
    or a gradient that flows through them, breaks it. The ½ makes the gradient (Q - Q̂)∇Q.
    """
    return (weights * 0.5 * (q - target.detach()) ** 2).sum(-1)


def policy_gradient_loss(
    log_pi: Tensor, advantage: Tensor, log_mu: Tensor, tau: float | Tensor, kl_weight: float | Tensor | None = None
) -> Tensor:
    """-τ E_π[log π · Δ] + τ² KL(π‖μ): τ times the entropy-regularised policy-gradient loss. (..., A) → (...).

    Equation eq-pgsq-n-step, the first two terms on its right. `advantage` Δ is frozen, the expectation's weights too;
    `kl_weight` replaces τ² (to show that nothing else will do).
    """
    score = (log_pi.detach().exp() * log_pi * advantage.detach()).sum(-1)
    return -tau * score + (tau**2 if kl_weight is None else kl_weight) * kl(log_pi, log_mu)


def value_loss(value: Tensor, target: Tensor) -> Tensor:
    """½(V - V̂)², V̂ frozen: the critic's part, of weight 1/τ relative to the policy gradient's. (...) → (...)."""
    return 0.5 * (value - target.detach()) ** 2


# --------------------------------------------------------------------------------- losses of one sampled action each


def soft_q_sample_loss(value: Tensor, log_pi: Tensor, log_mu: Tensor, target: Tensor, tau: float) -> Tensor:
    """½(V + τρ - Q̂)², ρ = log π/μ at the sampled action: what soft Q-learning descends. (...) → (...)."""
    return 0.5 * (value + tau * (log_pi - log_mu) - target.detach()) ** 2


def actor_critic_sample_loss(
    value: Tensor, log_pi: Tensor, log_mu: Tensor, target: Tensor, tau: float, kl_weight: float | None = None
) -> Tensor:
    """-τ log π (Q̂ - V) + τ² ρ log π + ½(V - (Q̂ - τρ))², all factors but log π and the last V frozen. (...) → (...).

    Equation eq-pgsq-sample: an A2C step with coefficients (τ, τ², 1), whose KL is the one-sample estimate ρ. Its
    gradient is that of `soft_q_sample_loss` for every sample, whoever drew it.
    """
    rho = (log_pi - log_mu).detach()
    kl_weight = tau**2 if kl_weight is None else kl_weight
    actor = -tau * log_pi * (target - value).detach() + kl_weight * rho * log_pi
    return actor + value_loss(value, target - tau * rho)


def analytic_actor_critic_sample_loss(
    value: Tensor, log_pi: Tensor, action: Tensor, advantage: Tensor, log_mu: Tensor, tau: float
) -> Tensor:
    """-τ log π(a) Δ + τ² KL(π‖μ) + ½(V - (V + Δ))², the textbook A2C with the whole KL of the state.

    Equal to `soft_q_sample_loss` in the mean over a ~ π only. log_pi and log_mu are (..., A), the rest (...).
    """
    chosen = log_pi.gather(-1, action[..., None])[..., 0]
    critic = value_loss(value, value.detach() + advantage)
    return -tau * chosen * advantage.detach() + tau**2 * kl(log_pi, log_mu) + critic


def _over_actions(tau: float | Tensor) -> float | Tensor:
    return tau[..., None] if isinstance(tau, Tensor) else tau
