"""Every rule says yes where the claim holds, and no where it does not."""

import math

import pytest

from replications.papers.wasserstein_rl import claims
from replications.papers.wasserstein_rl.study import STUDY
from replications.study import judge_records
from replications.study.testing import fake_records

NOISE = [0.0, 0.01, -0.01, 0.005, -0.005]
FINE = [0.0, 0.001, -0.001, 0.0005, -0.0005]


def good():
    """Scalars under which every claim holds and every falsifier breaks it: condition → metric → value."""
    return {
        "gaussian": {
            "trust_order": 0.98, "order": 0.987, "doubled_penalty_order": 0.01, "heat_error": 1e-16,
            "fixed_point_error": 1e-16, "kl_bound_excess": 0.0, "contraction_excess": 0.0,
        },
        "wells": {
            "trust_order": 0.97, "order": 0.96, "doubled_penalty_order": 0.01, "concentration": 1.4,
            "wrong_drift_concentration": -7.0, "advection_error": 1e-5, "diffusion_error": 1e-4,
            "dissipation_excess": 0.0, "stationary_tv": 1e-12,
        },
        "particles": {
            "variance_ratio": 1.0, "stationary_z": 0.4, "halved_noise_ratio": 0.5, "no_noise_ratio": 1e-11,
        },
        "arms": {
            "trust_order": 0.97, "pinned_moved": 0.0, "threshold_ratio": 1.0, "stationary_tv": 1e-14,
            "fisher_rao_tv": 1e-16, "maas_identity": 1e-16, "flow_defect": 1e-14, "fisher_rao_reach": 0.0,
        },
        "entropic": {"entropy_slope": 0.502},
    }  # fmt: skip


SPREAD = {
    "trust_order": NOISE, "order": NOISE, "concentration": NOISE, "wrong_drift_concentration": NOISE,
    "variance_ratio": FINE, "halved_noise_ratio": FINE, "entropy_slope": FINE, "stationary_z": NOISE,
}  # fmt: skip


def judge(scalars):
    records = fake_records(
        {
            condition: {metric: [value + n for n in SPREAD.get(metric, [0.0] * 5)] for metric, value in metrics.items()}
            for condition, metrics in scalars.items()
        }
    )
    return {entry.claim.id: entry for entry in judge_records("wasserstein_rl", claims.CLAIMS, records)}


TESTED = ("C1", "C2", "C3", "C4", "C5")


def test_all_hold_on_good_numbers():
    entries = judge(good())
    for name in TESTED:
        assert str(entries[name].verdict) == "reproduced", name
        assert entries[name].falsifier == "broke the claim", name


def test_claims_are_numbered_and_what_is_not_tested_says_why():
    assert [claim.id for claim in claims.CLAIMS] == ["C1", "C2", "C3", "C4", "C5", "C6"]
    entry = judge(good())["C6"]
    assert str(entry.verdict) == "not testable at this scale"
    assert "could not be read" in entry.reason
    assert not entry.claim.published.read


FAILURES = [
    ("C1", "gaussian", "trust_order", 0.5),
    ("C1", "wells", "trust_order", 0.5),
    ("C1", "arms", "trust_order", 2.0),
    ("C2", "wells", "order", 0.7),
    ("C2", "gaussian", "order", 0.93),
    ("C2", "gaussian", "heat_error", 1e-6),
    ("C3", "wells", "concentration", -0.5),
    ("C3", "wells", "advection_error", 0.1),
    ("C3", "wells", "diffusion_error", 0.1),
    ("C3", "wells", "dissipation_excess", 1e-6),
    ("C4", "particles", "variance_ratio", 1.1),
    ("C4", "particles", "stationary_z", 5.0),
    ("C4", "wells", "stationary_tv", 1e-3),
    ("C4", "arms", "stationary_tv", 1e-3),
    ("C4", "gaussian", "fixed_point_error", 1e-6),
    ("C4", "gaussian", "kl_bound_excess", 0.01),
    ("C4", "gaussian", "contraction_excess", 0.01),
    ("C5", "arms", "stationary_tv", 1e-3),
    ("C5", "arms", "fisher_rao_tv", 1e-3),
    ("C5", "arms", "maas_identity", 1e-3),
    ("C5", "arms", "flow_defect", math.nan),
]


@pytest.mark.parametrize(("name", "condition", "metric", "value"), FAILURES)
def test_each_part_can_say_no(name, condition, metric, value):
    scalars = good()
    scalars[condition][metric] = value
    assert str(judge(scalars)[name].verdict) != "reproduced"


UNBROKEN = [
    ("C1", "arms", "pinned_moved", 0.1),
    ("C1", "arms", "threshold_ratio", 2.0),
    ("C1", "entropic", "entropy_slope", 0.0),
    ("C2", "wells", "doubled_penalty_order", 1.0),
    ("C2", "gaussian", "doubled_penalty_order", 1.0),
    ("C3", "wells", "wrong_drift_concentration", 1.0),
    ("C4", "particles", "halved_noise_ratio", 1.0),
    ("C4", "particles", "no_noise_ratio", 1.0),
    ("C5", "arms", "fisher_rao_reach", 0.1),
]


@pytest.mark.parametrize(("name", "condition", "metric", "value"), UNBROKEN)
def test_a_falsifier_that_does_not_break_its_claim_caps_the_verdict(name, condition, metric, value):
    scalars = good()
    scalars[condition][metric] = value
    entry = judge(scalars)[name]
    assert entry.falsifier == "did not break the claim"
    assert str(entry.verdict) == "partly reproduced"


def test_nothing_holds_on_bad_numbers():
    scalars = good()
    for _, condition, metric, value in FAILURES:
        scalars[condition][metric] = value
    entries = judge(scalars)
    for name in TESTED:
        assert str(entries[name].verdict) in ("not reproduced", "partly reproduced"), name


def test_without_pot_the_claim_is_judged_and_its_falsifier_is_not_run():
    scalars = good()
    del scalars["entropic"]
    entry = judge(scalars)["C1"]
    assert str(entry.verdict) == "reproduced"
    assert entry.falsifier == "not run"


def test_every_metric_that_a_rule_reads_is_declared():
    for metrics in good().values():
        assert set(metrics) <= set(STUDY.metrics)
