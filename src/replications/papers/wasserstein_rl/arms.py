"""Discrete arms: the Wasserstein metric of a graph (Maas 2011, Mielke 2011, Chow et al. 2012).

How the paper treats finite sets of arms could not be read. In this metric KL to the Gibbs policy flows along a linear
Markov chain; `contrasts` has the two other readings.
Policies ρ and rewards r are arrays (n,); the generator Q is (n, n) with rows that add to zero, acting as ρQ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import expm
from scipy.optimize import brentq

from replications.papers.wasserstein_rl.method import positive

MAX_NEWTON = 200


def softmax(reward: np.ndarray, beta: float) -> np.ndarray:
    """The Gibbs policy e^{r/β}/Σ e^{r/β}. (n,) → (n,)."""
    positive(beta=beta)
    weights = np.exp((reward - reward.max()) / beta)
    return weights / weights.sum()


def free_energy(rho: np.ndarray, reward: np.ndarray, beta: float) -> float:
    """F = -Σ ρ r + β Σ ρ log ρ in units of reward, with 0 log 0 = 0. (n,), (n,) → ()."""
    return float(-(rho @ reward) + beta * rho @ np.log(np.where(rho > 0, rho, 1.0)))


def kl(rho: np.ndarray, pi: np.ndarray) -> float:
    """KL(ρ‖π) in nats, with 0 log 0 = 0. (n,), (n,) → ()."""
    return float(rho @ np.log(np.where(rho > 0, rho / pi, 1.0)))


def total_variation(rho: np.ndarray, pi: np.ndarray) -> float:
    """½ Σ |ρ - π|. (n,), (n,) → ()."""
    return float(0.5 * np.abs(rho - pi).sum())


def log_mean(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The logarithmic mean (x - y)/(log x - log y), x where they are equal, 0 where one is 0. Elementwise."""
    x, y = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    inside = (x > 0) & (y > 0)
    ratio = np.log(np.where(inside, x / np.where(inside, y, 1.0), 1.0))  # log x - log y without cancellation
    apart = np.abs(ratio) > 1e-4  # below, y·expm1(ratio)/ratio by its series
    series = 1 + ratio / 2 + ratio**2 / 6 + ratio**3 / 24
    return np.where(inside, y * np.where(apart, np.expm1(ratio) / np.where(apart, ratio, 1.0), series), 0.0)


@dataclass(frozen=True, eq=False)
class Arms:
    """Arms on a graph: reward (n,), temperature β, symmetric conductances w (n, n), zero where arms do not touch.

    Q_ij = w_ij √(π_j/π_i) is reversible for the Gibbs policy π. w carries β/Δ² on a grid of spacing Δ, which makes
    ρQ a Fokker-Planck equation in the limit. Equation eq-wrl-generator.

    Raises:
        ValueError: rewards that are not finite, β not above zero, w not symmetric, negative, or not connecting all arms.
    """

    reward: np.ndarray
    beta: float
    w: np.ndarray

    def __post_init__(self) -> None:
        positive(beta=self.beta)
        n = len(self.reward)
        if self.reward.ndim != 1 or not np.isfinite(self.reward).all():
            raise ValueError("rewards must be a finite vector, one number an arm")
        if self.w.shape != (n, n) or (self.w < 0).any() or not np.array_equal(self.w, self.w.T):
            raise ValueError(f"conductances must be a symmetric ({n}, {n}) matrix without negative entries")
        if (np.linalg.matrix_power(np.eye(n) + (self.w > 0), n) == 0).any():
            raise ValueError("the graph of arms is not connected: mass could not reach every arm")

    @cached_property
    def pi(self) -> np.ndarray:
        """The Gibbs policy. (n,)."""
        return softmax(self.reward, self.beta)

    @cached_property
    def generator(self) -> np.ndarray:
        """Q, rows adding to zero. (n, n)."""
        root = np.exp((self.reward[None, :] - self.reward[:, None]) / (2 * self.beta))  # √(π_j/π_i)
        q = self.w * root
        np.fill_diagonal(q, 0.0)
        return q - np.diag(q.sum(1))

    def check(self, rho: np.ndarray) -> None:
        """Raise ValueError where ρ is not a policy on these arms."""
        if rho.shape != self.reward.shape or (rho < 0).any() or abs(rho.sum() - 1) > 1e-9:
            raise ValueError(f"a policy is {len(self.reward)} probabilities that add to one")

    def flow(self, rho: np.ndarray, time: float) -> np.ndarray:
        """The gradient flow of F at `time`: ρ e^{tQ}, exactly linear. (n,) → (n,). Equation eq-wrl-maas."""
        self.check(rho)
        return rho @ expm(time * self.generator)

    def onsager(self, rho: np.ndarray) -> np.ndarray:
        """The inverse metric K(ρ), a Laplacian with mobilities π_i Q_ij θ(ρ_i/π_i, ρ_j/π_j)/β. (n,) → (n, n)."""
        relative = rho / self.pi
        mobility = self.pi[:, None] * self.generator * log_mean(relative[:, None], relative[None, :]) / self.beta
        np.fill_diagonal(mobility, 0.0)
        return np.diag(mobility.sum(1)) - mobility

    def gradient(self, rho: np.ndarray) -> np.ndarray:
        """dF/dρ = -r + β (log ρ + 1). (n,) → (n,)."""
        return -self.reward + self.beta * (np.log(rho) + 1)

    def implicit_euler_step(self, rho: np.ndarray, h: float) -> np.ndarray:
        """ρ' with ρ' (1 - hQ) = ρ: keeps mass and positivity for every h. (n,) → (n,)."""
        positive(h=h)
        return np.linalg.solve(np.eye(len(rho)) - h * self.generator.T, rho)

    def jko_step(self, rho: np.ndarray, h: float) -> tuple[np.ndarray, float]:
        """The minimiser of F(ρ') + ‖ρ' - ρ‖²_ρ/2h, the metric frozen at ρ, and ‖ρ' - ρ‖_ρ. (n,) → (n,), ().

        Frozen, the squared distance is (ρ' - ρ)ᵀ K(ρ)⁺ (ρ' - ρ): the true one to third order. Equation eq-wrl-frozen.

        Raises:
            ValueError: h not above zero, or an arm without mass, where the metric is degenerate.
        """
        positive(h=h)
        self.check(rho)
        if (rho == 0).any():
            raise ValueError("a step in the metric of Maas needs some mass on every arm: start from a flow, t > 0")
        metric = np.linalg.pinv(self.onsager(rho), hermitian=True)
        n, new = len(rho), rho.copy()
        system = np.zeros((n + 1, n + 1))
        system[n, :n] = system[:n, n] = 1.0
        for _ in range(MAX_NEWTON):
            system[:n, :n] = np.diag(self.beta / new) + metric / h
            right = np.append(-self.gradient(new) - metric @ (new - rho) / h, 0.0)
            step = np.linalg.solve(system, right)[:n]
            new = new + min(1.0, 0.9 / max(float((-step / new).max()), 1e-300)) * step
            if np.abs(step).max() < 1e-14:
                break
        change = new - rho
        return new, math.sqrt(float(change @ metric @ change))

    def trust_region_step(self, rho: np.ndarray, radius: float) -> tuple[np.ndarray, float]:
        """The maximiser of E[r] + βH within ‖ρ' - ρ‖_ρ ≤ radius, and its h (∞ if the Gibbs policy is within). (n,)."""
        positive(radius=radius)
        most = 1e6  # a step so long that F alone decides
        new, length = self.jko_step(rho, most)
        if length <= radius:
            return new, math.inf
        root = brentq(
            lambda u: self.jko_step(rho, math.exp(u))[1] - radius, math.log(1e-9 * radius), math.log(most), xtol=1e-12
        )
        return self.jko_step(rho, math.exp(root))[0], math.exp(root)


def line(n: int) -> np.ndarray:
    """Unit conductances between neighbours of n arms on a line. (n, n)."""
    return np.eye(n, k=1) + np.eye(n, k=-1)
