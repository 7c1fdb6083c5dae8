"""Recovery of a known law by every reverse sampler, and the likelihood identities (S4, S9)."""

from __future__ import annotations

import itertools

import numpy as np
from scipy import stats

from replications.papers.simplex_diffusion import cir, reverse, simplex
from replications.papers.simplex_diffusion import posterior as post
from replications.papers.simplex_diffusion.chain import Chain, unigram_entropy
from replications.papers.simplex_diffusion.experiments import Config, numpy_generator
from replications.study import Context, Curve, Outcome

FIVE = np.array([0.4, 0.25, 0.2, 0.1, 0.05])
BEST_GRID = (("ODE Heun", "log s"), ("ODE exponential", "s"), ("reverse SDE", "s"), ("bridge", "s"))
ALL_GRIDS = (
    *(("ODE Euler", grid) for grid in ("t", "s", "log s", "entropy")),
    *(("ODE Heun", grid) for grid in ("s", "log s", "entropy")),
    *((step, grid) for step in ("ODE exponential", "reverse SDE") for grid in ("s", "log s")),
    ("bridge", "s"),
)
KEYS = {
    "ODE Euler": "euler", "ODE exponential": "exponential", "ODE Heun": "heun", "reverse SDE": "sde", "bridge": "bridge",
}  # fmt: skip
LARGEST_TESTED = 27  # V up to which the law halfway is tested as well
MIDDLE = 0.5  # level at which the law of Y on the way back is compared with the forward law


def law_of(categories: int) -> np.ndarray:
    """The law to recover: five classes as in the text, or one that falls as 1/(rank + 1). (V,)."""
    if categories == 5:
        return FIVE
    weight = 1 / (np.arange(categories) + 2.0)
    return weight / weight.sum()


def entropy_knots(
    alpha: np.ndarray, prior: np.ndarray, last: float, first: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Levels and the cross-entropy of the exact posterior there: what the entropy grid is equal in."""
    s = np.concatenate([np.geomspace(last, 0.02, 5)[:-1], np.linspace(0.02, first, 40)])
    tokens = rng.choice(len(prior), 4000, p=prior)
    values = []
    for level in s:
        p = post.posterior(simplex.noise_tokens(tokens, alpha, level, rng), level, alpha, prior)
        values.append(-np.log(np.maximum(p[np.arange(len(tokens)), tokens], 1e-300)).mean())
    return s, np.maximum.accumulate(values)


def reversal(config: Config, context: Context) -> Outcome:
    """Total variation of the decoded law against the number of steps, and the law of Y halfway back (KS)."""
    rng, v, n = numpy_generator(context, "reversal"), config.categories, config.draws
    prior, alpha = law_of(v), np.full(v, config.alpha)
    first, last = float(cir.elapsed(config.first_time)), config.last_level

    def denoise(y: np.ndarray, s: float) -> np.ndarray:
        return post.posterior(y, s, alpha, prior)

    def distance(tokens: np.ndarray) -> float:
        return 0.5 * float(np.abs(np.bincount(tokens, minlength=v) / len(tokens) - prior).sum())

    knots = entropy_knots(alpha, prior, last, first, rng) if config.all_grids else None
    scalars = {"floor": float(np.mean([distance(rng.choice(v, n, p=prior)) for _ in range(50)]))}
    curves: dict[str, Curve] = {}
    pairs = ALL_GRIDS if config.all_grids else BEST_GRID
    for done, (name, kind) in enumerate(pairs):
        found = []
        for steps in config.steps:
            grid = reverse.levels(kind, steps, first, last, knots)
            y = reverse.generate(reverse.STEPS[name], grid, (n, v), denoise, alpha, rng)
            found.append(distance(denoise(y, last).argmax(-1)))
        curves[f"{name}, {kind}"] = Curve(list(config.steps), found, "steps N", "total variation")
        if (name, kind) in BEST_GRID:
            scalars[f"tv_{KEYS[name]}"] = found[-1]
            if name == "bridge":
                scalars["tv_bridge_first"] = found[0]
        context.progress(0.8 * (done + 1) / len(pairs))
    grid = reverse.levels("s", config.steps[-1], first, last)
    broken = reverse.generate(_without_divergence, grid, (n, v), denoise, alpha, rng)
    scalars["tv_sde_without_divergence"] = distance(denoise(broken, last).argmax(-1))
    if v <= LARGEST_TESTED:
        scalars |= _halfway(prior, alpha, first, n, denoise, rng)
    return Outcome(scalars=scalars | identities(config.alpha, rng), curves=curves, samples=n)


def _halfway(
    prior: np.ndarray, alpha: np.ndarray, first: float, n: int, denoise: reverse.Denoiser, rng: np.random.Generator
) -> dict[str, float]:  # fmt: skip
    """KS tests of Y at s = 1/2 on the way back against the forward law, in the first five coordinates."""
    v = len(prior)
    forward = simplex.noise_tokens(rng.choice(v, n, p=prior), alpha, MIDDLE, rng)
    grid = reverse.levels("s", 40, first, MIDDLE)
    scalars = {}
    for key, step in (
        ("heun", reverse.ode_heun), ("bridge", reverse.bridge_step), ("sde", reverse.sde_step),
        ("sde_without_divergence", _without_divergence),
    ):  # fmt: skip
        half = reverse.generate(step, grid, (n, v), denoise, alpha, rng)
        tests = [stats.ks_2samp(half[:, j], forward[:, j], method="asymp") for j in range(5)]
        scalars[f"middle_p_{key}"] = min(1.0, 5 * min(float(test.pvalue) for test in tests))
        scalars[f"middle_d_{key}"] = max(float(test.statistic) for test in tests)
    return scalars


def _without_divergence(
    y: np.ndarray, s: float, r: float, denoise: reverse.Denoiser, alpha: np.ndarray, rng: np.random.Generator
) -> np.ndarray:  # fmt: skip
    """The falsifier: the reverse SDE that forgets ∇·Σ = 2b."""
    return reverse.sde_step(y, s, r, denoise, alpha, rng) - 2 * np.log((1 - r) / (1 - s))


def identities(a: float, rng: np.random.Generator) -> dict[str, float]:
    """Largest errors of the algebra: Eq. 12 and 16 with the score inserted, the stationary state, quantiles carried by the ODE."""
    y = rng.standard_gamma(2.0, (200, 3)) + 1e-3
    p = rng.dirichlet(np.ones(3), 200)
    worst_drift, worst_field = 0.0, 0.0
    for s in (0.1, 0.5, 0.95):
        score = post.mixture_score(y, p, s, a)
        drift = reverse.reverse_drift(y, p, s, a) - reverse.reverse_drift_from_score(y, score, a)
        # dY/dt = (dY/dlog s) b(1 - s)/s
        field = (1 - s) / s * (y - post.denoiser(y, p, s, a)) - reverse.ode_field_from_score(y, score, a)
        size = 1 + np.abs(y) / s**2
        worst_drift, worst_field = (
            max(worst_drift, np.max(np.abs(drift) / size)),
            max(worst_field, np.max(np.abs(field) / size)),
        )
    still = (a - 1) / y - 1  # the stationary score
    level = float(cir.elapsed(12.0))
    start = stats.gamma(a).ppf([0.05, 0.5, 0.95])[:, None]
    carried = start
    grid = np.geomspace(level, 0.2, 801)
    for s, r in itertools.pairwise(grid):
        carried = reverse.ode_heun(carried, float(s), float(r), lambda y, s: np.ones_like(y), np.array([a]), rng)
    levels = cir.cdf(carried[:, 0], 1.0, a, -np.log1p(-0.2))
    return {
        "drift_error": float(worst_drift),
        "field_error": float(worst_field),
        "log_field_residual": float(np.max(np.abs(reverse.log_ode_field(y, still, a)))),
        "log_field_residual_printed": float(np.max(np.abs(reverse.log_ode_field_as_printed(still)))),
        "quantile_error": float(np.max(np.abs(levels - [0.05, 0.5, 0.95]))),
    }


def likelihood(config: Config, context: Context) -> Outcome:
    """Entropy identity, path KL, calibration, and how far from linear the posterior is; five classes."""
    rng, n, prior = numpy_generator(context, "likelihood"), config.draws, law_of(config.categories)
    alpha = np.full(len(prior), config.alpha)
    other = np.full(len(prior), 1 / len(prior))
    node, weight = np.polynomial.legendre.leggauss(48)
    s_nodes, s_weights = (node + 1) / 2, weight / 2
    rates, blind, path, path_unweighted, crosses = [], [], [], [], []
    for s in s_nodes:
        tokens = rng.choice(len(prior), n, p=prior)
        y = simplex.noise_tokens(tokens, alpha, s, rng)
        p, q = post.posterior(y, s, alpha, prior), post.posterior(y, s, alpha, other)
        rates.append(post.entropy_rate(y, p, tokens, s, alpha).mean())
        blind.append(post.entropy_rate(y, np.broadcast_to(prior, p.shape), tokens, s, alpha).mean())
        gap = post.mixture_score(y, p, s, alpha) - post.mixture_score(y, q, s, alpha)
        path.append((y * gap**2).sum(1).mean() / (1 - s))  # b dt = ds/(1 - s)
        path_unweighted.append((gap**2).sum(1).mean() / (1 - s))
        crosses.append(-np.log(np.maximum(p[np.arange(n), tokens], 1e-300)).mean())
    scalars = {
        "entropy": float(-(prior * np.log(prior)).sum()),
        "entropy_integral": float(s_weights @ rates),
        "entropy_integral_blind": float(s_weights @ np.minimum(blind, 1e9)),
        "path_kl": float(s_weights @ path),
        "path_kl_unweighted": float(s_weights @ path_unweighted),
        "initial_kl": float((prior * np.log(prior / other)).sum()),
    }
    curve = Curve(list(s_nodes), [float(c) for c in crosses], "s", "cross-entropy, nats")
    return Outcome(scalars=scalars | readings(rng, n), curves={"cross_entropy": curve}, samples=n)


def readings(rng: np.random.Generator, n: int) -> dict[str, float]:
    """Cross-entropies in nats of ways to read a noisy state: n = 4, α = (.5, 1, 2, .7), s = .3, uniform prior."""
    alpha, prior, s = np.array([0.5, 1.0, 2.0, 0.7]), np.full(4, 0.25), 0.3
    tokens = rng.choice(4, n, p=prior)
    y = simplex.noise_tokens(tokens, alpha, s, rng)
    x = simplex.project(y)

    def cross_entropy(p: np.ndarray) -> float:
        return float(-np.log(p[np.arange(n), tokens]).mean())

    exact = post.posterior(y, s, alpha, prior)
    few = min(n, 20000)
    from_x = post.posterior_from_simplex(x[:few], s, alpha, prior)
    linear = min(cross_entropy((1 - w) * prior + w * x) for w in np.linspace(0.5, 0.99, 50))
    return {
        "ce_state": cross_entropy(exact),
        "ce_simplex": float(-np.log(from_x[np.arange(few), tokens[:few]]).mean()),
        "ce_simplex_excess": float(-np.log(from_x[np.arange(few), tokens[:few]]).mean())
        - cross_entropy_first(exact, tokens, few),
        "ce_linear": linear,
        "calibration_gap": float(exact[np.arange(n), tokens].mean() - (exact**2).sum(1).mean()),
    }


def cross_entropy_first(p: np.ndarray, tokens: np.ndarray, few: int) -> float:
    """Cross-entropy over the first `few` draws, to pair with an estimate on the same draws."""
    return float(-np.log(p[np.arange(few), tokens[:few]]).mean())


def sequences(config: Config, context: Context) -> Outcome:
    """The same for a Markov chain with the exact posterior: likelihood, unigram entropy, bigrams against the steps."""
    rng, v = numpy_generator(context, "sequences"), config.categories
    chain = Chain.random(v, np.random.default_rng(0))  # one chain for every seed
    alpha = np.full(v, config.alpha)
    first, last = float(cir.elapsed(config.first_time)), config.last_level

    def denoise(y: np.ndarray, s: float) -> np.ndarray:
        return chain.denoise(y, s, alpha)

    truth = chain.sample(config.draws, config.length, rng)
    scalars = {
        "data_nll": chain.nll(truth),
        "data_bigram_tv": chain.bigram_distance(truth),
        "chain_entropy": chain.entropy(config.length),
    }
    curves: dict[str, Curve] = {}
    pairs = (("ODE Heun", "log s"), ("ODE exponential", "s"), ("bridge", "s"))
    for done, (name, kind) in enumerate(pairs):
        nll, bigrams = [], []
        for steps in config.steps:
            grid = reverse.levels(kind, steps, first, last)
            shape = (config.draws, config.length, v)
            tokens = denoise(reverse.generate(reverse.STEPS[name], grid, shape, denoise, alpha, rng), last).argmax(-1)
            nll.append(chain.nll(tokens))
            bigrams.append(chain.bigram_distance(tokens))
        curves[f"nll {name}"] = Curve(list(config.steps), nll, "steps N", "nats a token")
        curves[f"bigrams {name}"] = Curve(list(config.steps), bigrams, "steps N", "total variation")
        scalars |= {
            f"chain_nll_{KEYS[name]}": nll[-1],
            f"chain_bigram_tv_{KEYS[name]}": bigrams[-1],
            f"chain_unigram_{KEYS[name]}": unigram_entropy(tokens, v),
        }
        context.progress((done + 1) / len(pairs))
    return Outcome(scalars=scalars, curves=curves, samples=config.draws)
