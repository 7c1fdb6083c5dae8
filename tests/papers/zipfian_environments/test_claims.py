"""Every rule says yes to what the paper says, and no to what it must refuse."""

import numpy as np
import pytest

from replications.papers.zipfian_environments.claims import CLAIMS
from replications.study import Verdict, judge_records
from replications.study.testing import fake_records

TESTED = [claim.id for claim in CLAIMS if claim.rule is not None]
JITTER = np.array([0.0, 0.004, -0.004])


def success(train, uniform, rare, jitter=JITTER):
    return {
        "success_train": train + jitter, "success_uniform": uniform + jitter, "success_uniform_rare": rare + jitter,
        "gap": uniform - rare + 0 * jitter,
    }  # fmt: skip


AS_PUBLISHED = {
    "lift": (0.99, 0.65, 0.59),
    "lift_uniform": (0.95, 0.95, 0.95),
    "mlp_zipf_2": (0.85, 0.69, 0.24),
    "mlp_zipf_1": (0.8, 0.6, 0.3),
    "mlp_uniform": (0.9, 0.9, 0.92),
    "reconstruction_0.03": (0.8, 0.6, 0.3),
    "reconstruction_0.3": (0.95, 0.75, 0.45),
    "reconstruction_3": (0.7, 0.5, 0.2),
    "byol": (0.7, 0.31, 0.03),
    "lstm": (0.8, 0.6, 0.28),
    "transformer": (0.8, 0.6, 0.25),
    "replay_priorities": (0.7, 0.61, 0.44),
    "replay_uniform": (0.6, 0.51, 0.36),
    "find_rl": (1.0, 0.78, 0.66),
    "find_classifier": (1.0, 0.79, 0.64),
}


def records(changes=None, flip=False):
    values = {**AS_PUBLISHED, **(changes or {})}
    # noise of its own for each condition, else paired differences would be constants
    scalars = {
        name: success(*numbers, jitter=np.roll(JITTER, i) * (1 + 0.1 * i))
        for i, (name, numbers) in enumerate(values.items())
    }
    down = np.linspace(1, 0, 30, dtype=np.float32)
    first, second = (down[::-1], down) if flip else (down, down[::-1])
    arrays = {
        name: {"return": [array] * 3, "random": [np.zeros(30, dtype=np.float32)] * 3}
        for name, array in (
            ("levels_forward", first),
            ("levels_reversed", second),
            ("levels_uniform", np.ones(30, dtype=np.float32)),
        )
    }
    scalars |= {name: {"return_uniform": np.zeros(3)} for name in arrays}
    return fake_records(scalars, arrays=arrays)


def verdict_of(claim_id, found):
    return {entry.claim.id: entry for entry in judge_records("zipfian_environments", CLAIMS, found)}[claim_id]


def test_the_published_numbers_reproduce_every_claim_that_is_tested():
    entries = judge_records("zipfian_environments", CLAIMS, records())
    assert {entry.claim.id: entry.verdict for entry in entries if entry.claim.rule} == dict.fromkeys(
        TESTED, Verdict.REPRODUCED
    )


NOT_SO = {
    "C1": {"lift": (0.5, 0.5, 0.5)},
    "C2": {"mlp_zipf_2": (0.5, 0.5, 0.5)},
    "C3": {name: (0.8, 0.6, 0.3) for name in AS_PUBLISHED if name.startswith("reconstruction")},
    "C4": {"byol": (0.8, 0.65, 0.35)},
    "C5": {"transformer": (0.1, 0.6, 0.5)},
    "C6": {"replay_priorities": (0.6, 0.45, 0.3)},
    "C7": {"find_rl": (0.5, 0.5, 0.5)},
    "C9": {"mlp_uniform": (0.1, 0.1, 0.1)},
    "P1": {"mlp_uniform": (0.9, 0.9, 0.1)},
    "P2": {},
}


@pytest.mark.parametrize("claim_id", TESTED)
def test_every_rule_can_say_no(claim_id):
    entry = verdict_of(claim_id, records(NOT_SO[claim_id], flip=claim_id == "P2"))
    assert entry.verdict is Verdict.NOT


PARTLY = {
    "C1": {"lift": (0.99, 0.9, 0.88)},
    "C2": {"mlp_zipf_2": (0.85, 0.69, 0.6)},
    "C3": {"reconstruction_0.3": (0.95, 0.75, 0.3)},
    "C4": {"byol": (0.7, 0.31, 0.35)},
    "C5": {"lstm": (0.1, 0.6, 0.28)},
    "C6": {"replay_priorities": (0.7, 0.61, 0.36)},
    "C7": {"find_rl": (1.0, 0.78, 0.8)},
    "C9": {"transformer": (0.8, 0.6, 0.9)},
}


@pytest.mark.parametrize("claim_id", PARTLY)
def test_half_a_claim_is_reproduced_in_part(claim_id):
    assert verdict_of(claim_id, records(PARTLY[claim_id])).verdict is Verdict.PARTLY


@pytest.mark.parametrize(
    ("claim_id", "change"),
    [
        ("C1", {"lift_uniform": (0.95, 0.7, 0.6)}),
        ("C2", {"mlp_uniform": (0.9, 0.9, 0.5)}),
        ("C2", {"mlp_uniform": (0.1, 0.1, 0.1)}),
    ],
)
def test_a_control_with_the_same_gap_caps_the_verdict(claim_id, change):
    entry = verdict_of(claim_id, records(change))
    assert entry.falsifier == "did not break the claim"
    assert entry.verdict is Verdict.PARTLY


def test_agents_that_learnt_nothing_confirm_nothing():
    floor = dict.fromkeys(AS_PUBLISHED, (0.04, 0.05, 0.09))
    entries = judge_records("zipfian_environments", CLAIMS, records(floor))
    assert not [entry.claim.id for entry in entries if entry.verdict is Verdict.REPRODUCED and entry.claim.id != "P2"]


def test_claims_stand_in_the_order_of_the_paper_and_untested_ones_say_why():
    assert [claim.id for claim in CLAIMS] == [*(f"C{k}" for k in range(1, 10)), "P1", "P2"]
    assert all(claim.reason for claim in CLAIMS if claim.rule is None)
