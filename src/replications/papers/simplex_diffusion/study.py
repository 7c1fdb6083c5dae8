"""The study of "Categorical SDEs with simplex diffusion".

The paper is a theory note without experiments: nothing is published to match but its statements, so every profile
checks them, at growing size. All sampling is NumPy in float64 on the CPU; only the Transformer uses the device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from replications.papers.simplex_diffusion.experiments import Config, convergence, laws, recovery, tail, training
from replications.study import Context, Metric, Outcome, Plan, Study

EXPERIMENTS: dict[str, Callable[[Config, Context], Outcome]] = {
    "transition": laws.transition,
    "stationarity": laws.stationarity,
    "orders": convergence.orders,
    "boundary": convergence.boundary,
    "reversal": recovery.reversal,
    "likelihood": recovery.likelihood,
    "sequences": recovery.sequences,
    "ranks": tail.ranks,
    "cost": tail.cost,
    "training": training.train,
}
LAW_ALPHAS = (0.1, 0.5, 1.0, 2.5)
ORDER_ALPHAS = (0.1, 0.5, 1.0, 2.0, 4.0)
BOUNDARY_ALPHAS = (0.1, 0.5, 1.0, 2.0)
REVERSAL_ALPHAS = (0.5, 1.0, 2.0)
REVERSAL_SIZES = (5, 27, 256)
RANK_SIZES = (27, 1000, 32000)
LOSS_NAMES = {"cross-entropy": "ce", "free score": "free", "fixed boundary": "fixed"}


def run(config: Config, context: Context) -> Outcome:
    """Run one experiment.

    Raises:
        ValueError: an unknown experiment, or what the experiment refuses (α ≤ 0, a NaN, …).
    """
    if config.experiment not in EXPERIMENTS:
        raise ValueError(f"unknown experiment '{config.experiment}': choose from {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[config.experiment](config, context)


def conditions(
    size: float, updates: int, sizes: tuple[int, ...], steps: tuple[int, ...], width: int = 64
) -> dict[str, Config]:
    """Every condition; `size` scales the numbers of draws, 1 is the laptop's; `sizes` are the V of the reversal."""

    def draws(n: int) -> int:
        return max(64, int(n * size))

    found = {f"law-{a:g}": Config("transition", draws(60_000), alpha=a) for a in LAW_ALPHAS}
    found["stationarity"] = Config("stationarity", draws(60_000))
    depth = 7 if size >= 1 else 5
    found |= {
        f"orders-{a:g}": Config("orders", draws(40_000), alpha=a, paths=draws(1500), depth=depth) for a in ORDER_ALPHAS
    }
    found |= {f"boundary-{a:g}": Config("boundary", draws(40_000), alpha=a) for a in BOUNDARY_ALPHAS}
    for v in sizes:
        for a in REVERSAL_ALPHAS:
            n = draws({5: 10_000, 27: 2000, 256: 400}[v])
            found[f"reversal-{v}-{a:g}"] = Config(
                "reversal", n, alpha=a, categories=v, steps=steps, all_grids=v == 5 and a == 1
            )
    found |= {f"likelihood-{a:g}": Config("likelihood", draws(20_000), alpha=a) for a in (0.5, 1.0)}
    found["sequences"] = Config("sequences", draws(200), categories=16, steps=steps)
    found |= {f"ranks-{v}": Config("ranks", draws(200_000), categories=v) for v in RANK_SIZES}
    found["cost"] = Config("cost", 1 << 16, categories=32768 if size >= 1 else 4096)
    for a in (0.5, 1.0, 2.0):
        for loss, short in LOSS_NAMES.items():
            found[f"train-{short}-{a:g}"] = Config(
                "training", 32, alpha=a, categories=16, loss=loss, updates=updates, batch=16, width=width
            )
    wide = Config("training", 32, categories=27, updates=updates, batch=16, width=width)
    found["train-27-sparse"] = replace(wide, alpha=1 / 27)
    found["train-27-one"] = wide
    found["train-27-gaussian"] = replace(wide, process="gaussian")
    return found


def dry_run(config: Config, context: Context) -> str:
    """Two updates of the Transformer of the profile, and the first experiment with few draws."""
    run(replace(config, draws=200), context)
    trained = run(replace(config, experiment="training", draws=4, updates=2, categories=16, width=256), context)
    return f"{config.experiment}: float64; Transformer of width 256, loss after two updates {trained.scalars['final_loss']:.3f}"


_KS = "Kolmogorov-Smirnov p-value, the least over cells times their number"
_SCHEMES = {
    "full_truncation": "full-truncation Euler",
    "reflection": "Euler with reflection",
    "clipping": "Euler with clipping",
    "epsilon": "Euler with 0.001 inside the root",
    "implicit": "drift-implicit Euler on √θ",
    "quadratic": "quadratic-exponential",
    "squared_ou": "sum of squared Ornstein-Uhlenbeck, Euler",
    "exact": "exact sampling",
}
_SAMPLERS = {
    "euler": "Euler on the flow",
    "exponential": "exponential step on the flow",
    "heun": "Heun on the flow",
    "sde": "full-truncation Euler on the reverse SDE",
    "sde_without_divergence": "reverse SDE without the divergence 2b",
    "bridge": "exact bridge",
}
_PROCESSES = {"sparse": "α = 1/V", "half": "α = 1/2", "one": "α = 1", "gaussian": "Gaussian, orthogonal embeddings"}

METRICS = {
    "poisson_gamma_p": Metric("p", f"{_KS}: Poisson-Gamma draws against the exact law"),
    "chi_square_p": Metric("p", f"{_KS}: non-central χ² draws against the exact law"),
    "two_steps_p": Metric("p", f"{_KS}: two exact steps against the law of one (Chapman-Kolmogorov)"),
    "squared_ou_p": Metric("p", f"{_KS}: 2α squared Ornstein-Uhlenbeck processes against the exact law"),
    "euler_p": Metric("p", "largest p-value over cells: full-truncation Euler with 4 steps"),
    "mean_z": Metric("standard errors", "largest |sample mean - Eq. 5|, b = 2"),
    "variance_z": Metric("standard errors", "largest |sample variance - Eq. 6|, b = 2"),
    "printed_mean_z": Metric("standard errors", "largest |sample mean - last form of Eq. 5 as printed|, b = 2"),
    "printed_variance_z": Metric("standard errors", "largest |sample variance - last form of Eq. 6 as printed|, b = 2"),
    "density_error": Metric("fraction", "largest relative error of the density against the library's non-central χ²"),
    "score_error": Metric(
        "1/θ", "largest |score - reference|: library difference (law), or median over positions (train)"
    ),
    "score_error_mean": Metric("1", "mean over positions of Σ_j (Y_j/s)(s·score - exact)²"),
    "zeros": Metric("fraction", "exact draws that are zero"),
    "dirichlet_p": Metric("p", f"{_KS}: X_i at t = 12 against Beta(α_i, A - α_i)"),
    "gamma_p": Metric("p", f"{_KS}: Y_i at t = 12 against Gamma(α_i)"),
    "covariance_z": Metric("standard errors", "largest |covariance of X - Dirichlet's|"),
    "sum_correlation": Metric("standard errors", "largest |correlation of X_i and ΣY|"),
    "wrong_noise_p": Metric("p", "largest p-value of X_i against Beta when σ² = b instead of 2b"),
    "sphere_p": Metric("p", f"{_KS}: squared coordinates of Brownian motion on the sphere against Beta(1/2, 3/2)"),
    "sphere_unsquared_p": Metric("p", "largest p-value of the coordinates themselves against the same law"),
    "touch_coarse": Metric("fraction", "exact paths over t = 1 from 1 that fall below h/10 on a grid of step h = 2^-6"),
    "touch_fine": Metric("fraction", "the same with h = 2^-12"),
    "target_growth": Metric("1", "slope of log mean of Y·target² against log draws, a coordinate without signal"),
    "score_median": Metric("1/θ", "median |score| from θ_0 = 0 at t = 0.7"),
    "score_999": Metric("1/θ", "0.999 quantile of |score| from θ_0 = 0 at t = 0.7"),
    "floor": Metric("total variation", "of as many draws from the true law itself, mean of 50"),
    "tv_bridge_first": Metric("total variation", "of the decoded law at the smallest N: exact bridge"),
    "drift_error": Metric("fraction", "largest error of Eq. 12 with the score inserted, against the regular form"),
    "field_error": Metric("fraction", "largest error of Eq. 16 with the score inserted, against Y - D"),
    "log_field_residual": Metric("b", "largest |dlog Y/dt| at the stationary score, corrected form"),
    "log_field_residual_printed": Metric("b", "the same with the log-domain form as printed"),
    "quantile_error": Metric("probability", "largest error of quantiles carried from Gamma(α) to s = 0.2 by the flow"),
    "entropy": Metric("nats", "entropy of the law of the tokens"),
    "entropy_integral": Metric("nats", "∫ dH/ds of the exact posterior by 48 nodes"),
    "entropy_integral_blind": Metric("nats", "the same integral for a posterior that ignores the state"),
    "path_kl": Metric("nats", "∫ b E Δᵀ diag(Y) Δ dt, Δ the difference of the scores of two laws of tokens"),
    "path_kl_unweighted": Metric("nats", "the same without the weight diag(Y)"),
    "initial_kl": Metric("nats", "KL between the two laws of tokens"),
    "ce_state": Metric("nats", "cross-entropy of the exact posterior given Y; n = 4, s = 0.3"),
    "ce_simplex": Metric("nats", "cross-entropy of the exact posterior given X alone"),
    "ce_simplex_excess": Metric("nats", "the same less that of the posterior given Y, on the same draws"),
    "ce_linear": Metric("nats", "cross-entropy of the best (1 - w) π + w X"),
    "calibration_gap": Metric("probability", "mean p of the true token less mean Σp²"),
    "data_nll": Metric("nats/token", "of fresh sequences under the chain"),
    "data_bigram_tv": Metric("total variation", "of bigrams of fresh sequences"),
    "chain_entropy": Metric("nats/token", "entropy of the chain's sequences"),
    "state_ratio": Metric("1", "numbers in a simplex state over those of a Gaussian state with d = 256"),
    "cost_gaussian_state": Metric("µs/token", "CPU time of noising and a step with d = 256, no posterior"),
    "final_loss": Metric("as the loss", "median over the second half of training"),
    "loss_spread": Metric("1", "largest over median loss of a batch, second half of training"),
    "nats": Metric("nats/token", "likelihood bound of the network by the entropy identity"),
    "nats_exact": Metric("nats/token", "the same with the exact posterior, on the same draws"),
    "excess_nats": Metric("nats/token", "the difference of the two"),
}
for _key, _what in _SCHEMES.items():
    METRICS |= {
        f"weak_error4_{_key}": Metric("1", f"|error of E e^-θ| at t = 1 after 4 steps: {_what}"),
        f"weak_noise4_{_key}": Metric("1", f"standard error of the same: {_what}"),
        f"weak_order_{_key}": Metric("1", f"slope of log weak error of E e^-θ over the four finest steps: {_what}"),
        f"strong_order_{_key}": Metric("1", f"slope of log E|θ^h - θ^(h/2)| over the five finest steps: {_what}"),
        f"zeros_{_key}": Metric("fraction", f"paths at zero at t = 1 after 16 steps: {_what}"),
        f"drift_{_key}": Metric("distance", f"KS distance from Gamma(α) after 100 steps of 1/8 started in it: {_what}"),
    }
for _key, _what in _SAMPLERS.items():
    METRICS |= {
        f"tv_{_key}": Metric("total variation", f"of the decoded law at the largest N: {_what}"),
        f"middle_p_{_key}": Metric(
            "p", f"{_KS}: Y at s = 1/2 on the way back against the forward law, 40 steps: {_what}"
        ),
        f"middle_d_{_key}": Metric("distance", f"largest KS distance of the same: {_what}"),
        f"chain_nll_{_key}": Metric("nats/token", f"of generated sequences under the chain, largest N: {_what}"),
        f"chain_bigram_tv_{_key}": Metric("total variation", f"of generated bigrams, largest N: {_what}"),
        f"chain_unigram_{_key}": Metric("nats", f"entropy of generated tokens, largest N: {_what}"),
    }
for _key, _what in _PROCESSES.items():
    METRICS |= {
        f"level_{_key}": Metric("s or √d/t", f"noise level at top-1 accuracy 0.9: {_what}"),
        f"lost_{_key}": Metric("fraction", f"e^-λ, draws without signal, there: {_what}"),
        f"mean_rank_{_key}": Metric("rank", f"mean rank of the true token there: {_what}"),
        f"beyond10_{_key}": Metric("fraction", f"ranks above 10 there: {_what}"),
        f"beyond_half_{_key}": Metric("fraction", f"ranks above V/2 there: {_what}"),
        f"cost_{_key}": Metric("µs/token", f"CPU time of noising, posterior and a step at the largest V: {_what}"),
        f"cost_slope_{_key}": Metric("1", f"slope of log time against log V from V = 64: {_what}"),
        f"bessel_share_{_key}": Metric("fraction", f"of that time in posterior and step: {_what}"),
    }

STUDY = Study(
    paper="simplex_diffusion",
    title="Categorical SDEs with simplex diffusion",
    run=run,
    metrics=METRICS,
    profiles={
        "smoke": Plan(conditions(0.06, 25, (5,), (5, 20)), seeds=1, minutes=0.5, memory_gb=1.0),
        "laptop": Plan(conditions(1.0, 200, REVERSAL_SIZES, (5, 10, 20, 50)), seeds=3, minutes=5.0, memory_gb=1.5),
        "gpu": Plan(
            conditions(2.0, 2000, REVERSAL_SIZES, (5, 10, 20, 50, 100, 200), width=128),
            seeds=5, minutes=30.0, hardware="one GPU and 8 CPU cores", memory_gb=4.0,
        ),
        "paper": Plan(
            conditions(20.0, 20_000, REVERSAL_SIZES, (5, 10, 20, 50, 100, 200), width=256),
            seeds=5, minutes=600.0, hardware="one GPU and 16 CPU cores", memory_gb=8.0,
        ),
    },
    dry_run=dry_run,
)  # fmt: skip
