"""Tests over seeds against published values, tables, and their promised error rates."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replications.statistics import DegenerateSample, holm, one_sided_t, paired, sign_test, t_interval, tost

# Student (1908), hours of sleep gained under each drug; R's data set `sleep`.
FIRST_DRUG = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND_DRUG = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
samples = st.lists(st.floats(-100, 100), min_size=2, max_size=12, unique=True).filter(lambda v: np.ptp(v) > 1e-3)


def test_paired_comparison_of_students_sleep_data():
    # R: t.test(..., paired = TRUE): t = 4.0621, df = 9, two-sided p = 0.002833, mean difference 1.58.
    found = paired(SECOND_DRUG, FIRST_DRUG)
    assert found.estimate == pytest.approx(1.58)
    assert found.p == pytest.approx(0.002833 / 2, abs=3e-7)
    assert found.n == 10


def test_one_sided_t_by_hand():
    # t(2) = (2 − 0) / (1 / √3) = 3.4641; P(T(2) ≥ t) = 1/2 − t / (2 √(t² + 2)), in closed form for two degrees.
    found = one_sided_t([1.0, 2.0, 3.0])
    t = 2 * math.sqrt(3)
    assert found.p == pytest.approx(0.5 - t / (2 * math.sqrt(t * t + 2)), rel=1e-12)
    # The lower bound from Student's table: t(2) at 95 % is 2.919986.
    assert found.interval.low == pytest.approx(2 - 2.919986 / math.sqrt(3), abs=1e-6)


@given(samples, st.floats(-50, 50))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_p_below_five_percent_exactly_when_the_lower_bound_exceeds_the_margin(values, margin):
    found = one_sided_t(values, margin)
    if abs(found.p - 0.05) > 1e-6:
        assert (found.p < 0.05) == (found.interval.low > margin)
    assert found.p + one_sided_t(-np.array(values), -margin).p == pytest.approx(1.0)


def test_one_sided_t_rejects_a_true_null_at_its_level():
    draws = np.random.default_rng(0).normal(0.3, 2.0, size=(4000, 5))
    rejected = np.mean([one_sided_t(row, 0.3).p < 0.05 for row in draws])
    assert rejected == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 4000))


def test_equivalence_at_the_tables_critical_value():
    # Sleep differences: mean 1.58, s/√n = 1.58 / 4.0621. A bound 1.833113 standard errors away has p = 0.05 (t(9), 95 %).
    differences = np.array(SECOND_DRUG) - np.array(FIRST_DRUG)
    error = differences.std(ddof=1) / math.sqrt(10)
    assert error == pytest.approx(1.58 / 4.0621, abs=5e-6)
    found = tost(differences, target=1.58, tolerance=1.833113 * error)
    assert found.p == pytest.approx(0.05, abs=1e-7)
    # Off centre, the nearer bound decides: t = (2.5 − 1.58) / error against the upper bound, 3.4 / error the lower.
    assert tost(differences, target=0.5, tolerance=2.0).p == pytest.approx(one_sided_t(2.5 - differences).p)


@given(samples, st.floats(-50, 50), st.floats(0.1, 100))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_equivalence_passes_exactly_when_the_ninety_percent_interval_lies_inside(values, target, tolerance):
    found = tost(values, target, tolerance)
    inside = found.interval.low > target - tolerance and found.interval.high < target + tolerance
    assert found.interval == t_interval(values, 0.9)
    if abs(found.p - 0.05) > 1e-6:
        assert (found.p < 0.05) == inside


def test_equivalence_is_not_granted_to_noise():
    """A difference that is merely not significant is not equivalence: three scattered values around the target fail."""
    values = [-1.0, 0.1, 1.1]
    assert one_sided_t(values).p > 0.05
    assert tost(values, target=0.0, tolerance=0.5).p > 0.05
    assert tost([-0.01, 0.0, 0.012], target=0.0, tolerance=0.5).p < 0.05


def test_sign_test_by_hand():
    # Five of five: 2⁻⁵. Eight of ten: (45 + 10 + 1) / 1024 = 0.0546875 (Siegel 1956, Table D prints .055).
    assert sign_test([0.9] * 5, 0.1).p == 1 / 32
    assert sign_test([1.0] * 8 + [-1.0] * 2).p == 0.0546875
    assert sign_test([0.1] * 4, 0.1).p == 1.0  # equal to the margin is not above it
    found = sign_test([1.0, 2.0, 3.0, 4.0])
    assert (found.interval.low, found.interval.high, found.interval.level) == (1.0, 4.0, 1 - 1 / 8)


def test_sign_test_interval_covers_the_median_as_often_as_it_says():
    draws = np.random.default_rng(1).exponential(size=(4000, 5))
    covered = np.mean([math.log(2) in sign_test(row).interval for row in draws])
    assert covered == pytest.approx(1 - 1 / 16, abs=4 * math.sqrt(1 / 16 * 15 / 16 / 4000))


def test_holm_example():
    # Wikipedia, "Holm-Bonferroni method", example: 0.01, 0.04, 0.03, 0.005; R's p.adjust agrees.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]).shape == (0,)
    assert holm([0.03]) == pytest.approx([0.03])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_holm_is_monotone_bounded_and_blind_to_order(p_values, random):
    p, adjusted = np.array(p_values), holm(p_values)
    order = np.argsort(p, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(1, len(p) * p) + 1e-15).all()  # never worse than Bonferroni
    shuffled = list(range(len(p)))
    random.shuffle(shuffled)
    assert holm(p[shuffled]) == pytest.approx(adjusted[shuffled])


@given(st.lists(st.floats(0, 0.2), min_size=2, max_size=8), st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_larger_p_value_never_lowers_an_adjusted_one(p_values, data):
    i = data.draw(st.integers(0, len(p_values) - 1))
    larger = list(p_values)
    larger[i] += 0.05
    assert (holm(larger) >= holm(p_values) - 1e-15).all()


def test_holm_keeps_the_family_error():
    p = np.random.default_rng(2).uniform(size=(4000, 6))
    assert np.mean([holm(row).min() < 0.05 for row in p]) <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / 4000)
    assert np.mean(p.min(axis=1) < 0.05) > 0.2  # what happens without


@pytest.mark.parametrize(
    "test", [one_sided_t, lambda values: tost(values, 0.0, 1.0), lambda v: paired(v, [0.0] * len(v))]
)
@pytest.mark.parametrize(
    ("values", "says"),
    [([1.0], "at least 2 values"), ([0.5, 0.5, 0.5], "no variance"), ([1.0, float("nan")], "NaN")],
)
def test_degenerate_samples_are_refused_in_one_line(test, values, says):
    with pytest.raises(DegenerateSample, match=says) as caught:
        test(values)
    assert "\n" not in str(caught.value)


def test_other_mistakes_are_refused():
    with pytest.raises(ValueError, match="same seeds in both, got 3 and 2"):
        paired([1.0, 2.0, 3.0], [1.0, 2.0])
    for tolerance in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="positive tolerance"):
            tost([1.0, 2.0], 0.0, tolerance)
    for p_values in ([0.1, 1.1], [-0.1], [math.nan]):
        with pytest.raises(ValueError, match=r"lie in \[0, 1\]"):
            holm(p_values)
    with pytest.raises(ValueError, match="1-D"):
        holm([[0.1]])
    with pytest.raises(DegenerateSample, match="at least 2"):
        sign_test([1.0])
