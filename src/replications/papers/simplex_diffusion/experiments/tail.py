"""The heavy-tailed rank of the true token, and the price of a large vocabulary (S7, S8)."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from replications.papers.simplex_diffusion import posterior as post
from replications.papers.simplex_diffusion import rank, reverse, simplex
from replications.papers.simplex_diffusion.cir import poisson_rate
from replications.papers.simplex_diffusion.experiments import Config, numpy_generator
from replications.papers.simplex_diffusion.orders import slope
from replications.study import Context, Curve, Outcome

TOP1 = 0.9  # accuracy at which the processes are compared


def ranks(config: Config, context: Context) -> Outcome:
    """Ranks at equal top-1 accuracy: CIR with α = 1/V ("sparse"), 1/2, 1, and Gaussian noise on orthogonal embeddings."""
    rng, v, n = numpy_generator(context, "ranks"), config.categories, config.draws
    scalars, curves = {}, {}
    grid = np.unique(np.geomspace(1, v, 120).astype(int))
    for key, alpha in (("sparse", 1 / v), ("half", 0.5), ("one", 1.0), ("gaussian", None)):
        level = rank.level_at(TOP1, v, alpha, min(n, 50_000), int(rng.integers(2**31)))
        if alpha is None:
            exceedance = rank.gaussian_exceedance(level, n, rng)
        else:
            exceedance = rank.cir_exceedance(v, alpha, level, n, rng)
            scalars[f"lost_{key}"] = float(np.exp(-poisson_rate(1.0, level)))
        found = rank.ranks(exceedance, v, rng)
        scalars |= {
            f"level_{key}": level,
            f"mean_rank_{key}": rank.mean_rank(exceedance, v),
            f"beyond10_{key}": float((found > 10).mean()),
            f"beyond_half_{key}": float((found > v // 2).mean()),
        }
        survival = [float((found > r).mean()) for r in grid]
        curves[key] = Curve([float(r) for r in grid], survival, "rank r", "share of ranks above r")
    return Outcome(scalars=scalars, curves=curves, samples=n)


def cost(config: Config, context: Context) -> Outcome:
    """CPU time a token of noising, posterior and one reverse step against V, for α = 1/2, 1, 1/V, and for Gaussian d = 256."""
    rng = numpy_generator(context, "cost")
    sizes = [v for v in (4, 16, 64, 256, 1024, 4096, 16384, 32768) if v <= config.categories]
    curves: dict[str, Curve] = {}
    scalars: dict[str, float] = {}
    for key, shape in (("half", 0.5), ("one", 1.0), ("sparse", None)):
        spent: dict[str, list[float]] = {"noising": [], "posterior": [], "step": []}
        for v in sizes:
            tokens = rng.integers(v, size=max(1, config.draws // v))
            alpha, prior = np.full(v, 1 / v if shape is None else shape), np.full(v, 1 / v)
            y = simplex.noise_tokens(tokens, float(alpha[0]), 0.1, rng, n=v)
            p = post.posterior(y, 0.1, alpha, prior)
            jobs: dict[str, Callable[[], object]] = {
                "noising": lambda: simplex.noise_tokens(tokens, float(alpha[0]), 0.1, rng, n=v),  # noqa: B023
                "posterior": lambda: post.posterior(y, 0.1, alpha, prior),  # noqa: B023
                "step": lambda: reverse.ode_exponential(y, 0.1, 0.08, lambda y, s: p, alpha, rng),  # noqa: B023
            }
            for job, call in jobs.items():
                spent[job].append(_seconds(call) / len(tokens) * 1e6)
        total = np.sum(list(spent.values()), axis=0)
        curves |= {f"{key} {job}": Curve(sizes, times, "V", "CPU µs a token") for job, times in spent.items()}
        scalars[f"cost_{key}"] = float(total[-1])
        keep = np.array(sizes) >= 64
        scalars[f"cost_slope_{key}"] = slope(np.array(sizes, float)[keep], total[keep]) if keep.sum() > 1 else np.nan
        scalars[f"bessel_share_{key}"] = float((spent["posterior"][-1] + spent["step"][-1]) / total[-1])
    gaussian = np.array([_gaussian_cost(v, max(1, config.draws // max(v, 256)), rng) for v in sizes])  # (sizes, 2)
    curves["gaussian"] = Curve(sizes, list(gaussian[:, 0]), "V", "CPU µs a token")
    curves["gaussian state"] = Curve(sizes, list(gaussian[:, 1]), "V", "CPU µs a token")
    scalars |= {
        "cost_gaussian": gaussian[-1, 0],
        "cost_gaussian_state": gaussian[-1, 1],
        "state_ratio": sizes[-1] / 256,
    }
    return Outcome(scalars={k: x for k, x in scalars.items() if np.isfinite(x)}, curves=curves, samples=config.draws)


def _gaussian_cost(v: int, count: int, rng: np.random.Generator, d: int = 256) -> tuple[float, float]:
    """CPU µs a token with the exact posterior over V embeddings, and without it (noising and step alone)."""
    embedding = rng.standard_normal((v, d))
    tokens = rng.integers(v, size=count)

    def noised() -> np.ndarray:
        return embedding[tokens] + 4.0 * rng.standard_normal((count, d))

    def once() -> np.ndarray:
        x = noised()
        logits = x @ embedding.T / 16.0
        p = np.exp(logits - logits.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        return x + 0.1 * (p @ embedding - x)

    guess = embedding[tokens]
    return _seconds(once) / count * 1e6, _seconds(lambda: (x := noised()) + 0.1 * (guess - x)) / count * 1e6


def _seconds(call: Callable[[], object], repeats: int = 3) -> float:
    """Smallest CPU time over repeats, after one call to warm up."""
    call()
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return float(best)
