"""Closed-form predictors for BYOL (Richemond et al. 2023, sections 3.1 and 6, Propositions 3, 5, 6 and 8).

All are functions of the latents of one batch, Σ = ½(Z̄₁ᵀZ̄₁ + Z̄₂ᵀZ̄₂)/b and C = ½(Z̄₁ᵀZ̄'₂ + Z̄₂ᵀZ̄'₁)/b, with Z̄ the online
and Z̄' the target projections. The paper's main text normalises neither rows nor products and takes one direction; here
rows have unit length, so that Σ has trace 1 and the series and iterations converge, and both directions count alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from replications.papers.edge_of_orthogonality.method import operator_norm
from replications.study import UserError

JITTER = 1e-6  # of Σ's trace, on the diagonal of the regression: float32 cannot tell smaller eigenvalues from zero


def covariances(own: Sequence[torch.Tensor], others: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Σ and C (f, f) of two views' online latents `own` and target latents `others`, (b, f) each."""
    one, two = (F.normalize(z, dim=1) for z in own)
    target1, target2 = (F.normalize(z, dim=1) for z in others)
    b = 2 * len(one)
    return (one.T @ one + two.T @ two) / b, (one.T @ target2 + two.T @ target1) / b


def regression(sigma: torch.Tensor, cross: torch.Tensor, jitter: float = 0.0) -> torch.Tensor:
    """P* = Σ⁻¹C, the optimal linear predictor; `jitter` stands in for the pseudo-inverse where Σ has no full rank."""
    diagonal = torch.eye(len(sigma), dtype=sigma.dtype, device=sigma.device)
    solved, _ = torch.linalg.solve_ex(sigma + jitter * diagonal, cross)  # never raises: what diverges is not finite
    return solved


def direct_pred(sigma: torch.Tensor) -> torch.Tensor:
    """DirectPred (Tian et al. 2021): Σ^½ by eigendecomposition; NaN where Σ is not finite."""
    try:
        values, vectors = torch.linalg.eigh(sigma)
    except torch.linalg.LinAlgError:
        return torch.full_like(sigma, torch.nan)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def direct_copy(sigma: torch.Tensor) -> torch.Tensor:
    """DirectCopy (Wang et al. 2021): Σ itself."""
    return sigma


def neumann(sigma: torch.Tensor, cross: torch.Tensor) -> torch.Tensor:
    """NE, Proposition 3: 2C - ΣC, since Σ⁻¹ ≈ 2I - Σ where the eigenvalues of Σ lie in (0, 2)."""
    return 2 * cross - sigma @ cross


def visser(sigma: torch.Tensor, eta: float = 0.5, n: int = 50) -> torch.Tensor:
    """Visser's iteration for Σ^½, Proposition 5: P ← P + η(Σ - P²) from P = I/2η, n times.

    Converges where eigenvalues are below 1/η², monotonically up to 1/4η². From a zero eigenvalue n steps leave about
    1/ηn: a ridge of its own. The paper's main text gives neither η nor n.
    """
    p = torch.eye(len(sigma), dtype=sigma.dtype, device=sigma.device) / (2 * eta)
    for _ in range(n):
        p = p + eta * (sigma - p @ p)
    return p


def newton_schulz(sigma: torch.Tensor, n: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    """The coupled Newton-Schulz iteration, Proposition 6: √‖Σ‖_F·A_n → Σ^½, and B_n → (Σ/‖Σ‖_F)^-½."""
    norm = torch.linalg.matrix_norm(sigma)
    eye = torch.eye(len(sigma), dtype=sigma.dtype, device=sigma.device)
    a, b = sigma / norm, eye
    for _ in range(n):
        half = (3 * eye - b @ a) / 2
        a, b = a @ half, half @ b
    return a * norm.sqrt(), b


def newton_schulz_twice(sigma: torch.Tensor, n: int = 7) -> torch.Tensor:
    """NS²: the iteration applied to its own result, ≈ Σ^¼, with n steps each time."""
    return newton_schulz(newton_schulz(sigma, n)[0], n)[0]


def stiefel(sigma: torch.Tensor, n: int = 9) -> torch.Tensor:
    """Proposition 8: B_nΣᵀ/‖B_n‖_F with B_n of the iteration on ΣᵀΣ; up to scale ≈ (ΣᵀΣ)^-½Σᵀ, the polar factor's
    transpose. For a covariance of full rank the limit is the identity, so the finite n is the method: a soft threshold.
    """
    _, b = newton_schulz(sigma.T @ sigma, n)
    return b @ sigma.T / torch.linalg.matrix_norm(b)


CLOSED_FORMS = (
    "regression",
    "direct_pred",
    "direct_copy",
    "neumann",
    "visser",
    "newton_schulz",
    "newton_schulz_twice",
    "stiefel",
)


def closed_form(name: str, sigma: torch.Tensor, cross: torch.Tensor) -> torch.Tensor:
    """The predictor `name` of Σ and C with the published numbers of steps, before scaling and ridge. → (f, f).

    Raises:
        UserError: unknown name.
    """
    if name == "regression":
        return regression(sigma, cross, JITTER)
    if name == "direct_pred":
        return direct_pred(sigma)
    if name == "direct_copy":
        return direct_copy(sigma)
    if name == "neumann":
        return neumann(sigma, cross)
    if name == "visser":
        return visser(sigma)
    if name == "newton_schulz":
        return newton_schulz(sigma)[0]
    if name == "newton_schulz_twice":
        return newton_schulz_twice(sigma)
    if name == "stiefel":
        return stiefel(sigma)
    raise UserError(f"unknown predictor '{name}': choose one of linear, mlp, none, {', '.join(CLOSED_FORMS)}")


class ClosedForm(nn.Module):
    """A predictor z ↦ zP̂ whose matrix every step sets: an average of closed forms, scaled, plus a ridge.

    M ← ρM + (1 - ρ)P from M = 0, then P̂ = M/‖M‖ + αI: dividing by the operator norm gives α a meaning and makes the
    average unbiased from its first step. No gradient flows through P̂ unless `through`.
    """

    def __init__(self, width: int, name: str, alpha: float, rho: float, through: bool = False) -> None:
        super().__init__()
        self.name, self.alpha, self.rho, self.through = name, alpha, rho, through
        self.average: torch.Tensor
        self.weight: torch.Tensor
        self.register_buffer("average", torch.zeros(width, width))
        self.register_buffer("weight", torch.eye(width))

    def fit(self, own: Sequence[torch.Tensor], others: Sequence[torch.Tensor]) -> torch.Tensor:
        """Set P̂ (f, f) from both views' online latents `own` and target latents `others`, float32 (b, f), and return it."""
        with torch.set_grad_enabled(self.through):
            average = self.rho * self.average + (1 - self.rho) * closed_form(self.name, *covariances(own, others))
            eye = torch.eye(len(average), dtype=average.dtype, device=average.device)
            weight = average / operator_norm(average).clamp(min=1e-12) + self.alpha * eye
        self.average.copy_(average.detach())
        self.weight.copy_(weight.detach())
        return weight

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """(b, f) → (b, f) with the matrix last set."""
        return z @ self.weight
