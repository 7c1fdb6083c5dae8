"""Time warping (Section 3.4): noise levels such that the model's entropy rises linearly in uniform time u.

A piecewise linear, monotone F̃(t) is fitted to the losses of training; normalised it is a distribution function F, and
t = F^{-1}(u) has its density where the loss rises. Both come from the same two logit vectors: bin sizes on the axis of t
are softmax(l^t); on the axis of u they are exp(l^u) for F̃ and softmax(l^u) for F, so that F̃ = F Σ exp(l^u).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from replications.papers.continuous_diffusion_for_categorical_data.method import check_time


def low_discrepancy(count: int, generator: torch.Generator) -> Tensor:
    """u_i = (i + u_0)/n mod 1 with one uniform u_0: each is uniform, together they cover [0, 1] evenly. (n,)."""
    device = generator.device
    start = torch.rand(1, generator=generator, device=device)
    return (torch.arange(count, device=device) + start) / count % 1.0


class Warp:
    """F between t in [t_min, t_max] and u in [0, 1]: bin sizes on both axes, each of sum one. w_t, w_u: (N,)."""

    def __init__(self, w_t: Tensor, w_u: Tensor, t_min: float, t_max: float) -> None:
        if not 0 <= t_min < t_max:
            raise ValueError(f"the range of t must be 0 ≤ t_min < t_max, got [{t_min:g}, {t_max:g}]")
        self.w_t, self.w_u, self.t_min, self.t_max = w_t, w_u, t_min, t_max

    @classmethod
    def uniform(cls, t_min: float, t_max: float, device: torch.device | str = "cpu") -> Warp:
        """No warping: t uniform in its range."""
        one = torch.ones(1, device=device)
        return cls(one, one, t_min, t_max)

    @classmethod
    def log_uniform(cls, t_min: float, t_max: float, bins: int = 200, device: torch.device | str = "cpu") -> Warp:
        """log t uniform, to within one of `bins` bins."""
        t = torch.logspace(math.log10(t_min), math.log10(t_max), bins + 1, dtype=torch.float64)
        return cls(
            (t.diff() / (t_max - t_min)).float().to(device), torch.full((bins,), 1 / bins).to(device), t_min, t_max
        )

    @classmethod
    def from_curve(cls, t: np.ndarray, loss: np.ndarray, shape: tuple[float, float] = (1.0, 1.0)) -> Warp:
        """The warp of a known loss curve, after which S(u) is the loss; S is a Beta(α, β) distribution function.

        t, loss: (N + 1,), rising. α = β = 1 is the paper's linear target.
        """
        share = np.maximum.accumulate(loss) - loss[0]
        grid = np.linspace(0, 1, 4001)
        u = np.interp(share / share[-1], stats.beta(*shape).cdf(grid), grid)
        u = 0.999 * u + 0.001 * np.linspace(0, 1, len(u))  # flat parts keep an inverse
        w_t, w_u = (torch.from_numpy(np.diff(axis) / (axis[-1] - axis[0])).float() for axis in (t, u))
        return cls(w_t, w_u, float(t[0]), float(t[-1]))

    def u(self, t: Tensor) -> Tensor:
        """F(t), uniform time. The paper's caption calls it F^{-1}(t)."""
        return _piecewise(self._fraction(t), self.w_t, self.w_u)

    def t(self, u: Tensor) -> Tensor:
        """F^{-1}(u): the same function with the axes exchanged."""
        return self.t_min + (self.t_max - self.t_min) * _piecewise(u, self.w_u, self.w_t)

    def density(self, t: Tensor) -> Tensor:
        """F'(t') with t' = (t - t_min)/(t_max - t_min): piecewise constant."""
        bins = _bin(self._fraction(t), self.w_t)
        return (self.w_u / self.w_t)[bins]

    def tempered(self, temperature: float) -> Warp:
        """w_u ∝ w_u (w_u/w_t)^{1/T - 1}: T = 1 changes nothing, T → ∞ is no warping."""
        w_u = self.w_u * (self.w_u / self.w_t) ** (1 / temperature - 1)
        return Warp(self.w_t, w_u / w_u.sum(), self.t_min, self.t_max)

    def mixed(self, mu: float) -> Warp:
        """(1 - μ) w_u + μ w_t: μ = 0 changes nothing, μ = 1 is no warping."""
        return Warp(self.w_t, torch.lerp(self.w_u, self.w_t, mu), self.t_min, self.t_max)

    def _fraction(self, t: Tensor) -> Tensor:
        return ((check_time(t) - self.t_min) / (self.t_max - self.t_min)).clamp(0, 1)


class WarpFit(nn.Module):
    """The two logit vectors, fitted to the losses of training by their own optimiser; warping uses their average.

    `floor` is added to every bin size before it is normalised again. The paper states neither it, nor the optimiser, nor
    the decay of the average.
    """

    def __init__(
        self, t_min: float, t_max: float, bins: int = 100, floor: float = 1e-3, lr: float = 1e-2, decay: float = 0.99
    ) -> None:  # fmt: skip
        super().__init__()
        self.t_min, self.t_max, self.floor, self.decay = t_min, t_max, floor, decay
        self.logits = nn.Parameter(torch.full((2, bins), -math.log(bins)))  # l^t, l^u: F̃ = F = identity
        self.average: Tensor
        self.register_buffer("average", self.logits.detach().clone())
        self.optimiser = torch.optim.Adam([self.logits], lr, betas=(0.9, 0.99))

    def forward(self, t: Tensor) -> Tensor:
        """F̃(t), in nats, with a gradient to the logits. (n,) → (n,)."""
        return self._warp(self.logits).u(t) * self.logits[1].exp().sum()

    def warp(self) -> Warp:
        """F of the average, without gradient."""
        return self._warp(self.average)

    def asymptote(self) -> float:
        """F̃(t_max) of the average, in nats: the loss without any signal."""
        return float(self.average[1].exp().sum())

    def update(self, t: Tensor, losses: Tensor, density: Tensor) -> None:
        """One step on Σ (F̃(t) - loss)²/density, the density of t' being that of its sampling. All (n,)."""
        gap = (self(t) - losses.detach()).square() / density
        self.optimiser.zero_grad()
        (gap.sum() / (1 / density).sum()).backward()
        self.optimiser.step()
        with torch.no_grad():
            self.average.lerp_(self.logits, 1 - self.decay)

    def _warp(self, logits: Tensor) -> Warp:
        sizes = torch.softmax(logits, -1) + self.floor
        w_t, w_u = sizes / sizes.sum(-1, keepdim=True)
        return Warp(w_t, w_u, self.t_min, self.t_max)


def _edges(sizes: Tensor) -> Tensor:
    return torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])


def _bin(x: Tensor, sizes: Tensor) -> Tensor:
    return torch.searchsorted(sizes.cumsum(0)[:-1].contiguous(), x.contiguous(), right=True)


def _piecewise(x: Tensor, across: Tensor, along: Tensor) -> Tensor:
    """Linear inside bins of size `across` on the axis of x and `along` on the other. (n,), (N,), (N,) → (n,)."""
    bins = _bin(x, across)
    return (_edges(along)[bins] + (x - _edges(across)[bins]) * (along / across)[bins]).clamp(max=_edges(along)[-1])
