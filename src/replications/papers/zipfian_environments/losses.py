"""Losses of the agents: V-trace (IMPALA), reconstruction, a BYOL-style loss, and the λ-returns of the replay agent.

Chan et al. 2022, section 4 and appendix A; V-trace is Espeholt et al. 2018, equation 1. Time runs along the first dimension.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from replications.papers.zipfian_environments.method import rescale, unscale


def vtrace(
    log_rho: torch.Tensor, reward: torch.Tensor, discount: torch.Tensor, value: torch.Tensor, bootstrap: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """V-trace targets and advantages, each (T, B), with both clips at one. No gradient flows through them.

    Args:
        log_rho: log of the policy's over the behaviour's probability of the action taken, (T, B).
        reward, discount, value: (T, B); discount is γ, or 0 where the episode ended.
        bootstrap: value of the observation after the last step, (B,).
    """
    with torch.no_grad():
        rho = log_rho.exp().clamp(max=1.0)
        following = torch.cat([value[1:], bootstrap[None]])
        delta = rho * (reward + discount * following - value)
        correction = torch.zeros_like(bootstrap)
        targets = torch.empty_like(value)
        for t in range(len(value) - 1, -1, -1):
            correction = delta[t] + discount[t] * rho[t] * correction
            targets[t] = value[t] + correction
        next_target = torch.cat([targets[1:], bootstrap[None]])
        return targets, rho * (reward + discount * next_target - value)


def actor_critic_loss(
    logits: torch.Tensor,
    action: torch.Tensor,
    behaviour: torch.Tensor,
    reward: torch.Tensor,
    discount: torch.Tensor,
    value: torch.Tensor,
    bootstrap: torch.Tensor,
    baseline_cost: float,
    entropy_cost: float,
) -> torch.Tensor:
    """IMPALA's loss, a mean over steps: policy gradient, half the squared error of the baseline, and entropy.

    Args:
        logits: (T, B, A); action (T, B); behaviour: log-probability at the time of acting, (T, B). Others as in `vtrace`.
    """
    log_policy = functional.log_softmax(logits, -1)
    taken = log_policy.gather(-1, action[..., None]).squeeze(-1)
    targets, advantage = vtrace((taken - behaviour).detach(), reward, discount, value.detach(), bootstrap.detach())
    entropy = -(log_policy.exp() * log_policy).sum(-1).mean()
    policy = -(taken * advantage).mean()
    return policy + baseline_cost * 0.5 * (targets - value).square().mean() - entropy_cost * entropy


def reconstruction_loss(logits: torch.Tensor, observed: torch.Tensor) -> torch.Tensor:
    """Sigmoid cross-entropy between predicted and observed features of the view, a mean over both."""
    return functional.binary_cross_entropy_with_logits(logits, observed)


def byol_loss(prediction: torch.Tensor, projection: torch.Tensor) -> torch.Tensor:
    """2 - 2 cosine between a prediction and a target's projection (N, D), which gets no gradient; a mean over rows."""
    return 2 - 2 * functional.cosine_similarity(prediction, projection.detach(), dim=-1).mean()


@torch.no_grad()
def follow(target: nn.Module, online: nn.Module, tau: float) -> None:
    """ξ ← τξ + (1-τ)θ for parameters and running statistics; counts are copied."""
    for old, new in zip(target.state_dict().values(), online.state_dict().values(), strict=True):
        if old.is_floating_point():
            old.lerp_(new, 1 - tau)
        else:
            old.copy_(new)


def lambda_returns(
    reward: torch.Tensor, discount: torch.Tensor, bootstrap: torch.Tensor, greedy: torch.Tensor, lam: float
) -> torch.Tensor:
    """Watkins' Q(λ) in rescaled values: targets h(G_t), (T, B).

    G_t = r_t + γ_t [(1 - λ g) h⁻¹(Q(s', a*)) + λ g G_{t+1}], where g says that the next action was the greedy one.

    Args:
        bootstrap: rescaled value of the next observation's greedy action by the target network, (T, B).
        greedy: whether the action taken at each step was greedy, bool (T, B).
    """
    following = unscale(bootstrap)
    result = torch.empty_like(reward)
    result[-1] = reward[-1] + discount[-1] * following[-1]
    for t in range(len(reward) - 2, -1, -1):
        share = lam * greedy[t + 1].float()
        result[t] = reward[t] + discount[t] * ((1 - share) * following[t] + share * result[t + 1])
    return rescale(result)
