"""The checks that every sample passes, each with an input that it refuses."""

import subprocess
import sys

import numpy as np
import pytest

from replications.statistics.results import (
    DegenerateSample,
    Interval,
    constant,
    level_between,
    mean_and_deviation,
    sample,
    varied,
)


@pytest.mark.parametrize(
    ("values", "least", "says"),
    [
        ([], 2, "needs at least 2 values, has 0"),
        ([1.0], 2, "needs at least 2 values, has 1"),
        ([1.0, float("nan")], 2, "1 NaN or infinite"),
        ([1.0, float("inf"), float("-inf")], 2, "2 NaN or infinite"),
        ([[1.0, 2.0]], 2, r"1-D array, got shape \(1, 2\)"),
        (3.0, 1, r"1-D array, got shape \(\)"),
    ],
)
def test_bad_samples_are_refused_in_one_line(values, least, says):
    with pytest.raises(ValueError, match=says) as caught:
        sample(values, least)
    assert "\n" not in str(caught.value)


def test_a_good_sample_comes_back_as_float64():
    array = sample(np.array([1, 2], dtype=np.int32))
    assert array.dtype == np.float64
    assert array.tolist() == [1.0, 2.0]


def test_no_variance_is_refused_and_says_what_to_do():
    with pytest.raises(DegenerateSample, match=r"no variance.*use sign_test"):
        varied([0.5, 0.5, 0.5])


def test_rounding_is_no_variance_but_a_small_spread_is():
    equal_in_exact_arithmetic = np.array([0.93, 0.95, 0.97]) - np.array([0.83, 0.85, 0.87])
    assert np.ptp(equal_in_exact_arithmetic) > 0
    assert constant(equal_in_exact_arithmetic)
    assert not constant(np.array([1.0, 1.0 + 1e-9]))
    assert constant(np.zeros(3))


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 95, float("nan")])
def test_levels_are_probabilities(level):
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        level_between(level)


def test_interval_contains_its_ends_and_nothing_outside():
    interval = Interval(-1.0, 2.0, 0.95)
    assert interval.width == 3.0
    assert all(value in interval for value in (-1.0, 0.0, 2.0))
    assert not any(value in interval for value in (-1.1, 2.1))


def test_importing_the_package_does_not_import_scipy():
    code = "import sys, replications.statistics; print([name for name in sys.modules if name.startswith('scipy')])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_a_mean_is_told_with_its_deviation_where_there_are_several_seeds_and_none_diverged():
    assert mean_and_deviation([1.0, 2.0, 3.0]) == "2.0 ± 1.0"
    assert mean_and_deviation([1.0, 2.0, 3.0], deviation=False) == "2.0"
    assert mean_and_deviation([1.26]) == "1.3"
    assert mean_and_deviation([1.0, float("nan")]) is None
