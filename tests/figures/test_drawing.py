"""`figure`: what it refuses, what it writes, and that it writes the same every time."""

import base64
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pytest
from PIL import Image

from replications.figures import band, figure, palette
from replications.figures.style import INK

X = np.linspace(0, 1, 20)
SEEDS = np.stack([X, 2 * X, 3 * X])  # (seeds, points)
HEX = re.compile(r"(?:fill|stroke): (#[0-9a-f]{6})")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("replications.figures.drawing.build_folder", lambda: tmp_path)
    return tmp_path / "figures"


def draw(name="test-figure", raster=False, alt="Two curves rise; the second rises faster."):
    with figure(alt, name=name, raster=raster) as fig:
        left, right = fig.subplots(1, 2)
        band(left, X, SEEDS, "full", palette[0])
        left.plot(X, X**2, label=r"$x^2$")
        left.set(xlabel=r"step $\tau$", ylabel="loss", title="Loss")
        left.axhline(0.5, color="black")
        left.legend()
        right.bar(["a", "b"], [1.0, 2.0], yerr=0.1)


@pytest.mark.parametrize("alt", ["", "  \n "])
def test_a_figure_without_alt_text_is_refused(folder, alt):
    with pytest.raises(ValueError, match="'test-figure' needs alt text"):
        draw(alt=alt)
    assert not folder.exists()


@pytest.mark.parametrize("name", ["", "Capital", "under_score", "a--b", "-a", "3d", "../up", "a b"])
def test_names_that_are_not_slugs_are_refused(name):
    with pytest.raises(ValueError, match="lower-case words joined by hyphens"):
        draw(name)


def test_the_svg_takes_the_colour_of_the_page(folder):
    draw()
    text = (folder / "test-figure.svg").read_text()
    assert text.count("currentColor") > 20
    assert set(HEX.findall(text)) <= set(palette)  # nothing black, white or ink: only data keep a colour
    assert INK not in text
    root = ET.fromstring(text)
    background = next(element for element in root.iter() if element.tag.endswith("path"))
    assert "fill: none" in background.get("style")


def test_the_svg_is_an_image_with_alt_text(folder):
    draw(alt='Loss < 1 & "falls".')
    root = ET.fromstring((folder / "test-figure.svg").read_text())
    assert root.get("role") == "img"
    assert root.get("aria-label") == root[0].text == 'Loss < 1 & "falls".'


def test_names_inside_are_unique_across_figures_and_resolve(folder):
    draw("one")
    draw("two")
    seen = []
    for name in ("one", "two"):
        text = (folder / f"{name}.svg").read_text()
        identities = re.findall(r' id="([^"]+)"', text)
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', text)) == set(identities)
        seen += identities
    assert len(seen) == len(set(seen)) > 10


@pytest.mark.parametrize(("raster", "ending"), [(False, "svg"), (True, "png")])
def test_the_same_bytes_every_time_whatever_the_readers_settings(folder, raster, ending):
    draw(raster=raster)
    first = [(folder / f"test-figure.{kind}").read_bytes() for kind in (ending, "json")]
    with matplotlib.rc_context({"font.size": 20, "axes.edgecolor": "red", "svg.fonttype": "none"}):
        draw(raster=raster)
    assert [(folder / f"test-figure.{kind}").read_bytes() for kind in (ending, "json")] == first
    assert b"date" not in first[0].lower()


def test_the_saved_data_are_the_plotted_data(folder):
    draw()
    saved = json.loads((folder / "test-figure.json").read_text())
    assert saved["name"] == "test-figure"
    assert saved["alt"].startswith("Two curves rise")
    left, right = saved["axes"]
    assert (left["title"], left["x"]["label"], left["y"]["label"]) == ("Loss", r"step $\tau$", "loss")
    mean, square = left["series"][:2]
    assert (mean["label"], mean["x"], mean["y"]) == ("full", X.tolist(), SEEDS.mean(axis=0).tolist())
    assert (square["label"], square["y"]) == ("$x^2$", (X**2).tolist())
    assert right["series"][0]["y"] == [1.0, 2.0]


@pytest.mark.parametrize("color", ["black", "white", "0.5", "tab:red"])
def test_a_text_with_a_colour_of_its_own_is_refused(folder, color):
    with (
        pytest.raises(ValueError, match=r"the text 'peak' has a colour of its own"),
        figure("A peak.", name="test-figure") as fig,
    ):
        fig.subplots().text(0, 0, "peak", color=color)
    assert not folder.exists()


def test_a_text_on_an_image_keeps_black_and_white(folder):
    with figure("Two cells.", name="test-figure") as fig:
        ax = fig.subplots()
        ax.imshow(np.eye(2))
        ax.text(0, 0, "1", color="black")
        ax.text(1, 0, "0", color="white")
    colors = set(HEX.findall((folder / "test-figure.svg").read_text()))
    assert {"#000001", "#ffffff"} <= colors


def test_an_error_while_drawing_passes_through_and_leaves_nothing(folder):
    before = dict(matplotlib.rcParams)
    with pytest.raises(ZeroDivisionError), figure("Nothing.", name="test-figure"):
        _ = 1 / 0
    assert not folder.exists()
    assert dict(matplotlib.rcParams) == before


def test_the_raster_is_an_opaque_light_card(folder):
    draw(raster=True)
    pixels = np.asarray(Image.open(folder / "test-figure.png").convert("RGBA"))
    assert pixels.shape[:2] == (576, 1344)  # 3 × 7 inches at 192 dots
    assert (pixels[..., 3] == 255).all()
    assert (pixels[0, 0, :3] == 255).all()
    assert not (folder / "test-figure.svg").exists()


@pytest.fixture
def shown():
    """What a notebook would be sent."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output
    from traitlets.config import Config

    InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    try:
        with capture_output() as captured:
            yield lambda: [output.data for output in captured.outputs]
    finally:
        InteractiveShell.clear_instance()


def test_a_notebook_shows_the_svg_with_its_data(shown, folder):
    draw()
    (data,) = shown()
    assert data["text/plain"] == "Two curves rise; the second rises faster."
    assert (folder / "test-figure.svg").read_text().strip() in data["text/html"]
    link = re.search(r'download="test-figure.json" href="data:application/json;base64,([^"]+)"', data["text/html"])
    assert json.loads(base64.b64decode(link[1])) == json.loads((folder / "test-figure.json").read_text())


def test_a_notebook_shows_the_raster_with_its_alt_text(shown):
    draw(raster=True)
    (data,) = shown()
    assert '<img src="data:image/png;base64,' in data["text/html"]
    assert 'alt="Two curves rise; the second rises faster."' in data["text/html"]


def test_large_data_are_saved_but_not_linked(shown, folder):
    with figure("Noise.", name="test-figure") as fig:
        fig.subplots().plot(np.random.default_rng(0).normal(size=3000))
    (data,) = shown()
    assert "download" not in data["text/html"]
    assert len(json.loads((folder / "test-figure.json").read_text())["axes"][0]["series"][0]["y"]) == 3000


def test_importing_the_package_does_not_import_matplotlib():
    code = "import sys, replications.figures; print({'matplotlib', 'torch', 'scipy', 'IPython'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        == "set()"
    )
