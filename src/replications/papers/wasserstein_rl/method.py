"""Richemond and Maginnis 2017: policy gradients whose steps are limited in Wasserstein distance (JKO scheme).

Only the abstract and the opening of the paper could be read. The scheme below is that of Jordan, Kinderlehrer and Otto
1998, which the abstract names; numbers "eq-wrl-…" are those of the chapter. One state, actions on the line, reward
r(a), temperature β in units of reward (JKO and the transport literature write β for its inverse):
F(π) = ∫ -r dπ + β ∫ π log π, and a step minimises F(π) + W₂²(π, π_k)/2h. With W₂²/h time would run half as fast.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np
from scipy.linalg import lapack
from scipy.optimize import brentq

T = TypeVar("T")  # a float, an array or a tensor

MAX_NEWTON = 100
STEP_TOLERANCE = 1e-12  # of the largest move of a quantile, in units of action


@dataclass(frozen=True)
class Reward:
    """A polynomial reward r(a) = Σ c_i aⁱ; works on floats, arrays and tensors alike."""

    coefficients: tuple[float, ...]  # c_0, c_1, …

    def value(self, a: T) -> T:
        """r(a)."""
        return _horner(self.coefficients, a)

    def slope(self, a: T) -> T:
        """r'(a)."""
        return _horner(_derivative(self.coefficients), a)

    def curvature(self, a: T) -> T:
        """r''(a)."""
        return _horner(_derivative(_derivative(self.coefficients)), a)

    @property
    def confining(self) -> bool:
        """Whether e^{r/β} is integrable on the line: the leading term is even and negative."""
        degree = max((i for i, c in enumerate(self.coefficients) if c), default=0)
        return degree > 0 and degree % 2 == 0 and self.coefficients[degree] < 0


def _horner(coefficients: Sequence[float], a: T) -> T:
    total: Any = 0.0 * a  # type: ignore[operator]
    for c in reversed(coefficients):
        total = total * a + c
    return cast(T, total)


def _derivative(coefficients: Sequence[float]) -> tuple[float, ...]:
    return tuple(i * c for i, c in enumerate(coefficients))[1:] or (0.0,)


def quadratic(k: float, m: float) -> Reward:
    """r(a) = -k (a - m)²/2."""
    return Reward((-k * m**2 / 2, k * m, -k / 2))


def double_well(tilt: float = 0.0) -> Reward:
    """r(a) = -(a² - 1)²/4 + tilt·a: two good actions near ±1, the better one on the side of `tilt`."""
    return Reward((-0.25, tilt, 0.5, 0.0, -0.25))


def positive(**values: float) -> None:
    """Raise ValueError for the first value that is not a number above zero."""
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} must be above zero, got {value}")


def root_of_log(excess: Callable[[float], float], guess: float) -> float:
    """The h at which the increasing `excess` crosses zero, searched in log h from `guess`."""
    low = high = math.log(guess)
    while excess(math.exp(low)) > 0:
        low -= 0.7
    while excess(math.exp(high)) < 0:
        high += 0.7
    return math.exp(brentq(lambda u: excess(math.exp(u)), low, high, xtol=1e-13)) if low < high else math.exp(low)


@dataclass(frozen=True)
class QuantileBandit:
    """Policies as N increasing quantiles at levels (i - ½)/N, where W₂ is Euclidean. Equation eq-wrl-quantiles."""

    reward: Reward
    beta: float  # reward

    def __post_init__(self) -> None:
        positive(beta=self.beta)

    def free_energy(self, x: np.ndarray) -> float:
        """-mean r(X_i) - β/N Σ log(N (X_{i+1} - X_i)), in units of reward. (N,) → ()."""
        gaps = np.diff(x)
        return float(-self.reward.value(x).mean() - self.beta * np.log(len(x) * gaps).sum() / len(x))

    def jko_step(self, old: np.ndarray, h: float) -> np.ndarray:
        """The minimiser of F + W₂²/2h by Newton's method with a tridiagonal Hessian. (N,) → (N,).

        A backtracking line search keeps the quantiles in order. h = ∞ gives the stationary policy in one step.

        Raises:
            ValueError: h is not above zero, or infinite where e^{r/β} cannot be normalised; quantiles out of order; or
                a step that is not convex since h r'' > 1.
        """
        positive(h=h)
        if h == math.inf and not self.reward.confining:
            raise ValueError("this reward has no stationary policy: its leading term must be even and negative")
        check_quantiles(old)
        x = old.copy()  # (N,)
        for _ in range(MAX_NEWTON):
            gaps = np.diff(x)  # (N - 1,)
            push = self.beta / gaps
            gradient = (x - old) / h - self.reward.slope(x)
            gradient[1:] -= push
            gradient[:-1] += push
            bend = push / gaps
            diagonal = 1 / h - self.reward.curvature(x)
            diagonal[1:] += bend
            diagonal[:-1] += bend
            *_, step, failed = lapack.dptsv(diagonal, -bend, -gradient)
            if failed:
                raise ValueError(f"the step of h = {h:g} is not convex here: choose h below 1 / max r''")
            x = self._line_search(x, step, old, h, decrease=float(-gradient @ step))
            if np.abs(step).max() <= STEP_TOLERANCE * max(1.0, float(np.abs(x).max())):
                return x
        raise ValueError(f"the step of h = {h:g} did not converge in {MAX_NEWTON} iterations: choose a smaller h")

    def _line_search(self, x: np.ndarray, step: np.ndarray, old: np.ndarray, h: float, decrease: float) -> np.ndarray:
        shrink = np.diff(step) / np.diff(x)
        size = min(1.0, 0.9 / max(-float(shrink.min()), 1e-300))
        before = self._penalised(x, old, h)
        noise = 1e-13 * len(x) * (1 + abs(before))  # of the sums; below it a decrease cannot be seen
        while size > 1e-6:
            if len(x) * (self._penalised(x + size * step, old, h) - before) <= -0.1 * size * decrease + noise:
                break
            size /= 2
        return x + size * step

    def _penalised(self, x: np.ndarray, old: np.ndarray, h: float) -> float:
        return self.free_energy(x) + quantile_w2(x, old) ** 2 / (2 * h)

    def trust_region_step(self, old: np.ndarray, radius: float) -> tuple[np.ndarray, float]:
        """The maximiser of E[r] + βH within W₂ ≤ radius along the penalised steps, and its h. (N,) → (N,), ().

        Raises:
            ValueError: the radius is not above zero, or is out of reach of convex steps.
        """
        positive(radius=radius)
        slope = (old - self.jko_step(old, 1e-3 * radius)) / (1e-3 * radius)  # ≈ gradient of F, units of action / time
        h = root_of_log(
            lambda h: quantile_w2(self.jko_step(old, h), old) - radius, radius / float(np.sqrt((slope**2).mean()))
        )
        return self.jko_step(old, h), h


def check_quantiles(x: np.ndarray) -> None:
    """Raise ValueError where `x` is not at least two finite increasing numbers."""
    if x.ndim != 1 or len(x) < 2 or not np.isfinite(x).all() or not (np.diff(x) > 0).all():
        raise ValueError("a policy is at least two finite quantiles in increasing order: sort them and drop ties")


def levels(n: int) -> np.ndarray:
    """The levels (i - ½)/N of N quantiles. (N,)."""
    return (np.arange(n) + 0.5) / n


def quantile_w2(x: np.ndarray, y: np.ndarray) -> float:
    """W₂ of two policies given at the same levels. (N,), (N,) → ()."""
    return float(np.sqrt(((x - y) ** 2).mean()))
