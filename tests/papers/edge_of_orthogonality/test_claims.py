"""Every rule says yes to records as the paper has them, and no to records that contradict it."""

from __future__ import annotations

import pytest

from replications.papers.edge_of_orthogonality.algebra import ALGEBRA_METRICS
from replications.papers.edge_of_orthogonality.claims import CLAIMS
from replications.papers.edge_of_orthogonality.study import STUDY
from replications.papers.edge_of_orthogonality.tables import FREE
from replications.study import Curve, Records, Verdict, judge_records
from replications.study.testing import fake_records

CLAIM = {claim.id: claim for claim in CLAIMS}
NOISE = (0.0, 0.004, -0.004)
NAN = float("nan")
EXACT = {"C2": "hat_matrix", "C3": "identity_limit", "C5": "k_pca", "C6": "krasulina", "P1": "stiefel_gradient",
         "P2": "quasi_projection", "P3": "iterations", "P4": "balance"}  # fmt: skip


def arm(knn: float, jitter: float = 0.0, **others: float) -> dict:
    values = {"std": 0.75, "effective_rank": 6.0, "polar": 3.0, "ends": 0.8, **others}
    made = {name: [value * (1 + n * 1e-2) for n in (0, 1, -1)] for name, value in values.items()}
    return {**made, "knn": [knn + n + jitter * n for n in NOISE], "knn_random": [0.28] * 3}


POINT = {"std": 0.1, "effective_rank": 3.0}
PAPER = {
    "algebra": {name: [0.5 if name in FREE else 0.0] * 3 for name in ALGEBRA_METRICS},
    "linear": arm(0.36, polar=2.0),
    "linear_fast": arm(0.355),
    "none": arm(0.29, jitter=0.1, **POINT),
    "linear_tau_0": arm(0.33, polar=4.0),
    "linear_tau_0.5": arm(0.34, polar=3.5),
    "linear_tau_0.9": arm(0.35, polar=3.0),
    "direct_copy_0.15": arm(0.355, jitter=0.25),
    "neumann_0": arm(0.35, jitter=0.2),
    "newton_schulz_0.3": arm(0.36, ends=0.9),
    "newton_schulz_twice_100": arm(0.291, jitter=0.3, std=0.105, effective_rank=3.1),
}
for _alpha in ("0", "0.3", "0.9"):
    PAPER |= {
        f"visser_{_alpha}": arm(0.365),
        f"newton_schulz_twice_{_alpha}": arm(0.35 if _alpha == "0" else 0.37, jitter=-0.2),
        f"stiefel_{_alpha}": arm(0.34 if _alpha == "0" else 0.368),
    }
PAPER |= {"direct_copy_0": arm(0.25, jitter=0.1), "direct_copy_0.3": arm(0.355, jitter=0.4)}


def curves(srank: list[float], trace: list[float]) -> dict:
    def made(ys: list[float]) -> list[Curve]:
        return [Curve(list(range(len(ys))), ys, "epoch", "")] * 3

    return {"linear": {"srank": made(srank), "trace": made(trace)}}


GROWING = curves([1.0, 2.0, 3.0, 4.0], [0.1, 0.2, 0.25, 0.3])


def judge(claim: str, changed: dict | None = None, drawn: dict | None = None):
    records = fake_records({**PAPER, **(changed or {})}, curves=GROWING if drawn is None else drawn)
    return judge_records("edge_of_orthogonality", [CLAIM[claim]], records)[0]


@pytest.mark.parametrize("claim", [claim.id for claim in CLAIMS if claim.rule is not None])
def test_records_as_the_paper_has_them_reproduce_every_claim(claim):
    entry = judge(claim)
    assert entry.verdict is Verdict.REPRODUCED, entry
    assert entry.falsifier in (None, "broke the claim")


def ladder(name: str, values: dict[str, float]) -> dict:
    return {f"{name}_{alpha}": arm(value) for alpha, value in values.items()}


@pytest.mark.parametrize(
    ("claim", "changed", "verdict"),
    [
        ("C1", {"linear": arm(0.43)}, Verdict.PARTLY),  # the forms lose by six points: only learning is left
        ("C1", {name: arm(0.43) | {"knn_random": [0.43] * 3} for name in ("linear", "linear_fast")}, Verdict.NOT),
        ("C1", {"linear": arm(0.376)}, Verdict.PARTLY),  # within one point
        ("C1", {"linear_fast": arm(0.376)}, Verdict.PARTLY),  # of the other trained one
        ("C1", {"none": arm(0.36, jitter=0.1, **POINT)}, Verdict.PARTLY),  # the falsifier: any predictor will do
        ("C7", {"linear": arm(0.36, polar=5.0)}, Verdict.NOT),
        ("C7", {"linear_tau_0.5": arm(0.36, polar=5.0)}, Verdict.PARTLY),  # only the ends are ordered
        ("C8", {"newton_schulz_0.3": arm(0.36, ends=0.7)}, Verdict.NOT),
        ("C9", {"direct_copy_0": arm(0.33)}, Verdict.PARTLY),  # NE is better, but DirectCopy needs no ridge
        ("C9", {"direct_copy_0": arm(0.4)}, Verdict.NOT),
        ("C9", {"direct_copy_0": arm(NAN)}, Verdict.NOT),
        ("C10", {"visser_0.9": arm(0.345)}, Verdict.NOT),
        ("C10", {"visser_0.9": arm(0.3715)}, Verdict.PARTLY),  # under a point, but above the noise of a seed
        ("C10", ladder("visser", dict.fromkeys(("0", "0.3", "0.9"), 0.28)), Verdict.PARTLY),  # learns nothing
        ("C10", ladder("direct_copy", dict.fromkeys(("0", "0.15", "0.3"), 0.36)), Verdict.PARTLY),  # falsifier
        ("C11", {"stiefel_0.9": arm(0.33)}, Verdict.PARTLY),
        ("C11", {"stiefel_0.9": arm(0.33), "newton_schulz_twice_0.9": arm(0.33)}, Verdict.NOT),
        ("P5", {"newton_schulz_twice_100": arm(0.37)}, Verdict.NOT),
        ("P5", {"newton_schulz_twice_100": arm(0.29)}, Verdict.PARTLY),  # accuracy alone: the spread is BYOL's
        ("P5", {"newton_schulz_twice_0": arm(0.37, **POINT)}, Verdict.PARTLY),  # the falsifier
    ],
)  # fmt: skip
def test_every_rule_can_say_no(claim, changed, verdict):
    assert judge(claim, changed).verdict is verdict


@pytest.mark.parametrize(
    ("srank", "trace", "verdict"),
    [
        ([4.0, 3.0, 2.0, 1.0], [0.1, 0.2, 0.3, 0.4], Verdict.NOT),  # the first part decides
        ([1.0, 5.0, 4.0, 3.0], [0.1, 0.2, 0.3, 0.4], Verdict.PARTLY),  # rises, then falls
        ([1.0, 2.0, 3.0, 4.0], [0.4, 0.3, 0.2, 0.1], Verdict.PARTLY),  # the trace falls
    ],
)
def test_the_claim_of_growth_can_say_no(srank, trace, verdict):
    assert judge("C4", drawn=curves(srank, trace)).verdict is verdict


@pytest.mark.parametrize(("claim", "metric"), EXACT.items())
@pytest.mark.parametrize("error", [1e-6, NAN])
def test_an_identity_that_fails_in_one_seed_is_not_reproduced(claim, metric, error):
    algebra = {**PAPER["algebra"], metric: [0.0, error, 0.0]}
    assert judge(claim, {"algebra": algebra}).verdict in (Verdict.NOT, Verdict.PARTLY)
    if claim != "P3":
        assert judge(claim, {"algebra": algebra}).verdict is Verdict.NOT


@pytest.mark.parametrize(("claim", "metric"), [("C2", "predictor_projection"), ("C6", "oja_radial")])
def test_a_falsifier_that_does_not_break_an_identity_is_said(claim, metric):
    entry = judge(claim, {"algebra": {**PAPER["algebra"], metric: [0.0] * 3}})
    assert entry.falsifier == "did not break the claim"
    assert entry.verdict is Verdict.PARTLY


def test_identities_are_judged_on_one_seed_of_smoke_and_nothing_else_is():
    one = {"algebra": {name: values[:1] for name, values in PAPER["algebra"].items()}}
    entries = judge_records("edge_of_orthogonality", CLAIMS, fake_records(one, profile="smoke"))
    reproduced = {entry.claim.id for entry in entries if entry.verdict is Verdict.REPRODUCED}
    assert reproduced == set(EXACT)
    assert all(entry.verdict is Verdict.NOT_TESTABLE for entry in entries if entry.claim.id not in EXACT)


def test_every_condition_that_a_rule_reads_is_declared():
    assert set(PAPER) <= set(STUDY.plan("laptop").conditions)


def test_without_records_nothing_is_judged_but_nothing_breaks():
    entries = judge_records("edge_of_orthogonality", CLAIMS, Records("laptop", []))
    assert {entry.verdict for entry in entries} == {Verdict.NOT_RUN, Verdict.NOT_TESTABLE}


def test_the_list_is_complete_and_in_order():
    assert [claim.id for claim in CLAIMS] == [*(f"C{i}" for i in range(1, 13)), *(f"P{i}" for i in range(1, 6))]
    assert all(claim.published.read for claim in CLAIMS)
    assert all(claim.rule is None or claim.rule.condition() for claim in CLAIMS)
