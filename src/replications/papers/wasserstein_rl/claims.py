"""The claims of the abstract and opening, and the rules that judge them; the rules are fixed before the runs."""

from __future__ import annotations

import numpy as np

from replications.study import AllOf, BetterThan, Claim, EverySeed, Exact, Falsifier, Published, Records, Within
from replications.study.rules import Estimand

ORDER = 0.1  # tolerance of an observed order of convergence
GAUSSIAN_ORDER = 0.05  # the same where every number is a closed form


def of(condition: str, metric: str) -> Estimand:
    """The metric of a condition, one value a seed."""
    return lambda records: records.scalars(condition, metric)


def minus(estimand: Estimand) -> Estimand:
    """The negated estimand."""
    return lambda records: -np.asarray(estimand(records))


def deviation(estimand: Estimand, target: float) -> Estimand:
    """The estimand less a target."""
    return lambda records: np.asarray(estimand(records)) - target


def within_sampling(records: Records) -> np.ndarray:
    """Whether the particles' histogram is within three standard errors of the Gibbs policy, by seed."""
    return records.scalars("particles", "stationary_z") <= 3


TRUST_REGIONS = AllOf(
    Within(of("gaussian", "trust_order"), 1.0, ORDER),
    Within(of("wells", "trust_order"), 1.0, ORDER),
    Within(of("arms", "trust_order"), 1.0, ORDER),
    note="order in the radius at which trust-region paths approach the flow: Gaussian, double well, arms",
)
STATIC_COST = AllOf(
    Exact(of("arms", "pinned_moved"), 1e-9),
    Exact(deviation(of("arms", "threshold_ratio"), 1.0), 0.05),
    Within(of("entropic", "entropy_slope"), 0.5, 0.025),
    note="mass moved below the threshold; threshold found over predicted, less 1; temperature bias per ε",
)
FOKKER_PLANCK = AllOf(
    Within(of("wells", "order"), 1.0, ORDER),
    Within(of("gaussian", "order"), 1.0, GAUSSIAN_ORDER),
    Exact(of("gaussian", "heat_error"), 1e-12),
    note="order in h against the Fokker-Planck solver, and against Ornstein-Uhlenbeck; the heat equation",
)
OTHER_CLOCK = AllOf(
    Exact(of("wells", "doubled_penalty_order"), 0.2),
    Exact(of("gaussian", "doubled_penalty_order"), 0.2),
    note="the error does not fall with h",
)
CONCENTRATION = AllOf(
    BetterThan(of("wells", "concentration"), unit="nats"),
    Exact(of("wells", "advection_error"), 1e-3),
    Exact(of("wells", "diffusion_error"), 1e-3),
    Exact(of("wells", "dissipation_excess"), 1e-10),
    note="log of the mass near the best action over a uniform policy's; moments drift by E[r'] and spread by 2β; "
    "free energy falls at every step",
)
WRONG_DRIFT = BetterThan(minus(of("wells", "wrong_drift_concentration")), unit="nats")
PROBABILITY_MATCHING = AllOf(
    Within(of("particles", "variance_ratio"), 1.0, 0.01),
    EverySeed(within_sampling, "particles within 3 standard errors of softmax(r/β)"),
    Exact(of("wells", "stationary_tv"), 1e-8),
    Exact(of("arms", "stationary_tv"), 1e-8),
    Exact(of("gaussian", "fixed_point_error"), 1e-12),
    Exact(of("gaussian", "kl_bound_excess"), 1e-9),
    Exact(of("gaussian", "contraction_excess"), 1e-9),
    note="variance under additive gradient noise over β/k / (1 - hk/2); stationary laws; rates of convergence",
)
WRONG_NOISE = AllOf(
    Within(of("particles", "halved_noise_ratio"), 0.5, 0.01),
    Exact(of("particles", "no_noise_ratio"), 1e-6),
    note="variance with noise √(βh) is half, without noise none",
)
FIELD = AllOf(
    Exact(of("arms", "stationary_tv"), 1e-8),
    Exact(of("arms", "fisher_rao_tv"), 1e-8),
    Exact(of("arms", "maas_identity"), 1e-10),
    Exact(of("arms", "flow_defect"), 1e-10),
    note="over states and starts: distance of the limit to softmax(r(s,·)/β), in both geometries",
)
NO_REACH = Exact(of("arms", "fisher_rao_reach"), 1e-12)

CLAIMS = (
    Claim(
        "C1",
        "Policy gradients follow from limiting the policy's change in Wasserstein distance (a trust region), for "
        "discrete and continuous bandits with entropy regularisation.",
        Published(None, "", "Abstract", read=True),
        TRUST_REGIONS,
        evidence="fig-wrl-orders",
        falsifier=Falsifier(
            "a static squared-distance cost on arms pins, and entropic transport shifts the temperature", STATIC_COST
        ),
    ),
    Claim(
        "C2",
        "In the limit of small W₂ steps the policy obeys the Fokker-Planck (heat) equation.",
        Published(None, "", "Abstract", read=True),
        FOKKER_PLANCK,
        evidence="fig-wrl-orders",
        falsifier=Falsifier("penalty W₂²/h in place of W₂²/2h", OTHER_CLOCK),
    ),
    Claim(
        "C3",
        "Policies undergo advection and diffusion, and concentrate near actions of high reward.",
        Published(None, "", "Abstract", read=True),
        CONCENTRATION,
        evidence="fig-wrl-density",
        falsifier=Falsifier("drift of the wrong sign: mass leaves the best action", WRONG_DRIFT),
    ),
    Claim(
        "C4",
        "This explains convergence in the probability-matching setup, and supports Gaussian policy priors and additive "
        "gradient noise.",
        Published(None, "", "Abstract; the argument is recalled", read=True),
        PROBABILITY_MATCHING,
        evidence="fig-wrl-particles",
        falsifier=Falsifier("noise √(βh), or none", WRONG_NOISE),
    ),
    Claim(
        "C5",
        "Policy-gradient iteration converges toward a function of the reward field r(s, a) at fixed s, with optimal "
        "transport under W₂ in place of KL.",
        Published(None, "", "Section 1", read=True),
        FIELD,
        profile="smoke",
        evidence="fig-wrl-arms",
        falsifier=Falsifier("KL in place of W₂: an arm without mass is never reached", NO_REACH),
    ),
    Claim(
        "C6",
        "The paper reports no numerical experiment.",
        Published(None, "", "whole text", read=False),
        reason="a statement about the paper, whose body could not be read; there is nothing to measure",
    ),
)
