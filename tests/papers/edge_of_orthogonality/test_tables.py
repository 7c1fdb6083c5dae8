"""Tables: the paper's numbers beside ours, every arm once, every proposition once."""

from __future__ import annotations

import pytest

from replications.papers.edge_of_orthogonality import tables
from replications.papers.edge_of_orthogonality.algebra import ALGEBRA_METRICS
from replications.papers.edge_of_orthogonality.study import STUDY
from replications.statistics import mean_and_deviation
from replications.study.testing import fake_records

from .test_figures import ALL, made


def test_both_tables_stand_above_our_numbers():
    rows = tables.ridges(made())
    assert len(rows) == 3 * (6 + 1) + 1
    assert len({tuple(row) for row in rows}) == 1  # the same columns
    paper, long, ours = rows[:3]
    assert (paper["predictor"], paper["α = 0"], long["α = 0"]) == ("DirectCopy", "20.9", "48.3")
    assert ours["α = 0.45"] is None
    assert " ± 1.0" in ours["α = 0.15"]
    assert rows[-2]["α = 0"] == mean_and_deviation(100 * made().scalars("linear", "knn"))


def test_every_arm_has_a_row_and_a_title_of_its_own():
    rows = tables.arms(made())
    assert len(rows) == 1 + len(ALL)
    assert len({row["arm"] for row in rows}) == len(rows)
    assert len({tuple(row) for row in rows}) == 1
    assert rows[0]["kNN %"].startswith("28.0")
    none = next(row for row in rows if row["arm"] == "no predictor")
    assert none["stable rank of P"] is None  # no matrix
    assert none["spread"] == pytest.approx(0.71)


def test_the_best_closed_form_is_neither_trained_nor_diverged():
    found = {"linear": 0.9, "visser_0": 0.3, "neumann_0.3": 0.4, "newton_schulz_twice_100": 0.2, "linear_tau_0": 0.8}
    found["stiefel_0"] = float("nan")
    records = fake_records({name: {"knn": [value] * 2} for name, value in found.items()})
    assert tables.best_closed_form(records) == "neumann_0.3"


def test_a_diverged_arm_has_no_numbers():
    row = next(row for row in tables.arms(made(diverged=["none"])) if row["arm"] == "no predictor")
    assert (row["kNN %"], row["spread"]) == (None, None)


def test_titles_name_ridge_and_tau():
    assert tables.title("newton_schulz_twice_0.15") == "NS², α = 0.15"
    assert tables.title("linear_tau_0.5") == "trained linear, τ = 0.5"
    assert all(tables.title(name) for name in STUDY.plan("laptop").conditions if name != "algebra")


def test_propositions_show_their_largest_error():
    records = fake_records({"algebra": {name: [1e-15, -3e-12] for name in ALGEBRA_METRICS}})
    rows = tables.propositions(records)
    assert [row["check"] for row in rows] == list(ALGEBRA_METRICS)
    assert {row["largest"] for row in rows} == {"3.0e-12"}
    assert [row["check"] for row in rows if row["must vanish"] == "no"] == list(tables.FREE)
