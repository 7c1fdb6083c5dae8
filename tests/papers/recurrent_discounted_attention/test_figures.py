"""Figures and tables draw the committed records, and show what they hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from replications.figures import drawing
from replications.papers.recurrent_discounted_attention import figures
from replications.papers.recurrent_discounted_attention.study import OUTPUTS, STUDY, UNITS
from replications.study import Records, Store
from replications.study.testing import fake_records


@pytest.fixture(scope="module")
def records() -> Records:
    return Records("laptop", Store().recorded(STUDY, "laptop"))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    monkeypatch.setattr(drawing, "build_folder", lambda: tmp_path)

    def read(name: str) -> dict[str, Any]:
        assert ElementTree.parse(tmp_path / "figures" / f"{name}.svg").getroot().tag.endswith("svg")
        data: dict[str, Any] = json.loads((tmp_path / "figures" / f"{name}.json").read_text())
        return data

    return read


@pytest.mark.parametrize("task", ["multicopy", "copy", "addition", "length", "mnist"])
def test_every_unit_is_a_line_a_seed_and_the_plateau_is_marked(records, drawn, task):
    getattr(figures, task)(records)
    data = drawn(f"rda-{task}")
    series = [s for axes in data["axes"] for s in axes["series"]]
    assert set(figures.LABELS.values()) <= {s["label"] for s in series}
    plateaus = {s["label"] for s in data["axes"][0]["series"] if s["label"].startswith("plateau")}
    assert len(plateaus) == 1
    assert plateaus.pop() in data["alt"]


def test_the_plateau_of_a_copy_is_the_one_of_its_length(records, drawn):
    figures.copy(records)
    (plateau,) = [s for s in drawn("rda-copy")["axes"][0]["series"] if s["label"].startswith("plateau")]
    assert plateau["label"] == "plateau 5 ln(7)/20"
    assert plateau["y"][0] == pytest.approx(5 * np.log(7) / 20)


def test_characters_stand_against_updates_and_seconds(records, drawn):
    figures.characters(records)
    left, right = drawn("rda-characters")["axes"]
    assert left["x"]["label"] == "update"
    assert right["x"]["label"] == "CPU seconds"
    assert len([s for s in left["series"] if s["label"]]) == len(UNITS)


def test_the_lemma_is_drawn_with_the_growth_that_it_needs(records, drawn):
    figures.lemma(records)
    left, right = drawn("rda-lemma")["axes"]
    assert "Lemma 1" in {s["label"] for s in left["series"]}
    assert right["series"]


def test_a_median_says_how_many_seeds_got_there():
    found = fake_records(
        {
            "all": {"steps_0.9": [100, 300, 200], "steps": [500] * 3},
            "some": {"steps_0.9": [100, 300, np.inf], "steps": [500] * 3},
            "few": {"steps_0.9": [100, np.inf, np.inf], "steps": [500, 400, 450]},
            "none": {"steps_0.9": [np.inf] * 3, "steps": [500, 400, 450]},
        }
    )
    shown = [figures.median_steps(found, name, "steps_0.9") for name in ("all", "some", "few", "none")]
    assert shown == ["200", "300 (2 of 3 seeds)", "> 400 (1 of 3 seeds)", "> 400"]


def test_tables_have_a_row_a_unit_with_the_papers_numbers(records):
    rows = figures.step_rows(records, "multicopy", ("0.9", "0.99"), ("final_answers",))
    assert [row["unit"] for row in rows] == [figures.LABELS[unit] for unit in UNITS]
    assert [row["paper"] for row in rows] == list(figures.PAPER["multicopy"].values())
    assert all(0 <= float(row["final answers"]) <= 1 for row in rows)
    assert len(figures.start_rows(records)) == len(figures.character_rows(records)) == len(UNITS)
    assert all(float(row["test"]) > 1 for row in figures.character_rows(records))


def test_the_ablation_has_a_row_for_every_attention_and_output(records):
    rows = figures.ablation_rows(records)
    assert len(rows) == 4 * len(OUTPUTS)
    assert all(row["NaN"].endswith(" of 3") for row in rows)


def test_linear_shares_are_shares(records):
    for row in figures.linear_rows(records):
        assert all(0 <= float(value) <= 1 for name, value in row.items() if name != "task")
