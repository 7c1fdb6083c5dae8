"""The settings are ones that matplotlib knows, and give text and axes the ink."""

import matplotlib
import pytest
from matplotlib.colors import to_hex

from replications.figures.colors import DARK, LIGHT, contrast, palette
from replications.figures.style import INK, settings


def test_matplotlib_accepts_every_setting():
    with matplotlib.rc_context(settings("salt")):
        assert matplotlib.rcParams["svg.hashsalt"] == "salt"
        assert [style["color"] for style in matplotlib.rcParams["axes.prop_cycle"]] == list(palette)


@pytest.mark.parametrize("name", ["text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor", "xtick.color"])
def test_text_and_axes_are_ink(name):
    assert settings("")[name] == INK == to_hex(INK)


def test_ink_prints_on_the_white_card_and_is_nobody_elses_colour():
    assert contrast(INK, LIGHT) > 7
    assert INK not in palette
    assert INK not in (LIGHT, DARK, "#000000")
