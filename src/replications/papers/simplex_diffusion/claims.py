"""The paper's claims, in its order, and the rules that judge them; with a star, what was derived from it here.

All are statements: the paper prints no numbers. Rules are conditions on every seed wherever the noise of a seed is known.
"""

from __future__ import annotations

from replications.papers.simplex_diffusion.estimands import (
    above,
    below,
    difference,
    drifts,
    each,
    growth,
    near,
    ratio,
    recovered,
    shelf,
    worst,
)
from replications.papers.simplex_diffusion.study import BOUNDARY_ALPHAS, LAW_ALPHAS, REVERSAL_ALPHAS
from replications.study import AllOf, BetterThan, Claim, EverySeed, Exact, Falsifier, Published

LAWS = tuple(f"law-{a:g}" for a in LAW_ALPHAS)
BOUNDARIES = tuple(f"boundary-{a:g}" for a in BOUNDARY_ALPHAS)
FIVE_CLASSES = tuple(f"reversal-5-{a:g}" for a in REVERSAL_ALPHAS)
SMALL_P = 1e-3  # of a record's Bonferroni-adjusted p-value; some fifty are looked at


def _published(where: str) -> Published:
    return Published(None, "", where, read=True)


DERIVED = Published(None, "", "not in the paper: follows from its Eq. 7 to 17", read=True)

CLAIMS = (
    Claim(
        "C1",
        "Independent Cox-Ingersoll-Ross processes with σ² = 2b tend to Gamma(α_i, 1), and their normalisation to Dirichlet(α).",
        _published("Sections 2.1-2.3, Eq. 2, 4, 9, 10"),
        AllOf(
            EverySeed(above(["stationarity"], ["dirichlet_p", "gamma_p"], SMALL_P), "adjusted KS p above 0.001"),
            EverySeed(
                below(["stationarity"], ["covariance_z", "sum_correlation"], 4.5),
                "covariance, and correlation of X with ΣY, within 4.5 standard errors",
            ),
        ),
        evidence="fig-simplex-triangle",
        falsifier=Falsifier(
            "σ² = b instead of 2b",
            EverySeed(below(["stationarity"], ["wrong_noise_p"], 1e-6), "KS p of every coordinate below 1e-6"),
        ),
    ),
    Claim(
        "C2",
        "The transition law is a scaled non-central χ²: it can be sampled exactly, and its density is closed.",
        _published("Eq. 7, 8"),
        AllOf(
            Exact(each(LAWS, ["density_error"]), 1e-9, note="density against the library's"),
            EverySeed(
                above(LAWS, ["poisson_gamma_p", "chi_square_p", "two_steps_p"], SMALL_P),
                "adjusted KS p above 0.001 for both samplers and for two steps in place of one, every α",
            ),
        ),
        evidence="fig-simplex-laws",
        falsifier=Falsifier(
            "four full-truncation Euler steps instead, α ≤ 1",
            EverySeed(below(LAWS[:3], ["euler_p"], SMALL_P), "KS p below 0.001 in every cell"),
        ),
    ),
    Claim(
        "C3",
        "Conditional mean and variance are closed.",
        _published("Eq. 5, 6, first forms"),
        EverySeed(below(LAWS, ["mean_z", "variance_z"], 4.5), "within 4.5 standard errors, every α, b = 2"),
        evidence="fig-simplex-laws",
        falsifier=Falsifier(
            "the last forms as printed, with θ_0 - 1 and e^{-2t}, α ≠ 1",
            EverySeed(
                above(["law-0.1", "law-0.5", "law-2.5"], ["printed_mean_z", "printed_variance_z"], 10.0),
                "more than 10 standard errors away",
            ),
        ),
    ),
    Claim(
        "C4",
        "The process is non-negative; if 2ab ≥ σ², here α ≥ 1, and θ_0 > 0 it stays strictly positive.",
        _published("Section 2.2"),
        EverySeed(
            lambda r: below(["boundary-2"], ["touch_fine"], 1e-3)(r) & below(BOUNDARIES, ["zeros_exact"], 1e-12)(r),
            "no exact draw is zero, and at α = 2 fewer than 1 path in 1000 comes within a tenth of a step of 2^-12",
        ),
        evidence="fig-simplex-boundary",
        falsifier=Falsifier(
            "α = 1/2, where the condition fails",
            EverySeed(above(["boundary-0.5"], ["touch_fine"], 0.1), "more than a tenth of the paths come that near"),
        ),
    ),
    Claim(
        "C5",
        "The time reversal has drift -b(α - Z) + 2b diag(Z)∇log p + 2b 1.",
        _published("Eq. 12, 13"),
        AllOf(
            Exact(each(FIVE_CLASSES, ["drift_error"]), 1e-10),
            EverySeed(
                below(FIVE_CLASSES, ["tv_sde"], 0.06),
                "total variation of the decoded law below 0.06 at the largest N, every α",
            ),
        ),
        evidence="fig-simplex-recovery",
        falsifier=Falsifier(
            "without the divergence 2b",
            EverySeed(
                above(FIVE_CLASSES, ["tv_sde_without_divergence"], 0.3),
                "total variation above 0.3",
            ),
        ),
    ),
    Claim(
        "C6",
        "The path KL is KL(p_T‖p_ref) plus the score error weighted by 2b diag(Y), so denoising score matching applies.",
        _published("Eq. 14"),
        EverySeed(
            lambda r: (
                near(ratio("likelihood-0.5", "path_kl", "initial_kl"), 1.0, 0.04)(r)
                & near(ratio("likelihood-1", "path_kl", "initial_kl"), 1.0, 0.04)(r)
            ),
            "between the laws of two priors the integral is the KL of the priors within 4 %, α = 1/2 and 1",
        ),
        evidence="fig-simplex-training",
        falsifier=Falsifier(
            "without the weight diag(Y)",
            EverySeed(
                lambda r: ratio("likelihood-1", "path_kl_unweighted", "initial_kl")(r) > 1.5, "off by more than half"
            ),
        ),
    ),
    Claim(
        "C7",
        "The probability-flow ODE dY/dt = b(α - 1 - Y - diag(Y)∇log p) has the same laws, and is stable in the log domain.",
        _published("Eq. 15-17"),
        AllOf(
            Exact(each(FIVE_CLASSES, ["quantile_error", "field_error"]), 1e-5),
            Exact(
                each(FIVE_CLASSES, ["log_field_residual"]), 1e-6,
                note="log-domain form corrected",
            ),
            EverySeed(recovered("tv_heun", (5, 27)), "Heun's total variation within twice the floor, mean over α, V = 5 and 27"),
        ),
        evidence="fig-simplex-recovery",
        falsifier=Falsifier(
            "the log-domain form as printed, α = 1/2 and 2",
            EverySeed(
                above(["reversal-5-0.5", "reversal-5-2"], ["log_field_residual_printed"], 0.1),
                "the stationary law is not at rest",
            ),
        ),
    ),
    Claim(
        "C8",
        "Simulating the process needs care near zero: an ε inside the square root, or sums of squared Ornstein-Uhlenbeck processes.",
        _published("Section 2.3"),
        AllOf(
            EverySeed(
                lambda r: drifts(r) > 3,
                "Euler with truncation, reflection or clipping drifts to 3 times the exact sampler's KS distance, α = 1/2",
            ),
            EverySeed(
                lambda r: ratio("boundary-0.5", "drift_epsilon", "drift_exact")(r) < 3,
                "with 0.001 inside the root it stays below that, α = 1/2",
            ),
            EverySeed(above(["law-0.5", "law-1", "law-2.5"], ["squared_ou_p"], SMALL_P), "squared sums: KS p above 0.001"),
            EverySeed(
                near(lambda r: r.scalars("orders-0.5", "strong_order_squared_ou"), 1.0, 0.15),
                "squared sums: strong order within 0.15 of 1, α = 1/2",
            ),
        ),
        evidence="fig-simplex-boundary",
    ),
    Claim(
        "C9",
        "In high dimension the rank of the true token in a noisy draw is extremely heavy-tailed.",
        _published("Limitations"),
        AllOf(
            BetterThan(
                ratio("ranks-32000", "mean_rank_sparse", "mean_rank_gaussian"), 10.0,
                "times the Gaussian mean rank", note="α = 1/V, V = 32000",
            ),
            EverySeed(near(shelf, 1.0, 0.1), "half the draws without signal rank beyond V/2 within 10 %, α = 1/V"),
            EverySeed(near(growth, 1.0, 0.15), "the mean rank grows in proportion to V within 15 %, α = 1/V"),
            BetterThan(
                ratio("ranks-32000", "mean_rank_one", "mean_rank_gaussian"), 2.0,
                "times the Gaussian mean rank", note="α = 1, V = 32000",
            ),
        ),
        evidence="fig-simplex-rank",
        falsifier=Falsifier(
            "few categories, V = 27: even α = 1/V has no tail to speak of",
            EverySeed(lambda r: ratio("ranks-27", "mean_rank_sparse", "mean_rank_gaussian")(r) < 2, "below twice Gaussian"),
        ),
    ),
    Claim(
        "C10",
        "A noisy vector is not an unnormalised probability: the posterior of the token is not linear in it.",
        _published("Eq. 18"),
        AllOf(
            BetterThan(difference("likelihood-1", "ce_linear", "ce_state"), 0.05, "nats", note="best linear reading of X"),
            BetterThan(lambda r: r.scalars("likelihood-1", "ce_simplex_excess"), 0.0, "nats", note="X alone against Y"),
            EverySeed(
                near(lambda r: r.scalars("likelihood-1", "calibration_gap"), 0.0, 0.01),
                "the exact posterior is calibrated within 0.01",
            ),
        ),
        evidence="table-simplex-readings",
    ),
    Claim(
        "C11",
        "Brownian motion on the sphere, squared, tends to Dirichlet(1/2), but has no closed transition density.",
        _published("Related work"),
        EverySeed(above(["stationarity"], ["sphere_p"], SMALL_P), "adjusted KS p of the squared coordinates above 0.001"),
        evidence="fig-simplex-triangle",
        falsifier=Falsifier(
            "the coordinates, not squared",
            EverySeed(below(["stationarity"], ["sphere_unsquared_p"], 1e-6), "KS p below 1e-6"),
        ),
        reason="that there is no closed density is not tested",
    ),
    Claim(
        "C2*",
        "Derived here: with a Bessel ratio that is finite at zero, density and score agree with the library's.",
        DERIVED,
        AllOf(
            Exact(each(LAWS, ["density_error"]), 1e-9, note="density, relative"),
            Exact(each(LAWS, ["score_error"]), 1e-6, note="score, against a central difference"),
        ),
        profile="smoke",
        evidence="fig-simplex-laws",
    ),
    Claim(
        "R1*",
        "Derived here: with the score inserted, (α - 1)/Y cancels from reverse SDE and flow, which are regular for every α > 0.",
        DERIVED,
        AllOf(
            Exact(each(FIVE_CLASSES, ["drift_error"]), 1e-10, note="Eq. 12 against the regular form"),
            Exact(each(FIVE_CLASSES, ["field_error"]), 1e-10, note="Eq. 16 against Y - D"),
            Exact(each(FIVE_CLASSES, ["log_field_residual"]), 1e-6, note="the stationary law rests, corrected log form"),
            Exact(each(FIVE_CLASSES, ["quantile_error"]), 1e-5, note="quantiles carried by the flow"),
        ),
        profile="smoke",
        evidence="fig-simplex-recovery",
        falsifier=Falsifier(
            "the log-domain form as printed, α = 1/2 and 2",
            EverySeed(
                above(["reversal-5-0.5", "reversal-5-2"], ["log_field_residual_printed"], 0.1),
                "the stationary law is not at rest",
            ),
        ),
    ),
    Claim(
        "C5*",
        "Derived here: drawing the token and bridging exactly recovers one position's law at any number of steps.",
        DERIVED,
        AllOf(
            EverySeed(
                recovered("tv_bridge_first", (5, 27)),
                "five steps, total variation within twice the floor, mean over α, V = 5 and 27",
            ),
            EverySeed(
                above([f"reversal-{v}-{a:g}" for v in (5, 27) for a in REVERSAL_ALPHAS], ["middle_p_bridge"], SMALL_P),
                "adjusted KS p of Y halfway back against the forward law above 0.001",
            ),
        ),
        evidence="fig-simplex-recovery",
        falsifier=Falsifier(
            "the reverse SDE at the largest N",
            EverySeed(lambda r: ~recovered("tv_sde", (5, 27))(r), "above twice the floor"),
        ),
    ),
    Claim(
        "C6*",
        "Derived here: for α < 1 the score-matching loss of an unconstrained score has no mean, and training fails.",
        DERIVED,
        AllOf(
            EverySeed(above(["boundary-0.5"], ["target_growth"], 0.5), "the mean of Y·target² grows with the draws, α = 1/2"),
            EverySeed(
                lambda r: r.scalars("train-free-0.5", "score_error") > 10 * r.scalars("train-fixed-0.5", "score_error"),
                "ten times the score error of the network that is given (α - 1)/Y, α = 1/2",
            ),
        ),
        evidence="fig-simplex-training",
        falsifier=Falsifier(
            "α = 1, where the term is zero",
            EverySeed(
                lambda r: below(["boundary-1"], ["target_growth"], 0.1)(r)
                & (r.scalars("train-free-1", "score_error") < 2 * r.scalars("train-fixed-1", "score_error")),
                "no growth, and no more than twice the error",
            ),
        ),
    ),
    Claim(
        "C7*",
        "Derived here: the cross-entropy of the tokens is the integral of a weighted squared error over the noise level.",
        DERIVED,
        EverySeed(
            lambda r: (
                near(ratio("likelihood-0.5", "entropy_integral", "entropy"), 1.0, 0.01)(r)
                & near(ratio("likelihood-1", "entropy_integral", "entropy"), 1.0, 0.01)(r)
            ),
            "the integral is the entropy within 1 %, α = 1/2 and 1",
        ),
        evidence="table-simplex-likelihood",
        falsifier=Falsifier(
            "a posterior that ignores the state",
            EverySeed(lambda r: ratio("likelihood-1", "entropy_integral_blind", "entropy")(r) > 2, "more than twice it"),
        ),
    ),
    Claim(
        "C8*",
        "From the literature: strong order 1/2 for full truncation and 1 for the implicit scheme at α = 4, less at α = 0.1.",
        Published("1/2 and 1", "strong order", "Cozma and Reisinger; Neuenkirch and Szpruch", read=False),
        AllOf(
            EverySeed(
                near(lambda r: r.scalars("orders-4", "strong_order_full_truncation"), 0.5, 0.1), "full truncation, within 0.1"
            ),
            EverySeed(near(lambda r: r.scalars("orders-4", "strong_order_implicit"), 1.0, 0.1), "implicit, within 0.1"),
            EverySeed(
                lambda r: r.scalars("orders-0.1", "strong_order_full_truncation") < 0.45, "full truncation below 0.45 at α = 0.1"
            ),
        ),
        evidence="fig-simplex-orders",
    ),
    Claim(
        "C9*",
        "Derived here: a token costs time and memory in proportion to the number of categories.",
        DERIVED,
        EverySeed(
            lambda r: near(worst(["cost"], ["cost_slope_half", "cost_slope_one"]), 1.0, 0.2)(r),
            "slope of log time against log V within 0.2 of 1, α = 1/2 and 1",
        ),
        evidence="fig-simplex-cost",
    ),
)  # fmt: skip
