"""BYOL's claims, the rules that judge them and what must break them (Grill et al. 2020)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from replications.study import AllOf, BetterThan, Claim, EverySeed, Exact, Falsifier, MissingRecords, Published, Records

GAIN = 0.05  # kNN accuracy above the untrained encoder that counts as having learnt
SPREAD = 0.5  # spread of the embedding (metric std) from which on it has not collapsed, of 1
POINT = 0.15  # spread below which it is a point
FLOOR = 0.1  # loss of 8 below which prediction is trivial

IMAGENET = "needs ImageNet and accelerators for days; the setting is written out as profile paper"
NO_GPU = "not yet run on a GPU"


def copied(records: Records) -> str:
    """The condition with τ = 0 that is trained as long as the variants, which profile laptop trains for three epochs."""
    return "short_tau_0" if records.profile == "laptop" else "tau_0"


def drop(before: str, after: str, metric: str = "knn") -> Callable[[Records], np.ndarray]:
    """`metric` of one condition minus that of another, paired by seed."""
    return lambda records: records.paired(before, after, metric)


def gain(condition: str, baseline: str = "knn_random") -> Callable[[Records], np.ndarray]:
    """kNN accuracy of a condition above that of the `baseline` measured in the same run."""
    return lambda records: records.scalars(condition, "knn") - records.scalars(condition, baseline)


def learns(condition: str) -> Callable[[Records], np.ndarray]:
    """In which seeds the embedding is spread and neighbours are better than before training."""
    return lambda records: (records.scalars(condition, "std") > SPREAD) & (gain(condition)(records) >= GAIN)


def collapses(condition: str) -> Callable[[Records], np.ndarray]:
    """In which seeds the embedding is a point that is trivial to predict, or has under a third of BYOL's dimensions."""

    def predicate(records: Records) -> np.ndarray:
        std, loss = records.scalars(condition, "std"), records.scalars(condition, "loss")
        third = records.scalars("full", "effective_rank") / 3
        return ((std < POINT) & (loss < FLOOR)) | (records.scalars(condition, "effective_rank") < third)

    return predicate


def minus(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """The difference by seed, where both sides have the same seeds."""
    if one.shape != two.shape:
        raise MissingRecords(f"compared arms are not recorded for the same seeds: {one.size} and {two.size}")
    return one - two


def smaller_drop(variant: str) -> Callable[[Records], np.ndarray]:
    """By how much SimCLR's form loses more than BYOL when both are changed to `variant`."""
    return lambda records: minus(drop("simclr", f"simclr_{variant}")(records), drop("watch", variant)(records))


def growth(records: Records, condition: str) -> np.ndarray:
    """By what factor the norm of the weights has grown at the end. One value a seed."""
    _, norms = records.curve(condition, "weight_norm")
    factors: np.ndarray = norms[:, -1] / norms[:, 0]
    return factors


def grows(condition: str) -> Callable[[Records], np.ndarray]:
    """In which seeds the norm of the weights is larger at every look than at the one before."""
    return lambda records: np.all(np.diff(records.curve(condition, "weight_norm")[1]) > 0, axis=1)


def held_back(condition: str, without: str) -> Callable[[Records], np.ndarray]:
    """By how much more the weights grow without decay than with it."""
    return lambda records: minus(growth(records, without), growth(records, condition))


def beats_untrained(condition: str) -> Callable[[Records], np.ndarray]:
    """In which seeds the few-label probes are better than on the untrained encoder."""

    def predicate(records: Records) -> np.ndarray:
        shares = ("linear_1", "linear_10")
        return np.all(
            [records.scalars(condition, s) > records.scalars(condition, f"{s}_random") for s in shares], axis=0
        )

    return predicate


def exact(metric: str) -> Callable[[Records], np.ndarray]:
    """An error of the exact problem."""
    return lambda records: records.scalars("equilibrium", metric)


COLLAPSE = f"spread below {POINT} with a loss below {FLOOR} of 8, or under a third of BYOL's effective rank"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="C1",
        statement="Without negatives, a ResNet-50 pre-trained for 1000 epochs reaches a linear accuracy on ImageNet above "
        "all earlier self-supervision.",
        published=Published(74.3, "% top-1", "Table 1a", read=True),
        reason=IMAGENET,
    ),
    Claim(
        id="C2",
        statement="The gains persist with the size of the network, up to ResNet-200 of double width.",
        published=Published(79.6, "% top-1", "Table 1b", read=True),
        reason=IMAGENET,
    ),
    Claim(
        id="C3",
        statement="Without negatives, only predictor and averaged target together avoid collapse.",
        published=Published(
            "72.5 with both; 0.2 without predictor, 0.3 without target", "% top-1", "Table 5b", read=True
        ),
        rule=AllOf(
            EverySeed(learns("full"), f"BYOL keeps a spread above {SPREAD} and gains {GAIN:.2f} kNN accuracy"),
            EverySeed(collapses("no_predictor"), f"without predictor: {COLLAPSE}"),
            EverySeed(collapses("no_stop_gradient"), f"without target network: {COLLAPSE}"),
        ),
        evidence="fig-byol-collapse",
        falsifier=Falsifier(
            "without predictor, or without target network, the test that BYOL passes must fail",
            AllOf(
                EverySeed(lambda records: ~learns("no_predictor")(records), "no predictor: does not learn"),
                EverySeed(lambda records: ~learns("no_stop_gradient")(records), "no target network: does not learn"),
            ),
        ),
    ),
    Claim(
        id="C4",
        statement="The target's decay has a sweet spot: τ near 0.99 beats both a frozen target and a copied one.",
        published=Published("τ=1: 18.8; 0.999: 69.8; 0.99: 72.5; 0.9: 68.4; 0: 0.3", "% top-1", "Table 5a", read=True),
        rule=AllOf(
            BetterThan(drop("full", "tau_1"), unit="kNN accuracy", note="τ = 0.99 against 1"),
            BetterThan(drop("tau_0.9", "tau_1"), unit="kNN accuracy", note="τ = 0.9 against 1"),
            BetterThan(drop("full", "tau_0"), unit="kNN accuracy", note="τ = 0.99 against 0"),
        ),
        evidence="fig-byol-tau",
    ),
    Claim(
        id="C5",
        statement="Predicting a frozen random network already gives a better representation than that network's own.",
        published=Published("18.8 against 1.4", "% top-1", "section 3, Table 5a", read=True),
        rule=BetterThan(gain("tau_1", "knn_target"), unit="kNN accuracy", note="against the frozen network itself"),
        evidence="fig-byol-tau",
        falsifier=Falsifier(
            "training that collapses must not beat its own untrained encoder",
            EverySeed(lambda records: gain("no_predictor")(records) < GAIN, f"no predictor gains less than {GAIN:.2f}"),
        ),
    ),
    Claim(
        id="C6",
        statement="BYOL loses less than SimCLR when batches shrink.",
        published=Published("4096 to 256: 0.7 lost, SimCLR 3.6", "% top-1", "Figure 3a, Table 16", read=True),
        rule=BetterThan(smaller_drop("batch_64"), unit="kNN accuracy", note="256 to 64 by accumulated gradients"),
        evidence="fig-byol-robustness",
    ),
    Claim(
        id="C7",
        statement="BYOL loses less than SimCLR when augmentations are taken away.",
        published=Published("crop only: 13.1 lost, SimCLR 27.6", "% top-1", "Figure 3b, Table 17", read=True),
        rule=AllOf(
            BetterThan(smaller_drop("crop"), unit="kNN accuracy", note="crop only"),
            BetterThan(smaller_drop("no_colour"), unit="kNN accuracy", note="no colour"),
        ),
        evidence="fig-byol-robustness",
    ),
    Claim(
        id="C8",
        statement="The average of weights can be dropped (τ = 0) if the predictor is kept near its optimum by a larger "
        "learning rate.",
        published=Published("λ=1: 5.5; λ=10: 66.6", "% top-1", "Table 21", read=True),
        rule=AllOf(
            BetterThan(
                lambda records: records.paired("lambda_10", copied(records), "knn"),
                unit="kNN accuracy",
                note="λ = 10 against 1, both at τ = 0",
            ),
            EverySeed(learns("lambda_10"), "λ = 10 learns"),
        ),
        evidence="tab-byol-variants",
    ),
    Claim(
        id="C8b",
        statement="It can be dropped as well if the predictor is a linear one, solved for anew on every batch.",
        published=Published(52.5, "% top-1", "section 5", read=True),
        rule=EverySeed(learns("fitted_predictor"), "a fitted linear predictor learns at τ = 0"),
        evidence="tab-byol-variants",
        falsifier=Falsifier(
            "without any predictor it must not learn",
            EverySeed(lambda records: ~learns("no_predictor")(records), "no predictor: does not learn"),
        ),
    ),
    Claim(
        id="C9",
        statement="Fine-tuned on few labels, BYOL beats SimCLR.",
        published=Published("1 %: 53.2, SimCLR 48.3; 10 %: 68.8, SimCLR 65.6", "% top-1", "Table 2a", read=True),
        rule=AllOf(
            BetterThan(drop("watch", "simclr", "linear_1"), unit="accuracy", note="probe on 1 % of the labels"),
            BetterThan(drop("watch", "simclr", "linear_10"), unit="accuracy", note="10 %"),
            EverySeed(beats_untrained("watch"), "BYOL's probes beat those of its untrained encoder"),
        ),
        evidence="tab-byol-few",
    ),
    Claim(
        id="C10",
        statement="Normalising inside the loss matters, but leaving it out does not collapse.",
        published=Published("72.5 with, 67.4 without", "% top-1", "Table 20", read=True),
        rule=AllOf(
            BetterThan(drop("watch", "loss_none"), unit="kNN accuracy"),
            EverySeed(learns("loss_none"), "without normalisation it learns"),
        ),
        evidence="tab-byol-variants",
    ),
    Claim(
        id="C11",
        statement="A predictor of two layers is better than a linear one.",
        published=Published("72.5 against 71.5", "% top-1", "Table 14a", read=True),
        rule=BetterThan(drop("watch", "linear_predictor"), unit="kNN accuracy"),
        evidence="tab-byol-variants",
    ),
    Claim(
        id="C12",
        statement="Adding negatives does not help unless their temperature is tuned again.",
        published=Published("70.9 with, 72.5 without", "% top-1", "Table 18", read=True),
        rule=BetterThan(drop("watch", "negatives"), unit="kNN accuracy", note="α = 0.1"),
        evidence="tab-byol-variants",
    ),
    Claim(
        id="C13",
        statement="Training without weight decay is unstable, for BYOL as for SimCLR.",
        published=Published(None, "", "section 5, Table 15", read=True),
        rule=AllOf(
            EverySeed(grows("no_decay"), "BYOL without decay: weights larger at every look than before"),
            EverySeed(grows("simclr_no_decay"), "SimCLR's form likewise"),
            BetterThan(held_back("watch", "no_decay"), unit="growth factor", note="without decay minus with, BYOL"),
            BetterThan(held_back("simclr", "simclr_no_decay"), unit="growth factor", note="SimCLR's form"),
            note="the paper measures no instability; what is judged is that nothing bounds the norm of the weights",
        ),
        evidence="fig-byol-norms",
        falsifier=Falsifier(
            "with decay the weights must stop growing",
            EverySeed(
                lambda records: ~grows("watch")(records) & ~grows("simclr")(records),
                "with decay the norm falls between some two looks",
            ),
        ),
    ),
    Claim(
        id="C14",
        statement="A recipe for batches of 512 comes close to the result at 4096.",
        published=Published(73.7, "% top-1", "appendix G", read=True),
        reason=IMAGENET,
    ),
    Claim(
        id="C15",
        statement="With an optimal predictor the update follows the gradient of an expected conditional variance, so that "
        "a constant projection is an unstable equilibrium.",
        published=Published(None, "", "section 3.2, equation (5)", read=True),
        rule=AllOf(
            Exact(exact("gradient_gap"), 1e-12, note="equation (5) under an optimal predictor"),
            Exact(exact("constant_gradient"), 1e-12, note="a constant projection is an equilibrium"),
            Exact(
                exact("curvature_gap"), 1e-12, note="Hessian there against its closed form, which has no sign but minus"
            ),
            Exact(
                lambda records: (exact("constant_curvature")(records) > -1e-6).astype(float),
                0.0,
                note="1 unless it falls in some direction",
            ),
            Exact(
                exact("dead_gradient"), 1e-12, note="no gradient below the scales that make BYOL's networks constant"
            ),
            note="the algebra of the hypothesis; that training keeps the predictor optimal is not judged",
        ),
        profile="smoke",
        evidence="tab-byol-equilibrium",
        falsifier=Falsifier(
            "with a predictor that is not optimal, equation (5) must fail",
            EverySeed(
                lambda records: exact("gradient_gap_other")(records) > 1e-3, "the two sides differ by over 0.001"
            ),
        ),
    ),
    Claim(
        id="P1",
        statement="Our ResNet-18 on CIFAR-10 is at most one point below a public library's (lightly: 200 epochs, batch 512).",
        published=Published(0.868, "kNN accuracy", "lightly's CIFAR-10 benchmark", read=True),
        rule=BetterThan(lambda records: records.scalars("resnet18", "knn"), margin=0.858, unit="kNN accuracy"),
        profile="gpu",
        reason=NO_GPU,
    ),
)
