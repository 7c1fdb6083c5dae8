"""Intervals against published tables, against their definition, and against their promised coverage."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replications.statistics import bootstrap_interval, clopper_pearson, t_interval, wilson

# Student (1908), hours of sleep gained under the second drug less the first; R's data set `sleep`.
SLEEP = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]

# Newcombe (1998), Statistics in Medicine 17, 857-872, Table I: score (Wilson) and exact (Clopper-Pearson) 95 % limits.
NEWCOMBE = [
    (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
    (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
    (0, 20, (0.0, 0.1611), (0.0, 0.1684)),
    (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
]


def test_t_interval_of_students_sleep_data():
    # R: t.test(extra ~ group, data = sleep, paired = TRUE) prints 0.7001142 2.4598858.
    found = t_interval(SLEEP)
    assert (found.low, found.high) == pytest.approx((0.7001142, 2.4598858), abs=1e-7)


def test_t_interval_by_hand():
    # mean 2, s 1, n 3; t(2) at 97.5 % is 4.302653 (Student's table).
    found = t_interval([1.0, 2.0, 3.0])
    assert found.high - 2 == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert found.low + found.high == pytest.approx(4.0)


def test_equal_values_give_an_interval_of_width_zero():
    assert t_interval([0.25, 0.25, 0.25]).width == 0.0


@pytest.mark.parametrize(("k", "n", "score", "exact"), NEWCOMBE)
def test_fractions_against_newcombes_table(k, n, score, exact):
    for found, expected in ((wilson(k, n), score), (clopper_pearson(k, n), exact)):
        assert (found.low, found.high) == pytest.approx(expected, abs=6e-5)


def test_clopper_pearson_of_no_success_in_closed_form():
    # (1 − p)^n = α / 2 at the upper limit.
    assert clopper_pearson(0, 5).high == pytest.approx(1 - 0.025 ** (1 / 5), rel=1e-12)


@given(n=st.integers(1, 60), data=st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_fraction_intervals_hold_the_fraction_and_mirror(n, data):
    k = data.draw(st.integers(0, n))
    for method in (wilson, clopper_pearson):
        found, mirrored = method(k, n), method(n - k, n)
        assert 0.0 <= found.low <= k / n <= found.high <= 1.0
        assert (found.low, found.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low), abs=1e-9)


@pytest.mark.parametrize("fraction", [0.03, 0.3, 0.5])
@pytest.mark.parametrize("n", [5, 20])
def test_clopper_pearson_never_covers_less_than_its_level(n, fraction):
    chances = [math.comb(n, k) * fraction**k * (1 - fraction) ** (n - k) for k in range(n + 1)]
    assert sum(chances) == pytest.approx(1.0)
    assert sum(chance for k, chance in enumerate(chances) if fraction in clopper_pearson(k, n)) >= 0.95
    assert sum(chance for k, chance in enumerate(chances) if fraction in wilson(k, n)) >= 0.80


@given(
    n=st.integers(2, 20), level=st.sampled_from([0.8, 0.9, 0.95]), mean=st.floats(-5, 5), deviation=st.floats(0.1, 10)
)
@settings(max_examples=12, deadline=None, derandomize=True)
def test_t_interval_covers_the_mean_as_often_as_it_says(n, level, mean, deviation):
    draws = np.random.default_rng(0).normal(mean, deviation, size=(2000, n))
    covered = np.mean([mean in t_interval(row, level) for row in draws])
    assert covered == pytest.approx(level, abs=4.5 * math.sqrt(level * (1 - level) / 2000))


def test_bootstrap_interval_covers_the_mean_of_a_skewed_law():
    draws = np.random.default_rng(1).exponential(1.0, size=(300, 40))
    covered = np.mean([1.0 in bootstrap_interval(row, 0.9, resamples=999) for row in draws])
    assert 0.83 <= covered <= 0.95  # 0.9 ± 3 standard errors of 300, less what BCa loses at n = 40


@given(
    st.lists(st.floats(-100, 100), min_size=3, max_size=8, unique=True), st.floats(-10, 10), st.sampled_from([0.5, 2.0])
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_t_interval_moves_and_stretches_with_its_sample(values, shift, scale):
    plain, moved = t_interval(values), t_interval(np.array(values) * scale + shift)
    assert (moved.low, moved.high) == pytest.approx((plain.low * scale + shift, plain.high * scale + shift), abs=1e-8)


def test_bootstrap_interval_is_the_same_on_every_call_and_differs_by_seed():
    assert bootstrap_interval(SLEEP) == bootstrap_interval(SLEEP)
    assert bootstrap_interval(SLEEP, seed=1) != bootstrap_interval(SLEEP)
    assert bootstrap_interval(SLEEP).method == "bca"


def test_bootstrap_interval_is_near_the_t_interval_where_the_sample_is_normal():
    values = np.random.default_rng(2).normal(size=200)
    resampled, closed = bootstrap_interval(values), t_interval(values)
    assert (resampled.low, resampled.high) == pytest.approx((closed.low, closed.high), abs=0.02)


def test_bootstrap_interval_takes_another_statistic():
    values = np.random.default_rng(3).normal(size=50)
    found = bootstrap_interval(values, statistic=np.median)
    assert float(np.median(values)) in found


def test_bootstrap_falls_back_to_percentile_and_says_so():
    # Leaving out any one value leaves the median at 0: the acceleration of BCa is 0 / 0.
    found = bootstrap_interval([0.0, 0.0, 0.0, 0.0, 1.0], statistic=np.median)
    assert found.method == "percentile"
    assert 0.0 in found
    assert bootstrap_interval([0.5, 0.5, 0.5]).width == 0.0
    assert bootstrap_interval([0.5, 0.5, 0.5]).method == "percentile"


@pytest.mark.parametrize("method", [t_interval, bootstrap_interval])
@pytest.mark.parametrize("values", [[1.0], [1.0, float("nan")], [[1.0, 2.0], [3.0, 4.0]]])
def test_degenerate_samples_are_refused(method, values):
    with pytest.raises(ValueError, match="the sample"):
        method(values)


@pytest.mark.parametrize("method", [wilson, clopper_pearson])
@pytest.mark.parametrize(("k", "n"), [(1, 0), (-1, 5), (6, 5), (0.5, 5)])
def test_impossible_counts_are_refused(method, k, n):
    with pytest.raises(ValueError, match="a fraction needs"):
        method(k, n)
