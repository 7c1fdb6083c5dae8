"""The claims of "Combining learning rate decay and weight decay with complexity gradient descent" (Richemond and Guo 2019).

Only the abstract could be read. It names no form of the schedule, so each reading has a line of its own; every schedule has the
same grid of L2 coefficients, and `estimands.chosen` says how validation images pick from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from replications.papers.complexity_gradient_descent.estimands import Estimand, gain, matched_gain, mean_gain
from replications.papers.complexity_gradient_descent.schedules import SCHEDULES, TIED
from replications.papers.complexity_gradient_descent.study import COUNTED, DECOUPLED, ON_IMAGES
from replications.study import AllOf, BetterThan, Claim, EverySeed, Exact, Falsifier, Published, Records, Within

ABSTRACT = Published(None, "", "abstract", read=True)
COUNT_TOLERANCE = 0.05  # of the mean count, relative: five times the standard error of two thousand fields
SAME_ENERGY = 0.01  # per dimension: above μ_c every path must end in the one minimum
PLAIN = ("mnist-plain-sgd", "fashion-plain-sgd")
POWERS = ("sqrt-rate", "rate", "rate-squared")
NAMES = {"mnist": "MNIST", "fashion": "Fashion-MNIST"}


def scalar(condition: str, metric: str) -> Estimand:
    """One metric of one condition."""
    return lambda records: records.scalars(condition, metric)


def at_most(condition: str, metric: str, bound: float, text: str) -> EverySeed:
    """A metric is at most `bound` in every seed."""
    return EverySeed(lambda records: records.scalars(condition, metric) <= bound, f"{text} at most {bound:g}")


def energy_gain(mu: float, path: str = "down", baseline: str = "fixed") -> Estimand:
    """Final energy of `baseline` less that of `path`, per dimension."""
    names = [f"energy_{name}_{mu:g}" for name in (baseline, path)]
    return lambda records: records.scalars("anneal", names[0]) - records.scalars("anneal", names[1])


def _wins(estimand_of: dict[str, Estimand]) -> AllOf:
    """Better in NLL, and where it is, in accuracy: a schedule that wins accuracy alone wins nothing."""
    return AllOf(
        BetterThan(estimand_of["nll"], unit="nats", note="test NLL saved, each schedule at its own best λ_0"),
        BetterThan(estimand_of["accuracy"], unit="fraction", note="test accuracy won, the same networks"),
        first_decides=True,
    )


def _best(claim: str, statement: str, setting: str, names: Sequence[str], evidence: str, **fields: object) -> Claim:
    """The best of several schedules against the best constant."""
    rule = _wins({what: gain(setting, names, what) for what in ("nll", "accuracy")})
    return Claim(claim, statement, ABSTRACT, rule, evidence=evidence, **fields)  # type: ignore[arg-type]


def _reading(claim: str, name: str, published: Published = ABSTRACT) -> Claim:
    """One schedule against the best constant, averaged over the data sets."""
    rule = _wins({what: mean_gain(PLAIN, [name], what) for what in ("nll", "accuracy")})
    statement = f"The reading '{SCHEDULES[name].title}' beats the best constant λ, mean of MNIST and Fashion-MNIST, no batch norm."
    return Claim(claim, statement, published, rule, evidence="fig-cgd-grid")


def _controls_lose(setting: str) -> Falsifier:
    return Falsifier(
        "schedules in the opposite direction (1 − η, last half) must lose to the constant",
        BetterThan(lambda records: -gain(setting, ("increasing", "late"), "nll")(records), unit="nats"),
    )


def _count_rules() -> AllOf:
    names = [f"count-{n}d-{mu:g}" for n, mu in COUNTED]
    ratios = [
        Within(scalar(name, "count_ratio"), 1.0, COUNT_TOLERANCE, note=f"{name}, counted over exact") for name in names
    ]
    whole = [EverySeed(lambda records, name=name: records.scalars(name, "degree_one") == 1.0, f"{name}: signs add up to 1 in every field") for name in names]  # type: ignore[misc]  # fmt: skip
    return AllOf(*ratios, *whole)


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "C1",
        "L2 helps deep networks because they are overparameterised and train in high dimension, outside convex intuition.",
        Published(None, "", "abstract, as a hypothesis", read=True),
        reason="a hypothesis about causes; the abstract names no experiment that would decide it",
    ),
    Claim(
        "C2-levels",
        "One scalar, the complexity, holds loss level and non-convexity: Σ(ε, μ) at its most frequent level is Σ(μ).",
        ABSTRACT,
        Exact(scalar("kac-rice", "level_error"), 1e-8),
        profile="smoke",
        evidence="fig-cgd-levels",
    ),
    Claim(
        "C2-sigma",
        "Σ(μ) is the growth rate of the mean number of stationary points, to 3/N (partly: to 6/N), for N up to 150.",
        ABSTRACT,
        AllOf(*(at_most("kac-rice", "sigma_error", bound, "|Σ_N − Σ| N") for bound in (3.0, 6.0))),
        evidence="fig-cgd-sigma",
    ),
    Claim(
        "C2-count",
        "Stationary points counted in sampled fields of one and two dimensions are as many as the formula says.",
        ABSTRACT,
        _count_rules(),
        evidence="fig-cgd-counts",
    ),
    Claim(
        "C2-index",
        "Along gradient descent the loss level fixes the fraction of negative curvature: α(V/N, μ), to 0.03 (partly: to 0.06).",
        ABSTRACT,
        AllOf(*(at_most("index", "index_error", bound, "|measured − α|") for bound in (0.03, 0.06))),
        evidence="fig-cgd-index",
        falsifier=Falsifier(
            "an index that ignores the energy must miss by more than 0.06",
            EverySeed(
                lambda records: records.scalars("index", "index_error_blind") > 0.06, "|measured − α(0, μ)| above 0.06"
            ),
        ),
    ),
    Claim(
        "C3",
        "Descending complexity is desirable: lowering L2 from above μ_c ends in lower energy where the last landscape is complex, "
        "and changes nothing where it is not.",
        ABSTRACT,
        AllOf(
            *(BetterThan(energy_gain(mu), unit="H/N", note=f"μ = {mu:g}, against constant μ") for mu in (0.2, 0.3)),
            *(Within(energy_gain(mu), 0.0, SAME_ENERGY, unit="H/N", note=f"μ = {mu:g}") for mu in (1.0, 1.2)),
        ),
        evidence="fig-cgd-anneal",
        falsifier=Falsifier(
            "raising L2 from 0 instead must end higher than lowering it",
            BetterThan(energy_gain(0.2, baseline="up"), unit="H/N"),
        ),
    ),
    Claim(
        "C3-start",
        "That gain is the annealing's own: it exceeds what a plain descent from the origin gains.",
        Published(None, "", "abstract (our control)", read=True),
        BetterThan(
            lambda records: np.mean([energy_gain(mu, baseline="origin")(records) for mu in (0.2, 0.3)], axis=0),
            unit="H/N",
            note="mean over μ = 0.2 and 0.3",
        ),
        evidence="fig-cgd-anneal",
    ),
    *(
        _best(
            f"C4-{data}",
            f"Some schedule of L2 tied to the learning rate or the loss beats the best constant on {NAMES[data]}, no batch norm.",
            f"{data}-plain-sgd",
            TIED,
            "fig-cgd-grid",
            falsifier=_controls_lose(f"{data}-plain-sgd"),
        )
        for data in NAMES
    ),
    *(
        Claim(
            f"C4-{data}-matched",
            f"That gain on {NAMES[data]} remains against a constant of the same Σηλ: it is no matter of the total shrink.",
            Published(None, "", "abstract (our control)", read=True),
            BetterThan(matched_gain(f"{data}-plain-sgd", TIED, "nll"), unit="nats", note="same start, batches and Σηλ"),
            evidence="fig-cgd-matched",
        )
        for data in NAMES
    ),
    *(_reading(f"C4-{name}", name) for name in ("inverse", "exponential", "loss", "loss-rate", "index", "complexity")),
    *(
        _best(
            f"C4-{data}-bn",
            f"Some schedule beats the best constant on {NAMES[data]} with batch norm.",
            f"{data}-bn-sgd",
            TIED,
            "fig-cgd-grid-norm",
        )
        for data in NAMES
    ),
    *(
        _best(
            f"C4-{data}-sgdw",
            f"Some schedule beats the best constant on {NAMES[data]} when decay is decoupled, no batch norm.",
            f"{data}-plain-sgdw",
            [name for name in DECOUPLED if name in TIED],
            "fig-cgd-gains",
        )
        for data in NAMES
    ),
    Claim(
        "C4-effective-rate",
        "With batch norm L2 acts through the effective learning rate: |w|⁴ settles at ηG²/(2λ(1 − β)), to 10 %.",
        Published(None, "", "not in the abstract (derived; the confound of C4 with batch norm)", read=False),
        AllOf(
            at_most("equilibrium-bn-sgd", "norm_error", 0.1, "no momentum: |ratio − 1|"),
            at_most("equilibrium-bn-momentum", "norm_error", 0.1, "momentum 0.9: |ratio − 1|"),
        ),
        evidence="fig-cgd-equilibrium",
        falsifier=Falsifier(
            "without batch norm gradients are not orthogonal to the weights, and the balance must miss by more than 10 %",
            EverySeed(
                lambda records: records.scalars("equilibrium-plain-sgd", "norm_error") > 0.1, "|ratio − 1| above 0.1"
            ),
        ),
    ),
    _best(
        "C4-resnet",
        "Some schedule beats the best constant for a residual network on CIFAR-10.",
        "cifar10-resnet",
        [name for name in ON_IMAGES if name in TIED],
        "",
        profile="gpu",
        reason="needs records of the gpu profile",
    ),
    Claim(
        "C5",
        "L2 combines with learning-rate decay: some power of η_t beats the best constant, mean of MNIST and Fashion-MNIST.",
        Published(None, "", "title", read=True),
        _wins({what: mean_gain(PLAIN, POWERS, what) for what in ("nll", "accuracy")}),
        evidence="fig-cgd-gains",
    ),
    _best(
        "C5-steps",
        "The same on MNIST with a learning rate that falls in three steps.",
        "mnist-plain-steps",
        POWERS,
        "fig-cgd-gains",
    ),
)


def lead(records: Records, setting: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """NLL saved and accuracy won by one schedule over the best constant, seed by seed."""
    return gain(setting, [name], "nll")(records), gain(setting, [name], "accuracy")(records)
