"""What the study measures, one file a subject; each function takes a config and a context and returns an outcome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from replications.study import Context


@dataclass(frozen=True)
class Config:
    """One condition of the study: flat; what its experiment does not read stays at its default."""

    experiment: str  # a key of `study.EXPERIMENTS`
    draws: int  # Monte Carlo draws of the experiment's main law (tokens, paths or sequences)
    alpha: float = 1.0  # shape of the stationary Gamma law, the same for every category; 1 is uniform on the simplex
    categories: int = 5  # V
    b: float = 1.0  # rate of the process, 1/time; only scales time
    paths: int = 0  # paths of the strong-error estimate
    depth: int = 8  # finest step of the convergence plots is t/2^depth
    steps: tuple[int, ...] = (5, 10, 20, 50)  # reverse steps N
    all_grids: bool = False  # every grid with every sampler, or each sampler on its best grid
    first_time: float = 8.0  # 1/b; the reverse process starts here, e^{-8} of the signal is left
    last_level: float = 1e-3  # s at which tokens are decoded
    length: int = 32  # tokens in a sequence
    process: str = "cir"  # or "gaussian": embeddings of norm √d in Gaussian noise
    loss: str = "cross-entropy"  # or "free score", "fixed boundary": denoising score matching
    updates: int = 0  # training steps
    batch: int = 32  # sequences in a training step
    width: int = 64  # of the Transformer
    dimension: int = 32  # d of the Gaussian embeddings
    learning_rate: float = 2e-3  # Adam's peak, 5 % warm-up, cosine to zero


def numpy_generator(context: Context, name: str) -> np.random.Generator:
    """A NumPy generator for stream `name` of the run: NumPy has the Gamma and Poisson samplers that the process needs."""
    return np.random.default_rng(context.generator(name, "cpu").initial_seed())
