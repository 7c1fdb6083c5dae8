"""Every figure draws what the records hold, at a full profile and where a small one lacks conditions."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from replications.figures import drawing
from replications.papers.emergent_in_context_learning import figures
from replications.papers.emergent_in_context_learning.study import LAPTOP, bench
from replications.papers.emergent_in_context_learning.training import train
from replications.study import Context, Curve
from replications.study.testing import fake_records

NAMES = {
    "curves": "eicl-curves",
    "tradeoff": "eicl-tradeoff",
    "zipf": "eicl-zipf",
    "recurrence": "eicl-architectures",
    "transience": "eicl-transience",
    "head": "eicl-head",
    "drawings": "eicl-images",
}
TINY = replace(LAPTOP, classes=64, labels=8, steps=6, batch=8, look=3, probe=40, final=60)


@pytest.fixture(scope="module")
def outcome():
    return train(TINY, Context(0, torch.device("cpu")))


def records_of(outcome, conditions):
    """The outcome of one tiny run under the names of many conditions, two seeds each."""
    scalars = {name: {m: [v, v] for m, v in outcome.scalars.items()} for name in conditions}
    curves = {name: {c: [curve, curve] for c, curve in outcome.curves.items()} for name in conditions}
    arrays = {name: {a: [v, v] for a, v in outcome.arrays.items()} for name in conditions}
    return fake_records(scalars, curves=curves, arrays=arrays)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "build_folder", lambda: tmp_path)
    return tmp_path / "figures"


def drawn(folder, name):
    return json.loads((folder / f"{NAMES[name]}.json").read_text())["axes"]


@pytest.mark.parametrize("name", NAMES)
def test_each_figure_draws_a_full_profile(name, outcome, folder):
    getattr(figures, name)(records_of(outcome, [*bench(LAPTOP), "image-bursty-0", "image-bursty-1"]))
    assert all(ax["x"]["label"] or name == "curves" for ax in drawn(folder, name))
    assert all(ax["series"] for ax in drawn(folder, name))


@pytest.mark.parametrize("name", NAMES)
def test_each_figure_draws_a_profile_that_lacks_most_conditions(name, outcome, folder):
    getattr(figures, name)(records_of(outcome, ["bursty-0", "bursty-1", "lstm-0.001", "image-bursty-1"]))
    assert (folder / f"{NAMES[name]}.svg").exists()


def test_curves_show_both_abilities_of_every_condition(outcome, folder):
    figures.curves(records_of(outcome, bench(LAPTOP)))
    axes = drawn(folder, "curves")
    assert len(axes) == 8
    labels = {s["label"] for s in axes[1]["series"]} - {""}
    assert labels == {"p = 0", "p = 0.5", "p = 0.9", "p = 1"}
    first = next(s for s in axes[0]["series"] if s["label"] == "p = 0")
    assert first["y"] == pytest.approx(list(outcome.curves["ic"].y))


def test_zipf_shows_the_smaller_of_both_abilities(folder):
    scalars = {
        f"zipf-{a}": {"ic": [ic, ic], "iw_top": [top, top], "iw_rest": [0.0, 0.0]}
        for a, ic, top in (("0", 1.0, 0.1), ("1", 0.9, 0.8), ("2", 0.2, 1.0))
    }
    figures.zipf(fake_records(scalars))
    series = {s["label"]: s for s in drawn(folder, "zipf")[0]["series"]}
    assert series["smaller of the first two"]["y"] == pytest.approx([0.1, 0.8, 0.2])
    assert series["smaller of the first two"]["x"] == [0.0, 1.0, 2.0]


def test_pairs_of_the_querys_class_move_to_the_left():
    second = np.arange(5.0)[None]  # two pairs and the query
    moved = figures._sorted(second, np.array([[0.0, 1.0]]))
    assert moved.tolist() == [[2.0, 3.0, 0.0, 1.0, 4.0]]


def test_the_loss_before_the_first_step_is_not_drawn(folder):
    def curve(values):
        return [Curve([0.0, 1.0, 2.0], values, "step", "")] * 2

    curves = {"long": {"ic": curve([0, 1, 1]), "iw": curve([0, 0, 1]), "loss": curve([0, 3, 2])}}
    figures.transience(fake_records({"long": {"ic": [1.0, 1.0]}}, curves=curves))
    loss = next(s for s in drawn(folder, "transience")[2]["series"] if s["label"] == "no decay")
    assert loss["y"] == [3.0, 2.0]


def test_rows_hold_means_of_what_was_recorded():
    records = fake_records({"a": {"ic": [0.2, 0.4]}})
    assert figures.rows(records, ["a", "b"], ["ic"]) == [{"condition": "a", "ic": 0.3, "seeds": 2}]
