"""What the paper measures of a linear predictor and of latents (Richemond et al. 2023, sections 3 to 5).

A predictor P (f, f) acts on latents from the right, z ↦ zP. The loss is blind to positive scale, so eigenvalues and
distances are also taken after division by the largest singular value. The paper names no norm for the distance to the
polar factor; here it is Frobenius's.
"""

from __future__ import annotations

import math

import torch

from replications.training.collapse import covariance_spectrum

ENDS = 0.1  # an eigenvalue rescaled to [0, 1] stands at an end within this of 0 or 1
SQUARINGS = 10  # of the power iteration in `operator_norm`


def hat_matrix(z: torch.Tensor) -> torch.Tensor:
    """H = Z(ZᵀZ)⁻¹Zᵀ, the orthogonal projection on the columns of Z, Proposition 1. (b, f) → (b, b), full column rank."""
    return z @ torch.linalg.solve(z.T @ z, z.T)


def operator_norm(p: torch.Tensor) -> torch.Tensor:
    """Largest singular value of P (f, f), a scalar tensor, by matrix products alone: nothing waits for the device.

    PᵀP is squared ten times, so that its 1024th power weighs the eigenvalues: never too large, and less than 0.4 % too
    small at f = 256 in the worst case (255 values a little below the largest).
    """
    gram = p.T @ p
    power = gram / gram.trace().clamp(min=1e-30)
    for _ in range(SQUARINGS):
        power = power @ power
        power = power / power.trace().clamp(min=1e-30)
    return (power * gram).sum().sqrt()


def stable_rank(p: torch.Tensor) -> float:
    """‖P‖_F² / ‖P‖², at most the rank of P, and its trace where P is an orthogonal projection (section 3.2)."""
    values = torch.linalg.svdvals(p)
    return (values.square().sum() / values[0].square()).item()


def polar_distance(p: torch.Tensor) -> float:
    """‖P - U‖_F where P = UH is the polar decomposition, from the singular values: √Σ(s - 1)². Figure 2."""
    return (torch.linalg.svdvals(p) - 1).norm().item()


def predictor_measures(p: torch.Tensor) -> dict[str, float]:
    """Figures 1 and 2 and the working assumption P² ≈ P ≈ Pᵀ for P (f, f); NaN where P is not finite or is zero."""
    p = p.double().cpu()
    if not torch.isfinite(p).all() or not p.any():
        return dict.fromkeys(("srank", "trace", "asymmetry", "projection", "polar", "polar_scaled"), math.nan)
    scaled = p / torch.linalg.matrix_norm(p, 2)
    return {
        "srank": stable_rank(p),
        "trace": scaled.trace().item() / len(p),
        "asymmetry": ((p - p.T).norm() / p.norm()).item(),
        "projection": torch.linalg.matrix_norm(scaled @ scaled - scaled, 2).item(),
        "polar": polar_distance(p),
        "polar_scaled": polar_distance(scaled),
    }


def rescaled(spectrum: torch.Tensor) -> torch.Tensor:
    """Eigenvalues divided by the largest: in [0, 1]. Figure 3."""
    return spectrum / spectrum.max()


def share_at_ends(spectrum: torch.Tensor) -> float:
    """Share of rescaled eigenvalues within 0.1 of 0 or of 1; NaN where they are not finite."""
    values = rescaled(spectrum)
    if not torch.isfinite(values).all():
        return math.nan
    return ((values <= ENDS) | (values >= 1 - ENDS)).double().mean().item()


def latent_spectra(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Eigenvalues, largest first, of the centred and of the uncentred covariance of z/‖z‖. (b, f) → (f,), (f,)."""
    unit = torch.nn.functional.normalize(z.double().cpu(), dim=1)
    if not torch.isfinite(unit).all():
        return (torch.full((z.shape[1],), math.nan),) * 2
    uncentred = torch.linalg.eigvalsh(unit.T @ unit / len(unit)).flip(0).clamp(min=0).float()
    return covariance_spectrum(unit), uncentred


def latent_measures(centred: torch.Tensor, uncentred: torch.Tensor) -> dict[str, float]:
    """Figure 3 of two spectra: shares at the ends, and the quartiles of the centred one, rescaled."""
    quarters = torch.quantile(rescaled(centred).double(), torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64))
    return {
        "ends": share_at_ends(centred),
        "ends_uncentred": share_at_ends(uncentred),
        **dict(zip(("lower_quartile", "median", "upper_quartile"), quarters.tolist())),
    }


def krasulina(p: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The increment xᵀ(xp) - p(xp/‖p‖)² of Krasulina's rule, Proposition 7. p (f,), row x (f,) → (f,)."""
    return x * (x @ p) - p * (x @ p / p.norm()).square()


def stiefel_gradient(p: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Grad F = F' - PF'ᵀP on the Stiefel manifold PᵀP = I, Proposition 9 (Edelman et al. 1998). (n, k) ×2 → (n, k)."""
    return gradient - p @ gradient.T @ p
