"""Trials of learning rates: the best mean wins, and a rate that diverged is never selected."""

import pytest

from replications.papers.byol.study import STUDY
from replications.papers.byol.tuning import Trials, trial
from replications.study.testing import fake_records

NAN = float("nan")
USED = {"one": 0.1, "other": 0.03}
TRIALS = Trials(STUDY, (0.03, 0.1, 0.3), USED, metric="knn")


def trials(values: dict[str, list[list[float]]]) -> dict[str, dict[str, list[float]]]:
    """Records of arms: three rates, each with values over seeds."""
    return {
        trial(arm, rate): {"knn": seeds} for arm, rates in values.items() for rate, seeds in zip(TRIALS.rates, rates)
    }


def test_the_best_mean_over_seeds_wins_and_a_diverged_rate_loses():
    records = fake_records(
        trials(
            {
                "one": [[0.3, 0.3, 0.3], [0.31, 0.31, 0.31], [0.5, 0.2, 0.2]],
                "other": [[0.3, 0.3, 0.3], [0.2, 0.2, 0.2], [0.9, 0.9, NAN]],
            }
        )
    )
    assert TRIALS.best(records) == {"one": 0.1, "other": 0.03}


def test_an_arm_counts_when_all_its_trials_are_there():
    whole = trials({"one": [[0.3] * 3, [0.4] * 3, [0.5] * 3]})
    assert TRIALS.best(fake_records(whole)) == {"one": 0.3}
    assert TRIALS.best(fake_records({**whole, trial("one", 0.1): {"knn": [0.4] * 2}})) == {}
    assert TRIALS.best(fake_records({name: whole[name] for name in list(whole)[:2]})) == {}


def test_rows_show_every_rate_in_per_cent_and_nothing_where_trials_are_missing_or_diverged():
    rows = TRIALS.rows(fake_records(trials({"one": [[0.3] * 3, [0.4] * 3, [0.5, 0.5, NAN]]})))
    assert [row["arm"] for row in rows] == ["one", "other"]
    names = [f"% at {rate:g}" for rate in TRIALS.rates]
    assert [rows[0][name] for name in names[:2]] == pytest.approx([30, 40])
    assert rows[0][names[2]] is None
    assert [rows[1][name] for name in names] == [None] * 3
    assert {row["arm"]: row["rate used"] for row in rows} == USED
