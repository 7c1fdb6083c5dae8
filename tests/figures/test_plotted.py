"""The data read back from a figure equal the data that went in."""

import json

import numpy as np
import pytest
from matplotlib.figure import Figure

from replications.figures.plotted import plotted


@pytest.fixture
def ax():
    return Figure().subplots()


def read(ax):
    """Through JSON and back, as a reader of the file does."""
    (axes,) = json.loads(json.dumps(plotted(ax.figure), allow_nan=False))
    return axes


def test_lines_are_exact(ax):
    x, y = np.linspace(0, 1, 7), np.random.default_rng(0).normal(size=7)
    ax.plot(x, y, label="full")
    ax.plot([1, 2], [3.0, np.nan])
    named, other = read(ax)["series"]
    assert named == {"kind": "line", "label": "full", "x": x.tolist(), "y": y.tolist()}
    assert other == {"kind": "line", "label": "", "x": [1, 2], "y": [3.0, None]}


def test_axes_say_what_they_measure(ax):
    ax.set(title="Collapse", xlabel="step", ylabel="loss", yscale="log")
    found = read(ax)
    assert found["title"] == "Collapse"
    assert found["x"] == {"label": "step", "scale": "linear"}
    assert found["y"] == {"label": "loss", "scale": "log"}


def test_bars_with_names_and_error_bars(ax):
    ax.bar(["full", "none"], [0.7, 0.1], yerr=[0.1, 0.05], label="kNN")
    found = read(ax)
    bars, errors = found["series"]
    assert bars == {"kind": "bars", "label": "kNN", "x": [0.0, 1.0], "y": [0.7, 0.1], "base": [0, 0]}
    assert found["x"]["ticks"] == {"full": 0, "none": 1}
    assert errors["kind"] == "segments"
    assert np.ravel(errors["y"]) == pytest.approx([0.6, 0.8, 0.05, 0.15])


def test_bars_across_and_ticks_set_by_hand(ax):
    ax.barh([0, 1], [3.0, 4.0], left=1.0)
    ax.set_yticks([0, 1], ["a", "b"])
    found = read(ax)
    assert found["series"][0] == {"kind": "bars", "label": "", "x": [3.0, 4.0], "y": [0.0, 1.0], "base": [1.0, 1.0]}
    assert found["y"]["ticks"] == {"a": 0, "b": 1}


def test_error_bars_keep_their_label(ax):
    ax.errorbar([0, 1], [2.0, 3.0], yerr=0.5, label="ours")
    line = next(series for series in read(ax)["series"] if series["kind"] == "line")
    assert (line["label"], line["y"]) == ("ours", [2.0, 3.0])


def test_points_with_values(ax):
    ax.scatter([1.0, 2.0], [3.0, np.nan], c=[0.1, 0.9], label="seeds")
    assert read(ax)["series"] == [
        {"kind": "points", "label": "seeds", "x": [1.0, None], "y": [3.0, None], "value": [0.1, None]}  # not drawn
    ]


def test_area_between_two_curves(ax):
    ax.fill_between([0.0, 1.0, 2.0], [0.0, 1.0, 2.0], [1.0, 3.0, 5.0])
    (area,) = read(ax)["series"]
    corners = set(zip(area["x"][0], area["y"][0]))
    assert area["kind"] == "area"
    assert corners == {(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (0.0, 1.0), (1.0, 3.0), (2.0, 5.0)}


def test_images_meshes_stairs_and_shapes(ax):
    values = np.arange(6.0).reshape(2, 3)
    ax.imshow(values, extent=(0, 3, 0, 2))
    ax.pcolormesh([0, 1, 2, 3], [0, 1, 2], values)
    ax.stairs([1.0, 2.0], [0.0, 1.0, 2.0])
    ax.axvspan(0.5, 1.5)
    found = {series["kind"]: series for series in read(ax)["series"]}
    assert found["image"]["value"] == values.tolist()
    assert found["image"]["extent"] == [0, 3, 0, 2]
    assert found["mesh"]["value"] == values.tolist()
    assert (found["mesh"]["x"], found["mesh"]["y"]) == ([0, 1, 2, 3], [0, 1, 2])
    assert (found["stairs"]["x"], found["stairs"]["y"]) == ([0.0, 1.0, 2.0], [1.0, 2.0])
    assert set(found["shape"]["x"]) == {0.5, 1.5}


def test_colour_bars_are_not_data():
    fig = Figure()
    ax = fig.subplots()
    fig.colorbar(ax.imshow(np.eye(2)), ax=ax)
    assert len(fig.axes) == 2
    assert len(plotted(fig)) == 1
