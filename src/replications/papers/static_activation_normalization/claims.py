"""The claims of "Static Activation Function Normalization" (Richemond and Guo 2019), judged reading by reading.

Only the abstract and the first page of the introduction could be read. Two readings of the transform are judged,
SANF-A (affine) and SANF-T (tilted: |x| − √(2/π)), each against both initialisations of ReLU, because a win over
σ_w² = 1 is not a win over He's σ_w² = 2. Every network has the best of the same learning rates.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from replications.papers.static_activation_normalization.study import DEPTHS, SPECTRA_DEPTH
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

Estimand = Callable[[Records], np.ndarray]

LEARNED = 0.5  # test accuracy above which a network has learned, where chance is 0.1: fixed before the recorded runs
EARLY_DEPTHS = (5, 10, 20)  # where the anytime claim is judged: every reading trains at one of them at least
BIN_ERROR = 0.02  # of the density of eigenvalues, in bins of 0.1 η

READINGS = {"a": ("sanf-a", "SANF-A"), "t": ("sanf-t", "SANF-T, σ_w² = 1")}
BASELINES = {"": ("relu-lecun", "ReLU with σ_w² = 1"), "-he": ("relu-he", "ReLU with He's σ_w² = 2")}


def scalar(condition: str, metric: str) -> Estimand:
    """One metric of one condition."""
    return lambda records: records.scalars(condition, metric)


def over_depths(network: str, metric: str, depths: tuple[int, ...] = DEPTHS) -> Estimand:
    """A metric's mean over the depths of the MNIST sweep."""
    return lambda records: np.mean([records.scalars(f"mnist-{depth}-{network}", metric) for depth in depths], axis=0)


def trainable_depth(network: str) -> Estimand:
    """Depth at which test accuracy falls through one half, between swept depths by interpolation; 50 if it never does."""

    def depth_of(records: Records) -> np.ndarray:
        accuracy = np.array([records.scalars(f"mnist-{depth}-{network}", "accuracy") for depth in DEPTHS])
        return np.array([_crossing(values) for values in accuracy.T])

    return depth_of


def _crossing(accuracy: np.ndarray) -> float:
    for k, (shallow, deep) in enumerate(pairwise(DEPTHS)):
        above, below = accuracy[k], accuracy[k + 1]
        if above <= LEARNED:
            return float(shallow)
        if below <= LEARNED:
            return shallow + (deep - shallow) * float((above - LEARNED) / (above - below))
    return float(DEPTHS[-1])


def within_two_points(network: str) -> Estimand:
    """Deepest swept depth, all shallower ones included, within 0.02 of the network's own accuracy at depth 5."""

    def depth_of(records: Records) -> np.ndarray:
        accuracy = np.array([records.scalars(f"mnist-{depth}-{network}", "accuracy") for depth in DEPTHS])
        fine = np.cumprod(accuracy >= accuracy[0] - 0.02, axis=0).sum(0)
        return np.array(DEPTHS)[fine - 1]

    return depth_of


def watched(network: str) -> Estimand:
    """Validation accuracy at every look after step 0, mean over EARLY_DEPTHS. Shape (seeds, looks)."""
    return lambda records: np.mean(
        [records.curve(f"mnist-{depth}-{network}", "accuracy")[1][:, 1:] for depth in EARLY_DEPTHS], axis=0
    )


def difference(first: Estimand, second: Estimand) -> Estimand:
    """First minus second, seed by seed."""
    return lambda records: np.asarray(first(records)) - np.asarray(second(records))


def worst_look(first: Estimand, second: Estimand) -> Estimand:
    """Smallest difference over the looks, seed by seed."""
    return lambda records: difference(first, second)(records).min(1)


def _robustness(reading: str, baseline: str) -> BetterThan:
    gain = difference(over_depths(reading, "trained_share"), over_depths(baseline, "trained_share"))
    return BetterThan(
        gain, unit="share of the grid", note="cells of learning rate × depth that reach 0.8 in the budget"
    )


def _depth(reading: str, baseline: str) -> BetterThan:
    gain = difference(trainable_depth(reading), trainable_depth(baseline))
    return BetterThan(
        gain, unit="layers", note="best learning rate of either; learned means a test accuracy of one half"
    )


def _anytime(reading: str, baseline: str) -> AllOf:
    one, two = watched(reading), watched(baseline)
    return AllOf(
        BetterThan(lambda records: difference(one, two)(records).mean(1), unit="accuracy", note="mean over the looks"),
        EverySeed(lambda records: worst_look(one, two)(records) > 0.0, "ahead at every look"),
    )


def _spectra(metric: str) -> AllOf:
    """Smaller for SANF-A than for either ReLU."""
    at = f"mnist-{SPECTRA_DEPTH}-"
    ours = scalar(f"{at}sanf-a", metric)
    return AllOf(
        *(BetterThan(difference(scalar(at + name, metric), ours), unit="log10") for name, _ in BASELINES.values())
    )


def _by_reading(
    claim: str, statement: str, where: str, rule: Callable[[str, str], BetterThan | AllOf], evidence: str
) -> tuple[Claim, ...]:
    """One ledger line for each reading and baseline."""
    published = Published(None, "", where, read=True)
    return tuple(
        Claim(
            f"{claim}{key}{suffix}",
            statement.format(reading, baseline),
            published,
            rule(ours, theirs),
            evidence=evidence,
        )
        for key, (ours, reading) in READINGS.items()
        for suffix, (theirs, baseline) in BASELINES.items()
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "C1",
        "A general recipe from nonlinear random-matrix theory gives any activation mean 0, variance 1 and a chosen ζ; "
        "transforms exist in closed form for several activations.",
        Published(None, "", "abstract, introduction", read=True),
        AllOf(
            Exact(scalar("exact", "normalisation_error"), 1e-9),
            Exact(scalar("exact", "closed_form_error"), 1e-10),
            Exact(scalar("exact", "ordering_violations"), 0.0),
            Exact(scalar("exact", "critical_error"), 1e-9),
        ),
        profile="smoke",
        evidence="fig-san-coefficients",
    ),
    Claim(
        "C1-spectrum",
        "The transformed ReLU is better behaved: its one-layer spectrum is the one of the theory, and its condition number "
        "falls from raw to A to Z.",
        Published(None, "", "abstract (the word 'better-behaved')", read=True),
        AllOf(
            Ordered([scalar(f"spectrum-relu-{form}", "log_condition") for form in ("raw", "a", "z")], unit="log10"),
            *(
                EverySeed(
                    lambda records, form=form: records.scalars(f"spectrum-relu-{form}", "density_error") < BIN_ERROR,  # type: ignore[misc]
                    f"density of SANF-{form.upper()} within {BIN_ERROR} in every bin",
                )
                for form in ("a", "z")
            ),
        ),
        evidence="fig-san-spectra",
        falsifier=Falsifier(
            "raw ReLU keeps its mean: an eigenvalue a hundred times the bulk's edge must stand out",
            EverySeed(
                lambda records: (
                    records.scalars("spectrum-relu-raw", "largest") > 100 * records.scalars("spectrum-relu-raw", "edge")
                ),
                "largest eigenvalue of raw ReLU above 100 edges",
            ),
        ),
    ),
    *_by_reading("C2", "{} makes convergence more robust than {}.", "abstract", _robustness, "fig-san-robustness"),
    *_by_reading("C3", "{} trains deeper than {}.", "abstract, introduction", _depth, "fig-san-depth"),
    Claim(
        "C3-reference",
        "Plain ReLU feed-forward networks deeper than 30 layers do not train without stabilisers.",
        Published(30, "layers", "introduction", read=True),
        EverySeed(
            lambda records: (
                np.maximum(*(records.scalars(f"mnist-50-{name}", "accuracy") for name, _ in BASELINES.values()))
                <= LEARNED
            ),
            "at depth 50 neither initialisation of ReLU reaches a test accuracy of one half",
        ),
        evidence="fig-san-depth",
    ),
    *_by_reading("C4", "{} is ahead of {} at every stage of training.", "abstract", _anytime, "fig-san-anytime"),
    Claim(
        "C5",
        "Spectra of trained networks corroborate it: the layers of SANF-A are better conditioned after training than those "
        "of ReLU, with either initialisation.",
        Published(None, "", "abstract", read=True),
        _spectra("condition_trained"),
        evidence="fig-san-trained-spectra",
    ),
    Claim(
        "C5-centred",
        "The same with the mean activation taken out: the gain is more than the removal of one mean direction.",
        Published(None, "", "abstract (our control)", read=True),
        _spectra("condition_trained_centred"),
        evidence="fig-san-trained-spectra",
    ),
    Claim(
        "C6",
        "SANF-A has the benefits of batch normalisation at no computational cost: it folds into the next layer, its gradient "
        "grows as in a batch-normalised network, and it trains on as much of the learning rate × depth grid.",
        Published(None, "", "abstract", read=True),
        AllOf(
            Exact(scalar("exact", "folding_error"), 1e-10),
            Within(
                lambda records: (
                    records.scalars("signal-sanf-a", "growth") / records.scalars("signal-batch-norm", "growth")
                ),
                1.0,
                0.02,
                note="gradient growth per layer at initialisation, SANF-A over batch norm",
            ),
            Within(
                difference(over_depths("sanf-a", "trained_share"), over_depths("batch-norm", "trained_share")),
                0.0,
                0.05,
                unit="share of the grid",
                note="robustness, SANF-A less batch norm",
            ),
        ),
        evidence="fig-san-signal",
        falsifier=Falsifier(
            "SANF-Z carries a linear bypass, so folding it must fail",
            EverySeed(
                lambda records: records.scalars("exact", "folding_error_z") > 0.01, "error of folding SANF-Z above 1 %"
            ),
        ),
    ),
)
