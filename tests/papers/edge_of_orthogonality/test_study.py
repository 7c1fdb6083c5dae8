"""Profiles: what is declared, that it is the card's matrix, and the paper's setting."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from replications.papers.edge_of_orthogonality.algebra import Algebra
from replications.papers.edge_of_orthogonality.predictors import CLOSED_FORMS
from replications.papers.edge_of_orthogonality.published import ALPHAS, ROWS
from replications.papers.edge_of_orthogonality.study import COPY_LADDER, LADDER, STUDY, dry_run
from replications.study import Context, UserError


def trained(profile: str):
    return {name: c for name, c in STUDY.plan(profile).conditions.items() if not isinstance(c, Algebra)}


def test_every_predictor_is_run_at_two_ridges_and_four_at_three():
    found = {}
    for config in trained("laptop").values():
        found.setdefault(config.predictor, set()).add(config.alpha)
    assert set(found) == {"linear", "mlp", "none", *CLOSED_FORMS}
    assert all({0.0, 0.3} <= found[name] for name in CLOSED_FORMS)
    assert [name for name in found if set(LADDER) <= found[name]] == ["visser", "newton_schulz_twice", "stiefel"]
    assert set(COPY_LADDER) <= found["direct_copy"]
    assert STUDY.plan("laptop").seeds >= 3


def test_a_condition_differs_from_the_baseline_in_what_its_name_says():
    arms = trained("laptop")
    base = arms["linear"]
    assert arms["stiefel_0.3"] == replace(base, predictor="stiefel", alpha=0.3)
    assert arms["linear_tau_0.5"] == replace(base, tau=0.5, control=True)
    assert arms["newton_schulz_twice_100"].alpha == 100
    assert arms["other_norm_linear"].output_norm is not base.output_norm
    assert {arm.epochs for arm in arms.values()} == {base.epochs}  # equal steps
    assert base.batch >= 2 * base.projection


def test_arms_that_a_claim_allows_to_collapse_are_controls():
    arms = trained("laptop")
    assert all(arms[name].control for name in ("none", "direct_copy_0", "neumann_0", "linear_tau_0"))
    assert not any(arms[name].control for name in ("linear", "mlp", "stiefel_0.3", "visser_0.3"))


def test_the_paper_profile_holds_both_tables():
    arms = STUDY.plan("paper").conditions
    assert len(arms) == 2 * (1 + len(ROWS) * len(ALPHAS))
    short, long = arms["visser_0.45"], arms["visser_0.45_300"]
    assert (short.epochs, short.lr, short.batch, short.weight_decay, short.tau) == (100, 7.2, 4096, 1e-6, 0.99)
    assert (long.epochs, long.lr) == (300, pytest.approx(4.8))
    assert short.warmup * short.epochs == pytest.approx(long.warmup * long.epochs) == pytest.approx(10)
    assert not short.output_norm


def test_the_published_setting_needs_imagenet():
    with pytest.raises(UserError, match="needs ImageNet"):
        STUDY.run(STUDY.plan("paper").conditions["linear"], Context(0, torch.device("cpu")))


@pytest.mark.usefixtures("pictures")
def test_a_dry_run_takes_two_steps():
    small = replace(STUDY.plan("paper").conditions["stiefel_0.3"], encoder="tiny", size=64, hidden=32, projection=16)
    line = dry_run(small, Context(0, torch.device("cpu")))
    assert line.startswith("tiny, ")
    assert "64 pixels, loss" in line


def test_propositions_have_records_of_their_own_kind():
    for profile in ("smoke", "laptop"):
        assert STUDY.run_of(STUDY.plan(profile).conditions["algebra"]).__name__ == "run_algebra"
