"""Rates of the exact sampler beside NumPy's: printed, never asserted. Run with `pytest -s tests/benchmarks`."""

import time

import numpy as np

from replications.papers.simplex_diffusion import cir, simplex

COORDINATES = 4_000_000


def rate(call, count: int = COORDINATES, repeats: int = 3) -> float:
    """Millions of coordinates a second of wall time, the best of `repeats`."""
    call()
    best = min(_seconds(call) for _ in range(repeats))
    return count / best / 1e6


def _seconds(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def test_terminal_law():
    rng = np.random.default_rng(0)
    t = 0.7
    s = float(cir.elapsed(t))
    for a in (0.1, 0.5, 1.0, 2.5):
        ours = [rate(lambda a=a, k=k: cir.sample(1.0, a, t, rng, size=COORDINATES, threads=k)) for k in (1, 2)]
        reference = rate(lambda a=a: s / 2 * rng.noncentral_chisquare(2 * a, 2 * (1 - s) / s, COORDINATES))
        print(
            f"α = {a:3}: {ours[0]:6.1f} M/s on one thread, {ours[1]:6.1f} on two; noncentral_chisquare {reference:6.1f}"
        )
        assert min(ours) > 0


def test_noising_tokens():
    rng = np.random.default_rng(0)
    for a in (0.1, 0.5, 1.0, 2.5):
        tokens = np.zeros(COORDINATES // 1000, int)
        found = rate(lambda a=a, tokens=tokens: simplex.noise_tokens(tokens, a, 0.5, rng, n=1000))
        print(f"α = {a:3}: {found:6.1f} M coordinates/s of noised tokens, V = 1000")
        assert found > 0
