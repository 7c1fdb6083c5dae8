"""Two other readings of a trust region on arms: the static squared-distance cost, which pins, and KL (Fisher-Rao).

Policies ρ and rewards r are arrays (n,); a static cost C is (n, n), a transport plan Γ too, rows leaving, columns
arriving.
"""

from __future__ import annotations

import math

import numpy as np

from replications.papers.wasserstein_rl.method import positive

MAX_EXCHANGES = 100_000


def static_jko_step(
    rho: np.ndarray, reward: np.ndarray, beta: float, cost: np.ndarray, h: float, tolerance: float = 1e-11
) -> np.ndarray:
    """The minimiser of F(ρ') + min ⟨C, Γ⟩/2h over transport plans Γ (n, n) from ρ to ρ'; returns Γ.

    Exchanges mass between the two destinations of one row that violate optimality most, each exchange in closed form,
    until no exchange gains more than `tolerance` (units of reward): the gap to the optimum is then no larger. A pinned
    policy comes back unmoved, exactly. Made for small h: as C/2h falls below β the exchanges zigzag. Equation
    eq-wrl-pinning.

    Raises:
        ValueError: h or β not above zero, a cost that is negative or not (n, n), or a step that did not converge.
    """
    positive(h=h, beta=beta)
    n = len(rho)
    if cost.shape != (n, n) or (cost < 0).any():
        raise ValueError(f"the cost must be an ({n}, {n}) matrix without negative entries")
    linear = cost / (2 * h) - reward[None, :]  # of moving mass from i to j
    plan, new = np.diag(rho), rho.copy()
    for _ in range(MAX_EXCHANGES):
        with np.errstate(divide="ignore"):
            price = linear + beta * np.log(new)[None, :]  # (n, n); an empty arm is free to enter
        worst = np.where(plan > 0, price, -np.inf)
        source, target = worst.argmax(1), price.argmin(1)
        gain = worst.max(1) - price.min(1)
        i = int(gain.argmax())
        if not gain[i] > tolerance:
            return plan
        j, k = int(source[i]), int(target[i])
        odds = math.exp(min((linear[i, j] - linear[i, k]) / beta, 700.0))  # of k to j once they balance
        amount = min((odds * new[j] - new[k]) / (1 + odds), plan[i, j])
        plan[i, j] -= amount
        plan[i, k] += amount
        new[j], new[k] = plan[:, j].sum(), plan[:, k].sum()
    raise ValueError(f"the static step of h = {h:g} did not converge: choose a smaller h, or a larger tolerance")


def moved(plan: np.ndarray) -> float:
    """Share of mass that a plan takes away from its arm."""
    return float(plan.sum() - np.trace(plan))


def pinning_threshold(rho: np.ndarray, reward: np.ndarray, beta: float, cost: np.ndarray) -> float:
    """The h below which the static scheme moves nothing: min C_ij / 2 (f_j - f_i), f = r - β log ρ. Units of time."""
    f = reward - beta * np.log(rho)
    gain = f[None, :] - f[:, None]  # (from, to)
    uphill = gain > 0
    if not uphill.any():
        return math.inf
    return float((cost[uphill] / (2 * gain[uphill])).min())


def fisher_rao(rho: np.ndarray, reward: np.ndarray, beta: float, time: float) -> np.ndarray:
    """The flow π' = π (f - ⟨π, f⟩), f = r - β log π: log π_t = e^{-βt} log π_0 + (1 - e^{-βt}) r/β + c. (n,) → (n,).

    An arm without mass stays without. Equation eq-wrl-fisher-rao.
    """
    positive(beta=beta)
    keep = math.exp(-beta * time)
    with np.errstate(divide="ignore"):
        logits = keep * np.log(rho) + (1 - keep) * reward / beta
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()
