"""Transition law, moments, Dirichlet limit, sphere: does what is sampled follow what is written? (S1, S2)"""

from __future__ import annotations

import numpy as np
from scipy import stats

from replications.papers.simplex_diffusion import cir, schemes, simplex
from replications.papers.simplex_diffusion.experiments import Config, numpy_generator
from replications.study import Context, Curve, Outcome

STARTS = (0.0, 1.0)
TIMES = (0.1, 0.7, 3.0)


def ks(values: np.ndarray, theta0: float, a: float, t: float, b: float = 1.0) -> float:
    """p-value of the Kolmogorov-Smirnov test against the exact transition law."""
    return float(stats.kstest(values, lambda x: cir.cdf(x, theta0, a, t, b)).pvalue)


def transition(config: Config, context: Context) -> Outcome:
    """Exact samplers and full-truncation Euler against the exact law; density, score and moments against the library."""
    rng, a, n = numpy_generator(context, "transition"), config.alpha, config.draws
    whole = abs(2 * a - round(2 * a)) < 1e-12
    p: dict[str, list[float]] = {
        name: [] for name in ("poisson_gamma", "chi_square", "squared_ou", "two_steps", "euler")
    }
    moments, printed, density_error, score_error = [], [], 0.0, 0.0
    for theta0 in STARTS:
        for t in TIMES:
            draws = cir.sample(theta0, a, t, rng, size=n, method="poisson_gamma")
            p["poisson_gamma"].append(ks(draws, theta0, a, t))
            p["chi_square"].append(ks(cir.sample(theta0, a, t, rng, size=n), theta0, a, t))
            halfway = cir.sample(theta0, a, 0.4 * t, rng, size=n)
            p["two_steps"].append(ks(cir.sample(halfway, a, 0.6 * t, rng), theta0, a, t))
            if whole:
                p["squared_ou"].append(ks(schemes.squared_ou_exact(theta0, a, t, n, rng), theta0, a, t))
            p["euler"].append(
                ks(schemes.simulate(schemes.full_truncation_euler, theta0, a, t, 4, n, rng), theta0, a, t)
            )
            fast = cir.sample(theta0, a, t, rng, b=2.0, size=n)  # b = 2: the slip in Eq. 6 does not show at b = 1
            moments.append(_misses(fast, cir.mean(theta0, a, t, 2.0), cir.variance(theta0, a, t, 2.0)))
            printed.append(
                _misses(fast, cir.mean_as_printed(theta0, a, t, 2.0), cir.variance_as_printed(theta0, a, t, 2.0))
            )
            if theta0 > 0:
                errors = _against_library(theta0, a, t)
                density_error, score_error = max(density_error, errors[0]), max(score_error, errors[1])
    x = np.linspace(0.0, 3.0, 61)
    shown = cir.sample(1.0, a, 0.7, rng, size=n)
    height = np.histogram(shown, x)[0] / n / np.diff(x)
    euler = np.histogram(schemes.simulate(schemes.full_truncation_euler, 1.0, a, 0.7, 4, n, rng), x)[0] / n / np.diff(x)
    middle = (x[1:] + x[:-1]) / 2
    exact = np.diff(cir.cdf(x, 1.0, a, 0.7)) / np.diff(x)
    cells = len(STARTS) * len(TIMES)
    outcome = {name: min(1.0, cells * min(found)) for name, found in p.items() if found and name != "euler"}
    return Outcome(
        scalars={
            **{f"{name}_p": value for name, value in outcome.items()},
            "euler_p": max(p["euler"]),
            "mean_z": float(np.max(moments, 0)[0]),
            "variance_z": float(np.max(moments, 0)[1]),
            "printed_mean_z": float(np.max(printed, 0)[0]),
            "printed_variance_z": float(np.max(printed, 0)[1]),
            "density_error": density_error,
            "score_error": score_error,
            "zeros": float((shown == 0).mean()),
        },
        curves={
            name: Curve(list(middle), list(y), "θ", "density")
            for name, y in (("sampled", height), ("full truncation", euler), ("exact", exact))
        },
        arrays={
            "p_values": np.array([p["poisson_gamma"], p["chi_square"], p["two_steps"], p["euler"]], dtype=np.float32)
        },
        samples=n,
    )


def _misses(draws: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
    """Distance of the sample's mean and variance from the given ones, in standard errors."""
    squares = (draws - draws.mean()) ** 2
    root = np.sqrt(len(draws))
    return (
        float(abs(draws.mean() - mean) / (draws.std() / root)),
        float(abs(squares.mean() - variance) / (squares.std() / root)),
    )


def _against_library(theta0: float, a: float, t: float) -> tuple[float, float]:
    """Largest relative error of the density, and of the score against a central difference of the library's density."""
    s = float(cir.elapsed(t))
    law = stats.ncx2(2 * a, 2 * cir.poisson_rate(theta0, s), scale=s / 2)
    theta = law.ppf(np.linspace(0.05, 0.95, 19))
    density = np.max(np.abs(np.exp(cir.log_density(theta, theta0, a, t)) / law.pdf(theta) - 1))
    step = 1e-4 * theta
    difference = (law.logpdf(theta + step) - law.logpdf(theta - step)) / (2 * step)
    found = cir.score(theta, theta0, a, t)
    return float(density), float(np.max(np.abs(found - difference) / (1 + np.abs(found))))


def stationarity(config: Config, context: Context) -> Outcome:
    """From a vertex, t = 12: the Dirichlet limit of X, its independence of the sum, and two ways to break it."""
    rng, n = numpy_generator(context, "stationarity"), config.draws
    alpha = np.array([0.5, 1.0, 2.0, 0.7])
    total = alpha.sum()
    y = simplex.noise_tokens(np.zeros(n, dtype=int), alpha, float(cir.elapsed(12.0)), rng)
    x = simplex.project(y)
    limit, covariance = simplex.dirichlet_moments(alpha)
    product = (x - limit)[:, :, None] * (x - limit)[:, None, :]
    wrong = np.stack([cir.sample(2.0 * (j == 0), 2 * a, 12.0, rng, size=n) for j, a in enumerate(alpha)], -1) / 2
    sphere = sphere_walk(4, n // 4, rng)
    half = stats.beta(0.5, 1.5).cdf
    return Outcome(
        scalars={
            "dirichlet_p": min(1.0, 4 * min(_beta_ks(x[:, j], alpha[j], total) for j in range(4))),
            "gamma_p": min(
                1.0, 4 * min(float(stats.kstest(y[:, j], stats.gamma(alpha[j]).cdf).pvalue) for j in range(4))
            ),
            "covariance_z": float(np.max(np.abs(product.mean(0) - covariance) / (product.std(0) / np.sqrt(n)))),
            "sum_correlation": float(
                np.max([abs(np.corrcoef(y.sum(1), x[:, j])[0, 1]) for j in range(4)]) * np.sqrt(n)
            ),
            "wrong_noise_p": max(_beta_ks(v, alpha[j], total) for j, v in enumerate(simplex.project(wrong).T)),
            "sphere_p": min(1.0, 4 * min(float(stats.kstest(v**2, half).pvalue) for v in sphere.T)),
            "sphere_unsquared_p": max(float(stats.kstest(np.abs(v), half).pvalue) for v in sphere.T),
        },
        samples=n,
    )


def _beta_ks(values: np.ndarray, alpha: float, total: float) -> float:
    return float(stats.kstest(values, stats.beta(alpha, total - alpha).cdf).pvalue)


def sphere_walk(n: int, paths: int, rng: np.random.Generator, t: float = 6.0, steps: int = 120) -> np.ndarray:
    """Brownian motion on the unit sphere of R^n from e_1, by tangent steps that are projected back. (paths, n)."""
    u = np.zeros((paths, n))
    u[:, 0] = 1.0
    for _ in range(steps):
        step = rng.standard_normal((paths, n)) * np.sqrt(t / steps)
        u += step - (step * u).sum(1, keepdims=True) * u
        u /= np.linalg.norm(u, axis=1, keepdims=True)
    return u
