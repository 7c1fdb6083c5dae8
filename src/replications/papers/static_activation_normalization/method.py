"""Gaussian coefficients of an activation, its static normalisation, and what mean-field theory says of deep stacks.

The body of the paper (arXiv:1905.01369) could not be read: the transforms below are readings of its abstract in the
terms of Pennington and Worah (2017), "Nonlinear random matrix theory for deep learning". All of them are affine in
(f(x), x), with constants fixed before training:

    A (affine)                 (f − μ) / √v                       mean 0, variance 1, ζ = ν²/v
    Z (spectrum preserving)    (f − μ − νx) / √(v − ν²)           mean 0, variance 1, ζ = 0
    T (tilted, unscaled)       2·(f − μ − νx), |x| − √(2/π) for ReLU   mean 0, ζ = 0
    c (interpolation)          (f − μ − cνx) / √(v − (2c − c²)ν²)  A at c = 0, Z at c = 1
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from replications.training.batched_layers import Base

NODES = 80  # of the finer of two quadrature rules; all constants of the chapter settle to 1e-12
SETTLED = 1e-6  # relative: two rules that differ by more mean moments that are not finite, or not resolved


@dataclass(frozen=True)
class Coefficients:
    """Gaussian coefficients of f at pre-activations σz, z ~ N(0, 1)."""

    mu: float  # E f(σz)
    nu: float  # E[z f(σz)] = σ E f'(σz) (Stein)
    v: float  # Var f(σz), the η of the centred activation
    chi: float  # σ² E f'(σz)²: growth of the squared gradient per layer where E f² = σ²

    @property
    def eta(self) -> float:
        """η of the centred activation: its variance."""
        return self.v

    @property
    def zeta(self) -> float:
        """ζ of the centred activation: the squared linear Hermite coefficient."""
        return self.nu**2


@dataclass(frozen=True)
class Affine:
    """scale·f(x) + tilt·x + shift."""

    scale: float
    tilt: float
    shift: float


def gaussian_coefficients(base: Base, sigma: float = 1.0) -> Coefficients:
    """μ, ν, v and χ of an activation by Gauss-Hermite quadrature on each half-line, exact across a kink at 0.

    Raises:
        ValueError: σ is not positive, or the moments are not finite (or vary too fast to be resolved).
    """
    if not sigma > 0:
        raise ValueError(f"sigma {sigma}: the standard deviation of the pre-activations must be positive")
    coarse, fine = (_moments(base, sigma, nodes) for nodes in (NODES * 3 // 4, NODES))
    unsettled = not np.all(np.isfinite(fine)) or np.any(np.abs(fine - coarse) > SETTLED * (1.0 + np.abs(fine)))
    if unsettled:
        raise ValueError(f"activation '{base.name}' has no finite Gaussian moments: it cannot be normalised")
    mu, nu, second, chi = (float(moment) for moment in fine)
    return Coefficients(mu, nu, second - mu**2, chi)


def _moments(base: Base, sigma: float, nodes: int) -> np.ndarray:
    """E f, E z f, E f² and σ² E f'²."""
    half, weight = half_range_rule(nodes)
    z = torch.from_numpy(np.concatenate([-half, half]))
    w = np.concatenate([weight, weight])
    x = sigma * z
    f, slope = (function(x, torch.empty_like(x)).numpy() for function in (base.value, base.slope))
    with np.errstate(all="ignore"):
        return np.array([(w * m).sum() for m in (f, z.numpy() * f, f * f, sigma**2 * slope * slope)])


@cache
def half_range_rule(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Hermite nodes and weights for ∫₀^∞ h(z) φ(z) dz, φ the standard normal density.

    Golub and Welsch from recurrence coefficients by the discretised Stieltjes procedure: the full-line rule converges
    slowly for f with a kink at 0, this one is exact for polynomials of degree 2·nodes − 1 on either side.
    """
    top = math.sqrt(8.0 * nodes) + 10.0  # beyond the largest node; the density there is nil
    edges = np.linspace(0.0, top, 4 * nodes + 1)
    x, weight = np.polynomial.legendre.leggauss(16)
    z = (edges[:-1, None] + 0.5 * np.diff(edges)[:, None] * (x + 1.0)).ravel()
    w = (0.5 * np.diff(edges)[:, None] * weight).ravel()
    w = w * np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    a, b = np.empty(nodes), np.empty(nodes)
    previous, current = np.zeros_like(z), np.full_like(z, 1.0 / math.sqrt(w.sum()))  # orthonormal polynomials
    b[0] = 0.0
    for k in range(nodes):
        a[k] = (w * z * current * current).sum()
        following = (z - a[k]) * current - b[k] * previous
        norm = math.sqrt((w * following * following).sum())
        previous, current = current, following / norm
        if k + 1 < nodes:
            b[k + 1] = norm
    values, vectors = np.linalg.eigh(np.diag(a) + np.diag(b[1:], 1) + np.diag(b[1:], -1))
    return values, 0.5 * vectors[0] ** 2


def interpolated(found: Coefficients, c: float) -> Affine:
    """Variant c: f less its mean and the share c of its linear part, scaled to unit variance. A at 0, Z at 1.

    Raises:
        ValueError: c is outside [0, 1], or nothing is left to scale (a linear activation at c = 1).
    """
    if not 0.0 <= c <= 1.0:
        raise ValueError(f"c = {c}: the share of the linear part that is removed lies in [0, 1]")
    left = found.v - (2.0 * c - c * c) * found.zeta
    if left <= 1e-12 * found.v or found.v <= 0.0:
        raise ValueError("nothing is left of this activation once its mean and linear part are removed")
    scale = 1.0 / math.sqrt(left)
    return Affine(scale, -c * found.nu * scale, -found.mu * scale)


def tilted(found: Coefficients) -> Affine:
    """Variant T: twice the activation less its mean and linear part; |x| − √(2/π) for ReLU. No variance scaling."""
    return Affine(2.0, -2.0 * found.nu, -2.0 * found.mu)


def normalised(found: Coefficients, form: Affine) -> Coefficients:
    """Coefficients of scale·f + tilt·x + shift, from those of f at σ = 1."""
    a, b = form.scale, form.tilt
    return Coefficients(
        mu=a * found.mu + form.shift,
        nu=a * found.nu + b,
        v=a * a * found.v + 2.0 * a * b * found.nu + b * b,
        chi=a * a * found.chi + 2.0 * a * b * found.nu + b * b,
    )


def worah(x: np.ndarray, a: float) -> np.ndarray:
    """f_a(x), the one-parameter family of Pennington and Worah (2017): η = 1, ζ from 1 (a = −1, linear) to 0 (a = 1)."""
    centre = (1.0 + a) / math.sqrt(2.0 * math.pi)
    size = math.sqrt((1.0 + a * a) / 2.0 - (1.0 + a) ** 2 / (2.0 * math.pi))
    return (np.maximum(x, 0.0) + a * np.maximum(-x, 0.0) - centre) / size


def variance_map(form: Affine, q: np.ndarray, base_slopes: tuple[float, float] = (1.0, 0.0)) -> np.ndarray:
    """V(q) = E f(√q z)² of a normalised two-sided linear activation: next layer's pre-activation variance at σ_w = 1.

    `base_slopes` are the slopes of the base function right and left of 0 (ReLU: 1 and 0). For ReLU this is
    V_A(q) = q + (√q − 1)²/(π − 1) and V_Z(q) = q + 2(√q − 1)²/(π − 2).
    """
    right, left = (form.scale * slope + form.tilt for slope in base_slopes)
    root = np.sqrt(q)
    mean = root * (right - left) / math.sqrt(2.0 * math.pi)
    return q * (right**2 + left**2) / 2.0 + 2.0 * form.shift * mean + form.shift**2


def correlation_map(form: Affine, c: np.ndarray, base_slopes: tuple[float, float] = (1.0, 0.0)) -> np.ndarray:
    """C(c) = E f(u)f(w) / E f² for unit normals u, w of correlation c, of a normalised two-sided linear activation.

    Kernels of Cho and Saul (2009). For ReLU: C_A(c) = [√(1−c²) + c(π − arccos c) − 1]/(π − 1) and
    C_Z(c) = [√(1−c²) + c arcsin c − 1]/(π/2 − 1).
    """
    right, left = (form.scale * slope + form.tilt for slope in base_slopes)
    c = np.clip(c, -1.0, 1.0)
    same = (np.sqrt(1.0 - c * c) + c * (math.pi - np.arccos(c))) / (2.0 * math.pi)  # E [u]₊[w]₊ = E [−u]₊[−w]₊
    cross = same - c / 2.0  # E [u]₊[−w]₊: the kernel at −c
    mean = (right - left) / math.sqrt(2.0 * math.pi)
    raw = (right**2 + left**2) * same - 2.0 * right * left * cross
    return (raw + 2.0 * form.shift * mean + form.shift**2) / variance_map(form, np.ones(()), base_slopes)
