"""Every rule says yes to records that show the claim and no to records that do not; falsifiers say both."""

import numpy as np
import pytest

from replications.papers.complexity_gradient_descent import claims
from replications.papers.complexity_gradient_descent.schedules import SCHEDULES
from replications.papers.complexity_gradient_descent.study import COUNTED, DECOUPLED, ON_IMAGES
from replications.study import Claim, Records, Verdict, judge_records
from replications.study.testing import fake_records

BY_ID = {claim.id: claim for claim in claims.CLAIMS}
NOISE = np.array([0.0, 0.0004, -0.0004, 0.0002, -0.0002])
SETTINGS = {
    "mnist-plain-sgd": tuple(SCHEDULES),
    "fashion-plain-sgd": tuple(SCHEDULES),
    "mnist-bn-sgd": tuple(SCHEDULES),
    "fashion-bn-sgd": tuple(SCHEDULES),
    "mnist-plain-sgdw": DECOUPLED,
    "fashion-plain-sgdw": DECOUPLED,
    "mnist-plain-steps": tuple(SCHEDULES),
    "cifar10-resnet": ON_IMAGES,
}


def some(value: float, scale: float = 1.0) -> list[float]:
    return list(value + scale * NOISE)


def judged(claim: Claim, records: Records) -> tuple[Verdict, str | None]:
    entry = judge_records("test", [claim], records)[0]
    return entry.verdict, entry.falsifier


def training(nll: float, accuracy: float, matched: float = 0.0, controls: float = -0.02) -> Records:
    """Schedules tied to the rate or the loss gain `nll` and `accuracy` over the constant, and `matched` over its twin."""
    arrays, scalars = {}, {}
    for setting, names in SETTINGS.items():
        for name in names:
            tied = name not in ("constant", "increasing", "early", "late")
            won = nll if tied else (0.0 if name == "constant" else controls)
            more = accuracy if tied else 0.0
            rows = [0.2 - won + (0.3 * n if name != "constant" else 0.0) for n in NOISE]
            condition = f"{setting}-{name}"
            # the constant's other grid value is its worse one, which matched comparisons of known schedules use
            arrays[condition] = {
                "validation_nll": [
                    np.array([0.2 - won, 0.25 - (0.06 + won if tied and matched else 0.0)]) for _ in NOISE
                ],
                "test_nll": [np.array([row, 0.2 + matched if name == "constant" else row]) for row in rows],
                "test_accuracy": [np.full(2, 0.9 + more + (0.3 * n if name != "constant" else 0.0)) for n in NOISE],
                "twin_test_nll": [np.full(2, row + matched) for row in rows],
            }
            scalars[condition] = {"nll": some(0.2)}
    return fake_records(scalars, arrays=arrays, profile="gpu")


WINS = training(0.01, 0.01)
LOSES = training(-0.01, -0.01)
NLL_ONLY = training(0.01, -0.01)
COMPARED = [
    claim for claim in claims.CLAIMS if claim.id[:2] in ("C4", "C5") and claim.id != "C4-effective-rate"
]  # fmt: skip


@pytest.mark.parametrize("claim", [c for c in COMPARED if not c.id.endswith("matched")], ids=lambda c: c.id)
def test_schedules_against_the_best_constant(claim: Claim) -> None:
    assert judged(claim, WINS)[0] is Verdict.REPRODUCED
    assert judged(claim, LOSES)[0] is Verdict.NOT
    assert judged(claim, NLL_ONLY)[0] is Verdict.PARTLY


@pytest.mark.parametrize("data", ["mnist", "fashion"])
def test_controls_in_the_opposite_direction_can_spoil_the_claim(data: str) -> None:
    claim = BY_ID[f"C4-{data}"]
    assert judged(claim, WINS) == (Verdict.REPRODUCED, "broke the claim")
    assert judged(claim, training(0.01, 0.01, controls=0.01)) == (Verdict.PARTLY, "did not break the claim")


@pytest.mark.parametrize("data", ["mnist", "fashion"])
def test_a_gain_must_remain_at_equal_integrated_shrink(data: str) -> None:
    claim = BY_ID[f"C4-{data}-matched"]
    assert judged(claim, training(0.01, 0.01, matched=0.01))[0] is Verdict.REPRODUCED
    assert judged(claim, training(-0.01, 0.0, matched=-0.01))[0] is Verdict.NOT


def test_levels() -> None:
    def with_error(error: float) -> Records:
        return fake_records({"kac-rice": {"level_error": [error]}}, profile="smoke")

    assert judged(BY_ID["C2-levels"], with_error(1e-10))[0] is Verdict.REPRODUCED
    assert judged(BY_ID["C2-levels"], with_error(1e-3))[0] is Verdict.NOT


@pytest.mark.parametrize(("value", "verdict"), [(2.0, Verdict.REPRODUCED), (4.0, Verdict.PARTLY), (7.0, Verdict.NOT)])
def test_sigma(value: float, verdict: Verdict) -> None:
    assert judged(BY_ID["C2-sigma"], fake_records({"kac-rice": {"sigma_error": some(value)}}))[0] is verdict


def test_counts() -> None:
    def counted(ratio: float, whole: float) -> Records:
        names = [f"count-{n}d-{mu:g}" for n, mu in COUNTED]
        return fake_records({name: {"count_ratio": some(ratio), "degree_one": [whole] * 5} for name in names})

    assert judged(BY_ID["C2-count"], counted(1.0, 1.0))[0] is Verdict.REPRODUCED
    assert judged(BY_ID["C2-count"], counted(1.2, 1.0))[0] is Verdict.PARTLY
    assert judged(BY_ID["C2-count"], counted(1.2, 0.9))[0] is Verdict.NOT


def test_index() -> None:
    def descended(error: float, blind: float) -> Records:
        return fake_records({"index": {"index_error": some(error), "index_error_blind": some(blind)}})

    claim = BY_ID["C2-index"]
    assert judged(claim, descended(0.02, 0.4)) == (Verdict.REPRODUCED, "broke the claim")
    assert judged(claim, descended(0.02, 0.03)) == (Verdict.PARTLY, "did not break the claim")
    assert judged(claim, descended(0.05, 0.4))[0] is Verdict.PARTLY
    assert judged(claim, descended(0.1, 0.4))[0] is Verdict.NOT


def annealed(deep: float, flat: float, origin: float = 0.0, up: float = 0.3) -> Records:
    """Lowering μ gains `deep` at μ ≤ 0.3 and `flat` at μ ≥ 1; from the origin the descent ends `origin` higher."""
    energies = {}
    for mu in (0.2, 0.3, 1.0, 1.2):
        won = deep if mu < 1 else flat
        energies |= {
            f"energy_down_{mu:g}": some(-1.0, 0.0),
            f"energy_fixed_{mu:g}": some(won - 1.0),
            f"energy_origin_{mu:g}": some(origin - 1.0),
            f"energy_up_{mu:g}": some(up - 1.0),
        }
    return fake_records({"anneal": energies})


def test_annealing() -> None:
    claim = BY_ID["C3"]
    assert judged(claim, annealed(0.3, 0.0)) == (Verdict.REPRODUCED, "broke the claim")
    assert judged(claim, annealed(0.3, 0.0, up=-0.1)) == (Verdict.PARTLY, "did not break the claim")
    assert judged(claim, annealed(0.3, 0.2))[0] is Verdict.PARTLY
    assert judged(claim, annealed(-0.3, 0.2))[0] is Verdict.NOT


def test_the_start_alone() -> None:
    assert judged(BY_ID["C3-start"], annealed(0.3, 0.0, origin=0.1))[0] is Verdict.REPRODUCED
    assert judged(BY_ID["C3-start"], annealed(0.3, 0.0, origin=-0.1))[0] is Verdict.NOT


def test_effective_rate() -> None:
    def balanced(sgd: float, momentum: float, plain: float) -> Records:
        values = {"bn-sgd": sgd, "bn-momentum": momentum, "plain-sgd": plain}
        return fake_records({f"equilibrium-{name}": {"norm_error": some(value)} for name, value in values.items()})

    claim = BY_ID["C4-effective-rate"]
    assert judged(claim, balanced(0.02, 0.05, 9.0)) == (Verdict.REPRODUCED, "broke the claim")
    assert judged(claim, balanced(0.02, 0.05, 0.01)) == (Verdict.PARTLY, "did not break the claim")
    assert judged(claim, balanced(0.02, 0.2, 9.0))[0] is Verdict.PARTLY
    assert judged(claim, balanced(0.3, 0.2, 9.0))[0] is Verdict.NOT


def test_every_claim_of_the_abstract_is_there_in_order() -> None:
    ids = [claim.id for claim in claims.CLAIMS]
    assert len(set(ids)) == len(ids)
    assert [name[:2] for name in ids] == sorted(name[:2] for name in ids)
    assert {name[:2] for name in ids} == {f"C{k}" for k in range(1, 6)}


def test_leads_are_the_gains_of_one_schedule() -> None:
    nll, accuracy = claims.lead(WINS, "mnist-plain-sgd", "rate")
    assert nll.mean() == pytest.approx(0.01)
    assert accuracy.mean() == pytest.approx(0.01)
