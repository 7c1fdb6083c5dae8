"""Eigenvalues of M = (1/m) Y Yᵀ, Y = f(WX): samples, and the density of Pennington and Worah (2017), a quartic.

W is (n1, n0) with N(0, 1/n0) entries, X (n0, m) standard normal, f entrywise; φ = n0/m, ψ = n0/n1. With the centred
activation's η = Var f and ζ = (E z f)², the resolvent trace G(z) = (1/n1) E tr (z − M)⁻¹ solves a quartic; its form was
recalled, not read, and is checked here against eigenvalues.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

PATH = 240  # points on the way down to the real axis


def resolvent(z: np.ndarray, eta: float, zeta: float, n0: int, n1: int, m: int) -> np.ndarray:
    """G(z) at z (points,) above the real axis: the root that behaves as 1/z, followed from far above. Complex (points,).

    With t = 1/(zψ), P_φ = 1 + (P − 1)φ, P_ψ = 1 + (P − 1)ψ and u = t·P_φ·P_ψ:
    (P − 1)(1 − ζu) − ηu + (η − ζ)ζu² = 0, and G = (ψP + 1 − ψ)/z.

    Raises:
        ValueError: z is not above the real axis, or the coefficients are not those of an activation.
    """
    z = np.asarray(z, dtype=complex)
    if np.any(z.imag <= 0):
        raise ValueError("the resolvent is evaluated above the real axis: give z a positive imaginary part")
    if not 0.0 <= zeta <= eta * (1.0 + 1e-12) or eta <= 0.0:
        raise ValueError(f"eta {eta:g} and zeta {zeta:g}: an activation has 0 ≤ ζ ≤ η and η > 0")
    phi, psi = n0 / m, n0 / n1
    far = 1e3 * (eta * (1.0 + math.sqrt(n1 / m)) ** 2 + np.abs(z))  # there P is 1 to three digits
    p = np.ones_like(z)
    for share in np.linspace(0.0, 1.0, PATH):
        height = far ** (1.0 - share) * z.imag**share
        p = _newton(p, 1.0 / ((z.real + 1j * height) * psi), eta, zeta, phi, psi)
    return (psi * p + 1.0 - psi) / z


def _newton(p: np.ndarray, t: np.ndarray, eta: float, zeta: float, phi: float, psi: float) -> np.ndarray:
    for _ in range(8):
        p_phi, p_psi = 1.0 + (p - 1.0) * phi, 1.0 + (p - 1.0) * psi
        u, du = t * p_phi * p_psi, t * (phi * p_psi + psi * p_phi)
        value = (p - 1.0) * (1.0 - zeta * u) - eta * u + (eta - zeta) * zeta * u * u
        slope = 1.0 - zeta * u - (p - 1.0) * zeta * du - eta * du + 2.0 * (eta - zeta) * zeta * u * du
        p = p - value / slope
    return p


def density(x: np.ndarray, eta: float, zeta: float, n0: int, n1: int, m: int, height: float = 1e-5) -> np.ndarray:
    """Limiting density of the eigenvalues of M at x > 0: −Im G(x + i·height)/π."""
    return -resolvent(np.asarray(x) + 1j * height, eta, zeta, n0, n1, m).imag / math.pi


def marchenko_pastur(x: np.ndarray, ratio: float, variance: float = 1.0) -> np.ndarray:
    """Marchenko-Pastur density at x > 0 for `ratio` = n1/m ≤ 1: the case ζ = 0, where M is as of white data."""
    low, high = marchenko_pastur_edges(ratio, variance)
    inside = np.sqrt(np.maximum((high - x) * (x - low), 0.0))
    return inside / (2.0 * math.pi * ratio * variance * x)


def marchenko_pastur_edges(ratio: float, variance: float = 1.0) -> tuple[float, float]:
    """Edges of the bulk: (1 ∓ √(n1/m))²·η."""
    return variance * (1.0 - math.sqrt(ratio)) ** 2, variance * (1.0 + math.sqrt(ratio)) ** 2


def moments(eta: float, zeta: float, n0: int, n1: int, m: int) -> tuple[float, float]:
    """Limits of tr M/n1 and tr M²/n1: η, and η²(1 + n1/m) + ζ²·n1/n0."""
    return eta, eta**2 * (1.0 + n1 / m) + zeta**2 * n1 / n0


def upper_edge(eta: float, zeta: float, n0: int, n1: int, m: int) -> float:
    """Right end of the bulk, to one part in a thousand: where the density falls to 1e-3 of its scale 1/η."""
    x = np.linspace(0.02, 1.0, 2000) * eta * (1.0 + math.sqrt(n1 / m)) ** 2 * (1.0 + math.sqrt(n1 / n0)) ** 2
    inside = density(x, eta, zeta, n0, n1, m) > 1e-3 / eta
    return float(x[inside].max())


def sample_eigenvalues(
    f: Callable[[Tensor], Tensor], n0: int, n1: int, m: int, generator: torch.Generator
) -> np.ndarray:
    """Eigenvalues of M in rising order (n1,), for one draw of W and X.

    Raises:
        ValueError: a size below 1.
    """
    if min(n0, n1, m) < 1:
        raise ValueError(f"sizes {n0}, {n1}, {m}: all must be at least 1")
    device = generator.device
    w = torch.randn(n1, n0, generator=generator, device=device) / math.sqrt(n0)
    x = torch.randn(n0, m, generator=generator, device=device)
    return gram_eigenvalues(f(w @ x).T)


def gram_eigenvalues(y: Tensor, centred: bool = False) -> np.ndarray:
    """Eigenvalues of (1/m) Y Yᵀ in rising order (..., n), for activations (..., m, n); of the covariance if `centred`."""
    y = y.double()
    if centred:
        y = y - y.mean(-2, keepdim=True)
    gram = y.transpose(-2, -1) @ y / y.shape[-2]
    found: np.ndarray = torch.linalg.eigvalsh(gram).cpu().numpy()
    return found


def condition_number(eigenvalues: np.ndarray, floor: float = 1e-12) -> np.ndarray:
    """Largest over smallest eigenvalue, along the last axis; the smallest counts as at least `floor` times the largest."""
    largest = eigenvalues[..., -1]
    return largest / np.maximum(eigenvalues[..., 0], floor * largest)


def effective_rank(eigenvalues: np.ndarray) -> np.ndarray:
    """Participation ratio (Σλ)²/(n Σλ²) in (0, 1], along the last axis: 1 where all eigenvalues are equal."""
    total, squares = eigenvalues.sum(-1), (eigenvalues**2).sum(-1)
    return total**2 / (eigenvalues.shape[-1] * squares)
