"""rliable's definitions: the mean of the middle half, and resampling within games."""

import numpy as np
import pytest
from scipy import stats

from replications.papers.bio_inspired_rl import aggregates
from replications.papers.bio_inspired_rl.aggregates import IQMAbove, interval, iqm, matrix
from replications.study import MissingRecords, Verdict
from replications.study.testing import fake_records

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(5, 2), (3, 4), (10, 26), (1, 1), (7, 3)])
def test_iqm_is_the_quarter_trimmed_mean_of_all_runs_and_games(shape):
    scores = RNG.normal(size=shape)
    assert iqm(scores) == pytest.approx(stats.trim_mean(scores.flatten(), 0.25))
    assert iqm(np.stack([scores, scores + 1])) == pytest.approx([iqm(scores), iqm(scores) + 1])


def test_iqm_forgets_outliers_and_the_gap_forgets_what_is_above():
    scores = np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 1e6], [1.0, 1.0]])
    assert iqm(scores) == 1.0
    assert aggregates.optimality_gap(scores) == pytest.approx(1 / 8)
    assert aggregates.optimality_gap(scores, 2.0) == pytest.approx((2 + 6 * 1 + 0) / 8)


def test_probability_of_improvement_counts_ties_half():
    first, second = np.array([[1.0], [2.0]]), np.array([[1.0], [0.0]])
    assert aggregates.probability_of_improvement(first, second) == pytest.approx((0.5 + 1 + 1 + 1) / 4)
    assert aggregates.probability_of_improvement(second, first) == pytest.approx(0.5 / 4)


def test_resampling_stays_within_a_game():
    scores = np.tile(np.arange(3.0), (5, 1))  # no spread inside a game: nothing to resample
    low, high = interval(lambda s: s.mean((-2, -1)), scores)
    assert low == high == 1.0


def test_the_interval_is_the_percentile_interval_of_a_plain_loop():
    scores = RNG.normal(size=(6, 2))
    rng = np.random.default_rng(1)
    plain = []
    for _ in range(4000):
        values = np.sort(np.concatenate([scores[rng.integers(6, size=6), game] for game in range(2)]))
        plain.append(values[3:9].mean())
    assert interval(iqm, scores) == pytest.approx(np.quantile(plain, [0.025, 0.975]), abs=0.04)


def test_a_paired_interval_is_narrower_than_two_that_know_nothing_of_each_other():
    scores = RNG.normal(size=(8, 3))
    low, high = interval(iqm, scores + 0.1, scores)
    assert low == pytest.approx(0.1)
    assert high == pytest.approx(0.1)


def test_scores_are_shares_of_what_dense_gained_over_random():
    records = fake_records(
        {
            "breakout-dense": {"score": [4.0, 6.0, 8.0], "random_score": [2.0, 1.0, 0.0]},
            "breakout-small": {"score": [1.0, 6.0, 3.5], "random_score": [9.0, 9.0, 9.0]},
        }
    )
    assert matrix(records, "small", ("breakout",))[:, 0] == pytest.approx([0.0, 1.0, 0.5])
    human = fake_records({"krull-dense": {"score": [1598.0]}, "krull-small": {"score": [2665.5]}})
    assert matrix(human, "small", ("krull",), human=True)[0, 0] == pytest.approx(1.0)


def test_other_seeds_are_refused():
    scalars = {"breakout-dense": {"score": [1.0] * 3}, "breakout-small": {"score": [1.0] * 2}}
    with pytest.raises(MissingRecords, match="same seeds"):
        matrix(fake_records(scalars), "small", ("breakout",))


def test_a_rule_says_no_below_partly_astride_and_yes_above():
    def judged(small):
        records = fake_records(
            {
                "breakout-dense": {"score": [9.0, 10.0, 11.0], "random_score": [0.0] * 3},
                "breakout-small": {"score": small},
            }
        )
        return IQMAbove("small", "dense", ("breakout",), -0.1).judge(records)

    assert judged([9.0, 10.0, 11.0]).verdict() is Verdict.REPRODUCED
    assert judged([5.0, 10.0, 15.0]).verdict() is Verdict.PARTLY
    assert judged([2.0, 3.0, 4.0]).verdict() is Verdict.NOT
    assert judged([float("nan"), 3.0, 4.0]).verdict() is Verdict.NOT
