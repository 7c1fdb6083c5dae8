"""The JKO step with entropic transport (Peyré 2015), by POT: no pinning, but a temperature that is off.

min over ρ' and plans Γ from ρ to ρ' of F(ρ') + ⟨C, Γ⟩/2h + ε Σ Γ log Γ. Since F(ρ') = β KL(ρ'‖e^{r/β}) up to the
mass, this is the semi-relaxed problem that `ot.unbalanced.sinkhorn_unbalanced` solves, with a hard first marginal.
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from scipy.optimize import brentq

from replications.papers.wasserstein_rl.method import positive
from replications.study import UserError

PENALTIES = ("entropy", "kl")  # ε Σ Γ log Γ, or ε KL(Γ‖ρ ⊗ ρ')


def pot() -> ModuleType:
    """The optimal-transport library POT.

    Raises:
        UserError: it is not installed.
    """
    try:
        return importlib.import_module("ot")
    except ImportError as error:
        raise UserError("entropic transport needs POT: pip install '.[transport]'") from error


@dataclass(frozen=True, eq=False)
class EntropicBandit:
    """A bandit on grid points a (n,) with rewards (n,), stepped with entropic transport of strength ε.

    Raises:
        ValueError: β or ε not above zero, an unknown penalty, or ε ≥ β with the penalty "kl".
    """

    points: np.ndarray
    reward: np.ndarray
    beta: float
    epsilon: float  # reward
    penalty: str = "entropy"

    def __post_init__(self) -> None:
        positive(beta=self.beta, epsilon=self.epsilon)
        if self.penalty not in PENALTIES:
            raise ValueError(f"unknown penalty '{self.penalty}': choose one of {', '.join(PENALTIES)}")
        if self.penalty == "kl" and self.epsilon >= self.beta:
            raise ValueError(f"the penalty 'kl' takes ε off the entropy bonus: ε = {self.epsilon:g} needs ε < β")

    def step(self, rho: np.ndarray, h: float, tolerance: float = 1e-11) -> np.ndarray:
        """The next policy, Σ_i Γ_ij. (n,) → (n,). Equation eq-wrl-entropic.

        KL(Γ‖ρ ⊗ ρ') = Σ Γ log Γ - Σ ρ log ρ - Σ ρ' log ρ': it is the other penalty with β - ε in place of β.

        Raises:
            UserError: POT is not installed.
        """
        positive(h=h)
        beta = self.beta - self.epsilon if self.penalty == "kl" else self.beta
        gibbs = np.exp((self.reward - self.reward.max()) / beta)  # its total only shifts the objective
        cost = (self.points[:, None] - self.points[None, :]) ** 2 / (2 * h)
        plan = pot().unbalanced.sinkhorn_unbalanced(
            rho, gibbs, cost, self.epsilon, (math.inf, beta), c=np.ones_like(cost), numItermax=20_000, stopThr=tolerance
        )  # relative to c = 1 its penalty is Σ Γ log Γ, up to the mass
        new: np.ndarray = plan.sum(0)
        return new / new.sum()

    def settle(self, rho: np.ndarray, h: float, tolerance: float = 1e-9, most: int = 500) -> np.ndarray:
        """Steps until the total variation of one falls below `tolerance`. (n,) → (n,).

        Raises:
            ValueError: it did not settle in `most` steps.
        """
        for _ in range(most):
            new = self.step(rho, h)
            if 0.5 * np.abs(new - rho).sum() < tolerance:
                return new
            rho = new
        raise ValueError(f"the entropic scheme did not settle in {most} steps: choose a larger h or tolerance")


def variance(points: np.ndarray, rho: np.ndarray) -> float:
    """Variance of a policy on grid points, in units of action². (n,), (n,) → ()."""
    mean = rho @ points
    return float(rho @ (points - mean) ** 2)


def entropic_variance(k: float, beta: float, epsilon: float, h: float) -> float:
    """Stationary variance v of the penalty "entropy" under r = -k a²/2, exactly; (β + ε/2)/k to first order in ε.

    A Gaussian fixed point with plan covariance c has v² - c² = εhc and 1/h + k = β/v + v/(hc). Equation eq-wrl-bias.
    """
    positive(k=k, beta=beta, epsilon=epsilon, h=h)

    def excess(v: float) -> float:
        c = (math.sqrt((epsilon * h) ** 2 + 4 * v**2) - epsilon * h) / 2
        return v * (1 / h + k) - beta - v**2 / (h * c)

    return float(brentq(excess, 1e-6 * beta / k, 1e3 * (beta + epsilon) / k, xtol=1e-15))
