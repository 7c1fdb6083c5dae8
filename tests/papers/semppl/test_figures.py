"""Every figure and table shows what the records hold, at the smoke profile and at the laptop's."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace

import pytest

from replications.papers.semppl import figures
from replications.papers.semppl.claims import gain
from replications.papers.semppl.exact import METRICS as EXACT
from replications.papers.semppl.study import STUDY
from replications.study import Curve, Records
from replications.study.testing import fake_records

TRAINED = tuple(arm for arm in STUDY.plan("laptop").conditions if arm != "algebra")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("replications.figures.drawing.build_folder", lambda: tmp_path)
    return tmp_path / "figures"


def made(arms: Sequence[str] = TRAINED, seeds: int = 3, profile: str = "laptop") -> Records:
    scalars: dict = {}
    curves: dict = {}
    for place, arm in enumerate(arms):
        values = {"linear_1": 0.3 + place / 100, "linear_10": 0.4, "linear": 0.5, "pseudo": 0.45, "purity": 0.44}
        values |= {"entropy": 0.97, "pseudo_random": 0.2}
        values |= {"linear_1_random": 0.2, "linear_10_random": 0.25, "linear_random": 0.3}
        scalars[arm] = {name: [value + s / 100 for s in range(seeds)] for name, value in values.items()}
        curves[arm] = {
            name: [Curve([0.0, 1.0, 2.0], [0.2, 0.3, 0.4 + place / 100], "epoch", name)] * seeds
            for name in ("pseudo", "entropy")
        }
    scalars["algebra"] = {name: [0.0] * (seeds - 1) + [1e-15] for name in EXACT}
    config = {"size": 16, "encoder": "tiny", "epochs": 5.0}
    fakes = fake_records(scalars, profile=profile, curves=curves)
    return Records(profile, [replace(r, config=config, cost=replace(r.cost, samples=249_600)) for r in fakes])


SMOKE = ("semppl", "alpha_0", "byol_semppl")


def drawn(folder, name: str) -> dict:
    """The data behind a figure; its picture must be there and well formed."""
    assert ET.fromstring((folder / f"{name}.svg").read_text()).tag.endswith("svg")
    return json.loads((folder / f"{name}.json").read_text())


def test_the_arms_have_a_row_each_and_a_point_a_seed(folder):
    figures.arms(made())
    one, ten = drawn(folder, "semppl-arms")["axes"]
    assert list(one["y"]["ticks"]) == list(figures.ONE.values())
    assert list(ten["y"]["ticks"]) == list(figures.TEN.values())
    points = [series for series in one["series"] if len(series["x"]) == 3]
    assert len(points) == len(figures.ONE)
    assert points[1]["x"] == pytest.approx([30, 31, 32])  # SemPPL
    untrained = next(series for series in one["series"] if series["label"] == "untrained encoder")
    assert untrained["x"] == pytest.approx([21, 21])


def test_pseudo_labels_are_drawn_over_training(folder):
    figures.labels(made())
    accuracy, entropy = drawn(folder, "semppl-labels")["axes"]
    lines = {s["label"]: s for s in accuracy["series"] if s["kind"] == "line"}
    assert {"SemPPL", "α = 0", "SemPPL, 10 % of labels"} <= set(lines)
    assert lines["SemPPL"]["y"] == pytest.approx([0.2, 0.3, 0.4])
    assert entropy["y"]["label"] == "entropy / log 10"


@pytest.mark.parametrize("draw", [figures.arms, figures.labels])
def test_the_smoke_profile_draws_with_one_seed_and_few_arms(folder, draw):
    draw(made(SMOKE, seeds=1, profile="smoke"))
    assert len(list(folder.glob("*.svg"))) == len(list(folder.glob("*.json"))) == 1


def test_the_table_has_a_row_an_arm_and_the_sweep_one_a_constant():
    rows = figures.table(made())
    assert [row["arm"] for row in rows] == ["untrained encoder", *figures.TITLES.values()]
    assert rows[2]["1 % labels"] == "31.0 ± 1.0"
    assert len({tuple(row) for row in rows}) == 1  # the same columns
    assert [row["arm"] for row in figures.sweep(made())] == list(figures.SWEEP.values())
    few = figures.table(made(SMOKE, seeds=1, profile="smoke"))
    assert [row["arm"] for row in few] == ["untrained encoder", "SemPPL", "α = 0", "BYOL + semantic"]
    assert few[1]["1 % labels"] == "30.0"
    assert figures.sweep(made(SMOKE)) == []


def test_every_trained_condition_of_the_laptop_has_a_title():
    assert set(figures.TITLES) | set(figures.SWEEP) == {name for name in TRAINED if not name.startswith("tune_")}


def test_exact_facts_are_shown_with_their_largest_error():
    rows = figures.exact(made(SMOKE))
    assert len(rows) == len(EXACT)
    assert {row["largest"] for row in rows} == {"1.0e-15"}


def test_the_scale_says_profile_size_images_and_seeds():
    assert figures.scale(made()) == (
        "profile laptop: CIFAR-10 at 16 pixels, tiny encoder, 249,600 images seen in 5 epochs, 3 seeds"
    )
    assert figures.scale(made(SMOKE, seeds=1, profile="smoke")).endswith("1 seed")


def test_differences_are_told_in_points_or_as_not_run():
    assert figures.said(made(), gain("alpha_0", "semppl"), "alpha_0", "semppl") == "+1.0"
    assert figures.said(made(SMOKE, 1, "smoke"), gain("oracle"), "oracle") == "(not run at profile smoke)"
