"""What each recorded number is: samples are measured alike everywhere, and names end in the arm that made them."""

from __future__ import annotations

from replications.papers.continuous_diffusion_for_categorical_data.experiments import characters, exact
from replications.study import Metric

STEPS = (8, 10, 12, 20, 50, 100, 200)  # evaluations, over all profiles
_SAMPLES = {
    "nll": ("nats/token", "surprise of samples under the true chain, or under the judge where the data are text"),
    "se": ("nats/token", "standard error of it within a run"),
    "entropy": ("nats", "unigram entropy of samples"),
    "tv": ("total variation", "bigrams of samples against those of the chain"),
    "repeats": ("fraction", "runs of four characters that stand in their sequence more than once"),
}
_ARMS = {
    "uniform": "steps uniform in t", "rho2": "ρ = 2", "rho4": "ρ = 4", "rho8": "ρ = 8", "warped": "warped by the loss",
    "warped_rho8": "warped, ρ = 8 on u", "heun": "Heun, warped", "gaussian": "Gaussian, Euler",
    "gaussian_heun": "Gaussian, Heun", "simplex": "simplex, step exact for constant D", "simplex_heun": "simplex, Heun",
}  # fmt: skip
METRICS = {key: Metric(unit, f"{what}; the arm's own sampler, smallest N") for key, (unit, what) in _SAMPLES.items()}
METRICS |= {
    "data_nll": Metric("nats/token", "entropy of the chain's sequences"),
    "data_entropy": Metric("nats", "entropy of one token of the chain"),
    "score_error": Metric("fraction", "largest error of the interpolated score against the gradient of log p_t"),
    "score_error_blind": Metric("fraction", "the same, interpolating with equal weights; least over t"),
    "entropy_integral": Metric("nats/token", "L(t_min) + ∫ t^-3 E‖x_0 - x̂_0‖² dt + d/(2 t_max²), exact posterior"),
    "loss_rise": Metric("nats", "smallest rise of L(t) from one of 60 levels to the next, exact posterior"),
    "loss_end": Metric("nats", "L(t_max), exact posterior"),
    "min_distance": Metric("√d", "smallest distance of two embeddings"),
    "mean_distance": Metric("√d", "mean distance of embeddings"),
    "row_norm": Metric("√d", "mean norm of the rows W, after training"),
    "row_norm_start": Metric("√d", "mean norm of the rows W, before"),
    "row_norm_rise": Metric("√d", "smallest change between looks in the second half of training"),
    "bayes_gap": Metric("nats", "cross-entropy less that of the exact posterior, mean over levels"),
    "estimate_error": Metric("fraction", "E‖x̂_0 - exact x̂_0‖² over E‖x_0 - exact x̂_0‖², mean over levels"),
    "unigram_tv": Metric("total variation", "generated tokens against their law"),
    "rotation": Metric("1", "mean 1 - cos between an embedding before and after training"),
    "nearest": Metric("nats/token", "as nll, decoding by the nearest embedding"),
    "fit_r2": Metric("1", "R² of the fitted F̃ against the exact L(t), 40 levels equal in log t"),
    "fit_r2_own": Metric("1", "R² of F̃ against the network's own loss"),
    "linearity": Metric("fraction", "largest |loss - u × asymptote| over the asymptote, 25 values of u"),
    "nats": Metric("nats/token", "likelihood bound on test text"),
    "nats_judge": Metric("nats/token", "surprise of test text under the judge"),
    "pixel_gap": Metric("probability", "largest gap of a pixel's mean, samples against test digits"),
    "pair_tv": Metric("total variation", "mean over pairs of pixels of their joint law, samples against test digits"),
    "pixel_gap_uniform": Metric("probability", "the same, steps uniform in t"),
    "pair_tv_uniform": Metric("total variation", "the same, steps uniform in t"),
    "pixel_gap_floor": Metric("probability", "the same, as many training digits"),
    "pair_tv_floor": Metric("total variation", "the same, as many training digits"),
    "ink": Metric("fraction", "pixels with ink, samples"),
    "ink_data": Metric("fraction", "pixels with ink, test digits"),
    "cosine": Metric("1", "cosine of the two embeddings after training"),
    "tanh_error": Metric("√d", "largest error of x̂_0 against its hyperbolic tangent, V = 2"),
}
for _key, (_unit, _what) in _SAMPLES.items():
    METRICS |= {f"{_key}_{arm}_{n}": Metric(_unit, f"{_what}; {name}, N = {n} evaluations") for arm, name in _ARMS.items()
                for n in STEPS}  # fmt: skip
    METRICS |= {
        f"{_key}_train_only": Metric(_unit, f"{_what}; trained with self-conditioning, sampled without"),
        f"fresh_{_key}": Metric(_unit, f"{_what}, of as many fresh sequences"),
        f"{_key}_data": Metric(_unit, f"{_what}, of test text"),
        f"{_key}_judge": Metric(_unit, f"{_what}, of the judge's own continuations"),
        f"{_key}_many": Metric(_unit, f"{_what}; largest N"),
        f"{_key}_rho1": Metric(_unit, f"{_what}; steps uniform in t"),
        f"{_key}_rho8": Metric(_unit, f"{_what}; ρ = 8"),
    }
    _arms = ["warp", "no warp", *exact.knob_arms(exact.SHARP), *(f"γ {a:g}" for a in characters.GUIDANCE)]
    _arms += [f"warp T {a:g}" for a in exact.TEMPERATURES] + [f"warp μ {a:g}" for a in exact.MIXTURES]
    _arms += [f"Beta {a:g} {b:g}" for a, b in exact.SHAPES]
    METRICS |= {f"{_key} {arm}": Metric(_unit, f"{_what}; {arm}") for arm in _arms}
