"""The paper's claims, in its order, and the rules that judge them. All are statements: the paper prints no numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from replications.papers.simplex_diffusion.study import BOUNDARY_ALPHAS, LAW_ALPHAS, REVERSAL_ALPHAS
from replications.study import AllOf, BetterThan, Claim, EverySeed, Exact, Falsifier, Published, Records, Within
from replications.study.rules import Estimand

LAWS = tuple(f"law-{a:g}" for a in LAW_ALPHAS)
BOUNDARIES = tuple(f"boundary-{a:g}" for a in BOUNDARY_ALPHAS)
SMALL_P = 1e-3  # of a record's Bonferroni-adjusted p-value; some fifty are looked at


def worst(conditions: Sequence[str], metrics: Sequence[str], largest: bool = True) -> Estimand:
    """The largest (or smallest) of the metrics over the conditions, one value a seed."""

    def estimand(records: Records) -> np.ndarray:
        values = [records.scalars(condition, metric) for condition in conditions for metric in metrics]
        return np.max(values, 0) if largest else np.min(values, 0)

    return estimand


def each(conditions: Sequence[str], metrics: Sequence[str]) -> Estimand:
    """Every value of the metrics over conditions and seeds."""

    def estimand(records: Records) -> np.ndarray:
        return np.concatenate([records.scalars(condition, metric) for condition in conditions for metric in metrics])

    return estimand


def above(conditions: Sequence[str], metrics: Sequence[str], bound: float) -> Estimand:
    """Whether every one of the metrics exceeds `bound`, one truth value a seed."""
    lowest = worst(conditions, metrics, largest=False)
    return lambda records: lowest(records) > bound


def below(conditions: Sequence[str], metrics: Sequence[str], bound: float) -> Estimand:
    """Whether every one of the metrics is under `bound`, one truth value a seed."""
    highest = worst(conditions, metrics)
    return lambda records: highest(records) < bound


def _ratio(condition: str, first: str, second: str) -> Estimand:
    return lambda records: records.scalars(condition, first) / records.scalars(condition, second)


def _difference(condition: str, first: str, second: str) -> Estimand:
    return lambda records: records.scalars(condition, first) - records.scalars(condition, second)


def _recovered(sampler: str, sizes: Sequence[int]) -> Estimand:
    """Total variation at the largest N at most twice that of as many true draws, for every α and V."""

    def estimand(records: Records) -> np.ndarray:
        names = [f"reversal-{v}-{a:g}" for v in sizes for a in REVERSAL_ALPHAS]
        return np.all([records.scalars(n, f"tv_{sampler}") <= 2 * records.scalars(n, "floor") for n in names], 0)

    return estimand


def _drifts(records: Records) -> np.ndarray:
    """Smallest KS distance of the Euler variants after 100 steps, over that of exact sampling; α = 1/2."""
    names = ("full_truncation", "reflection", "clipping", "epsilon")
    schemes = [records.scalars("boundary-0.5", f"drift_{name}") for name in names]
    return np.min(schemes, 0) / records.scalars("boundary-0.5", "drift_exact")


def _shelf(records: Records) -> np.ndarray:
    """P(rank > V/2) over e^{-λ}/2, what a uniform rank gives when no signal is left; α = 1/V, V = 32000."""
    return 2 * records.scalars("ranks-32000", "beyond_half_sparse") / records.scalars("ranks-32000", "lost_sparse")


def _growth(records: Records) -> np.ndarray:
    """Mean rank less one at V = 32000 over that at V = 1000, over 32, the ratio of the V; α = 1/V."""
    large, small = (records.scalars(f"ranks-{v}", "mean_rank_sparse") - 1 for v in (32000, 1000))
    return large / small / 32


def _published(where: str) -> Published:
    return Published(None, "", where, read=True)


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
            Exact(each(["reversal-5-0.5", "reversal-5-1", "reversal-5-2"], ["drift_error"]), 1e-10),
            EverySeed(
                below([f"reversal-5-{a:g}" for a in REVERSAL_ALPHAS], ["tv_sde"], 0.06),
                "total variation of the decoded law below 0.06 at the largest N, every α",
            ),
        ),
        evidence="fig-simplex-recovery",
        falsifier=Falsifier(
            "without the divergence 2b",
            EverySeed(
                above([f"reversal-5-{a:g}" for a in REVERSAL_ALPHAS], ["tv_sde_without_divergence"], 0.3),
                "total variation above 0.3",
            ),
        ),
    ),
    Claim(
        "C6",
        "The path KL is KL(p_T‖p_ref) plus the score error weighted by 2b diag(Y), so denoising score matching applies.",
        _published("Eq. 14"),
        AllOf(
            *(
                Within(_ratio(f"likelihood-{a}", "path_kl", "initial_kl"), 1.0, 0.04, "of the KL of the tokens")
                for a in ("0.5", "1")
            )
        ),
        evidence="fig-simplex-training",
        falsifier=Falsifier(
            "without the weight diag(Y)",
            EverySeed(
                lambda r: _ratio("likelihood-1", "path_kl_unweighted", "initial_kl")(r) > 1.5, "off by more than half"
            ),
        ),
    ),
    Claim(
        "C7",
        "The probability-flow ODE dY/dt = b(α - 1 - Y - diag(Y)∇log p) has the same laws, and is stable in the log domain.",
        _published("Eq. 15-17"),
        AllOf(
            Exact(each(["reversal-5-0.5", "reversal-5-1", "reversal-5-2"], ["quantile_error", "field_error"]), 1e-5),
            Exact(
                each(["reversal-5-0.5", "reversal-5-1", "reversal-5-2"], ["log_field_residual"]), 1e-6,
                note="log-domain form corrected",
            ),
            EverySeed(_recovered("heun", (5, 27)), "Heun's total variation within twice the floor, V = 5 and 27"),
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
            BetterThan(_drifts, 3.0, "times the exact sampler's KS distance", note="every Euler variant, ε included, α = 1/2"),
            EverySeed(above(["law-0.5", "law-1", "law-2.5"], ["squared_ou_p"], SMALL_P), "squared sums: KS p above 0.001"),
            Within(lambda r: r.scalars("orders-0.5", "strong_order_squared_ou"), 1.0, 0.1, "strong order of the sums"),
        ),
        evidence="fig-simplex-orders",
    ),
    Claim(
        "C9",
        "In high dimension the rank of the true token in a noisy draw is extremely heavy-tailed.",
        _published("Limitations"),
        AllOf(
            BetterThan(
                _ratio("ranks-32000", "mean_rank_sparse", "mean_rank_gaussian"), 10.0,
                "times the Gaussian mean rank, V = 32000", note="α = 1/V",
            ),
            Within(_shelf, 1.0, 0.1, "of a shelf of height e^-λ, α = 1/V"),
            Within(_growth, 1.0, 0.15, "of growth in proportion to V, α = 1/V"),
            BetterThan(
                _ratio("ranks-32000", "mean_rank_one", "mean_rank_gaussian"), 2.0,
                "times the Gaussian mean rank, V = 32000", note="α = 1",
            ),
        ),
        evidence="fig-simplex-rank",
        falsifier=Falsifier(
            "few categories, V = 27: even α = 1/V has no tail to speak of",
            EverySeed(lambda r: _ratio("ranks-27", "mean_rank_sparse", "mean_rank_gaussian")(r) < 2, "below twice Gaussian"),
        ),
    ),
    Claim(
        "C10",
        "A noisy vector is not an unnormalised probability: the posterior of the token is not linear in it.",
        _published("Eq. 18"),
        AllOf(
            BetterThan(_difference("likelihood-1", "ce_linear", "ce_state"), 0.05, "nats", note="best linear reading of X"),
            BetterThan(lambda r: r.scalars("likelihood-1", "ce_simplex_excess"), 0.0, "nats", note="X alone against Y"),
            Within(lambda r: r.scalars("likelihood-1", "calibration_gap"), 0.0, 0.01, "probability", note="exact posterior"),
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
)  # fmt: skip
