"""Gradient descent on random fields: does the index follow the energy, and does annealing the L2 coefficient help?

V(w) = √(2N/M) Σ_m cos(k_m·w/√N + θ_m) with Gaussian k_m and uniform θ_m has the covariance N exp(−|w − w'|²/2N) of the model
and tends to it as M grows; a Hessian like the model's needs M well above N²/2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from replications.papers.complexity_gradient_descent import method
from replications.study import Context, Curve, Outcome

HIGH = 1.3  # L2 coefficient over μ_c from which annealing starts: above the transition
RAMP = 0.8  # share of the steps in which the coefficient reaches its last value
JUMP = 0.1  # share of the steps that the jump spends above the transition
PATHS = ("fixed", "down", "up", "jump", "origin")
BINS = np.linspace(-2.5, 4.5, 57)  # of eigenvalues of the Hessian


@dataclass(frozen=True)
class AnnealConfig:
    """Final energies of descents with several paths of the L2 coefficient."""

    mus: tuple[float, ...] = (0.2, 0.3, 0.4, 0.7, 1.0, 1.2)  # last L2 coefficients over μ_c
    dimension: int = 50  # N
    features: int = 4000  # M
    fields: int = 8  # averaged by a run
    steps: int = 1500  # of gradient descent
    rate: float = 0.3  # the Hessian's largest eigenvalue is near 2 + μ − ε, below 2/0.3


@dataclass(frozen=True)
class IndexConfig:
    """Energy and index along plain descents."""

    mus: tuple[float, ...] = (0.2, 0.5, 1.2)  # L2 coefficients over μ_c
    dimension: int = 50
    features: int = 4000
    fields: int = 8
    steps: int = 600
    looks: int = 12  # Hessians along a descent, evenly spaced in log step
    rate: float = 0.3


class Fields:
    """F random fields over R^N; walkers of field f are (S, N)."""

    def __init__(self, fields: int, dimension: int, features: int, generator: torch.Generator) -> None:
        self.k = torch.randn(fields, features, dimension, generator=generator)  # (F, M, N)
        self.theta = 2.0 * math.pi * torch.rand(fields, 1, features, generator=generator)
        self.k.div_(math.sqrt(dimension))
        self.scale = math.sqrt(2.0 * dimension / features)

    def energy(self, w: Tensor) -> Tensor:
        """V/N at w (F, S, N). Shape (F, S)."""
        return self.scale / w.shape[2] * self._angles(w).cos_().sum(2)

    def gradient(self, w: Tensor) -> Tensor:
        """∇V at w (F, S, N)."""
        return torch.bmm(self._angles(w).sin_(), self.k).mul_(-self.scale)

    def hessian(self, w: Tensor) -> Tensor:
        """∇²V at w (F, S, N). Shape (F, S, N, N)."""
        weights = self._angles(w).cos_()  # (F, S, M)
        return torch.stack([-self.scale * (k.T[None] * c[:, None, :]) @ k for k, c in zip(self.k, weights)])

    def _angles(self, w: Tensor) -> Tensor:
        return torch.baddbmm(self.theta, w, self.k.transpose(1, 2))  # (F, S, M)


def mu_path(name: str, last: float, steps: int) -> np.ndarray:
    """The L2 coefficient at every step of a descent that ends at `last`. Shape (steps,).

    Raises:
        ValueError: unknown path.
    """
    done = np.minimum(np.arange(steps) / max(1.0, RAMP * steps), 1.0)
    if name in ("fixed", "origin"):
        return np.full(steps, last)
    if name == "down":
        return HIGH + (last - HIGH) * done
    if name == "up":
        return last * done
    if name == "jump":
        return np.where(np.arange(steps) < JUMP * steps, HIGH, last)
    raise ValueError(f"unknown path '{name}': choose one of {', '.join(PATHS)}")


def run_anneal(config: AnnealConfig, context: Context) -> Outcome:
    """Final energy per dimension, penalty included, of every path and last coefficient; all start at one point of a field."""
    fields = Fields(config.fields, config.dimension, config.features, context.generator("field", "cpu"))
    first = torch.randn(config.fields, 1, config.dimension, generator=context.generator("start", "cpu"))
    cells = [(mu, name) for mu in config.mus for name in PATHS]
    w = torch.cat([torch.zeros_like(first) if name == "origin" else first / mu for mu, name in cells], 1)  # (F, S, N)
    paths = torch.tensor(np.array([mu_path(name, mu, config.steps) for mu, name in cells]), dtype=torch.float32)
    kept: list[np.ndarray] = []
    every = max(1, config.steps // 50)
    for step in range(config.steps):
        if step % every == 0:
            kept.append(fields.energy(w).mean(0).numpy())
            context.progress(step / config.steps)
        mu = paths[:, step, None]
        w = w - config.rate * (fields.gradient(w) + mu * w)
    last = paths[:, -1]
    energy = fields.energy(w) + 0.5 * last * w.square().sum(2) / config.dimension  # (F, S)
    table = energy.mean(0).reshape(len(config.mus), len(PATHS)).numpy()
    scalars = {
        f"energy_{name}_{mu:g}": float(table[i, j]) for i, mu in enumerate(config.mus) for j, name in enumerate(PATHS)
    }
    trace = np.stack(kept).T.reshape(len(config.mus), len(PATHS), -1)
    arrays = {"energy": energy.numpy(), "trace": trace}
    return Outcome(scalars, arrays=arrays, steps=config.steps * len(cells) * config.fields)


def run_index(config: IndexConfig, context: Context) -> Outcome:
    """Fraction of negative curvature along a descent against its prediction from the energy."""
    fields = Fields(config.fields, config.dimension, config.features, context.generator("field", "cpu"))
    first = torch.randn(config.fields, 1, config.dimension, generator=context.generator("start", "cpu"))
    mus = torch.tensor(config.mus)
    w = first / mus[None, :, None]  # (F, S, N)
    looks = sorted({0, *np.geomspace(1, config.steps, config.looks).round().astype(int).tolist()})
    energies, spectra = [], []
    for step in range(config.steps + 1):
        if step in looks:
            energies.append(fields.energy(w).numpy())  # (F, S)
            hessian = fields.hessian(w) + mus[:, None, None] * torch.eye(config.dimension)
            spectra.append(torch.linalg.eigvalsh(hessian.double()).numpy())  # (F, S, N)
            context.progress(step / config.steps)
        w = w - config.rate * (fields.gradient(w) + mus[:, None] * w)
    energy, spectrum = np.array(energies), np.array(spectra)  # (looks, F, S), (looks, F, S, N)
    seen = (spectrum < 0.0).mean(3)
    theory = method.index(energy, np.array(config.mus))
    blind = method.index(0.0, np.array(config.mus))
    error = np.abs((seen - theory).mean(1))  # (looks, S), over the fields of a run
    histogram = [[np.histogram(spectrum[k, :, s], BINS)[0] for s in range(len(mus))] for k in (0, len(looks) // 2, -1)]
    scalars = {
        "index_error": float(error.max()),
        "index_error_blind": float(np.abs((seen - blind).mean(1)).max()),
    }
    curves = {
        f"{name}_{mu:g}": Curve(list(map(float, looks)), values[:, s].tolist(), "step", label)
        for s, mu in enumerate(config.mus)
        for name, values, label in (
            ("energy", energy.mean(1), "V/N"),
            ("index", seen.mean(1), "fraction of negative curvature"),
            ("theory", theory.mean(1), "α(V/N, μ)"),
        )
    }
    arrays = {
        "histogram": np.array(histogram, dtype=np.int32),  # (before, midway and after, μ, bins)
        "histogram_energy": energy[[0, len(looks) // 2, -1]].mean(1).astype(np.float32),
    }
    return Outcome(scalars, curves, arrays, steps=config.steps * len(mus) * config.fields)
