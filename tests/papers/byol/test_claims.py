"""Every rule of the chapter says yes to records as the paper has them, and no to records that contradict it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from replications.papers.byol.claims import CLAIMS
from replications.papers.byol.study import STUDY
from replications.study import Curve, Records, Verdict, judge_records
from replications.study.rules import AllOf
from replications.study.testing import fake_records

CLAIM = {claim.id: claim for claim in CLAIMS}
NOISE = (0.0, 0.004, -0.004)


def arm(knn: float, std: float = 0.85, loss: float = 0.6, rank: float = 15.0, random: float = 0.3) -> dict:
    return {
        "knn": [knn + noise for noise in NOISE],
        "knn_random": [random + noise / 2 for noise in NOISE],
        "knn_target": [random + noise / 2 for noise in NOISE],
        "std": [std] * 3,
        "loss": [loss] * 3,
        "effective_rank": [rank] * 3,
    }


def watched(one: float, ten: float) -> dict:
    """An arm with few-label probes, on top of untrained ones at 0.2 and 0.25."""
    probes = {"linear_1": one, "linear_10": ten, "linear_1_random": 0.2, "linear_10_random": 0.25}
    return {**arm(0.45), **{name: [value + noise for noise in (0, 0.004, 0.001)] for name, value in probes.items()}}


EXACT = {"gradient_gap": 1e-16, "gradient_gap_other": 0.1, "constant_gradient": 0.0, "curvature_gap": 1e-17}
EXACT |= {"constant_curvature": -0.05, "dead_gradient": 0.0}


def exact(**changed: float) -> dict:
    return {name: [value] for name, value in {**EXACT, **changed}.items()}


POINT = {"std": 0.01, "loss": 0.001, "rank": 40.0}
PAPER = {
    "full": arm(0.53),
    "no_predictor": arm(0.27, **POINT),
    "no_stop_gradient": arm(0.27, **POINT),
    "tau_0": {**arm(0.3, **POINT), "knn": [0.3, 0.31, 0.29]},
    "tau_0.9": {**arm(0.51), "knn": [0.51, 0.52, 0.50]},
    "tau_0.999": arm(0.5),
    "tau_1": {**arm(0.44), "knn": [0.44, 0.45, 0.435]},
    "lambda_10": {**arm(0.5), "knn": [0.50, 0.51, 0.495]},
    "loss_none": {**arm(0.45), "knn": [0.45, 0.46, 0.445]},
    "linear_predictor": {**arm(0.5), "knn": [0.5, 0.51, 0.495]},
    "negatives": {**arm(0.5), "knn": [0.5, 0.51, 0.495]},
    "batch_64": {**arm(0.52), "knn": [0.52, 0.525, 0.515]},
    "crop": {**arm(0.4), "knn": [0.4, 0.41, 0.4]},
    "no_colour": {**arm(0.45), "knn": [0.45, 0.46, 0.45]},
    "simclr_batch_64": {**arm(0.44), "knn": [0.44, 0.45, 0.43]},
    "simclr_crop": {**arm(0.3), "knn": [0.3, 0.31, 0.29]},
    "simclr_no_colour": {**arm(0.35), "knn": [0.35, 0.36, 0.34]},
    "short_tau_0": {**arm(0.3, **POINT), "knn": [0.3, 0.31, 0.29]},
    "fitted_predictor": arm(0.45),
    "watch": {**watched(0.35, 0.45), **arm(0.53)},
    "simclr": {**watched(0.3, 0.4), **arm(0.5), "linear_1": [0.3, 0.302, 0.31], "linear_10": [0.4, 0.402, 0.41]},
    "no_decay": watched(0.35, 0.45),
    "simclr_no_decay": watched(0.3, 0.4),
    "equilibrium": exact(),
    "resnet18": arm(0.87),
}
RISING, FALLING = (30.0, 31.0, 33.0), (30.0, 31.0, 30.5)
NORMS = {
    "watch": FALLING,
    "simclr": FALLING,
    "no_decay": RISING,
    "simclr_no_decay": RISING,
}


def made(changed: dict | None = None, norms: dict | None = None, profile: str = "laptop"):
    curves = {
        name: {
            "weight_norm": [
                Curve([0, 1, 2], [y * (1 + seed * i / 1000) for i, y in enumerate(ys)], "epoch", "")
                for seed in range(3)
            ]
        }
        for name, ys in {**NORMS, **(norms or {})}.items()
    }
    return fake_records({**PAPER, **(changed or {})}, profile=profile, curves=curves)


def judge(claim: str, changed: dict | None = None, norms: dict | None = None, profile: str | None = None):
    return judge_records("byol", [CLAIM[claim]], made(changed, norms, profile or CLAIM[claim].profile))[0]


JUDGED = [claim.id for claim in CLAIMS if claim.rule is not None]


@pytest.mark.parametrize("claim", JUDGED)
def test_records_as_the_paper_has_them_reproduce_every_claim(claim):
    entry = judge(claim)
    assert entry.verdict is Verdict.REPRODUCED, entry
    assert entry.falsifier in (None, "broke the claim")


@pytest.mark.parametrize(
    ("claim", "changed", "verdict"),
    [
        ("C3", {"full": arm(0.53, std=0.4)}, Verdict.PARTLY),  # BYOL itself loses its spread
        ("C3", {"full": arm(0.33)}, Verdict.PARTLY),  # BYOL learns nothing
        ("C3", {"no_predictor": arm(0.5)}, Verdict.PARTLY),  # the ablation learns as well
        ("C3", {"no_stop_gradient": arm(0.27, std=0.01, loss=0.5)}, Verdict.PARTLY),  # a point that is not predicted
        ("C3", {"full": arm(0.3), "no_predictor": arm(0.5), "no_stop_gradient": arm(0.5)}, Verdict.NOT),
        ("C4", {"tau_1": arm(0.55)}, Verdict.PARTLY),  # a frozen target is best
        ("C4", {"tau_0": arm(0.55)}, Verdict.PARTLY),  # a copied target is best: no sweet spot
        ("C4", {"tau_0": arm(0.6), "tau_1": arm(0.6)}, Verdict.NOT),
        ("C5", {"tau_1": arm(0.28)}, Verdict.NOT),
        ("C5", {"no_predictor": arm(0.5)}, Verdict.PARTLY),  # the falsifier: anything beats a random network
        ("C6", {"batch_64": arm(0.4)}, Verdict.NOT),
        ("C7", {"crop": arm(0.2), "no_colour": arm(0.2)}, Verdict.NOT),
        ("C7", {"crop": arm(0.2)}, Verdict.PARTLY),
        ("C8", {"lambda_10": arm(0.29, **POINT)}, Verdict.NOT),
        ("C8", {"short_tau_0": arm(0.55)}, Verdict.PARTLY),  # learns, but no better than λ = 1
        ("C8b", {"fitted_predictor": arm(0.29, **POINT)}, Verdict.NOT),
        ("C8b", {"fitted_predictor": arm(0.45, std=0.4)}, Verdict.NOT),
        ("C8b", {"no_predictor": arm(0.5)}, Verdict.PARTLY),  # the falsifier: anything learns
        ("C9", {"simclr": watched(0.4, 0.5)}, Verdict.PARTLY),  # SimCLR is better, BYOL has learnt
        ("C9", {"simclr": {**watched(0.4, 0.5), "linear_1": [0.3, 0.302, 0.31]}}, Verdict.PARTLY),
        ("C9", {"watch": watched(0.1, 0.1)}, Verdict.NOT),
        ("C10", {"loss_none": arm(0.6)}, Verdict.PARTLY),
        ("C10", {"loss_none": arm(0.3, **POINT)}, Verdict.PARTLY),  # worse, but by collapse
        ("C11", {"linear_predictor": arm(0.6)}, Verdict.NOT),
        ("C12", {"negatives": arm(0.6)}, Verdict.NOT),
        ("C15", {"equilibrium": exact(gradient_gap=0.01)}, Verdict.PARTLY),
        ("C15", {"equilibrium": exact(constant_gradient=0.01)}, Verdict.PARTLY),
        ("C15", {"equilibrium": exact(curvature_gap=0.01)}, Verdict.PARTLY),
        ("C15", {"equilibrium": exact(constant_curvature=0.0)}, Verdict.PARTLY),  # flat: nothing leads away
        ("C15", {"equilibrium": exact(dead_gradient=0.1)}, Verdict.PARTLY),
        ("C15", {"equilibrium": exact(gradient_gap_other=0.0)}, Verdict.PARTLY),  # the falsifier: any predictor will do
        (
            "C15",
            {"equilibrium": exact(**dict.fromkeys(EXACT, 0.1))},
            Verdict.NOT,
        ),
        ("P1", {"resnet18": arm(0.85)}, Verdict.NOT),
    ],
)
def test_every_rule_can_say_no(claim, changed, verdict):
    assert judge(claim, changed).verdict is verdict


@pytest.mark.parametrize(
    ("norms", "verdict"),
    [
        ({"no_decay": FALLING}, Verdict.PARTLY),
        ({"simclr_no_decay": FALLING}, Verdict.PARTLY),
        ({"watch": (30.0, 33.0, 39.0)}, Verdict.PARTLY),  # decay does not hold the weights back
        ({"watch": RISING, "simclr": RISING}, Verdict.PARTLY),  # nor does it stop them: the falsifier
        (dict.fromkeys(NORMS, FALLING), Verdict.NOT),
        ({name: FALLING if "no_decay" in name else RISING for name in NORMS}, Verdict.NOT),
    ],
)
def test_the_rule_on_growing_weights_can_say_no(norms, verdict):
    assert judge("C13", norms=norms).verdict is verdict


def test_variants_are_compared_with_arms_trained_as_long():
    changed = {"full": arm(0.1), "tau_0": arm(0.9)}  # the ten epochs of profile laptop
    for claim in ("C6", "C7", "C8", "C10", "C11", "C12"):
        assert judge(claim, changed).verdict is Verdict.REPRODUCED
        assert judge(claim, {"short_tau_0": arm(0.9)}, profile="paper").verdict is Verdict.REPRODUCED
    without = {name: values for name, values in PAPER.items() if name not in ("watch", "short_tau_0")}
    for claim in ("C6", "C7", "C8", "C10", "C11", "C12"):
        entry = judge_records("byol", [CLAIM[claim]], fake_records(without, profile="laptop"))[0]
        assert entry.verdict is Verdict.NOT_RUN  # rather than compared with the longer ones


@pytest.mark.parametrize(("claim", "short_of"), [("C6", "simclr_batch_64"), ("C7", "crop"), ("C13", "watch")])
def test_a_seed_that_is_still_missing_makes_a_claim_wait(claim, short_of):
    records = made()
    some = Records("laptop", [r for r in records if (r.condition, r.seed) != (short_of, 2)])
    assert judge_records("byol", [CLAIM[claim]], some)[0].verdict is Verdict.NOT_RUN


def test_the_exact_claim_is_judged_at_the_smallest_profile_from_one_seed():
    entry = judge_records("byol", [CLAIM["C15"]], fake_records({"equilibrium": exact()}, profile="smoke"))[0]
    assert entry.verdict is Verdict.REPRODUCED


def test_an_embedding_of_few_dimensions_counts_as_collapsed_whatever_its_spread():
    changed = {"no_predictor": arm(0.27, std=0.7, loss=0.5, rank=3.0)}
    assert judge("C3", changed).verdict is Verdict.REPRODUCED


def test_a_falsifier_that_does_not_break_the_claim_is_said():
    entry = judge("C5", {"no_predictor": arm(0.5)})
    assert entry.falsifier == "did not break the claim"
    entry = judge("C3", {"no_predictor": arm(0.5)})
    assert entry.falsifier == "did not break the claim"
    assert judge("C13", norms={"watch": RISING, "simclr": RISING}).falsifier == "did not break the claim"
    assert judge("C15", {"equilibrium": exact(gradient_gap_other=0.0)}).falsifier == "did not break the claim"
    assert judge("C8b", {"no_predictor": arm(0.5)}).falsifier == "did not break the claim"


def test_the_claim_of_the_gpu_is_not_judged_on_laptop_records():
    entry = judge_records("byol", [CLAIM["P1"]], fake_records(PAPER, profile="laptop"))[0]
    assert entry.verdict is Verdict.NOT_TESTABLE
    assert entry.reason == "needs profile gpu"


def test_before_the_variants_are_recorded_their_claims_are_not_run():
    ladder = {
        name: PAPER[name] for name in PAPER if name in ("full", "no_predictor", "no_stop_gradient") or "tau_" in name
    }
    del ladder["short_tau_0"]
    entries = {entry.claim.id: entry for entry in judge_records("byol", CLAIMS, fake_records(ladder, profile="laptop"))}
    judged = {name for name, entry in entries.items() if entry.judgement is not None}
    assert judged == {"C3", "C4", "C5"}
    waiting = {name for name, entry in entries.items() if entry.verdict is Verdict.NOT_RUN}
    assert waiting == {"C6", "C7", "C8", "C8b", "C9", "C10", "C11", "C12", "C13", "C15"}


def test_every_arm_that_a_rule_reads_is_declared_in_a_profile():
    declared = {arm for plan in STUDY.profiles.values() for arm in plan.conditions}
    assert set(PAPER) <= declared
    assert set(PAPER) - {"resnet18"} == set(STUDY.plan("laptop").conditions)
    assert {name for name in PAPER if "short" not in name} - {"resnet18", "equilibrium"} <= set(
        STUDY.plan("paper").conditions
    )


def test_the_list_is_complete_in_order_and_every_published_value_was_read():
    assert [claim.id for claim in CLAIMS] == [
        *(f"C{i}" for i in range(1, 9)),
        "C8b",
        *(f"C{i}" for i in range(9, 16)),
        "P1",
    ]
    assert all(claim.published.read for claim in CLAIMS)
    for claim in CLAIMS:
        parts = claim.rule.rules if isinstance(claim.rule, AllOf) else [claim.rule]
        assert all(part is None or part.condition() for part in parts)


def test_a_diverged_control_counts_as_not_learning_and_not_as_collapsed():
    nan = float("nan")
    changed = {"no_predictor": arm(nan, std=nan, loss=nan, rank=nan)}
    entry = judge("C3", changed)
    assert entry.verdict is Verdict.PARTLY
    assert replace(entry, judgement=None).falsifier == "broke the claim"
