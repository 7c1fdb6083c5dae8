"""The slider's page: well formed, with all frames, without anything from outside."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from replications.papers.wasserstein_rl.animation import BASE, TOP, area, density
from replications.study.testing import fake_records


def records(seeds=1):
    actions = np.linspace(-2.2, 2.2, 41)
    hump = np.exp(-8 * (actions - 0.9) ** 2)
    frames = np.stack([np.exp(-8 * (actions + 0.9) ** 2), hump, 2 * hump])
    arrays = {
        "frames": frames,
        "gibbs": hump,
        "actions": actions,
        "reward": -((actions**2 - 1) ** 2) / 4 + 0.1 * actions,
    }
    arrays["times"] = np.array([0.0, 0.5, 30.0])
    return fake_records(
        {"wells": {"order": [1.0] * seeds}}, arrays={"wells": {n: [a] * seeds for n, a in arrays.items()}}
    )


def test_the_page_is_well_formed_and_has_every_frame():
    html = density(records())._repr_html_()
    tree = ElementTree.fromstring(html.split("<script>")[0] + "</div>")
    assert tree.find(".//input").get("max") == "2"
    heights = json.loads(re.search(r"frames = (\[\[.*?\]\])", html)[1])
    assert len(heights) == 3
    assert max(map(max, heights)) == TOP
    assert tree.find(".//path[@class='wrl-now']").get("d") == area(heights[0])
    assert json.loads(re.search(r"times = (\[.*?\])", html)[1]) == ["0.00", "0.50", "30.00"]
    assert "better action, 1.1," in tree.find("svg").get("aria-label")


def test_the_page_asks_nothing_of_a_network():
    html = density(records()).html
    assert not re.search(r"https?:|src=|import|fetch\(|url\(", html)
    assert "$" not in html


def test_a_terminal_shows_the_alt_text():
    assert repr(density(records())).startswith("A policy density starts")


def test_an_area_stands_on_its_base_line():
    assert area([0, 10]) == f"M0 {BASE} L0.0 {BASE}L640.0 {BASE - 10}L640 {BASE} Z"


def test_an_unknown_bandit_is_named():
    with pytest.raises(ValueError, match="bandit 3 is not recorded: choose 0 to 1"):
        density(records(seeds=2), seed=3)
