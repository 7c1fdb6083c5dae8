"""Orders of the schemes, and what they do at the boundary (S3, S6)."""

from __future__ import annotations

import numpy as np
from scipy import stats

from replications.papers.simplex_diffusion import cir, schemes
from replications.papers.simplex_diffusion.experiments import Config, numpy_generator
from replications.papers.simplex_diffusion.orders import slope, strong_errors, weak_errors
from replications.study import Context, Curve, Outcome

KEYS = {
    "full truncation": "full_truncation",
    "reflection": "reflection",
    "clipping": "clipping",
    "ε in the root": "epsilon",
    "implicit": "implicit",
    "quadratic-exponential": "quadratic",
    "squared OU": "squared_ou",
}
STRONG = ("full truncation", "reflection", "clipping", "implicit")


def orders(config: Config, context: Context) -> Outcome:
    """Weak errors of E e^{-θ}, E θ², P(θ < 0.05) at t = 1 from θ_0 = 1, and strong errors on shared paths, with slopes."""
    rng, a = numpy_generator(context, "orders"), config.alpha
    names = [name for name in schemes.SCHEMES if schemes.allowed(name, a)]
    depths = range(2, config.depth + 1)
    sizes = np.array([2.0**-d for d in depths])
    scalars: dict[str, float] = {}
    curves: dict[str, Curve] = {}
    for done, name in enumerate(names):
        found = [weak_errors(schemes.SCHEMES[name], 1.0, a, 1.0, 2**d, config.draws, rng) for d in depths]
        for statistic in ("exp", "square", "below"):
            errors = [abs(f[statistic][0]) for f in found]
            curves[f"weak {statistic} {name}"] = Curve(list(sizes), errors, "step, 1/b", "weak error")
        exp_error = np.array([f["exp"] for f in found])  # (depths, 2): error, standard error
        scalars[f"weak_error4_{KEYS[name]}"] = abs(float(exp_error[0, 0]))
        scalars[f"weak_noise4_{KEYS[name]}"] = float(exp_error[0, 1])
        tail = exp_error[-4:]
        seen = np.abs(tail[:, 0]) > 3 * tail[:, 1]
        if seen.sum() >= 3 and name != "quadratic-exponential":
            scalars[f"weak_order_{KEYS[name]}"] = slope(sizes[-4:][seen], tail[seen, 0])
        context.progress(0.6 * (done + 1) / len(names))
    strong = [name for name in STRONG if schemes.allowed(name, a)]
    if abs(2 * a - round(2 * a)) < 1e-12:
        strong.append("squared OU")
    levels = range(2, config.depth + 3)
    strong_sizes = np.array([2.0**-k for k in levels])
    for name, gaps in strong_errors(strong, 1.0, a, 1.0, levels, config.paths, rng).items():
        curves[f"strong {name}"] = Curve(list(strong_sizes), list(gaps), "step, 1/b", "strong error")
        scalars[f"strong_order_{KEYS[name]}"] = slope(strong_sizes[-5:], gaps[-5:])
    return Outcome(scalars=scalars, curves=curves, samples=config.draws)


def boundary(config: Config, context: Context) -> Outcome:
    """Atoms at zero, drift away from the stationary law, hits of zero, and the score-matching target near zero."""
    rng, a, n = numpy_generator(context, "boundary"), config.alpha, config.draws
    names = [name for name in schemes.SCHEMES if schemes.allowed(name, a)]
    scalars: dict[str, float] = {}
    distance = np.full((len(schemes.SCHEMES), 3), np.nan, dtype=np.float32)
    for row, name in enumerate(schemes.SCHEMES):
        if name not in names:
            continue
        scheme = schemes.SCHEMES[name]
        scalars[f"zeros_{KEYS[name]}"] = float((schemes.simulate(scheme, 1.0, a, 1.0, 16, n, rng) == 0).mean())
        x = rng.standard_gamma(a, n)
        for step, (_, _, after) in enumerate(schemes.walk(scheme, x, a, 100 / 8, 100, rng), start=1):
            if step in (1, 10, 100):
                column = (1, 10, 100).index(step)
                distance[row, column] = stats.kstest(np.maximum(after, 0), stats.gamma(a).cdf).statistic
        scalars[f"drift_{KEYS[name]}"] = float(distance[row, 2])
    exact = rng.standard_gamma(a, n)
    for _ in range(10):
        exact = cir.sample(exact, a, 1 / 8, rng)
    scalars["drift_exact"] = float(stats.kstest(exact, stats.gamma(a).cdf).statistic)
    scalars["zeros_exact"] = float((exact == 0).mean())
    coarse, fine = touches(a, 6, n // 20, rng), touches(a, 12, n // 20, rng)
    scalars |= {"touch_coarse": coarse, "touch_fine": fine}
    counts = 2 ** np.arange(6, 19)
    growth = target_growth(a, counts, rng)
    scalars["target_growth"] = slope(counts.astype(float), growth)
    theta = cir.sample(0.0, a, 0.7, rng, size=n)
    magnitude = np.quantile(np.abs(cir.score(theta, 0.0, a, 0.7)), (0.5, 0.9, 0.99, 0.999))
    scalars |= {"score_median": float(magnitude[0]), "score_999": float(magnitude[3])}
    return Outcome(
        scalars=scalars,
        curves={
            "target": Curve([float(c) for c in counts], list(growth), "draws n", "median of the mean of Y·target²")
        },
        arrays={"drift": distance},
        samples=n,
    )


def touches(a: float, depth: int, paths: int, rng: np.random.Generator) -> float:
    """Share of exact paths from θ_0 = 1 over t = 1 whose skeleton with step h = 2^-depth falls below h/10.

    The event has the scale of the step: the share tends to the chance of touching zero, which is 0 for α ≥ 1.
    """
    h = 2.0**-depth
    x, low = np.ones(paths), np.full(paths, np.inf)
    for _ in range(2**depth):
        x = cir.sample(x, a, h, rng)
        np.minimum(low, x, out=low)
    return float((low < h / 10).mean())


def target_growth(a: float, counts: np.ndarray, rng: np.random.Generator, repeats: int = 32) -> np.ndarray:
    """Median over repeats of the mean over n draws of Y·target² for a coordinate without signal, t = 0.7. (len(counts),).

    The target of denoising score matching holds (α - 1)/Y; where E[1/Y] is infinite the mean grows with n.
    """
    s = float(cir.elapsed(0.7))
    means = []
    for n in counts:
        y = np.maximum(s * rng.standard_gamma(a, (repeats, int(n) // 4)), 1e-300)
        target = cir.boundary_term(a, y) - 1 / s
        means.append(float(np.median((y * target**2).mean(1))))
    return np.array(means)
