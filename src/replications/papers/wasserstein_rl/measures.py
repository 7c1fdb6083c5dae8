"""What the experiments share: paths of steps, orders of convergence, distances of paths, and dissipation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from replications.study import Context, Curve

S = TypeVar("S")  # a policy, however it is written down

LAST_GAP = 0.05  # trust-region paths are followed until this share of the free energy is left


def draws(context: Context) -> np.random.Generator:
    """The stream that draws a seed's bandit."""
    return np.random.default_rng(context.generator("bandit", "cpu").initial_seed())


def order(sizes: Sequence[float], errors: Sequence[float]) -> float:
    """Slope of log error against log step size: the observed order of convergence."""
    return float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])


def error_curve(sizes: Sequence[float], errors: Sequence[float], x: str = "step h (time)") -> Curve:
    """Errors against step sizes."""
    return Curve(list(sizes), list(errors), x, "distance (action)")


def iterate(step: Callable[[S], S], start: S, n: int) -> list[S]:
    """start, step(start), … (n + 1 of them)."""
    path = [start]
    for _ in range(n):
        path.append(step(path[-1]))
    return path


def follow(step: Callable[[S], tuple[S, float]], start: S, goes_on: Callable[[S], bool]) -> list[S]:
    """The path of a trust-region step, which also gives its h, from `start` while `goes_on` holds at its end."""
    path = [start]
    while goes_on(path[-1]):
        path.append(step(path[-1])[0])
    return path


def distance_to_curve(points: np.ndarray, curve: np.ndarray) -> float:
    """The largest Euclidean distance of `points` (P, D) to the polyline through `curve` (C, D)."""
    start, along = curve[:-1], np.diff(curve, axis=0)
    length = np.maximum((along**2).sum(1), 1e-300)  # squared
    worst = 0.0
    for point in points:
        at = np.clip(((point - start) * along).sum(1) / length, 0.0, 1.0)
        worst = max(worst, float(((start + at[:, None] * along - point) ** 2).sum(1).min()))
    return math.sqrt(worst)


def excess_energy(energies: Sequence[float], distances: Sequence[float], h: float) -> float:
    """Largest F(π_{n+1}) + W₂²/2h - F(π_n) over the steps, or zero where every step has at least that dissipation."""
    after, before = np.asarray(energies[1:]), np.asarray(energies[:-1])
    return float(max(0.0, (after + np.asarray(distances) ** 2 / (2 * h) - before).max()))
