"""The run of exact facts: complete, small in its errors, and loud where a definition is wrong."""

from __future__ import annotations

import pytest
import torch

from replications.papers.semppl import exact
from replications.papers.semppl.claims import CLAIMS
from replications.study import Context, Verdict, judge_records
from replications.study.testing import fake_records

SMALL = exact.Algebra(draws=20_000)
EXACT = [claim for claim in CLAIMS if claim.id in ("P2", "P3", "P4")]


def measured() -> dict[str, float]:
    return dict(exact.run_algebra(SMALL, Context(0, torch.device("cpu"))).scalars)


def verdicts() -> dict[str, Verdict]:
    scalars = {name: [value] for name, value in measured().items()}
    records = fake_records({"algebra": scalars}, profile="smoke")
    return {entry.claim.id: entry.verdict for entry in judge_records("semppl", EXACT, records)}


def test_it_measures_what_it_declares_and_every_claim_on_it_holds():
    assert set(measured()) == set(exact.METRICS)
    assert set(verdicts().values()) == {Verdict.REPRODUCED}


def leaky(online, target, semantic, exists, negatives, weights):
    return (online[0] * target[1]).sum() + (online[1] * semantic).sum() * exists.sum()


@pytest.mark.parametrize(
    ("name", "broken", "claim"),
    [
        ("contrast", lambda logits: -logits.softmax(1)[:, 0], "P2"),
        ("invariance", lambda logits, reference: (logits - reference).sum(1) - 1, "P2"),
        ("contrastive_objective", leaky, "P3"),
        ("votes", lambda queries, vectors, labels, k, classes: torch.zeros(1, len(labels), classes), "P4"),
        (
            "draw_positives",
            lambda wanted, labels, classes, draw: (torch.zeros_like(wanted), torch.ones_like(wanted, dtype=torch.bool)),
            "P4",
        ),
    ],
    ids=["contrast", "invariance", "objective", "votes", "positives"],
)
def test_a_wrong_definition_is_found(monkeypatch: pytest.MonkeyPatch, name, broken, claim):
    monkeypatch.setattr(exact, name, broken)
    assert verdicts()[claim] is not Verdict.REPRODUCED


def test_positives_that_are_not_uniform_are_found(monkeypatch: pytest.MonkeyPatch):
    def first(wanted, labels, classes, draw):
        places = torch.stack([(labels == c).nonzero()[0, 0] for c in range(classes)])[wanted]
        return places, torch.ones_like(wanted, dtype=torch.bool)

    monkeypatch.setattr(exact, "draw_positives", first)
    assert measured()["uniform_excess"] > 1
    assert measured()["wrong_positives"] == 0
