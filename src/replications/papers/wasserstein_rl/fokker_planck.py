"""An independent solver of the Fokker-Planck equation ∂π/∂t = -∇·(π∇r) + βΔπ on an interval (equation eq-wrl-fp).

Finite volumes with the flux of Scharfetter and Gummel 1969, no flux through the ends, Crank-Nicolson in time. It knows
nothing of Wasserstein distances: what the JKO scheme is measured against.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.linalg import lapack
from scipy.special import exprel, ndtr

from replications.papers.wasserstein_rl.gaussian import Gaussian
from replications.papers.wasserstein_rl.method import Reward, positive


class FokkerPlanck:
    """The equation for one reward and temperature on `cells` cells of [low, high].

    Raises:
        ValueError: an empty interval, fewer than three cells, or a temperature that is not above zero.
    """

    def __init__(self, reward: Reward, beta: float, low: float, high: float, cells: int) -> None:
        positive(beta=beta)
        if not low < high or cells < 3:
            raise ValueError(f"the interval [{low}, {high}] with {cells} cells is empty: low < high, 3 cells or more")
        self.beta, self.width = beta, (high - low) / cells
        self.edges = np.linspace(low, high, cells + 1)
        self.centres = (self.edges[1:] + self.edges[:-1]) / 2  # (cells,)
        self.potential = -reward.value(self.centres)
        jump = np.diff(self.potential) / beta
        scale = beta / self.width**2
        self.up = scale / exprel(jump)  # rates from cell i to i + 1; B(z) = z/(e^z - 1) = 1/exprel(z)
        self.down = scale / exprel(-jump)  # and back: up/down = exp(-jump), so the Gibbs law is stationary

    def gibbs(self) -> np.ndarray:
        """Cell averages of the stationary density ∝ e^{r/β}, in 1/action. (cells,)."""
        weights = np.exp((self.potential.min() - self.potential) / self.beta)
        return weights / (weights.sum() * self.width)

    def gaussian(self, policy: Gaussian) -> np.ndarray:
        """Cell averages of a normal density cut to the interval. (cells,)."""
        mass = np.diff(ndtr((self.edges - policy.mean) / policy.std))
        return mass / (mass.sum() * self.width)

    def rate(self, density: np.ndarray) -> np.ndarray:
        """∂π/∂t: minus the divergence of the flux. (cells,) → (cells,)."""
        flux = self.up * density[:-1] - self.down * density[1:]
        change = np.zeros_like(density)
        change[:-1] -= flux
        change[1:] += flux
        return change

    def dense(self) -> np.ndarray:
        """The same as a matrix, for small grids. (cells, cells)."""
        return np.stack([self.rate(column) for column in np.eye(len(self.centres))], axis=1)

    def evolve(self, density: np.ndarray, time: float, steps: int) -> np.ndarray:
        """The density after `time`, in `steps` Crank-Nicolson steps, the first four halved and implicit. (cells,).

        The four implicit half steps (Rannacher 1984) damp what Crank-Nicolson would let oscillate; the order stays 2.

        Raises:
            ValueError: a time or a number of steps that is not above zero, or a density of another length.
        """
        positive(time=time, steps=steps)
        if density.shape != self.centres.shape:
            raise ValueError(f"the density has {density.shape} cells and the grid {self.centres.shape}")
        step = time / steps
        solve = self._implicit(step / 2)
        for i in range(steps):
            density = solve(solve(density)) if i < 2 else solve(density + step / 2 * self.rate(density))
        return density

    def snapshots(self, density: np.ndarray, times: Sequence[float], step: float) -> Iterator[np.ndarray]:
        """The density at each of the increasing `times`, with time steps of about `step`."""
        now = 0.0
        for time in times:
            if time > now:
                density = self.evolve(density, time - now, max(4, round((time - now) / step)))
                now = time
            yield density

    def _implicit(self, step: float) -> Callable[[np.ndarray], np.ndarray]:
        """The solver of (1 - step·generator) π' = π."""
        diagonal = np.ones(len(self.centres))
        diagonal[:-1] += step * self.up
        diagonal[1:] += step * self.down
        factors = lapack.dgttrf(-step * self.up, diagonal, -step * self.down)[:-1]
        return lambda density: lapack.dgttrs(*factors, density)[0]

    def free_energy(self, density: np.ndarray) -> float:
        """∫ -r π + β ∫ π log π in units of reward, with 0 log 0 = 0; the cell width is part of the density. ()."""
        logs = np.log(np.where(density > 0, density, 1.0))
        return float((density * (self.potential + self.beta * logs)).sum() * self.width)

    def expected_reward(self, density: np.ndarray) -> float:
        """E[r] in units of reward."""
        return float(-(density * self.potential).sum() * self.width)

    def total_variation(self, one: np.ndarray, two: np.ndarray) -> float:
        """½ ∫ |π - π'|, between 0 and 1."""
        return float(0.5 * np.abs(one - two).sum() * self.width)

    def mass(self, density: np.ndarray, low: float, high: float) -> float:
        """Probability of [low, high], cells cut at its ends."""
        inside = np.clip(np.minimum(self.edges[1:], high) - np.maximum(self.edges[:-1], low), 0.0, None)
        return float((density * inside).sum())

    def quantiles(self, density: np.ndarray, at: np.ndarray) -> np.ndarray:
        """The quantiles of `density` at the levels `at`, linear within a cell. (N,) → (N,)."""
        distribution = np.concatenate([[0.0], np.cumsum(np.clip(density, 0.0, None)) * self.width])
        return np.interp(at, distribution / distribution[-1], self.edges)
