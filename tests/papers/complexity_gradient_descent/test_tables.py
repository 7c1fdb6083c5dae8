"""Tables hold a row for what was recorded, and the estimands' numbers."""

import numpy as np
import pytest

from replications.papers.complexity_gradient_descent import tables
from replications.papers.complexity_gradient_descent.estimands import gain
from replications.papers.complexity_gradient_descent.schedules import SCHEDULES


def test_signed_numbers_carry_half_an_interval_and_a_true_minus():
    assert tables.signed(np.array([-0.5])) == "−0.5000"
    assert tables.signed(np.array([0.1, 0.2, 0.3]), digits=2) == "+0.20 ± 0.25"


def test_every_schedule_has_a_row_and_the_constant_wins_nothing_over_itself(recorded, few):
    rows = tables.schedules_in(recorded, "mnist-plain-sgd")
    assert [row["schedule"] for row in rows] == [schedule.title for schedule in SCHEDULES.values()]
    assert rows[0]["NLL saved"] is None
    mean = gain("mnist-plain-sgd", ["rate"], "nll")(recorded).mean()
    saved = next(row["NLL saved"] for row in rows if row["schedule"] == "∝ η")
    assert str(saved).startswith(f"{mean:+.4f}".replace("-", "−"))
    assert len(tables.schedules_in(few, "mnist-bn-sgd")) == len(SCHEDULES)


def test_the_best_schedule_is_chosen_among_those_tied_to_rate_or_loss(recorded, few):
    rows = tables.best_of(recorded)
    assert len(rows) == 9
    assert rows[0]["NLL, λ = 0"] > rows[0]["best constant"]
    assert all("control" not in str(row["chosen"]) for row in rows)
    assert len(tables.best_of(few)) == 2


def test_maps_and_divergences_are_counted(recorded):
    rows = tables.robustness(recorded)
    assert len(rows) == 6
    gone = sum(int(str(row["runs that diverged"]).split(" of ")[0]) for row in rows)
    counted = [row for row in tables.divergences(recorded) if str(row["condition"]).startswith("map-")]
    assert gone == sum(int(str(row["seeds"]).split(" of ")[0]) for row in counted)


def test_what_could_have_been_seen_needs_more_than_one_seed(recorded, few):
    assert all(row["detectable, nats"] > 0 for row in tables.detectable(recorded, ["mnist-plain-sgd"]))
    assert tables.detectable(few, ["mnist-plain-sgd"]) == []
    assert tables.detectable(recorded, []) == pytest.approx([])
