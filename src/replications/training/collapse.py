"""Has an embedding collapsed? Three views of it, to be read together.

A point has almost no spread but, being noise, a high effective rank; an embedding on a line has spread and no rank.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F


def embedding_std(z: torch.Tensor) -> torch.Tensor:
    """√D times the mean over dimensions of the deviation of z/‖z‖ over the batch. z (B, D) → scalar tensor.

    1 where directions are uniform on the sphere, 0 where all are equal.
    """
    unit = F.normalize(z.float(), dim=1)
    return unit.std(dim=0, correction=0).mean() * math.sqrt(z.shape[1])


def covariance_spectrum(z: torch.Tensor) -> torch.Tensor:
    """Eigenvalues of the centred covariance of z/‖z‖, largest first. z (B, D) → (D,); NaN where z is not finite."""
    unit = F.normalize(z.double(), dim=1)
    if not torch.isfinite(unit).all():
        return torch.full((z.shape[1],), math.nan)
    centred = unit - unit.mean(dim=0)
    values = torch.linalg.eigvalsh(centred.T @ centred / len(z))
    return values.flip(0).clamp(min=0).float()


def effective_rank(spectrum: torch.Tensor) -> float:
    """Exponential of the entropy of the normalised eigenvalues (Roy and Vetterli 2007), between 1 and D.

    NaN where the spectrum is zero or not finite: a point has no rank.
    """
    share = spectrum.double() / spectrum.double().sum()
    return math.exp(torch.special.entr(share).sum().item()) if torch.isfinite(share).all() else math.nan
