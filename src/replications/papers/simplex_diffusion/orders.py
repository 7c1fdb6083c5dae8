"""Weak and strong errors of the schemes, with the Monte Carlo noise taken out by martingales of mean zero."""

from __future__ import annotations

import numpy as np

from replications.papers.simplex_diffusion import cir
from replications.papers.simplex_diffusion.schemes import SCHEMES, Scheme, _whole, squared_ou_euler, stop_on_nan, walk


def weak_errors(
    scheme: Scheme, theta0: float, a: float, t: float, steps: int, paths: int, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:  # fmt: skip
    """Error and standard error of E e^{-θ}, E θ² and P(θ < 0.05) after `steps` steps, against the exact law.

    With u(τ, x) the exact expectation of the function after a further time τ, the sum over steps of
    u_x √(2xh) ξ + u_xx x h (ξ² - 1) has mean zero and is nearly the noise of the estimate: it is subtracted.
    """
    x = np.full(paths, theta0)
    noise = {"exp": np.zeros(paths), "square": np.zeros(paths)}
    h = t / steps
    for step, (before, xi, after) in enumerate(walk(scheme, x, a, t, steps, rng)):
        left = t - step * h  # from `before` to the end; derivatives are taken at the state before the step
        s = float(cir.elapsed(left))
        before = np.maximum(before, 0.0)
        first, second = np.sqrt(2 * h * before) * xi, h * before * (xi**2 - 1)
        slope = (1 - s) / (1 + s)
        value = cir.laplace(1.0, before, a, left)
        noise["exp"] += value * (slope**2 * second - slope * first)
        noise["square"] += (2 * cir.mean(before, a, left) * (1 - s) + 2 * s * (1 - s)) * first + 2 * (
            1 - s
        ) ** 2 * second
        x = after
    theta = np.maximum(x, 0.0)
    exact_square = float(cir.mean(theta0, a, t) ** 2 + cir.variance(theta0, a, t))
    samples = {
        "exp": np.exp(-theta) - noise["exp"] - float(cir.laplace(1.0, theta0, a, t)),
        "square": theta**2 - noise["square"] - exact_square,
        "below": (theta < 0.05) - float(cir.cdf(0.05, theta0, a, t)),
    }
    return {name: (float(v.mean()), float(v.std() / np.sqrt(paths))) for name, v in samples.items()}


def strong_errors(
    names: list[str], theta0: float, a: float, t: float, levels: range, paths: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """E|θ^h_t - θ^{h/2}_t| on a shared Brownian path for h = t 2^{-level}; if the order is r it falls as h^r.

    Schemes of `names`; "squared OU" steps 2α Ornstein-Uhlenbeck processes on paths of their own, and needs 2α whole.
    """
    finest = levels[-1] + 1
    runs: dict[str, dict[int, np.ndarray]] = {name: {} for name in names}
    schemes = [name for name in names if name != "squared OU"]
    increments = rng.standard_normal((2**finest, paths), dtype=np.float32)  # of the finest grid, times √(t/2^finest)
    parts = _whole(a) if "squared OU" in names else 0
    own = rng.standard_normal((2**finest, parts, paths), dtype=np.float32) if parts else None
    for depth in range(finest, levels[0] - 1, -1):
        h = t / 2**depth
        for name in schemes:
            x = np.full(paths, theta0)
            for step in range(2**depth):
                x = SCHEMES[name](x, a, h, increments[step])
            stop_on_nan(x, 2**depth)
            runs[name][depth] = np.maximum(x, 0.0)
        if own is not None:
            u = np.zeros((parts, paths))
            u[0] = np.sqrt(theta0)
            for step in range(2**depth):
                u = squared_ou_euler(u, h, own[step])
            runs["squared OU"][depth] = (u**2).sum(0)
            own = (own[::2] + own[1::2]) / np.float32(np.sqrt(2))
        increments = (increments[::2] + increments[1::2]) / np.float32(np.sqrt(2))
    return {name: np.array([np.abs(run[k] - run[k + 1]).mean() for k in levels]) for name, run in runs.items()}


def slope(steps: np.ndarray, errors: np.ndarray) -> float:
    """Order of convergence: the least-squares slope of log error against log step size, over errors that are not zero."""
    keep = np.abs(errors) > 0
    return float(np.polyfit(np.log(steps[keep]), np.log(np.abs(errors[keep])), 1)[0])
