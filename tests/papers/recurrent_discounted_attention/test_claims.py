"""Every rule says yes where the claim holds, and no where it does not."""

import math

import pytest

from replications.papers.recurrent_discounted_attention import claims
from replications.papers.recurrent_discounted_attention.study import STUDY, UNITS
from replications.study import judge_records
from replications.study.testing import fake_records

SEEDS = 3
NEVER = math.inf


def steps(level: str, value: float, taken: float | None = None, **more: float) -> dict[str, float]:
    """A run that reached a level after `value` steps, or never did in `taken`."""
    return {f"steps_{level}": value, "steps": value if taken is None else taken, "diverged": 0.0, **more}


def good() -> dict[str, dict[str, float]]:
    """Scalars under which every claim holds and every falsifier breaks it."""
    share = {"linear_share": 0.8}
    found = {
        "multicopy-rda-exp-tanh": steps("0.99", 1000, **share),
        "multicopy-rda-sigmoid-id": steps("0.99", 1200, **share),
        "multicopy-gru": steps("0.99", 4000),
        "multicopy-lstm": steps("0.99", 2500),
        "multicopy-rwa": steps("0.99", NEVER, 5000, **share),
        "multicopy-discount-off": steps("0.99", NEVER, 5000),
        "multicopy-inner-tanh": steps("0.99", 1100),
        "oscillation": {
            "lemma_free": 1e-16, "lemma_bounded": -0.1, "lemma_discounted": 2.0, "error_free": 1e-16, "error_bounded": 0.4,
            "error_discounted": 1e-8, "growth_free": 1.2, "growth_needed": 1.2,
        },
    }  # fmt: skip
    for unit, value in zip(("gru", "rwa", "rda-exp-tanh", "rda-sigmoid-id"), (500, 600, 1100, 1000)):
        found[f"copy-{unit}"] = steps("0.999", value, **share)
    found["copy-lstm"] = steps("0.999", NEVER, 8000)
    for unit, value in zip(UNITS, (150, 400, 130, 70, 700)):
        found[f"length-{unit}"] = steps("0.98", value, **share) | {"steps_0.9": value / 2}
        found[f"length-{unit}-zero"] = steps("0.9", value)
    for unit, value in zip(UNITS, (1000, 1100, 900, 1200, 2600)):
        found[f"addition-{unit}"] = steps("mse_0.01", value, **share)
    for unit, mnist, permuted in zip(UNITS, (0.985, 0.987, 0.979, 0.985, 0.114), (0.905, 0.913, 0.899, 0.944, 0.915)):
        found[f"mnist-{unit}"] = {"test_accuracy": mnist}
        found[f"permuted-{unit}"] = {"test_accuracy": permuted}
    for unit, value in zip(UNITS, (2.1, 2.2, 2.6, 2.3, 2.0)):
        found[f"characters-{unit}"] = {"test_bits": value}
    for kind, first, loss in (
        ("exp-tanh", 800, 0.05), ("exp-id", 900, 0.06), ("sigmoid-id", 1000, 0.04), ("sigmoid-tanh", 1100, 0.05),
        ("softplus-id", 1500, 0.1), ("softplus-tanh", 1500, 0.12),
    ):  # fmt: skip
        found[f"ablation-{kind}"] = steps("0.9", first, 3000, final_loss=loss, final_accuracy=0.97)
    for output in ("id", "tanh"):
        found[f"ablation-relu-{output}"] = steps(
            "0.9", NEVER, 50, diverged=1.0, final_loss=math.nan, final_accuracy=math.nan
        )
    return found


def judge(scalars, profile="gpu"):
    records = fake_records(
        {name: {metric: [value] * SEEDS for metric, value in metrics.items()} for name, metrics in scalars.items()},
        profile=profile,
    )
    return {entry.claim.id: entry for entry in judge_records("recurrent_discounted_attention", claims.CLAIMS, records)}


def test_every_claim_stands_in_order_and_names_declared_conditions():
    assert [claim.id for claim in claims.CLAIMS] == [f"C{i}" for i in range(1, 13)]
    declared = {name for profile in STUDY.profiles.values() for name in profile.conditions}
    assert set(good()) <= declared
    assert {metric for metrics in good().values() for metric in metrics} <= set(STUDY.metrics)


def test_all_hold_on_good_numbers():
    for name, entry in judge(good()).items():
        assert entry.verdict == "reproduced", (name, entry.judgement)
        assert entry.falsifier in (None, "broke the claim"), name


def test_permuted_mnist_is_asked_of_a_gpu():
    assert judge(good(), "laptop")["C5"].verdict == "not testable at this scale"


@pytest.mark.parametrize(
    ("claim", "condition", "change", "verdict"),
    [
        ("C1", "multicopy-lstm", steps("0.99", 1150), "not reproduced"),
        ("C1", "multicopy-lstm", steps("0.99", 1500), "partly reproduced"),
        ("C1", "multicopy-gru", steps("0.99", NEVER, 2300), "partly reproduced"),
        ("C1", "multicopy-rda-exp-tanh", steps("0.99", NEVER, 10_000), "not reproduced"),
        ("C1", "multicopy-rwa", steps("0.99", 2900), "not reproduced"),
        ("C1", "multicopy-discount-off", steps("0.99", 1000), "partly reproduced"),
        ("C2", "copy-lstm", steps("0.999", 700), "partly reproduced"),
        ("C2", "copy-gru", steps("0.999", 1050), "partly reproduced"),
        ("C2", "copy-rda-exp-tanh", steps("0.999", NEVER, 8000), "partly reproduced"),
        ("C3", "length-lstm", steps("0.98", 60) | {"steps_0.9": 50}, "partly reproduced"),
        ("C3", "length-rwa", steps("0.98", NEVER, 1500) | {"steps_0.9": 50}, "not reproduced"),
        ("C4", "mnist-lstm", {"test_accuracy": 0.98}, "partly reproduced"),
        ("C4", "mnist-rwa", {"test_accuracy": 0.986}, "partly reproduced"),
        ("C4", "mnist-gru", {"test_accuracy": 0.995}, "partly reproduced"),
        ("C5", "permuted-gru", {"test_accuracy": 0.90}, "partly reproduced"),
        ("C5", "permuted-rwa", {"test_accuracy": 0.95}, "not reproduced"),
        ("C6", "addition-lstm", steps("mse_0.01", 1500), "partly reproduced"),
        ("C6", "addition-lstm", steps("mse_0.01", 1000), "not reproduced"),
        ("C6", "addition-rwa", steps("mse_0.01", NEVER, 5000), "not reproduced"),
        ("C7", "characters-gru", {"test_bits": 2.05}, "partly reproduced"),
        ("C7", "characters-rwa", {"test_bits": 2.35}, "partly reproduced"),
        ("C8", "ablation-relu-id", steps("0.9", 800, 3000, final_accuracy=0.99, final_loss=0.1), "partly reproduced"),
        ("C8", "ablation-softplus-id", steps("0.9", NEVER, 40, final_accuracy=math.nan, final_loss=math.nan, diverged=1.0),
         "partly reproduced"),
        ("C8", "ablation-softplus-tanh", steps("0.9", 800, 3000, final_accuracy=0.99, final_loss=0.01), "partly reproduced"),
        ("C9", "ablation-exp-tanh", steps("0.9", 2000, final_loss=0.03), "partly reproduced"),
        ("C9", "ablation-sigmoid-id", steps("0.9", NEVER, 3000, final_loss=0.3), "partly reproduced"),
        ("C10", "oscillation", {"lemma_bounded": 0.5}, "partly reproduced"),
        ("C10", "oscillation", {"growth_free": 0.7}, "partly reproduced"),
        ("C10", "oscillation", {"error_bounded": 0.01}, "partly reproduced"),
        ("C10", "oscillation", {"error_discounted": 0.2}, "partly reproduced"),
        ("C10", "oscillation", {"lemma_discounted": 0.0}, "partly reproduced"),
        ("C11", "copy-rwa", {"linear_share": 0.3}, "partly reproduced"),
        ("C11", "multicopy-inner-tanh", steps("0.99", 500), "partly reproduced"),
        ("C12", "length-gru-zero", steps("0.9", 10), "partly reproduced"),
    ],
)  # fmt: skip
def test_each_rule_says_no(claim, condition, change, verdict):
    scalars = good()
    scalars[condition] = scalars[condition] | change
    assert judge(scalars)[claim].verdict == verdict


def test_a_claim_of_several_parts_can_fail_whole():
    scalars = good()
    for unit, value in zip(UNITS, (0.5, 0.5, 0.9, 0.9, 0.9)):
        scalars[f"mnist-{unit}"] = {"test_accuracy": value}
    for unit, value in zip(UNITS, (3.0, 3.0, 2.0, 2.0, 2.5)):
        scalars[f"characters-{unit}"] = {"test_bits": value}
    for unit in UNITS:
        scalars[f"length-{unit}"]["steps_0.9"] = 10_000
        scalars[f"length-{unit}"]["linear_share"] = 0.1
    scalars["multicopy-inner-tanh"] = steps("0.99", 100)
    for kind, first in (("exp-tanh", 2000), ("sigmoid-id", 1900)):
        scalars[f"ablation-{kind}"] = steps(
            "0.9", first, 3000, final_accuracy=0.97, final_loss=0.4 if kind == "sigmoid-id" else 0.3
        )
    for kind in ("relu-id", "relu-tanh"):
        scalars[f"ablation-{kind}"] = steps("0.9", 500, 3000, final_accuracy=0.99, final_loss=0.01)
    scalars["ablation-softplus-id"]["diverged"] = 1.0
    scalars["oscillation"] |= {"lemma_free": 1.0, "growth_free": 0.0, "error_bounded": 0.0, "error_discounted": 1.0}
    scalars["copy-lstm"] = steps("0.999", 100)
    scalars["copy-gru"] = steps("0.999", 3000)
    judged = judge(scalars)
    assert {
        name for name in ("C2", "C4", "C7", "C8", "C9", "C10", "C11", "C12") if judged[name].verdict != "not reproduced"
    } == set()
