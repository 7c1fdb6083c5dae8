"""SemPPL's claims, the rules that judge them and what must break them (Bošnjak et al. 2023).

C1 to C7 are the paper's, from its abstract, its repository and summaries that quote it. P1 to P4 are ours: where SemPPL
must lie between two bounds, and what the definitions imply exactly.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from replications.study import AllOf, BetterThan, Claim, EverySeed, Exact, Falsifier, Published, Records

Estimand = Callable[[Records], np.ndarray]

POINTS_3, POINTS_2, POINT, POINTS_10 = 0.03, 0.02, 0.01, 0.1  # of accuracy
ROUNDING = 1e-12  # of float64, over a sum of some ten terms
IMAGENET = (
    "needs ImageNet and accelerators for weeks; the setting, as far as it is known, is written out as profile paper"
)
UNREAD = Published(None, "", "abstract; numbers unread", read=False)
OURS = Published(None, "", "derived from the definitions", read=False)


def gain(arm: str, baseline: str = "alpha_0", metric: str = "linear_1") -> Estimand:
    """Few-label accuracy of an arm above that of its baseline, paired by seed."""
    return lambda records: records.paired(arm, baseline, metric)


def kept(arm: str, share: float = 0.5) -> Estimand:
    """What an arm gains beyond `share` of what SemPPL gains."""
    return lambda records: gain(arm)(records) - share * gain("semppl")(records)


def rise(arm: str) -> Estimand:
    """Accuracy of the last pseudo-labels above that of the untrained network's."""
    return lambda records: records.scalars(arm, "pseudo") - records.scalars(arm, "pseudo_random")


def between(records: Records) -> np.ndarray:
    """In which seeds random < α = 0 ≤ SemPPL ≤ oracle."""
    random, none, semppl, oracle = (records.scalars(a, "linear_1") for a in ("random", "alpha_0", "semppl", "oracle"))
    return (random < none) & (none <= semppl) & (semppl <= oracle)


def errors(*names: str) -> Estimand:
    """Exact errors, all seeds after one another."""
    return lambda records: np.concatenate([records.scalars("algebra", name) for name in names])


ACCURACY = "few-label accuracy"
CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="C1",
        statement="A ResNet-50 pre-trained with 1 % or 10 % of ImageNet's labels is the best of the semi-supervised methods.",
        published=Published("68.5 with 1 %, 76.0 with 10 %", "% top-1", "abstract, main table", read=True),
        reason=IMAGENET,
    ),
    Claim(
        id="C2",
        statement="With selective kernels the distance to earlier work grows.",
        published=Published("72.3 (+7.8) with 1 %, 78.3 (+6.2) with 10 %", "% top-1", "abstract", read=True),
        reason=IMAGENET,
    ),
    Claim(
        id="C3",
        statement="Positives that share the pseudo-label improve a contrastive learner, with 1 % of the labels.",
        published=UNREAD,
        rule=AllOf(
            BetterThan(gain("semppl"), margin=POINT, unit=ACCURACY, note="1 % of labels, against α = 0"),
            EverySeed(lambda records: gain("semppl")(records) >= POINTS_3, "a gain of at least 3 points"),
        ),
        evidence="fig-semppl-arms",
        falsifier=Falsifier(
            "positives of random classes must not gain a point",
            EverySeed(lambda records: gain("random")(records) < POINT, "random positives gain less than a point"),
        ),
    ),
    Claim(
        id="C3b",
        statement="Positives that share the pseudo-label improve a contrastive learner, with 10 % of the labels.",
        published=UNREAD,
        rule=AllOf(
            BetterThan(
                gain("semppl_ten", "alpha_0_ten", "linear_10"), unit=ACCURACY, note="10 % of labels, against α = 0"
            ),
            EverySeed(
                lambda records: gain("semppl_ten", "alpha_0_ten", "linear_10")(records) >= POINT,
                "a gain of at least 1 point",
            ),
        ),
        evidence="fig-semppl-arms",
    ),
    Claim(
        id="C4",
        statement="A better representation makes better pseudo-labels, and those a better representation.",
        published=UNREAD,
        rule=AllOf(
            BetterThan(rise("semppl"), margin=POINTS_10, unit="pseudo-label accuracy", note="over training"),
            BetterThan(
                lambda records: records.paired("semppl", "alpha_0", "pseudo"),
                margin=POINTS_2,
                unit="pseudo-label accuracy",
                note="above the same vote at α = 0, at the end",
            ),
        ),
        evidence="fig-semppl-labels",
    ),
    Claim(
        id="C5",
        statement="Semantic positives help on top of several self-supervised losses.",
        published=Published(None, "", "ablation, by a summary; numbers unread", read=False),
        rule=BetterThan(gain("byol_semppl", "byol"), margin=POINT, unit=ACCURACY, note="BYOL's loss, 1 % of labels"),
        evidence="fig-semppl-arms",
    ),
    Claim(
        id="C6",
        statement="The gain survives wrong pseudo-labels.",
        published=Published(None, "", "ablation, by a summary; numbers unread", read=False),
        rule=AllOf(
            BetterThan(gain("flips_20"), unit=ACCURACY, note="20 % wrong: some gain is left"),
            BetterThan(kept("flips_20"), unit=ACCURACY, note="20 % wrong: more than half of SemPPL's gain is left"),
            BetterThan(gain("semppl"), unit=ACCURACY, note="there is a gain to lose"),
            first_decides=True,
        ),
        evidence="fig-semppl-arms",
        falsifier=Falsifier(
            "positives of random classes must lose it",
            EverySeed(lambda records: kept("random")(records) < 0, "random positives keep less than half of the gain"),
        ),
    ),
    Claim(
        id="C7",
        statement="The representation is more robust, and transfers and generalises better out of distribution.",
        published=Published(None, "", "section on generalisation; numbers unread", read=False),
        reason="its test sets are ImageNet's variants and transfer tasks at 224 pixels",
    ),
    Claim(
        id="P1",
        statement="SemPPL lies between its bounds: random positives, then α = 0, then SemPPL, then the true labels.",
        published=Published(None, "", "our control", read=False),
        rule=EverySeed(between, "random < α = 0 ≤ SemPPL ≤ oracle in accuracy with 1 % of the labels"),
        evidence="fig-semppl-arms",
    ),
    Claim(
        id="P2",
        statement="Terms have the values that the definitions imply: log(1+n) where all is equal, log(1+n·e^(-1/τ)) for a "
        "perfect positive, whatever the prefactor of φ; the penalty is 0 between equal views and never negative.",
        published=OURS,
        rule=Exact(
            errors("equal_error", "perfect_error", "prefactor_error", "same_positive_error", "divergence_error"),
            ROUNDING,
            unit="nats",
        ),
        profile="smoke",
        evidence="tab-semppl-exact",
    ),
    Claim(
        id="P3",
        statement="No gradient reaches target or queue, and with α = 0 nothing depends on queue or labels.",
        published=OURS,
        rule=Exact(errors("leaked_gradient", "alpha_zero_change"), 0.0, note="bit for bit"),
        profile="smoke",
        evidence="tab-semppl-exact",
    ),
    Claim(
        id="P4",
        statement="The queue keeps the last entries, an entry is its own nearest neighbour, and positives are uniform over "
        "the entries with the wanted label.",
        published=OURS,
        rule=AllOf(
            Exact(errors("ring_error", "own_label_error", "wrong_positives"), 0.0, note="none wrong"),
            Exact(errors("uniform_excess"), 1.0, note="χ² below its 99.9 % quantile"),
        ),
        profile="smoke",
        evidence="tab-semppl-exact",
    ),
)
