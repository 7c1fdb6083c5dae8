import pytest

from replications.study import (
    BetterThan,
    Claim,
    Exact,
    Falsifier,
    Published,
    UserError,
    Verdict,
    engine,
    judge_records,
    ledger,
)
from replications.study.testing import fake_records
from toy_study import STUDY

NOWHERE = Published(None, "", "nowhere", read=True)


def of(condition, metric="m"):
    return lambda records: records.scalars(condition, metric)


def claim(id="C1", rule=None, **fields):
    return Claim(id, "a is positive", NOWHERE, rule, **fields)


def judge(claims, records):
    return judge_records("toy", claims, records)


def test_a_claim_without_rule_or_reason_is_refused():
    with pytest.raises(ValueError, match="needs a reason"):
        claim()
    with pytest.raises(ValueError, match="unknown profile"):
        claim(reason="x", profile="huge")


def test_holm_adjusts_over_the_chapter():
    marginal = {"m": [1.0, 1.3, 0.55]}  # p about 0.02
    records = fake_records({"a": marginal, "b": marginal, "c": marginal})
    alone = judge([claim(rule=BetterThan(of("a")))], records)
    together = judge([claim(f"C{name}", BetterThan(of(name))) for name in "abc"], records)
    assert alone[0].verdict is Verdict.REPRODUCED
    assert [entry.verdict for entry in together] == [Verdict.PARTLY] * 3
    assert together[0].p_adjusted == pytest.approx(3 * alone[0].p_adjusted)


def test_a_falsifier_that_fails_caps_the_verdict():
    records = fake_records({"a": {"m": [1.0, 1.1, 1.2]}, "control": {"m": [1.0, 1.1, 1.2]}})
    rule = BetterThan(of("a"))
    breaks = Falsifier("the control is positive too", BetterThan(of("control")))
    holds = Falsifier("the control is negative", BetterThan(lambda r: -r.scalars("control", "m")))
    absent = Falsifier("another control", BetterThan(of("absent")))
    entries = judge([claim(rule=rule, falsifier=f) for f in (breaks, holds, absent)], records)
    assert [entry.falsifier for entry in entries] == ["broke the claim", "did not break the claim", "not run"]
    assert [entry.verdict for entry in entries] == [Verdict.REPRODUCED, Verdict.PARTLY, Verdict.REPRODUCED]
    assert entries[1].reason == "the falsifier did not break it"


def test_why_a_claim_was_not_judged():
    records = fake_records({"a": {"m": [1.0, 1.1]}}, profile="smoke")
    entries = judge(
        [
            claim(reason="needs ImageNet"),
            claim(rule=BetterThan(of("a")), profile="gpu"),
            claim(rule=BetterThan(of("b")), profile="smoke"),
            claim(rule=BetterThan(of("a")), profile="smoke"),
            claim(rule=Exact(of("a"), 2.0), profile="smoke"),
        ],
        records,
    )
    assert [entry.verdict for entry in entries] == [
        Verdict.NOT_TESTABLE, Verdict.NOT_TESTABLE, Verdict.NOT_RUN, Verdict.NOT_RUN, Verdict.REPRODUCED,
    ]  # fmt: skip
    assert [entry.reason for entry in entries] == [
        "needs ImageNet",
        "needs profile gpu",
        "condition 'b' is not recorded at profile smoke",
        "needs at least 3 seeds, has 2",
        "",
    ]


def test_the_ledger_takes_the_largest_recorded_profile(store):
    claims = (claim(rule=Exact(of("fast", "loss"), 1.0), profile="smoke"), claim("C2", Exact(of("fast", "loss"), 1e-9)))
    assert [e.verdict for e in ledger(STUDY, claims, store)] == [Verdict.NOT_RUN, Verdict.NOT_RUN]
    for profile in ("smoke", "laptop"):
        engine.execute(STUDY, STUDY.runs(profile, seeds=1), store, device="cpu", jobs=1)
        assert ledger(STUDY, claims, store)[0].profile == profile
    largest = ledger(STUDY, claims, store)
    assert [e.profile for e in largest] == ["laptop", "laptop"]
    assert [e.verdict for e in largest] == [Verdict.REPRODUCED, Verdict.NOT]
    asked = ledger(STUDY, claims, store, "smoke")
    assert [e.verdict for e in asked] == [Verdict.REPRODUCED, Verdict.NOT_TESTABLE]
    with pytest.raises(UserError, match="no profile 'paper'"):
        ledger(STUDY, claims, store, "paper")


def test_the_json_of_an_entry():
    records = fake_records({"a": {"m": [1.0, 1.1, 1.2]}})
    found = judge([claim(rule=BetterThan(of("a"), unit="m"))], records)[0].to_json()
    assert found["verdict"] == "reproduced"
    assert found["n"] == 3
    assert found["interval"][0] < found["estimate"] < found["interval"][1]
    assert found["published"] == {"value": None, "unit": "", "where": "nowhere", "read": True}
    assert found["falsifier"] is None
    assert found["stale"] is False
