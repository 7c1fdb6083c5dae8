"""What happens to matplotlib's SVG on its way into a page."""

import xml.etree.ElementTree as ET

import pytest

from replications.figures.style import INK
from replications.figures.svg import inline

DRAWN = f"""<?xml version="1.0" encoding="utf-8" standalone="no"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="72pt" height="36pt" viewBox="0 0 72 36" xmlns="http://www.w3.org/2000/svg" version="1.1">
 <metadata><date>today</date></metadata>
 <defs>
  <style type="text/css">*{{stroke-linejoin: round; stroke-linecap: butt}}</style>
 </defs>
 <g id="figure_1">
  <!-- a label -->
  <path d="M 1.23456 7.0
L 10.999999 -0.001 " clip-path="url(#p12)" style="fill: none; stroke: {INK}; stroke-width: 0.8"/>
  <path d="M 0 0" style="stroke: #000000; fill: #0072b2"/>
  <use xlink:href="#m34" x="1.23456" y="2.5" style="fill: #000001; stroke: #ffffff"/>
 </g>
 <defs><clipPath id="p12"><rect x="0.125" y="0" width="1" height="1"/></clipPath><path id="m34" d="M 1e-7 0"/></defs>
</svg>
"""


def test_colours_follow_the_page_and_data_colours_stay():
    text = inline(DRAWN, "one", "alt")
    assert text.count("stroke: currentColor") == 2
    assert INK not in text
    assert "#000000" not in text
    assert "fill: #0072b2" in text
    assert "fill: #000001; stroke: #ffffff" in text


def test_names_carry_the_figures_name_and_unused_ones_go():
    text = inline(DRAWN, "one", "alt")
    assert 'clip-path="url(#one-0)"' in text
    assert 'id="one-0"' in text
    assert 'href="#one-1"' in text
    assert "figure_1" not in text
    assert 'id="two-0"' in inline(DRAWN, "two", "alt")


def test_nothing_leaks_into_the_page():
    text = inline(DRAWN, "one", "alt")
    for part in ("<style", "<metadata", "<?xml", "<!DOCTYPE", "<!--", "today"):
        assert part not in text
    assert text.startswith("<svg ")


def test_alt_text_is_escaped_and_said_twice():
    root = ET.fromstring(inline(DRAWN, "one", 'a "quoted" <b> & c'))
    assert root.get("aria-label") == 'a "quoted" <b> & c'
    assert root.get("role") == "img"
    assert root[0].tag.endswith("title")
    assert root[0].text == 'a "quoted" <b> & c'


def test_coordinates_are_rounded_to_hundredths():
    text = inline(DRAWN, "one", "alt")
    assert 'd="M 1.23 7 L 11 -0"' in text
    assert 'x="1.23" y="2.5"' in text
    assert "stroke-width: 0.8" in text


def test_another_programs_svg_is_refused():
    with pytest.raises(ValueError, match="not an SVG that matplotlib wrote"):
        inline("<svg></svg>", "one", "alt")
