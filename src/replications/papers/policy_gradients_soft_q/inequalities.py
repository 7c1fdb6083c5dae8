"""Nine inequalities about soft values and soft policies, with their sharp constants.

The abstract of Richemond and Maginnis 2017 announces a new policy inequality; its form could not be read. These are the
members of the family that the duality yields, derived by us: candidates, none confirmed as the paper's. Each function
returns its sides as pairs (left, right) with 0 ≤ left ≤ right, so that left/right says how sharp the bound is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from replications.papers.policy_gradients_soft_q.mdp import SoftMDP, discounted_sum, evaluate, policy_iteration
from replications.papers.policy_gradients_soft_q.method import expectation, kl, oscillation, soft_policy, soft_value

Sides = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Draw:
    """A batch of random cases: two action values, a reference, two policies, a temperature."""

    q: Tensor  # (B, A), action values in units of reward
    other_q: Tensor  # (B, A)
    log_mu: Tensor  # (B, A)
    log_pi: Tensor  # (B, A)
    other_log_pi: Tensor  # (B, A)
    tau: Tensor  # (B,), units of reward

    @property
    def scale(self) -> Tensor:
        """The largest number that enters a case: what rounding is relative to. (B,)."""
        return torch.stack(
            [self.q.abs().amax(-1), self.other_q.abs().amax(-1), self.tau, torch.ones_like(self.tau)]
        ).amax(0)


def fenchel_young(d: Draw) -> Sides:
    """I1. ⟨π, q⟩ ≤ V_τ(q) + τ KL(π‖μ); equality at π_q only. Both sides less min q, so that they are positive."""
    q = _from_zero(d.q)
    return [(expectation(d.log_pi, q), soft_value(q, d.log_mu, d.tau) + d.tau * kl(d.log_pi, d.log_mu))]


def soft_value_bounds(d: Draw) -> Sides:
    """I2. ⟨μ, q⟩ ≤ V_τ(q) ≤ max q, V_τ(q) ≥ max q + τ log μ(a*), and max q ≤ τ log Σ exp(q/τ) ≤ max q + τ log n."""
    q = _from_zero(d.q)
    value, best, where = soft_value(q, d.log_mu, d.tau), *q.max(-1)
    log_mu_best = d.log_mu.gather(-1, where[..., None])[..., 0]
    plain = soft_value(q, torch.zeros_like(q), d.tau)
    return [
        (expectation(d.log_mu, q), value),
        (value, best),
        (best - value, -d.tau * log_mu_best),
        (best, plain),
        (plain - best, d.tau * torch.log(torch.full_like(best, q.shape[-1]))),
    ]


def monotonicity(d: Draw) -> Sides:
    """I5. ⟨π_q - π_q', q - q'⟩ = τ[KL(π_q‖π_q') + KL(π_q'‖π_q)] ≥ 0: both orders of the equality."""
    one, two = soft_policy(d.q, d.log_mu, d.tau), soft_policy(d.other_q, d.log_mu, d.tau)
    product = ((one.exp() - two.exp()) * (d.q - d.other_q)).sum(-1)
    divergence = d.tau * (kl(one, two) + kl(two, one))
    return [(product, divergence), (divergence, product)]


def smoothness(d: Draw) -> Sides:
    """I6. V(q') - V(q) - ⟨π_q, q' - q⟩ = τ KL(π_q‖π_q') ≤ osc(q' - q)²/8τ ≤ ‖q' - q‖²_∞/2τ."""
    change = d.other_q - d.q
    one, two = soft_policy(d.q, d.log_mu, d.tau), soft_policy(d.other_q, d.log_mu, d.tau)
    slope = expectation(one, change)
    bregman = soft_value(d.other_q, d.log_mu, d.tau) - soft_value(d.q, d.log_mu, d.tau) - slope
    divergence, quadratic = d.tau * kl(one, two), oscillation(change) ** 2 / (8.0 * d.tau)
    sup = change.abs().amax(-1) ** 2 / (2.0 * d.tau)
    return [(divergence, quadratic), (divergence, sup), (bregman, divergence), (divergence, bregman)]


def lipschitz_policy(d: Draw) -> Sides:
    """I7. ‖π_q - π_q'‖₁ ≤ osc(q - q')/2τ ≤ ‖q - q'‖_∞/τ."""
    change = d.other_q - d.q
    one, two = soft_policy(d.q, d.log_mu, d.tau), soft_policy(d.other_q, d.log_mu, d.tau)
    distance = (one.exp() - two.exp()).abs().sum(-1)
    return [(distance, oscillation(change) / (2.0 * d.tau)), (distance, change.abs().amax(-1) / d.tau)]


def transport(d: Draw) -> Sides:
    """I8. ⟨π - μ, q⟩ ≤ τ KL(π‖μ) + osc(q)²/8τ for every τ, at its best osc(q) √(KL(π‖μ)/2), compared in squares.

    Squares, because the root of a small KL makes its rounding large.
    """
    gain = ((d.log_pi.exp() - d.log_mu.exp()) * d.q).sum(-1).abs()
    divergence, spread = kl(d.log_pi, d.log_mu), oscillation(d.q)
    return [(gain, d.tau * divergence + spread**2 / (8.0 * d.tau)), (gain**2, spread**2 * divergence / 2.0)]


def change_of_measure(d: Draw) -> Sides:
    """I9. ⟨π, q⟩ ≤ τ KL(π‖π') + τ log E_π' exp(q/τ), for any two policies; equality at π ∝ π' exp(q/τ)."""
    q = _from_zero(d.q)
    right = d.tau * kl(d.log_pi, d.other_log_pi) + soft_value(q, d.other_log_pi, d.tau)
    return [(expectation(d.log_pi, q), right)]


def performance_gap(mdp: SoftMDP, log_pi: Tensor, tau: float) -> Sides:
    """I3. V* - V^π = τ E^π Σ γ^t KL(π‖π*)(s_t) ≥ 0, the trajectory under π, the worse policy. Sides (..., S)."""
    best, log_best = policy_iteration(mdp, tau)
    gap, visits = best - evaluate(mdp, log_pi, tau), tau * discounted_sum(mdp, log_pi, kl(log_pi, log_best))
    return [(gap, visits), (visits, gap)]


def policy_improvement(mdp: SoftMDP, log_pi: Tensor, tau: float) -> Sides:
    """I4. With π' = π_Q, Q = Q^π: V^π' - V^π = τ E^π' Σ γ^t KL(π‖π')(s_t) ≥ 0, the trajectory under the new policy."""
    value = evaluate(mdp, log_pi, tau)
    improved = soft_policy(mdp.action_value(value), mdp.log_mu, tau)
    gain = evaluate(mdp, improved, tau) - value
    visits = tau * discounted_sum(mdp, improved, kl(log_pi, improved))
    return [(gain, visits), (visits, gain)]


OF_VALUES: dict[str, Callable[[Draw], Sides]] = {
    "i1": fenchel_young,
    "i2": soft_value_bounds,
    "i5": monotonicity,
    "i6": smoothness,
    "i7": lipschitz_policy,
    "i8": transport,
    "i9": change_of_measure,
}
OF_PROCESSES: dict[str, Callable[[SoftMDP, Tensor, float], Sides]] = {"i3": performance_gap, "i4": policy_improvement}


def excess(sides: Sides, scale: Tensor | float) -> float:
    """The largest amount by which left exceeds right, or 0 exceeds left, relative to `scale` and to the sides."""
    worst = torch.zeros((), dtype=torch.float64)
    for left, right in sides:
        size = torch.maximum(
            torch.maximum(left.abs(), right.abs()), torch.as_tensor(scale, dtype=left.dtype, device=left.device)
        )
        for violation in ((left - right) / size, -left / size):
            worst = torch.maximum(worst, violation.max().cpu())  # NaN stays NaN
    return float(worst)


def random_draw(count: int, actions: int, generator: torch.Generator) -> Draw:
    """Random cases over several orders of magnitude: τ in [0.01, 10], q near and far apart, policies flat and peaked."""

    def normal() -> Tensor:
        return torch.randn(count, actions, generator=generator, dtype=torch.float64, device=generator.device)

    def magnitude(low: float, high: float) -> Tensor:  # log-uniform
        uniform = torch.rand(count, generator=generator, dtype=torch.float64, device=generator.device)
        return torch.exp(torch.log(torch.tensor(low)) + uniform * torch.log(torch.tensor(high / low)))

    q = normal() * magnitude(0.1, 10.0)[:, None]
    log_mu, log_pi, other = (torch.log_softmax(normal() * magnitude(0.01, 5.0)[:, None], -1) for _ in range(3))
    return Draw(q, q + normal() * magnitude(0.01, 10.0)[:, None], log_mu, log_pi, other, magnitude(0.01, 10.0))


def extremal_draw(name: str, device: torch.device | str = "cpu") -> list[Draw]:
    """The cases at which the constants of inequality `name` are attained, one batch for each pair that it returns.

    Two actions, μ uniform: the curvature of V_τ is largest at ½-½, and a small step ±x stays there.
    """
    x = torch.tensor([1e-3], dtype=torch.float64, device=device)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    half = torch.full((1, 2), 0.5, dtype=torch.float64, device=device).log()

    def case(q: Tensor, other: Tensor, tau: Tensor, log_mu: Tensor = half) -> Draw:
        tilted = soft_policy(q, half, tau)
        return Draw(q, other, log_mu, tilted, half, tau)

    def pair(a: Tensor, b: Tensor) -> Tensor:
        return torch.stack([a, b], -1)

    step = case(pair(-x / 2, x / 2), pair(x / 2, -x / 2), one)
    unit = pair(zero, one)
    if name == "i2":
        hot, cold = case(unit, unit, 1e4 * one), case(unit, unit, 1e-4 * one)
        return [hot, cold, cold, cold, case(pair(one, one), unit, one)]
    return {
        "i1": [case(unit, unit, one)],
        "i6": [step, step],
        "i7": [step, step],
        "i8": [step, step],
        "i9": [case(unit, unit, one)],
    }[name]


def attained(name: str, device: torch.device | str = "cpu") -> list[float]:
    """left/right of each bound of inequality `name` at its extremal case: 1 where the constant is sharp."""
    inequality = OF_VALUES[name]
    ratios = []
    for index, draw in enumerate(extremal_draw(name, device)):
        left, right = inequality(draw)[index]
        ratios.append(float(left / right))
    return ratios


def _from_zero(q: Tensor) -> Tensor:
    return q - q.amin(-1, keepdim=True)
