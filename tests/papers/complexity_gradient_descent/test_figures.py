"""Comparisons of schedules are drawn for every setting that was recorded, and show what the records hold."""

import pytest

from replications.papers.complexity_gradient_descent import figures
from replications.papers.complexity_gradient_descent.estimands import gain
from replications.papers.complexity_gradient_descent.schedules import SCHEDULES


def lines(axes):
    return {series["label"]: series for series in axes["series"] if series["kind"] == "line" and series["label"]}


def test_every_schedule_is_a_line(drawn):
    figures.multipliers()
    left, right = (lines(axes) for axes in drawn("cgd-multipliers")["axes"])
    known = {schedule.title for schedule in SCHEDULES.values() if not schedule.by_loss}
    assert known <= set(left)
    following = {name for name, schedule in SCHEDULES.items() if schedule.by_loss}
    assert set(right) == {SCHEDULES[name].title for name in following - {"loss-rate"}}  # which is "loss" where η is η_0


@pytest.mark.parametrize("net", ["plain", "bn"])
def test_grids_and_matched_savings_have_a_row_a_data_set(recorded, few, drawn, net):
    for records, rows in ((recorded, 2), (few, 1)):
        figures.grid(records, net)
        name = "cgd-grid" if net == "plain" else "cgd-grid-norm"
        assert len([axes for axes in drawn(name)["axes"] if axes["series"]]) == 3 * rows
        figures.matched(records)
        assert len([axes for axes in drawn("cgd-matched")["axes"] if axes["series"]]) == 3 * rows


def test_gains_are_those_of_the_estimand(recorded, drawn):
    figures.gains(recorded)
    axes = next(axes for axes in drawn("cgd-gains")["axes"] if axes["title"] == figures.SETTINGS["mnist-plain-sgd"])
    values = [value for series in axes["series"] for value in series["x"]]
    assert any(value == pytest.approx(gain("mnist-plain-sgd", ["rate"], "nll")(recorded).mean()) for value in values)


def test_scale_and_settings_say_what_was_trained(recorded, few):
    assert figures.scale(recorded).endswith("7 L2 coefficients, 5 seeds")
    assert figures.recorded_settings(few) == ["mnist-plain-sgd", "mnist-bn-sgd"]
    assert len(figures.recorded_settings(recorded)) == 9
    assert figures.mean_decay(recorded, "mnist-plain-sgd-constant") == pytest.approx(
        [2.5e-4 * 2**k for k in range(7)], rel=1e-5
    )
