"""The paper's claims, in its order, and the rules that judge them; with a star, what was derived from it here.

Orders are conditions on every seed, with the margins of the plan made before the runs. AR-NLL is surprise under the true
chain, or under a judge of our own for text; it never stands without the entropy of the samples.
"""

from __future__ import annotations

import numpy as np

from replications.papers.continuous_diffusion_for_categorical_data.estimands import (
    FEW,
    apart,
    both,
    dominates,
    ladder,
    lower,
    near_default,
    of,
    recovered,
    same_on_average,
)
from replications.papers.continuous_diffusion_for_categorical_data.study import DIMENSIONS, SIGMAS
from replications.study import AllOf, Claim, EverySeed, Exact, Falsifier, Published, Records


def _printed(value: str, where: str, unit: str = "AR-NLL, nats/token") -> Published:
    return Published(value, unit, where, read=True)


def _stated(where: str) -> Published:
    return Published(None, "", where, read=True)


DERIVED = Published(None, "", "not in the paper: follows from its equations, or from its Table 1", read=True)
MASKED = "the paper's effect is 0.02 nats with errors of 0.004; our seeds differ by more"


def _entropy_below(condition: str, base: str) -> EverySeed:
    return EverySeed(lower(condition, base, "entropy"), f"entropy of samples below that of '{base}'")


def _worst_sigma(records: Records) -> np.ndarray:
    others = [records.scalars(name, "nll") for name in ("chain", *(f"chain-sigma-{s:g}" for s in SIGMAS[:-1]))]
    return records.scalars("chain-sigma-1", "nll") > np.max(others, 0)


def _least_turned(records: Records) -> np.ndarray:
    others = [records.scalars(name, "rotation") for name in ("chain", *(f"chain-sigma-{s:g}" for s in SIGMAS[:-1]))]
    return records.scalars("chain-sigma-1", "rotation") < np.min(others, 0)


def _saturated(records: Records) -> np.ndarray:
    """Whether the largest d gains over the base model less than a fifth of what the base gains over the smallest d."""
    small, large = (records.scalars(f"chain-d{d}", "nll") for d in (DIMENSIONS[0], DIMENSIONS[-1]))
    base = records.scalars("chain", "nll")
    return (small > base) & (np.abs(base - large) < (small - base) / 5)


def _best_law(records: Records) -> np.ndarray:
    others = [records.scalars(f"token-{name}", "unigram_tv") for name in ("mse-sphere", "ce-free", "mse-free")]
    return records.scalars("token-ce-sphere", "unigram_tv") < np.min(others, 0)


def _excess(records: Records) -> np.ndarray:
    return records.scalars("spacings", "nll_warped_200") - records.scalars("spacings", "data_nll")


def _guidance_repeats(records: Records) -> np.ndarray:
    return records.scalars("text", "repeats γ 16") > records.scalars("text", "repeats")


CLAIMS = (
    Claim(
        "C1",
        "Training with cross-entropy and interpolating the conditional scores by the predicted probabilities has the optimum of score matching.",
        _stated("Section 3.1, Eq. 6-8"),
        AllOf(
            Exact(of("spacings", "score_error"), 1e-8, note="interpolated score of a chain against the gradient of log p_t, float64"),
            EverySeed(
                lambda r: (of("token-ce-frozen", "estimate_error")(r) < 0.05) & (of("token-mse-frozen", "estimate_error")(r) < 0.05),
                "with frozen embeddings both losses come within 5 % of the exact x̂_0",
            ),
        ),
        evidence="table-cdcd-embeddings",
        falsifier=Falsifier(
            "interpolating with equal weights",
            EverySeed(lambda r: of("spacings", "score_error_blind")(r) > 0.01, "off by more than a hundredth at every t"),
        ),
    ),
    Claim(
        "C2",
        "Jointly trained embeddings collapse with score matching and grow with cross-entropy; normalising them fixes this and works best.",
        _stated("Section 3.2, Appendix B.1"),
        AllOf(
            EverySeed(
                lambda r: (of("token-mse-sphere", "min_distance")(r) < 0.05) & (of("token-mse-free", "min_distance")(r) < 0.05),
                "with squared error the smallest distance ends below 0.05 √d, normalised or free",
            ),
            EverySeed(
                lambda r: (of("token-ce-free", "row_norm_rise")(r) > 0)
                & (of("token-ce-free", "row_norm")(r) > 2 * of("token-ce-free", "row_norm_start")(r)),
                "with cross-entropy free rows at least double, and still grow in every look of the second half",
            ),
            EverySeed(lambda r: of("token-ce-sphere", "min_distance")(r) > 0.3, "cross-entropy and normalised: above 0.3 √d"),
            EverySeed(_best_law, "and the best law of generated tokens of the four"),
        ),
        evidence="fig-cdcd-embeddings",
        falsifier=Falsifier(
            "frozen embeddings: squared error has nothing to collapse",
            EverySeed(lambda r: of("token-mse-frozen", "min_distance")(r) > 0.05, "distances stay"),
        ),
    ),
    Claim(
        "C3",
        "Time warping is needed in training and in sampling.",
        _printed("neither 5.091, training only 5.092, both 4.392", "Table 1"),
        AllOf(
            EverySeed(
                lambda r: of("chain-uniform", "nll_uniform_50")(r) - of("chain", "nll_warped_50")(r) > 0.1,
                "both beat neither by more than 0.1 nats",
                note="N = 50: 200 steps resolve the whole range of a small alphabet, even uniform in t",
            ),
            EverySeed(
                same_on_average(of("chain", "nll_uniform_50"), of("chain-uniform", "nll_uniform_50")),
                "training only is within two standard errors over seeds of neither",
            ),
        ),
        evidence="table-cdcd-warping",
    ),
    Claim(
        "C4",
        "Self-conditioning helps, and must be used in sampling if it was in training.",
        _printed("neither 4.781, training only 4.892, both 4.392", "Table 1"),
        AllOf(
            EverySeed(
                both(
                    lower("chain-thin", "chain-thin-no-self", "nll"),
                    lambda r: of("chain-thin", "nll_train_only")(r) > of("chain-thin-no-self", "nll")(r),
                ),
                "both < neither < training only with one block",
            ),
            EverySeed(
                both(
                    lower("chain", "chain-no-self", "nll"),
                    lambda r: of("chain", "nll_train_only")(r) > of("chain-no-self", "nll")(r),
                ),
                "and with the adequate network",
            ),
        ),
        evidence="table-cdcd-ablations",
    ),
    Claim(
        "C5",
        "Quality saturates with the dimension of the embeddings when time is warped.",
        _printed("d = 16: 4.493, 64: 4.392, 1024: 4.386", "Table 1"),
        EverySeed(
            _saturated, "the largest d changes less than a fifth of what the base d gains over the smallest"
        ),
        evidence="table-cdcd-ablations",
    ),
    Claim(
        "C6",
        "The scale at which embeddings are initialised matters although they are normalised: too large hurts.",
        _printed("σ = 1e-4: 4.376, 1e-3: 4.392, 1: 4.617", "Table 1"),
        AllOf(
            EverySeed(_worst_sigma, "σ = 1 has the highest NLL"),
            EverySeed(_least_turned, "and embeddings that turn least in training"),
        ),
        evidence="table-cdcd-ablations",
    ),
    Claim(
        "C7",
        "A mixture of prefix and random masks beats prefix masks alone, even on prefixes.",
        _printed("mixed 4.392, prefix 4.417, random 4.401", "Table 1"),
        reason=MASKED,
    ),
    Claim(
        "C8",
        "Renormalising or clamping the predicted embedding lowers AR-NLL but also entropy.",
        _printed("renormalised 3.762 at entropy 6.946, clamped 3.881 at 6.770, base 4.392 at 7.237", "Table 1"),
        AllOf(
            EverySeed(
                both(lower("chain-renormalised", "chain", "nll"), lower("chain-clamped", "chain", "nll")),
                "both below the base model's NLL",
            ),
            _entropy_below("chain-renormalised", "chain"),
            _entropy_below("chain-clamped", "chain"),
        ),
        evidence="table-cdcd-ablations",
    ),
    Claim(
        "C9",
        "Entropy-linear time is near optimal: temperature, uniformity and Beta-shaped targets change little near the default.",
        _printed("T = 1.2: 4.383, μ = 0.1: 4.377, Beta(.5, 1): 4.362, default 4.392", "Tables 1, 2"),
        EverySeed(
            near_default(("warp T 0.8", "warp T 0.9", "warp T 1.2", "warp T 1.5", "warp μ 0.05", "warp μ 0.1", "warp μ 0.2"), 0.1),
            "T from 0.8 to 1.5 and μ to 0.2, in sampling alone, change less than a tenth of what warping gains",
            note="exact posterior",
        ),
        evidence="fig-cdcd-knobs",
        falsifier=Falsifier(
            "far from the default, T = 100 and μ = 1",
            EverySeed(
                lambda r: ~near_default(("warp T 100",), 0.5)(r) & ~near_default(("warp μ 1",), 0.5)(r),
                "more than half of the gain is lost",
            ),
        ),
    ),
    Claim(
        "C10",
        "Euler with 200 steps suffices; Heun gives little at equal evaluations and loses entropy with few.",
        _printed("Euler N = 200: 4.392, 500: 4.353; Heun of 20 evaluations 4.350 at entropy 7.044", "Table 2"),
        AllOf(
            EverySeed(lambda r: np.abs(_excess(r)) < 0.03, "200 Euler steps are within 0.03 nats of the chain's entropy"),
            EverySeed(
                lambda r: np.abs(of("spacings", "nll_heun_200")(r) - of("spacings", "nll_warped_200")(r)) < 0.03,
                "Heun is within 0.03 nats of that",
            ),
            EverySeed(
                lambda r: (of("spacings", "nll_heun_20")(r) < of("spacings", "data_nll")(r) - 0.03)
                & (of("spacings", "entropy_heun_20")(r) < of("spacings", "data_entropy")(r) - 0.01),
                "with 20 evaluations Heun is below the data's NLL and entropy: an artefact of large steps",
            ),
        ),
        evidence="fig-cdcd-spacings",
    ),
    Claim(
        "C11",
        "Without warping, ρ-spaced steps recover most of the gain but not all; with warping they do not add.",
        _printed("no warp: ρ = 1 5.068, ρ = 8 4.509; warp: 4.392, with ρ = 8 4.443", "Table 2"),
        AllOf(
            EverySeed(
                ladder("spacings", ("warped", "rho8", "uniform")),
                "warped < ρ = 8 < uniform by three standard errors at N = 10, 20 and 50, exact posterior",
            ),
            EverySeed(
                lambda r: recovered("spacings", "rho8_50", "uniform_50", "warped_50")(r) > 0.5, "ρ = 8 has more than half of the gain, N = 50"
            ),
            EverySeed(
                lambda r: np.all([~apart("spacings", f"warped_rho8_{n}", f"warped_{n}")(r) for n in FEW], 0),
                "ρ = 8 on top of warping is never better by three standard errors",
            ),
        ),
        evidence="fig-cdcd-spacings",
    ),
    Claim(
        "C12",
        "Score temperature and smaller initial noise trade NLL for entropy better than softmax temperature or nucleus; guidance lowers NLL but repeats.",
        _printed("score T = 0.9 3.838 at entropy 7.028, softmax T = 0.9 4.201 at 7.112, γ = 4 3.927 at 7.157", "Table 2"),
        AllOf(
            EverySeed(
                both(dominates("knobs", "score T", "softmax T"), dominates("knobs", "score T", "nucleus")),
                "score temperature has no more NLL at no less entropy than softmax temperature and nucleus, exact posterior",
            ),
            EverySeed(
                both(dominates("knobs", "initial σ", "softmax T"), dominates("knobs", "initial σ", "nucleus")),
                "the same for the initial noise",
            ),
            EverySeed(dominates("text", "score T", "softmax T"), "the same for score against softmax temperature, characters"),
            EverySeed(lambda r: of("text", "nll γ 4")(r) < of("text", "nll")(r), "guidance 4 lowers NLL, characters"),
            EverySeed(_guidance_repeats, "guidance 16 repeats more runs of four characters than none"),
        ),
        evidence="fig-cdcd-knobs",
    ),
    Claim(
        "C13",
        "A model of 1.3 billion parameters matches an autoregressive one of equal size in MAUVE.",
        Published("0.953, autoregressive 0.940", "MAUVE", "Table 3", read=True),
        reason="needs the 1.3-billion-parameter models and C4",
    ),
    Claim(
        "C14",
        "Machine translation stays 3 to 7 BLEU below autoregressive; minimum Bayes risk over 100 samples adds 0.7 to 1.8.",
        Published("EN-DE 19.3, 20.0 with 100 samples, autoregressive 26.2", "BLEU", "Table 4", read=True),
        reason="needs WMT data and two million updates",
    ),
    Claim(
        "C15",
        "Removing the time input hurts a lot.",
        _stated("Appendix B.2"),
        EverySeed(lower("chain", "chain-timeless", "nll", 0.05), "NLL higher by more than 0.05 nats without it"),
        evidence="table-cdcd-ablations",
    ),
    Claim(
        "C16",
        "Simplex diffusion with Cox-Ingersoll-Ross noise failed for language: its heavy tails make wrong tokens at low noise.",
        _stated("Appendix B.3"),
        evidence="fig-cdcd-rivals",
        reason="language at a large vocabulary; the tails are judged in the chapter on simplex diffusion, small alphabets below",
    ),
    Claim(
        "C1*",
        "Derived here: for a chain, interpolating with the marginals of forward-backward gives the gradient of log p_t of the sequence.",
        DERIVED,
        Exact(of("spacings", "score_error"), 1e-8, note="float64, four levels"),
        profile="smoke",
        evidence="table-cdcd-exact",
        falsifier=Falsifier(
            "interpolating with equal weights",
            EverySeed(lambda r: of("spacings", "score_error_blind")(r) > 0.01, "off by more than a hundredth at every t"),
        ),
    ),
    Claim(
        "C3*",
        "Derived here: the cell that Table 1 lacks. A network trained without warping gains most when only its sampler is warped.",
        DERIVED,
        EverySeed(
            lambda r: (
                of("chain-uniform", "nll_uniform_50")(r) - of("chain-uniform", "nll_warped_50")(r)
                > (of("chain-uniform", "nll_uniform_50")(r) - of("chain", "nll_warped_50")(r)) / 2
            ),
            "it has more than half of the gain of both, N = 50",
        ),
        evidence="table-cdcd-warping",
    ),
    Claim(
        "C3**",
        "Derived here: the fitted F̃ is the exact loss curve, and the loss is linear in uniform time.",
        DERIVED,
        AllOf(
            EverySeed(lambda r: of("chain", "fit_r2")(r) > 0.99, "R² above 0.99 against the exact L(t)"),
            EverySeed(lambda r: of("chain", "linearity")(r) < 0.05, "loss within 5 % of the asymptote of a line"),
        ),
        evidence="fig-cdcd-warp",
    ),
    Claim(
        "C10*",
        "Derived here: the cross-entropy of the tokens is the integral of the squared error of x̂_0 against t^-3 dt.",
        DERIVED,
        EverySeed(
            lambda r: np.abs(of("spacings", "entropy_integral")(r) / of("spacings", "data_nll")(r) - 1) < 0.02,
            "the integral is the entropy of the chain within 2 %, 1,000 sequences",
        ),
        evidence="table-cdcd-exact",
        falsifier=Falsifier(
            "the loss of training, which adds up entropies of single positions",
            EverySeed(
                lambda r: of("spacings", "loss_end")(r) > 1.2 * of("spacings", "data_nll")(r), "its asymptote is off by a fifth or more"
            ),
        ),
    ),
    Claim(
        "C16*",
        "Derived here: on sixteen tokens with exact posteriors, Gaussian embeddings need fewer evaluations than the simplex process.",
        DERIVED,
        EverySeed(
            both(*(apart("rivals", f"gaussian_{n}", f"simplex_{n}") for n in (10, 20))),
            "NLL lower by three standard errors at N = 10 and 20, each on the levels of its own loss",
        ),
        evidence="fig-cdcd-rivals",
    ),
    Claim(
        "E7*",
        "Derived here: the orders hold on real text: warping and self-conditioning help, and 50 steps come near 200.",
        DERIVED,
        AllOf(
            EverySeed(lambda r: of("text", "nll")(r) < of("text-uniform", "nll_rho1")(r), "warped beats uniform in training and sampling"),
            EverySeed(lower("text", "text-no-self", "nll"), "self-conditioning beats none"),
            EverySeed(lambda r: np.abs(of("text", "nll")(r) - of("text", "nll_many")(r)) < 0.1, "50 steps within 0.1 nats of 200"),
        ),
        evidence="table-cdcd-text",
    ),
    Claim(
        "E8*",
        "Derived here: with two opposite symbols x̂_0 is a hyperbolic tangent.",
        DERIVED,
        Exact(of("digits", "tanh_error"), 1e-10, note="float64"),
        profile="smoke",
        evidence="fig-cdcd-digits",
    ),
)  # fmt: skip
