"""Every rule of the chapter says yes to records as the paper has them, and no to records that contradict it."""

from __future__ import annotations

import pytest

from replications.papers.semppl.claims import CLAIMS
from replications.papers.semppl.exact import METRICS as EXACT
from replications.papers.semppl.study import STUDY
from replications.study import Verdict, judge_records
from replications.study.testing import fake_records

CLAIM = {claim.id: claim for claim in CLAIMS}
SEEDS = (0.0, 0.004, -0.004)  # what seeds share between arms
NOISE = (0.0, 0.001, -0.001)  # what they do not


def arm(one: float, ten: float = 0.5, pseudo: float = 0.4, untrained: float = 0.2) -> dict[str, list[float]]:
    return {
        "linear_1": [one + seed for seed in SEEDS],
        "linear_10": [ten + seed for seed in SEEDS],
        "pseudo": [pseudo + seed for seed in SEEDS],
        "pseudo_random": [untrained] * 3,
    }


def noisy(values: dict[str, list[float]]) -> dict[str, list[float]]:
    return {name: [value + noise for value, noise in zip(row, NOISE)] for name, row in values.items()}


PAPER = {
    "semppl": noisy(arm(0.40, pseudo=0.45)),
    "alpha_0": arm(0.35),
    "oracle": arm(0.50),
    "random": arm(0.30),
    "flips_20": noisy(arm(0.39)),
    "flips_40": arm(0.38),
    "byol": arm(0.33),
    "byol_semppl": noisy(arm(0.36)),
    "semppl_ten": noisy(arm(0.42, 0.53)),
    "alpha_0_ten": arm(0.36, 0.50),
    "algebra": {name: [0.0, 0.0, 0.0] for name in EXACT},
}


def judge(claim: str, changed: dict | None = None):
    records = fake_records({**PAPER, **(changed or {})}, profile="laptop")
    return judge_records("semppl", [CLAIM[claim]], records)[0]


def wrong(name: str, value: float) -> dict:
    return {"algebra": {**PAPER["algebra"], name: [0.0, value, 0.0]}}


JUDGED = [claim.id for claim in CLAIMS if claim.rule is not None]


@pytest.mark.parametrize("claim", JUDGED)
def test_records_as_the_paper_has_them_reproduce_every_claim(claim):
    entry = judge(claim)
    assert entry.verdict is Verdict.REPRODUCED, entry
    assert entry.falsifier in (None, "broke the claim")


@pytest.mark.parametrize(
    ("claim", "changed", "verdict"),
    [
        ("C3", {"semppl": noisy(arm(0.37))}, Verdict.PARTLY),  # two points
        ("C3", {"semppl": noisy(arm(0.355))}, Verdict.NOT),  # half a point
        ("C3", {"semppl": arm(0.30)}, Verdict.NOT),
        ("C3", {"random": arm(0.40)}, Verdict.PARTLY),  # the falsifier: any label helps
        ("C3b", {"semppl_ten": noisy(arm(0.4, 0.505))}, Verdict.PARTLY),  # half a point
        ("C3b", {"semppl_ten": arm(0.4, 0.49)}, Verdict.NOT),
        ("C4", {"alpha_0": arm(0.35, pseudo=0.45)}, Verdict.PARTLY),  # rises, but no more than the baseline
        ("C4", {"semppl": arm(0.4, pseudo=0.19)}, Verdict.NOT),
        ("C5", {"byol_semppl": arm(0.335)}, Verdict.NOT),
        ("C5", {"byol_semppl": {"linear_1": [0.33, 0.36, 0.36]}}, Verdict.PARTLY),
        ("C6", {"flips_20": arm(0.34)}, Verdict.NOT),  # nothing is left
        ("C6", {"flips_20": noisy(arm(0.36))}, Verdict.PARTLY),  # a fifth is left
        ("C6", {"semppl": arm(0.33)}, Verdict.PARTLY),  # kept more than there was to keep
        ("C6", {"random": arm(0.40)}, Verdict.PARTLY),  # the falsifier
        ("P1", {"random": arm(0.36)}, Verdict.NOT),
        ("P1", {"oracle": arm(0.39)}, Verdict.NOT),
        ("P1", {"alpha_0": arm(0.41)}, Verdict.NOT),
        ("P1", {"oracle": {"linear_1": [0.3, 0.5, 0.5]}}, Verdict.PARTLY),  # one inversion
        ("P2", wrong("equal_error", 1e-9), Verdict.NOT),
        ("P2", wrong("divergence_error", float("nan")), Verdict.NOT),
        ("P3", wrong("leaked_gradient", 1e-30), Verdict.NOT),
        ("P3", wrong("alpha_zero_change", 1e-30), Verdict.NOT),
        ("P4", wrong("ring_error", 1.0), Verdict.PARTLY),
        ("P4", wrong("wrong_positives", 1e-5), Verdict.PARTLY),
        ("P4", wrong("uniform_excess", 1.1), Verdict.PARTLY),
    ],
)
def test_every_rule_can_say_no(claim, changed, verdict):
    assert judge(claim, changed).verdict is verdict


@pytest.mark.parametrize("name", ["perfect_error", "prefactor_error", "same_positive_error", "own_label_error"])
def test_every_error_counts(name):
    assert "P2" in CLAIM
    claim = "P4" if name == "own_label_error" else "P2"
    assert judge(claim, wrong(name, 0.01)).verdict is not Verdict.REPRODUCED


def test_a_falsifier_that_does_not_break_the_claim_is_said():
    for claim in ("C3", "C6"):
        assert judge(claim, {"random": arm(0.40)}).falsifier == "did not break the claim"


def test_at_smoke_only_the_exact_claims_are_judged():
    records = fake_records({"algebra": {name: [0.0] for name in EXACT}}, profile="smoke")
    entries = judge_records("semppl", CLAIMS, records)
    assert {entry.claim.id for entry in entries if entry.judgement is not None} == {"P2", "P3", "P4"}


def test_every_arm_that_a_rule_reads_is_declared_at_laptop():
    assert set(PAPER) <= set(STUDY.plan("laptop").conditions)
    assert "algebra" in STUDY.plan("smoke").conditions


def test_the_list_is_complete_in_order_and_nothing_recalled_is_called_read():
    assert [claim.id for claim in CLAIMS] == ["C1", "C2", "C3", "C3b", "C4", "C5", "C6", "C7", "P1", "P2", "P3", "P4"]
    assert {claim.id for claim in CLAIMS if claim.published.read} == {"C1", "C2"}
