import pytest
from hypothesis import given
from hypothesis import strategies as st

from replications.study import Curve


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=1000))
def test_thinning_keeps_the_ends_and_the_limit(values):
    curve = Curve.thin(range(len(values)), values, "step", "loss")
    assert len(curve.x) == min(len(values), 200)
    assert (curve.y[0], curve.y[-1]) == (values[0], values[-1])
    assert all(values[int(x)] == y for x, y in zip(curve.x, curve.y))


def test_an_empty_curve_is_a_curve():
    assert Curve.thin([], [], "step", "loss").y == []


def test_long_and_lopsided_curves_are_refused():
    with pytest.raises(ValueError, match="at most 200"):
        Curve(list(range(201)), list(range(201)), "", "")
    with pytest.raises(ValueError, match="as many x as y"):
        Curve([1], [1, 2], "", "")
