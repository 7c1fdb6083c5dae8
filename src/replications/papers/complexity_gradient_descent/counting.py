"""Σ(μ) by Monte Carlo over the Kac-Rice formula, and by counting the stationary points of fields in one and two dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from replications.papers.complexity_gradient_descent import method
from replications.study import Context, Outcome

REACH = 5.5  # half side of the box in standard deviations of a stationary point's coordinate, 1/μ
MARGIN = (
    12.0  # between the box and its periodic image, in units of w: their covariance is below exp(−36) times the variance
)
SPACING = 0.1  # of the grid, in units of w; the gradient changes over a length of √2 or less


@dataclass(frozen=True)
class KacRiceConfig:
    """Monte Carlo estimates of (1/N) ln of the mean number of stationary points."""

    sizes: tuple[int, ...] = (20, 60, 150)  # N
    mus: tuple[float, ...] = (0.2, 0.3, 0.5, 0.7, 0.9)  # L2 coefficients over μ_c
    matrices: int = 1000  # Gaussian matrices a size
    shifts: int = 16  # common shifts t of the diagonal for each matrix and μ


@dataclass(frozen=True)
class CountConfig:
    """Stationary points of sampled fields, counted."""

    dimension: int  # 1 or 2
    mu: float  # L2 coefficient over μ_c
    fields: int = 400  # fields sampled


def log_mean_determinant(
    size: int, mus: tuple[float, ...], matrices: int, shifts: int, generator: torch.Generator
) -> np.ndarray:
    """ln E|det(μ + J + t)| for each μ: J symmetric with variance 1/N off and 2/N on the diagonal, t ~ N(0, 1/N).

    Shifts are drawn from N(μ, 2/N), the Gaussian at the saddle point of the integrand below μ_c, and weighted back.
    Without that the mean is dominated by shifts that are never drawn.
    """
    total = np.full((len(mus), matrices), -np.inf)
    for k in range(matrices):
        a = torch.randn(size, size, generator=generator, dtype=torch.float64)
        eigenvalues = torch.linalg.eigvalsh((a + a.T) / math.sqrt(2.0 * size))  # (N,)
        z = torch.randn(shifts, generator=generator, dtype=torch.float64)
        for row, mu in enumerate(mus):
            t = mu + math.sqrt(2.0 / size) * z
            weight = -0.5 * size * t.square() + 0.5 * z.square() + 0.5 * math.log(2.0)
            log_det = (mu + t[:, None] + eigenvalues).abs().log().sum(1)  # (shifts,)
            total[row, k] = float(torch.logsumexp(log_det + weight, 0)) - math.log(shifts)
    top = total.max(1, keepdims=True)
    return (top + np.log(np.exp(total - top).mean(1, keepdims=True)))[:, 0]


def run_kac_rice(config: KacRiceConfig, context: Context) -> Outcome:
    """Σ_N(μ) for every size, and its distance to Σ(μ) in units of 1/N."""
    generator = context.generator("matrices", "cpu")
    found = []
    for done, size in enumerate(config.sizes):
        log_det = log_mean_determinant(size, config.mus, config.matrices, config.shifts, generator)
        found.append(log_det / size - np.log(config.mus))
        context.progress((done + 1) / len(config.sizes))
    estimate = np.array(found)  # (sizes, μ)
    excess = (estimate - method.sigma(np.array(config.mus))) * np.array(config.sizes)[:, None]
    scalars = {"sigma_error": float(np.abs(excess).max()), "level_error": level_error()}
    return Outcome(
        scalars,
        arrays={"sigma": estimate.astype(np.float32), "excess": excess.astype(np.float32)},
    )


def level_error() -> float:
    """Largest distance of the maximum over ε of Σ(ε, μ) from Σ(μ), for μ between a tenth and twice μ_c."""
    worst = 0.0
    for mu in np.linspace(0.1, 2.0, 39):
        found = minimize_scalar(lambda e, mu=mu: -float(method.sigma_at(e, mu)), bounds=(-12.0, 2.0))
        worst = max(worst, abs(-found.fun - float(method.sigma(mu))))
    return worst


def run_count(config: CountConfig, context: Context) -> Outcome:
    """Mean number of stationary points over its exact value; share of fields whose count adds up topologically.

    Raises:
        ValueError: a dimension other than 1 and 2.
    """
    if config.dimension not in (1, 2):
        raise ValueError(f"dimension {config.dimension}: stationary points are counted in 1 or 2")
    generator = context.generator("field", "cpu")
    counter = _count_line if config.dimension == 1 else _count_plane
    counts, degrees = [], []
    for k in range(config.fields):
        count, degree = counter(config.mu, generator)
        counts.append(count)
        degrees.append(degree)
        if k % 20 == 0:
            context.progress(k / config.fields)
    mean = float(np.mean(counts))
    scalars = {
        "count": mean,
        "count_ratio": mean / method.expected_count(config.dimension, config.mu),
        "degree_one": float(np.mean(np.array(degrees) == 1)),
    }
    return Outcome(scalars, arrays={"counts": np.array(counts, dtype=np.int16)})


def gradient_field(dimension: int, side: int, generator: torch.Generator) -> Tensor:
    """∇V on a periodic grid of `side` points of SPACING an axis. Shape (dimension, side, …).

    V is drawn in the Fourier basis of the box, so it is exactly Gaussian, with the covariance N exp(−r²/2N) and its images.
    """
    length = side * SPACING
    frequency = 2.0 * math.pi * torch.fft.fftfreq(side, 1.0 / side, dtype=torch.float64) / length
    axes = torch.meshgrid(*[frequency] * dimension, indexing="ij")
    # the Fourier transform of N exp(−r²/2N) in N dimensions, over the volume of the box
    power = dimension * (2.0 * math.pi * dimension / length**2) ** (dimension / 2.0)
    power = power * torch.exp(-0.5 * dimension * torch.stack(axes).square().sum(0))
    white = torch.fft.fftn(torch.randn([side] * dimension, generator=generator, dtype=torch.float64), norm="ortho")
    modes = power.sqrt() * white
    return torch.stack([torch.fft.ifftn(1j * axis * modes, norm="forward").real for axis in axes])


def _grid(mu: float) -> tuple[int, Tensor]:
    half = math.ceil(REACH / mu / SPACING)
    side = 2 * half + 1 + math.ceil(MARGIN / SPACING)
    return side, SPACING * torch.arange(-half, half + 1, dtype=torch.float64)


def _count_line(mu: float, generator: torch.Generator) -> tuple[int, int]:
    """Sign changes of H' along the line, and their signed sum, which is 1 under confinement."""
    side, w = _grid(mu)
    slope = mu * w + gradient_field(1, side, generator)[0, : len(w)]
    change = torch.sign(slope).diff() / 2.0
    return int(change.abs().sum()), int(change.sum())


def _count_plane(mu: float, generator: torch.Generator) -> tuple[int, int]:
    """Zeros of ∇H interpolated linearly on triangles, and the sum of their degrees, which is 1 under confinement."""
    side, w = _grid(mu)
    field = gradient_field(2, side, generator)[:, : len(w), : len(w)]
    x = field[0] + mu * w[:, None]
    y = field[1] + mu * w[None, :]
    corners = [
        (x[i : len(w) - 1 + i, j : len(w) - 1 + j], y[i : len(w) - 1 + i, j : len(w) - 1 + j])
        for i in (0, 1)
        for j in (0, 1)
    ]
    count = degree = 0
    for triangle in ((0, 2, 3), (0, 3, 1)):  # both counter-clockwise
        a, b, c = (corners[k] for k in triangle)
        turns = [p[0] * q[1] - p[1] * q[0] > 0.0 for p, q in ((a, b), (b, c), (c, a))]
        around = int((turns[0] & turns[1] & turns[2]).sum())
        against = int((~(turns[0] | turns[1] | turns[2])).sum())
        count, degree = count + around + against, degree + around - against
    return count, degree
