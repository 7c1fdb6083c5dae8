"""The JKO scheme in closed form: a Gaussian policy under a quadratic reward stays Gaussian.

W₂ is Euclidean in (mean, std) - not in (mean, log std) - so the Fokker-Planck equation is gradient descent there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from replications.papers.wasserstein_rl.method import positive, root_of_log


@dataclass(frozen=True)
class Gaussian:
    """A policy N(mean, std²) on the line, in units of action."""

    mean: float
    std: float

    def __post_init__(self) -> None:
        positive(std=self.std)


@dataclass(frozen=True)
class QuadraticBandit:
    """r(a) = -k (a - m)²/2 with temperature β; stationary policy N(m, β/k). k = 0 is a flat reward: heat alone."""

    k: float  # reward / action²
    m: float  # action
    beta: float  # reward

    def __post_init__(self) -> None:
        positive(beta=self.beta)
        if not self.k >= 0:
            raise ValueError(f"k must not be negative, got {self.k}: e^(r/β) could not be normalised")

    @property
    def stationary(self) -> Gaussian:
        """The Gibbs policy ∝ e^{r/β}.

        Raises:
            ValueError: the reward is flat.
        """
        if self.k == 0:
            raise ValueError("a flat reward has no stationary policy on the line: choose k above zero")
        return Gaussian(self.m, math.sqrt(self.beta / self.k))

    def flow(self, start: Gaussian, time: float) -> Gaussian:
        """The Fokker-Planck equation solved to `time`: Ornstein-Uhlenbeck. Equation eq-wrl-ou."""
        decay = math.exp(-self.k * time)
        heat = -math.expm1(-2 * self.k * time) / self.k if self.k else 2 * time  # of variance β × heat
        return Gaussian(self.m + (start.mean - self.m) * decay, math.sqrt(start.std**2 * decay**2 + self.beta * heat))

    def jko_step(self, start: Gaussian, h: float) -> Gaussian:
        """The minimiser of F + W₂²/2h, a Gaussian. Equation eq-wrl-gaussian-step.

        Raises:
            ValueError: h is not above zero.
        """
        positive(h=h)
        stiff = 1 + h * self.k
        spread = math.sqrt(start.std**2 + 4 * self.beta * h * stiff)
        return Gaussian((start.mean + h * self.k * self.m) / stiff, (start.std + spread) / (2 * stiff))

    def trust_region_step(self, start: Gaussian, radius: float) -> tuple[Gaussian, float]:
        """The maximiser of E[r] + βH within W₂ ≤ radius, and the h whose penalised step it is. Equation eq-wrl-trust.

        h is infinite where the stationary policy itself lies within the radius.

        Raises:
            ValueError: the radius is not above zero.
        """
        positive(radius=radius)
        if gaussian_w2(start, self.stationary) <= radius:
            return self.stationary, math.inf
        h = root_of_log(lambda h: gaussian_w2(start, self.jko_step(start, h)) - radius, radius)
        return self.jko_step(start, h), h

    def free_energy(self, policy: Gaussian) -> float:
        """F = k((μ-m)² + s²)/2 - β log(s √(2πe)), in units of reward."""
        entropy = math.log(policy.std) + 0.5 * math.log(2 * math.pi * math.e)
        return 0.5 * self.k * ((policy.mean - self.m) ** 2 + policy.std**2) - self.beta * entropy

    def kl_to_stationary(self, policy: Gaussian) -> float:
        """KL(π‖π_∞) in nats; (F(π) - F(π_∞))/β."""
        ratio = policy.std**2 * self.k / self.beta
        return 0.5 * (ratio - 1 - math.log(ratio) + (policy.mean - self.m) ** 2 * self.k / self.beta)


def gaussian_w2(one: Gaussian, two: Gaussian) -> float:
    """W₂ = √((μ-μ')² + (s-s')²) in units of action: Euclidean in (μ, s)."""
    return math.hypot(one.mean - two.mean, one.std - two.std)
