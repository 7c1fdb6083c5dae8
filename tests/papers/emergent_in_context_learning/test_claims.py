"""Every rule says yes where the claim holds, and no where it does not."""

import numpy as np
import pytest

from replications.papers.emergent_in_context_learning import claims
from replications.papers.emergent_in_context_learning.study import LAPTOP, RATES, STUDY, bench
from replications.study import Curve, judge_records
from replications.study.testing import fake_records

SEEDS = 3
NOISE = np.array([0.0, 0.004, -0.004])
JUDGED = ("C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "I1", "L1", "L2", "L3")
IN_CONTEXT = {"ic": 0.97, "ic2": 0.97, "iw": 0.06, "iw_top": 0.06, "iw_rest": 0.06, "ic_drop": 0.01, "loss": 0.05}
IN_WEIGHTS = {"ic": 0.03, "ic2": 0.01, "iw": 0.98, "iw_top": 0.98, "iw_rest": 0.98, "ic_drop": 0.01, "loss": 0.05}


def good():
    """Scalars under which every claim holds: condition → metric → value."""
    found = {}
    for name, config in bench(LAPTOP).items():
        if config.network == "transformer":
            found[name] = dict(IN_CONTEXT)
        else:
            found[name] = {**IN_WEIGHTS, "ic": 0.25, "iw": 0.2}
    found["lstm-0.003"]["iw"] = 0.6
    found["bursty-0"] = {**IN_WEIGHTS, "previous": 0.02, "match": 0.03}
    found["bursty-0.5"] |= {"ic": 0.05, "iw": 0.95}
    found["bursty-0.9"] |= {"ic": 0.95, "iw": 0.2}
    found["bursty-1"] |= {"previous": 0.7, "match": 0.8}
    found["classes-128"] |= {"ic": 0.12, "ic2": 0.03, "iw": 0.7, "loss": 0.002}
    found["classes-256"] |= {"ic": 0.14, "iw": 0.5}
    found["classes-512"] |= {"ic": 0.4, "iw": 0.3}
    for noise, ic in (("0", 0.17), ("0.1", 0.2), ("0.5", 0.4), ("0.75", 0.7), ("3.2", 0.1)):
        found[f"noise-{noise}"] |= {"ic": ic, "iw": 0.3}
    for alpha, ic, top in (("0", 1.0, 0.04), ("0.5", 1.0, 0.38), ("1", 0.99, 1.0), ("1.5", 0.38, 1.0), ("2", 0.1, 1.0)):
        found[f"zipf-{alpha}"] |= {"ic": ic, "iw_top": top, "iw_rest": 0.04}
    found["long"] |= {"ic": 0.3, "ic_drop": 0.67, "loss_since_peak": -0.3, "iw": 0.95, "iw_since_peak": 0.8}
    found["long-decay"] |= {"ic": 0.5, "iw": 0.8}
    found["image-bursty-1"] = {"ic_closed": 0.95, "iw": 0.1}
    found["image-bursty-0"] = {"ic_closed": 0.5, "iw": 0.9}
    return found


def head_curves():
    steps = [0.0, 100.0, 200.0]

    def curve(values):
        return [Curve(steps, values, "step", "")] * SEEDS

    return {
        "bursty-1": {
            "ic": curve([0.03, 0.3, 0.97]),
            "previous": curve([0.06, 0.1, 0.7]),
            "match": curve([0.1, 0.2, 0.8]),
        }
    }


def judge(scalars, curves=None):
    noisy = {
        condition: {metric: list(value + np.roll(NOISE, place)) for metric, value in metrics.items()}
        for place, (condition, metrics) in enumerate(scalars.items())
    }
    records = fake_records(noisy, curves=curves or head_curves())
    return {entry.claim.id: entry for entry in judge_records(STUDY.paper, claims.CLAIMS, records)}


def test_all_hold_on_good_numbers():
    entries = judge(good())
    for name in JUDGED:
        assert str(entries[name].verdict) == "reproduced", name
        assert entries[name].falsifier in (None, "broke the claim"), name


def test_every_claim_of_the_paper_is_listed_in_order():
    ids = [claim.id for claim in claims.CLAIMS]
    assert ids[:9] == [f"C{i}" for i in range(1, 10)]
    assert all(claim.rule is not None or claim.reason for claim in claims.CLAIMS)
    assert not any(claim.published.read for claim in claims.CLAIMS)


FAILURES = [
    ("C1", "bursty-1", {"ic": 0.8}),
    ("C1", "bursty-1", {"iw": 0.5}),
    ("C1", "bursty-0", {"ic": 0.3}),
    ("C1", "bursty-0", {"iw": 0.5}),
    ("C1", "bursty-0.9", {"ic": -0.1}),  # out of order
    ("C1", "bursty-0.5", {"iw": 0.1}),
    ("C2", "classes-2048", {"ic": 0.5}),
    ("C2", "classes-128", {"ic": 0.6}),
    ("C2", "classes-128", {"iw": 0.3}),
    ("C3", "labels-4", {"ic": 0.5}),
    ("C4", "noise-0.75", {"ic": 0.3}),
    ("C4", "noise-3.2", {"ic": 0.9}),
    ("C5", "zipf-0", {"iw": 0.9}),
    ("C5", "transformer-0.01", {"iw": 0.8}),
    ("C6", "zipf-1", {"ic": 0.5}),
    ("C6", "zipf-1", {"iw_rest": 0.3}),
    ("C6", "zipf-0.5", {"iw_top": 1.0}),  # the peak is elsewhere
    ("C6", "zipf-2", {"ic": 0.8}),  # no fall at the end
    ("C7", "gru-0.01", {"ic": 0.6}),
    ("C7", "lstm-0.003", {"iw": 0.3}),
    ("C8", "long", {"ic_drop": 0.2}),
    ("C8", "long", {"loss_since_peak": 0.1}),
    ("C8", "long", {"iw_since_peak": -0.1}),
    ("C9", "copies-1", {"ic": 0.5}),
    ("C9", "copies-1", {"iw": 0.5}),
    ("C9", "bursty-1", {"ic2": 0.5}),
    ("I1", "image-bursty-1", {"ic_closed": 0.6}),
    ("I1", "image-bursty-1", {"iw": 0.6}),
    ("I1", "image-bursty-0", {"ic_closed": 0.7}),
    ("I1", "image-bursty-0", {"iw": 0.3}),
    ("L1", "bursty-1", {"match": 0.3}),
    ("L1", "bursty-1", {"previous": 0.3}),
    ("L2", "long-decay", {"ic": 0.2}),
    ("L3", "classes-128", {"loss": 1.0}),
    ("L3", "classes-128", {"ic2": 0.9}),
    ("L3", "classes-128", {"iw": 1.0}),
]


@pytest.mark.parametrize(("name", "condition", "change"), FAILURES)
def test_each_part_can_say_no(name, condition, change):
    scalars = good()
    scalars[condition] |= change
    assert str(judge(scalars)[name].verdict) != "reproduced"


def test_no_transformer_at_all_fails_the_comparison_of_architectures():
    scalars = good()
    for name in claims.SWEEP["transformer"]:
        scalars[name]["ic"] = 0.5
    assert str(judge(scalars)["C7"].verdict) != "reproduced"


def test_one_learning_rate_is_enough_for_an_architecture():
    scalars = good()
    for rate in RATES[1:]:
        scalars[f"transformer-{rate:g}" if rate != LAPTOP.lr else "bursty-0.9"]["ic"] = 0.95
    scalars["transformer-0.0003"]["ic"] = 0.1
    assert str(judge(scalars)["C7"].verdict) == "reproduced"


@pytest.mark.parametrize("half", ["previous", "match"])
def test_a_head_that_was_there_before_the_jump_is_not_formed_by_it(half):
    curves = head_curves()
    curves["bursty-1"][half] = [Curve([0.0, 100.0, 200.0], [0.7, 0.7, 0.8], "step", "")] * SEEDS
    assert str(judge(good(), curves)["L1"].verdict) != "reproduced"


UNBROKEN = [
    ("C1", "bursty-0", {"ic2": 0.9}),
    ("C2", "bursty-0", {"ic": 0.9}),
    ("C6", "zipf-0", {"iw_top": 0.5}),
    ("C8", "bursty-1", {"ic_drop": 0.4}),
    ("C9", "bursty-0", {"ic": 0.9}),
    ("I1", "image-bursty-0", {"ic_closed": 0.9}),
    ("L1", "bursty-0", {"match": 0.9}),
]


@pytest.mark.parametrize(("name", "condition", "change"), UNBROKEN)
def test_a_falsifier_that_does_not_break_its_claim_is_said_and_caps_the_verdict(name, condition, change):
    scalars = good()
    scalars[condition] |= change
    entry = judge(scalars)[name]
    assert entry.falsifier == "did not break the claim"
    assert str(entry.verdict) != "reproduced"


def test_every_metric_and_condition_that_a_rule_reads_is_declared():
    declared = STUDY.plan("laptop").conditions
    for condition, metrics in good().items():
        assert condition in declared
        assert set(metrics) <= set(STUDY.metrics)
