"""Categorical SDEs with simplex diffusion: the paper's equations, by the file that holds them."""

from replications.papers.simplex_diffusion.bessel import bessel_ratio, log_f, ratio_over_argument
from replications.papers.simplex_diffusion.chain import Chain
from replications.papers.simplex_diffusion.cir import cdf, laplace, log_density, mean, sample, score, variance
from replications.papers.simplex_diffusion.posterior import (
    denoiser,
    entropy_rate,
    mixture_score,
    posterior,
    posterior_from_simplex,
)
from replications.papers.simplex_diffusion.reverse import STEPS, bridge, generate, levels, reverse_drift
from replications.papers.simplex_diffusion.schemes import SCHEMES, simulate, squared_ou_exact
from replications.papers.simplex_diffusion.simplex import check_simplex, dirichlet_moments, noise_tokens, project

__all__ = [
    "SCHEMES",
    "STEPS",
    "Chain",
    "bessel_ratio",
    "bridge",
    "cdf",
    "check_simplex",
    "denoiser",
    "dirichlet_moments",
    "entropy_rate",
    "generate",
    "laplace",
    "levels",
    "log_density",
    "log_f",
    "mean",
    "mixture_score",
    "noise_tokens",
    "posterior",
    "posterior_from_simplex",
    "project",
    "ratio_over_argument",
    "reverse_drift",
    "sample",
    "score",
    "simulate",
    "squared_ou_exact",
    "variance",
]
