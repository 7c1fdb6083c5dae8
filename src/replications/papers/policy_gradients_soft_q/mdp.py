"""Tabular soft Markov decision processes, solved by linear algebra in float64.

Value convention of Schulman, Chen and Abbeel 2017: the return is Σ γ^t (r_t - τ KL_t) and Q leaves out the first KL, so
V(s) = E_π Q(s, a) - τ KL(s). All tensors may carry leading batch dimensions: one call solves many processes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from replications.papers.policy_gradients_soft_q.method import expectation, kl, soft_policy, soft_value


@dataclass(frozen=True)
class SoftMDP:
    """A finite process with reference policy μ; rewards and values in the same unit.

    Raises:
        ValueError: γ outside [0, 1), or rows of the transition tensor that do not sum to one.
    """

    transition: Tensor  # (..., S, A, S), P(s'|s, a)
    reward: Tensor  # (..., S, A)
    log_mu: Tensor  # (..., S, A)
    gamma: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.gamma < 1.0:
            raise ValueError(f"gamma must lie in [0, 1) for a discounted value to exist, got {self.gamma}")
        if not torch.allclose(self.transition.sum(-1), torch.ones_like(self.reward)):
            raise ValueError("every P(·|s, a) must sum to one: normalise the last dimension of the transition tensor")

    def to(self, device: torch.device | str) -> SoftMDP:
        """The same process on `device`."""
        return SoftMDP(self.transition.to(device), self.reward.to(device), self.log_mu.to(device), self.gamma)

    def action_value(self, value: Tensor) -> Tensor:
        """Q = r + γ P V. (..., S) → (..., S, A)."""
        return self.reward + self.gamma * torch.einsum("...sat,...t->...sa", self.transition, value)

    def kernel(self, log_pi: Tensor) -> Tensor:
        """P_π(s'|s). (..., S, A) → (..., S, S)."""
        return torch.einsum("...sa,...sat->...st", log_pi.exp(), self.transition)


def bellman(mdp: SoftMDP, value: Tensor, tau: float) -> Tensor:
    """The soft Bellman operator T V = V_τ(r + γ P V), a monotone γ-contraction. (..., S) → (..., S). eq-pgsq-bellman."""
    return soft_value(mdp.action_value(value), mdp.log_mu, tau)


def value_iteration(mdp: SoftMDP, tau: float, tolerance: float = 1e-13) -> Tensor:
    """V* as the limit of the soft Bellman operator, (..., S).

    The number of sweeps k comes from the contraction: γ^k ‖V*‖ ≤ tolerance, with ‖V*‖ ≤ ‖r‖/(1-γ) since
    ⟨μ, q⟩ ≤ V_τ(q) ≤ max q.
    """
    value = torch.zeros_like(mdp.reward[..., 0])
    largest = float(mdp.reward.abs().max()) / (1.0 - mdp.gamma) + 1.0
    sweeps = 1 if mdp.gamma == 0.0 else math.ceil(math.log(tolerance / largest) / math.log(mdp.gamma))
    for _ in range(sweeps):
        value = bellman(mdp, value, tau)
    return value


def discounted_sum(mdp: SoftMDP, log_pi: Tensor, cost: Tensor) -> Tensor:
    """E^π_s Σ_t γ^t cost(s_t) by a linear solve. cost (..., S) → (..., S)."""
    kernel = mdp.kernel(log_pi)
    system = torch.eye(kernel.shape[-1], dtype=kernel.dtype, device=kernel.device) - mdp.gamma * kernel
    return torch.linalg.solve(system, cost[..., None])[..., 0]


def evaluate(mdp: SoftMDP, log_pi: Tensor, tau: float) -> Tensor:
    """V^π = E^π Σ γ^t (r_t - τ KL_t), exactly. (..., S, A) → (..., S)."""
    return discounted_sum(mdp, log_pi, expectation(log_pi, mdp.reward) - tau * kl(log_pi, mdp.log_mu))


def policy_iteration(mdp: SoftMDP, tau: float, rounds: int = 200) -> tuple[Tensor, Tensor]:
    """V* and log π* by exact evaluation and soft improvement, a route that shares no loop with value iteration.

    Raises:
        ValueError: the policy still changes after `rounds` improvements.
    """
    log_pi = mdp.log_mu
    for _ in range(rounds):
        value = evaluate(mdp, log_pi, tau)
        improved = soft_policy(mdp.action_value(value), mdp.log_mu, tau)
        if float((improved.exp() - log_pi.exp()).abs().max()) < 1e-8:  # the next change is of the order of its square
            return evaluate(mdp, improved, tau), improved
        log_pi = improved
    raise ValueError(f"soft policy iteration did not settle in {rounds} rounds: raise `rounds` or tau")


def n_step_advantage(mdp: SoftMDP, log_pi: Tensor, value: Tensor, tau: float, n: int) -> Tensor:
    """E[Δ_t | s_t = s, a_t = a], Δ_t = Σ_{d<n} γ^d δ_{t+d}, for a frozen critic `value`. Returns (..., S, A).

    δ_t = r_t - τ KL_t + γ V(s_{t+1}) - V(s_t). Actions after the first come from π. Equation eq-pgsq-delta.
    """
    delta = mdp.action_value(value) - (tau * kl(log_pi, mdp.log_mu) + value)[..., None]  # (..., S, A)
    mean = expectation(log_pi, delta)  # (..., S)
    kernel = mdp.kernel(log_pi)
    tail = torch.zeros_like(mean)  # E of the δ that follow, seen from s_{t+1}
    for _ in range(n - 1):
        tail = mean + mdp.gamma * torch.einsum("...st,...t->...s", kernel, tail)
    return delta + mdp.gamma * torch.einsum("...sat,...t->...sa", mdp.transition, tail)


# --------------------------------------------------------------------------------------------------------- processes


def random_mdp(states: int, actions: int, gamma: float, generator: torch.Generator, batch: int = 1) -> SoftMDP:
    """Dense random processes: P(·|s, a) a softmax of 2·N(0, 1), r ~ N(0, 1), μ a softmax of N(0, 1)."""
    shape = (batch, states, actions)

    def normal(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator, dtype=torch.float64, device=generator.device)

    transition = torch.softmax(2.0 * normal(*shape, states), -1)
    return SoftMDP(transition, normal(*shape), torch.log_softmax(normal(*shape), -1), gamma)


def grid(size: int, gamma: float, step_cost: float = 0.0, absorbing: bool = False) -> SoftMDP:
    """A size × size grid with moves up, right, down, left; walls stop a move; μ is uniform.

    The corner opposite the start pays 1. From there every action leads back to the start, or, where `absorbing`,
    nowhere: the corner pays once on arrival and nothing after. `step_cost` is paid in every other cell.
    """
    cells = size * size
    goal = cells - 1
    transition = torch.zeros(cells, 4, cells, dtype=torch.float64)
    reward = torch.full((cells, 4), -step_cost, dtype=torch.float64)
    for cell in range(cells):
        row, column = divmod(cell, size)
        for action, (down, right) in enumerate(((-1, 0), (0, 1), (1, 0), (0, -1))):
            landing = min(max(row + down, 0), size - 1) * size + min(max(column + right, 0), size - 1)
            if cell == goal:
                landing = goal if absorbing else 0
                reward[cell, action] = 0.0 if absorbing else 1.0
            elif absorbing and landing == goal:
                reward[cell, action] += 1.0
            transition[cell, action, landing] = 1.0
    return SoftMDP(transition, reward, torch.full_like(reward, -math.log(4)), gamma)


def chain(prize: float) -> SoftMDP:
    """Two states, two actions, γ = ½, μ uniform: stay for nothing, or take `prize` and leave for a state that pays 0."""
    transition = torch.zeros(2, 2, 2, dtype=torch.float64)
    transition[0, 0, 0] = transition[0, 1, 1] = 1.0
    transition[1, :, 1] = 1.0
    reward = torch.tensor([[0.0, prize], [0.0, 0.0]], dtype=torch.float64)
    return SoftMDP(transition, reward, torch.full_like(reward, -math.log(2)), 0.5)


def chain_value(prize: float, tau: float) -> float:
    """V*(0) of `chain` in closed form, equation eq-pgsq-chain.

    u = exp(V*(0)/τ) solves 2u = u^γ + e^{prize/τ}; at γ = ½ that is a quadratic in √u, so that
    V*(0) = 2τ log((1 + √(1 + 8 e^{prize/τ})) / 4).
    """
    log_root = 0.5 * np.logaddexp(0.0, math.log(8.0) + prize / tau)  # log √(1 + 8 e^{prize/τ}), which may overflow
    return float(2.0 * tau * (np.logaddexp(0.0, log_root) - math.log(4.0)))
