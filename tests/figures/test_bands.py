"""A band is the mean and the t interval over seeds, point by point."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from replications.figures import band, palette
from replications.statistics import t_interval

X = np.arange(40.0)
YS = np.random.default_rng(0).normal(size=(5, 40)) + X  # (seeds, points)


@pytest.fixture
def ax():
    return Figure().subplots()


def test_line_is_the_mean_and_area_the_interval(ax):
    line = band(ax, X, YS, "full", palette[0], level=0.9)
    assert line.get_ydata() == pytest.approx(YS.mean(axis=0))
    assert line.get_label() == "full"
    (area,) = ax.collections
    corners = area.get_paths()[0].vertices
    for i in (0, 17, 39):
        interval = t_interval(YS[:, i], 0.9)
        at = corners[corners[:, 0] == X[i], 1]
        assert (at.min(), at.max()) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("ys", [YS[:1], YS[0]])
def test_one_seed_has_no_interval(ax, ys):
    assert band(ax, X, ys, "alone").get_ydata() == pytest.approx(YS[0])
    assert not ax.collections


def test_seeds_that_agree_are_drawn(ax):
    band(ax, X, np.ones((3, 40)), "constant")
    assert len(ax.collections) == 1


def test_lines_differ_in_colour_dash_and_marker(ax):
    lines = [band(ax, X, YS + i, f"condition {i}") for i in range(len(palette))]
    assert [to_hex(line.get_color()) for line in lines] == list(palette)
    assert len({str(line._dash_pattern) for line in lines}) == len(palette)
    assert len({line.get_marker() for line in lines}) == len(palette)
    assert len({line.get_markevery() for line in lines}) > 1


def test_a_colour_brings_the_same_dash_and_marker_in_every_figure(ax):
    other = Figure().subplots()
    one, two, three = band(ax, X, YS, "a", palette[2]), band(other, X, YS, "b", 2), band(other, X, YS, "c", "#123456")
    assert one.get_marker() == two.get_marker() != three.get_marker()
    assert to_hex(three.get_color()) == "#123456"


def test_bad_curves_are_refused(ax):
    with pytest.raises(ValueError, match=r"ys must be \(seeds, 40 points\), got \(5, 39\)"):
        band(ax, X, YS[:, :-1], "full")
    with pytest.raises(ValueError, match="2 value"):
        band(ax, X, np.where(X < 2, np.nan, X)[None], "full")
    with pytest.raises(ValueError, match="ys must be"):
        band(ax, [], np.empty((3, 0)), "full")
