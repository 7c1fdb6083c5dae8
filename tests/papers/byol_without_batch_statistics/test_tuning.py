"""The selected learning rates are those of the records, and a rate that diverged is never selected."""

from __future__ import annotations

import runpy

import pytest

from replications.papers.byol_without_batch_statistics import tuning
from replications.papers.byol_without_batch_statistics.study import ARMS, LEARNING_RATES, RATES, trial
from replications.study.testing import fake_records


def trials(values: dict[str, list[list[float]]]) -> dict[str, dict[str, list[float]]]:
    """Records of arms: three rates, each with values over seeds."""
    return {trial(arm, rate): {"knn": seeds} for arm, rates in values.items() for rate, seeds in zip(RATES, rates)}


def test_the_declared_rates_are_those_that_the_records_select():
    assert tuning.best(tuning.recorded()) == LEARNING_RATES


def test_the_best_mean_over_seeds_wins_and_a_diverged_rate_loses():
    nan = float("nan")
    records = fake_records(
        trials(
            {
                "bn": [[0.3, 0.3, 0.3], [0.31, 0.31, 0.31], [0.5, 0.2, 0.2]],
                "none": [[0.3, 0.3, 0.3], [0.2, 0.2, 0.2], [0.9, 0.9, nan]],
            }
        )
    )
    assert tuning.best(records) == {"bn": 0.1, "none": 0.03}


def test_an_arm_counts_when_all_its_trials_are_there():
    whole = trials({"bn": [[0.3] * 3, [0.4] * 3, [0.5] * 3]})
    assert tuning.best(fake_records(whole)) == {"bn": 0.3}
    assert tuning.best(fake_records({**whole, trial("bn", 0.1): {"knn": [0.4] * 2}})) == {}
    assert tuning.best(fake_records({name: whole[name] for name in list(whole)[:2]})) == {}


def test_rows_show_every_rate_in_per_cent_and_nothing_where_trials_are_missing_or_diverged():
    nan = float("nan")
    found = tuning.rows(fake_records(trials({"gn_ws": [[0.3] * 3, [0.4] * 3, [0.5, 0.5, nan]]})))
    rows = {row["arm"]: row for row in found}
    assert list(rows) == list(ARMS)
    names = [f"rate {rate:g}, kNN %" for rate in RATES]
    assert [rows["gn_ws"][name] for name in names[:2]] == pytest.approx([30, 40])
    assert rows["gn_ws"][names[2]] is None
    assert [rows["bn"][name] for name in names] == [None] * 3
    assert {arm: row["rate used"] for arm, row in rows.items()} == LEARNING_RATES


def test_run_as_a_module_it_prints_the_selection(capsys):
    runpy.run_path(tuning.__file__, run_name="__main__")
    assert capsys.readouterr().out == f"{tuning.best(tuning.recorded())}\n"
