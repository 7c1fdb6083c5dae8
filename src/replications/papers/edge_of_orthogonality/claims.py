"""The paper's claims, the rules that judge them and what must break them (Richemond et al. 2023).

C1 to C12 are the paper's; P1 to P4 are its propositions that no claim covers, P5 is a limit that follows from them. Identities are judged on random matrices.
"""

from __future__ import annotations

import numpy as np

from replications.papers.edge_of_orthogonality.estimands import (
    best_proposed,
    difference,
    flat,
    gain,
    majority,
    monotone,
    of,
    over_trained,
    rises,
    trained_gain,
)
from replications.papers.edge_of_orthogonality.study import COPY_LADDER, LADDER, LIMIT, named
from replications.study import (
    AllOf,
    BetterThan,
    Claim,
    EverySeed,
    Exact,
    Falsifier,
    Ordered,
    Published,
    Records,
    Within,
)

LEARNS = 0.01  # kNN accuracy above the untrained encoder: below it, there is nothing to compare
ROUNDING = 1e-9  # of float64, in matrices of order one
UNIT = "kNN accuracy"
NS2 = "newton_schulz_twice"
PLATEAU = LADDER[1:]  # the ridges of 0.15 and more that are run


def learns(condition: str) -> EverySeed:
    """Every seed ends above its own untrained encoder."""
    return EverySeed(lambda r: gain(condition)(r) >= LEARNS, f"{condition} gains {LEARNS:g} over its untrained encoder")


def proposition(where: str) -> Published:
    """A statement without a number, read in the paper."""
    return Published(None, "", where, read=True)


def unlike_limit(records: Records) -> np.ndarray:
    """In which seeds the same form without a ridge keeps more effective dimensions than no predictor."""
    return difference(named(NS2, 0.0), "none", "effective_rank")(records) > 1


def flatness(predictor: str, ladder: tuple[float, ...]) -> AllOf:
    """The accuracy does not depend on the ridge, in a predictor that learns."""
    shown = ", ".join(f"{alpha:g}" for alpha in ladder)
    return AllOf(
        EverySeed(flat(predictor, ladder, 0.01), f"{predictor}: range over α = {shown} below one point"),
        EverySeed(flat(predictor, ladder, None), "and below the standard deviation over seeds"),
        learns(named(predictor, ladder[0])),
        first_decides=True,
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="C1",
        statement="Closed-form predictors set from each batch beat a trainable linear predictor.",
        published=Published(
            "68.8 against 67.6 (100 epochs), 72.2 against 71.5 (300)", "% top-1", "Tables 2, 3", read=True
        ),
        rule=AllOf(
            BetterThan(best_proposed, margin=-0.01, unit=UNIT, note="best closed form, chosen on the other seeds"),
            BetterThan(best_proposed, margin=-0.003, unit=UNIT),
            EverySeed(majority(best_proposed), "better in two thirds of the seeds"),
            EverySeed(
                lambda r: trained_gain(r) >= LEARNS,
                f"the better trained one gains {LEARNS:g} over its untrained encoder",
            ),
            note="against the better of two trained linear predictors",
        ),
        evidence="tab-edge-ridge",
        falsifier=Falsifier(
            "no predictor at all must not keep up with the better trained one",
            BetterThan(lambda r: -over_trained("none")(r), margin=0.003, unit=UNIT),
        ),
    ),
    Claim(
        id="C2",
        statement="With the optimal linear predictor of a batch, the loss is the squared residual of projecting the target "
        "latents on the span of the online latents.",
        published=proposition("section 3.1, Proposition 1"),
        rule=Exact(of("algebra", "hat_matrix"), ROUNDING),
        profile="smoke",
        evidence="tab-edge-algebra",
        falsifier=Falsifier(
            "the predictor in the hat matrix's place must not be a projection",
            EverySeed(lambda r: of("algebra", "predictor_projection")(r) > 0.01, "‖P*² - P*‖ above 0.01"),
        ),
    ),
    Claim(
        id="C3",
        statement="Where the gap between online and target latents vanishes, the optimal linear predictor tends to the identity.",
        published=proposition("section 3.1, Proposition 2"),
        rule=Exact(of("algebra", "identity_limit"), ROUNDING, note="linear in the gap, within σ/s_min(Z)"),
        profile="smoke",
        evidence="tab-edge-algebra",
    ),
    Claim(
        id="C4",
        statement="Stable rank and trace of a trained linear predictor grow over training.",
        published=proposition("section 3.2, Figure 1"),
        rule=AllOf(
            EverySeed(rises("linear", "srank"), "the stable rank ends higher than it began"),
            EverySeed(monotone("linear", "srank", 0.8), "Spearman's correlation of step and stable rank above 0.8"),
            EverySeed(rises("linear", "trace"), "the trace ends higher than it began"),
            first_decides=True,
        ),
        evidence="fig-edge-rank",
    ),
    Claim(
        id="C5",
        statement="Given the latents, the best predictor among orthogonal projections of rank k solves k-PCA.",
        published=proposition("section 4.1, Proposition 4"),
        rule=Exact(of("algebra", "k_pca"), ROUNDING),
        profile="smoke",
        evidence="tab-edge-algebra",
    ),
    Claim(
        id="C6",
        statement="For a predictor of rank one the gradient step is Krasulina's.",
        published=proposition("section 5.1, Proposition 7"),
        rule=Exact(of("algebra", "krasulina"), ROUNDING),
        profile="smoke",
        evidence="tab-edge-algebra",
        falsifier=Falsifier(
            "Oja's increment must have a component along p",
            EverySeed(lambda r: of("algebra", "oja_radial")(r) > 0.01, "component above 0.01"),
        ),
    ),
    Claim(
        id="C7",
        statement="The lower τ, the farther the trained linear predictor ends from its polar factor.",
        published=proposition("section 5.2, Figure 2"),
        rule=AllOf(
            BetterThan(difference("linear_tau_0", "linear", "polar"), note="τ = 0 against 0.99"),
            Ordered([of(f"linear_tau_{tau}", "polar") for tau in ("0", "0.5", "0.9")] + [of("linear", "polar")]),
            first_decides=True,
        ),
        evidence="fig-edge-polar",
    ),
    Claim(
        id="C8",
        statement="Newton-Schulz separates the singular values of the latents' covariance better than DirectCopy.",
        published=proposition("section 6, Figure 3"),
        rule=BetterThan(
            difference("newton_schulz_0.3", "direct_copy_0.3", "ends"),
            unit="share of eigenvalues",
            note="in [0, 0.1] or [0.9, 1] of the largest, centred, α = 0.3",
        ),
        evidence="fig-edge-spectra",
    ),
    Claim(
        id="C9",
        statement="DirectCopy needs its ridge, the Neumann series does not.",
        published=Published("α = 0: 20.9 and 61.2; α = 0.15: 65.8 and 68.5", "% top-1", "Table 2", read=True),
        rule=AllOf(
            BetterThan(
                difference("direct_copy_0.15", "direct_copy_0"), margin=0.05, unit=UNIT, note="α from 0 to 0.15"
            ),
            BetterThan(difference("neumann_0", "direct_copy_0"), unit=UNIT, note="NE against DirectCopy, α = 0"),
        ),
        evidence="tab-edge-ridge",
    ),
    Claim(
        id="C10",
        statement="Visser's iteration ignores the ridge.",
        published=Published("68.3 to 68.4 over all α", "% top-1", "Table 2", read=True),
        rule=flatness("visser", LADDER),
        evidence="fig-edge-ridge",
        falsifier=Falsifier(
            "the same test must say no to DirectCopy, which needs its ridge",
            EverySeed(lambda r: ~flat("direct_copy", COPY_LADDER, 0.01)(r), "DirectCopy: range above one point"),
        ),
    ),
    Claim(
        id="C11",
        statement="From α = 0.15 on, NS² and Stiefel are flat in the ridge.",
        published=Published("72.0 to 72.2 and 72.0 to 72.1", "% top-1", "Table 3", read=True),
        rule=AllOf(flatness(NS2, PLATEAU), flatness("stiefel", PLATEAU)),
        evidence="fig-edge-ridge",
    ),
    Claim(
        id="C12",
        statement="At the end of training the features of a linear encoder with small weight decay are decorrelated.",
        published=proposition("section 4.2"),
        reason="a limit of long training of a linear encoder, which no table or figure of the paper shows; the law of "
        "balance that it rests on is P4",
    ),
    Claim(
        id="P1",
        statement="The gradient on the Stiefel manifold is F' - PF'ᵀP: tangent, and the gradient of the canonical metric.",
        published=proposition("section 5.2, Proposition 9"),
        rule=Exact(of("algebra", "stiefel_gradient"), ROUNDING),
        profile="smoke",
        evidence="tab-edge-algebra",
    ),
    Claim(
        id="P2",
        statement="An ε-symmetric ε-projection of norm at most one is a 2ε-orthogonal projection.",
        published=proposition("section 5.2"),
        rule=Exact(of("algebra", "quasi_projection"), 0.0, note="excess over the bound"),
        profile="smoke",
        evidence="tab-edge-algebra",
    ),
    Claim(
        id="P3",
        statement="The closed forms end where they should: Σ^½ (Visser, NS), Σ^¼ (NS²), the polar factor (Stiefel), Σ⁻¹C less "
        "the series' remainder (NE).",
        published=proposition("section 6, Propositions 3, 5, 6, 8"),
        rule=AllOf(
            Exact(of("algebra", "iterations"), ROUNDING, note="many steps, against SciPy"),
            Exact(of("algebra", "equivariance"), ROUNDING, note="the published number of steps, rotated latents"),
        ),
        profile="smoke",
        evidence="tab-edge-algebra",
    ),
    Claim(
        id="P4",
        statement="Under gradient flow with weight decay λ, AAᵀ - PᵀP of a linear encoder A decays as e^(-2λt).",
        published=proposition("section 4.2, after Tian et al. 2021"),
        rule=Exact(of("algebra", "balance"), ROUNDING),
        profile="smoke",
        evidence="tab-edge-algebra",
    ),
    Claim(
        id="P5",
        statement="A ridge that drowns the predictor leaves BYOL without predictor.",
        published=Published(None, "", "not in the paper: follows from P + αI for large α", read=True),
        rule=AllOf(
            Within(difference(named(NS2, LIMIT), "none"), 0.0, 0.02, unit=UNIT, note=f"NS² with α = {LIMIT:g}"),
            Within(difference(named(NS2, LIMIT), "none", "std"), 0.0, 0.1, note="spread of the embedding"),
        ),
        evidence="tab-edge-arms",
        falsifier=Falsifier(
            "without its ridge the same form must keep more effective dimensions than no predictor",
            EverySeed(unlike_limit, "effective rank above that of no predictor by more than one"),
        ),
    ),
)
