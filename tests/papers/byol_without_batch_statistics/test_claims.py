"""Every rule says yes to records as the paper has them, and no to records that contradict it."""

from __future__ import annotations

import pytest

from replications.papers.byol.tuning import trial
from replications.papers.byol_without_batch_statistics.claims import CLAIMS
from replications.papers.byol_without_batch_statistics.identities import METRICS
from replications.papers.byol_without_batch_statistics.study import RATES, STUDY
from replications.study import Verdict, judge_records
from replications.study.testing import fake_records

CLAIM = {claim.id: claim for claim in CLAIMS}
NAN = float("nan")
BROKEN = ("loss_change_bn", "gradient_change_bn", "leak_bn", "accumulation_bn", "affine_elsewhere")


def arm(knn: float, std: float = 0.8, random: float = 0.3, step: float = 0.002) -> dict[str, list[float]]:
    """Three seeds around `knn`; `step` makes paired differences vary where arms are given different ones."""
    return {"knn": [knn, knn + step, knn - step], "knn_random": [random, random + 0.001, random], "std": [std] * 3}


def exact(**changed: float) -> dict[str, list[float]]:
    errors = {name: 0.3 if name in BROKEN else 1e-15 for name in METRICS}
    return {name: [value] * 3 for name, value in {**errors, **changed}.items()}


COLLAPSED = arm(0.31, std=0.01, step=0.001)
PAPER = {
    "bn": arm(0.5),
    "encoder_bn": arm(0.498, step=0.003),
    "none": COLLAPSED,
    **{trial("none", rate): COLLAPSED for rate in RATES},
    "affine": arm(0.45, step=0.004),
    "gn_ws": arm(0.496, step=0.001),
    "simclr_bn": arm(0.5),
    "simclr_none": arm(0.42, step=0.003),
    "identities": exact(),
}


def judge(claim: str, changed: dict | None = None):
    records = fake_records({**PAPER, **(changed or {})}, profile="laptop")
    return judge_records("byol_without_batch_statistics", [CLAIM[claim]], records)[0]


@pytest.mark.parametrize("claim", list(CLAIM))
def test_records_as_the_paper_has_them_reproduce_every_claim(claim):
    entry = judge(claim)
    assert entry.verdict is Verdict.REPRODUCED, entry
    assert entry.falsifier in (None, "broke the claim")


@pytest.mark.parametrize(
    ("claim", "changed", "verdict"),
    [
        ("C1", {"none": arm(0.5), **{trial("none", rate): arm(0.5) for rate in RATES}}, Verdict.NOT),  # learns
        ("C1", {trial("none", 0.03): arm(0.5)}, Verdict.PARTLY),  # collapses at the selected rate alone
        ("C1", {"none": arm(0.31, std=0.5)}, Verdict.PARTLY),  # poor, but spread
        ("C1", {"none": arm(NAN, std=NAN), trial("none", 0.3): arm(NAN, std=NAN)}, Verdict.NOT),  # divergence is none
        ("C1", {"bn": COLLAPSED}, Verdict.PARTLY),  # the falsifier: everything collapses
        ("C2", {"encoder_bn": arm(0.44)}, Verdict.PARTLY),
        ("C2", {"encoder_bn": arm(0.38)}, Verdict.NOT),  # learnt, and far from batch norm
        ("C2", {"encoder_bn": arm(0.31), "bn": arm(0.31)}, Verdict.NOT),  # equal because nothing is learnt
        ("C3", {"simclr_none": arm(0.33)}, Verdict.NOT),
        ("C3", {"none": arm(0.5)}, Verdict.PARTLY),  # the falsifier: negatives are not needed
        ("C4", {"affine": arm(0.31)}, Verdict.NOT),
        ("C4", {"affine": arm(0.38)}, Verdict.PARTLY),  # better than none, by less than ten points
        ("C4", {"affine": arm(0.45, random=0.44)}, Verdict.PARTLY),  # no better than its own untrained encoder
        ("C4", {"affine": arm(NAN)}, Verdict.NOT),
        ("C4", {"none": arm(0.34, random=0.28)}, Verdict.PARTLY),  # the falsifier: no initialisation is needed
        ("C5", {"gn_ws": arm(0.46)}, Verdict.PARTLY),
        ("C5", {"gn_ws": arm(0.42)}, Verdict.NOT),
        ("C5", {"gn_ws": arm(0.47), "affine": arm(0.49)}, Verdict.NOT),  # below the affine network
        ("C5", {"gn_ws": arm(0.31), "bn": arm(0.31), "affine": arm(0.3)}, Verdict.NOT),  # equal, nothing learnt
        ("C5", {"gn_ws": arm(0.496, std=0.2)}, Verdict.PARTLY),
        ("C5", {"identities": exact(leak_gn_ws=0.1)}, Verdict.PARTLY),
        ("C6", {"gn_ws": arm(0.33)}, Verdict.NOT),
        ("C6", {"identities": exact(loss_change_gn_ws=0.1)}, Verdict.PARTLY),
        ("C6", {"none": arm(0.5)}, Verdict.PARTLY),  # the falsifier
        *(
            (claim, {"identities": exact(**{name: error})}, Verdict.NOT)
            for claim, names in {
                "E1": [
                    f"{what}_{name}"
                    for name in ("gn_ws", "affine")
                    for what in ("loss_change", "gradient_change", "leak")
                ],
                "E2": ["accumulation_gn_ws", "accumulation_affine", "alone_gn_ws", "alone_affine"],
                "E3": ["ws_rows", "ws_invariance", "ws_gradient", "ws_constant"],
                "E4": ["affine_same"],
            }.items()
            for name in names
            for error in (1e-6, NAN)
        ),
        ("E1", {"identities": exact(leak_bn=0.0)}, Verdict.PARTLY),  # the falsifiers
        ("E2", {"identities": exact(accumulation_bn=0.0)}, Verdict.PARTLY),
        ("E4", {"identities": exact(affine_elsewhere=0.0)}, Verdict.PARTLY),
    ],
)
def test_every_rule_and_falsifier_can_say_no(claim, changed, verdict):
    assert judge(claim, changed).verdict is verdict


@pytest.mark.parametrize(
    ("claim", "changed"),
    [
        ("C1", {"bn": COLLAPSED}),
        *((claim, {"none": arm(0.5)}) for claim in ("C3", "C4", "C6")),
        *(("E1", {"identities": exact(**{name: 0.0})}) for name in ("loss_change_bn", "gradient_change_bn", "leak_bn")),
        ("E2", {"identities": exact(accumulation_bn=0.0)}),
        ("E4", {"identities": exact(affine_elsewhere=NAN)}),
    ],
)
def test_a_falsifier_that_does_not_break_the_claim_is_said(claim, changed):
    assert judge(claim, changed).falsifier == "did not break the claim"


def test_smoke_records_judge_the_exact_facts_and_nothing_else():
    one = {
        name: {metric: values[:1] for metric, values in PAPER[name].items()} for name in STUDY.plan("smoke").conditions
    }
    entries = judge_records("", CLAIMS, fake_records(one, profile="smoke"))
    judged = {entry.claim.id: entry.verdict for entry in entries if entry.judgement is not None}
    assert judged == dict.fromkeys(("E1", "E2", "E3", "E4"), Verdict.REPRODUCED)


def test_every_arm_that_a_rule_reads_is_run_at_the_laptop():
    assert set(PAPER) <= set(STUDY.plan("laptop").conditions)


def test_the_list_is_complete_and_only_the_abstract_was_read():
    assert list(CLAIM) == ["C1", "C2", "C3", "C4", "C5", "C6", "E1", "E2", "E3", "E4"]
    assert [name for name, claim in CLAIM.items() if claim.published.read] == ["C5", "C6", "E1", "E2", "E3", "E4"]
    assert CLAIM["C5"].published.where == CLAIM["C6"].published.where == "abstract"
