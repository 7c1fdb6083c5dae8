"""Effect sizes against a textbook, power against R, and both against simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replications.statistics import detectable_effect_size, effect_size, minimum_detectable_effect, one_sided_t, power
from replications.statistics.effects import unbiased


def with_moments(n, mean, deviation):
    """n values with exactly this mean and sample standard deviation."""
    values = np.arange(n, dtype=float)
    return mean + deviation * (values - values.mean()) / values.std(ddof=1)


def test_hedges_g_of_two_groups_in_the_textbook():
    # Borenstein, Hedges, Higgins, Rothstein (2009), chapter 4: means 103 and 100, deviations 5.5 and 4.5, n 50 and 50:
    # d = 0.5970, J = 0.9923, g = 0.5924.
    found = effect_size(with_moments(50, 103, 5.5), with_moments(50, 100, 4.5))
    assert found == pytest.approx(0.5924, abs=1e-4)


@pytest.mark.parametrize(("freedom", "closed"), [(2, 1 / math.sqrt(math.pi)), (4, math.sqrt(2 / math.pi))])
def test_bias_factor_in_closed_form(freedom, closed):
    # J(2) = Γ(1) / (√1 Γ(1/2)) = 1/√π; J(4) = Γ(2) / (√2 Γ(3/2)) = √(2/π).
    assert unbiased(freedom) == pytest.approx(closed, rel=1e-12)


@pytest.mark.parametrize("freedom", [10, 50, 300])
def test_bias_factor_near_hedges_approximation(freedom):
    assert unbiased(freedom) == pytest.approx(1 - 3 / (4 * freedom - 1), abs=4e-4)  # Hedges (1981), from ten degrees on


def test_hedges_g_is_unbiased_where_cohens_d_is_not():
    draws = np.random.default_rng(0).normal(0.8, 1.0, size=(40_000, 5))
    d = draws.mean(axis=1) / draws.std(axis=1, ddof=1)
    error = d.std() / math.sqrt(len(d))
    assert unbiased(4) * d.mean() == pytest.approx(0.8, abs=4 * error)
    assert d.mean() > 0.8 + 4 * error
    assert effect_size(draws[0]) == pytest.approx(unbiased(4) * d[0])


def test_two_values_have_no_unbiased_effect():
    assert math.isnan(effect_size([1.0, 2.0]))
    assert math.isnan(one_sided_t([1.0, 2.0]).effect)
    assert effect_size([1.0, 2.0], [0.0, 1.0]) == pytest.approx(math.sqrt(2) / math.sqrt(math.pi))


@given(
    st.lists(st.floats(-10, 10), min_size=3, max_size=9, unique=True).filter(lambda v: np.ptp(v) > 1e-3),
    st.floats(0.1, 9),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_effect_size_has_no_unit_and_a_sign(values, scale):
    array = np.array(values)
    assert effect_size(array * scale) == pytest.approx(effect_size(array), rel=1e-9, abs=1e-12)
    assert effect_size(-array) == pytest.approx(-effect_size(array), abs=1e-12)


@pytest.mark.parametrize(
    ("effect", "n", "expected"),
    [(1.0, 30, 0.999892010204909), (0.05, 20, 0.0764888785042198), (-0.2, 20, 0.006063932667926375)],
)
def test_power_against_r(effect, n, expected):
    # R: pwr.t.test(d = , n = , type = "one.sample", alternative = "greater"), as recorded in statsmodels' test_power.py
    # (the last from alternative = "less" with the sign turned).
    assert power(effect, n) == pytest.approx(expected, abs=1e-9)


def test_power_of_no_effect_is_the_level():
    assert power(0.0, 7) == pytest.approx(0.05)
    assert power(0.0, 7, alpha=0.2) == pytest.approx(0.2)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_detectable_effect_is_found_four_times_in_five(n):
    effect = detectable_effect_size(n)
    draws = np.random.default_rng(n).normal(effect, 1.0, size=(3000, n))
    found = np.mean([one_sided_t(row).p < 0.05 for row in draws])
    assert found == pytest.approx(0.8, abs=4 * math.sqrt(0.8 * 0.2 / 3000))


@given(n=st.integers(2, 60), chance=st.floats(0.3, 0.99))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_detectable_effect_inverts_power_and_falls_with_n(n, chance):
    effect = detectable_effect_size(n, chance)
    assert power(effect, n) == pytest.approx(chance, abs=1e-6)
    assert detectable_effect_size(n + 1, chance) < effect


def test_minimum_detectable_effect_is_in_the_unit_of_the_values_and_blind_to_their_mean():
    values = with_moments(5, 70.0, 0.4)
    found = minimum_detectable_effect(values)
    assert found == pytest.approx(0.4 * detectable_effect_size(5))
    assert minimum_detectable_effect(values - 70.0) == pytest.approx(found)
    assert minimum_detectable_effect(10 * values) == pytest.approx(10 * found)


def test_degenerate_inputs_are_refused():
    for function in (effect_size, minimum_detectable_effect):
        for values, says in (([1.0], "at least 2"), ([2.0, 2.0], "no variance"), ([1.0, math.nan], "NaN")):
            with pytest.raises(ValueError, match=says):
                function(values)
    with pytest.raises(ValueError, match="pooled sample has no variance"):
        effect_size([1.0, 1.0], [2.0, 2.0])
    with pytest.raises(ValueError, match="second sample needs at least 2"):
        effect_size([1.0, 2.0], [2.0])
    with pytest.raises(ValueError, match="at least two values"):
        power(1.0, 1)
    with pytest.raises(ValueError, match="must exceed the level"):
        detectable_effect_size(5, chance=0.05)
