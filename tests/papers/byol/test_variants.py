"""Figures and tables of the variants, with and without their records."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from replications.papers.byol import figures, variants
from replications.papers.byol.study import STUDY
from replications.study import Curve, Records
from replications.study.testing import fake_records

LAPTOP = STUDY.plan("laptop").conditions
SHORTS = [name for name in LAPTOP if name not in figures.TITLES]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("replications.figures.drawing.build_folder", lambda: tmp_path)
    return tmp_path / "figures"


def made(names: Sequence[str] = tuple(SHORTS), seeds: int = 3, profile: str = "laptop") -> Records:
    """Records of the variants: kNN falls by a point from one to the next, seeds a tenth of a point apart."""
    scalars: dict = {}
    for place, name in enumerate(names):
        values = {"knn": 0.5 - place / 100, "std": 0.8, "linear": 0.5, "linear_1": 0.3, "linear_10": 0.4}
        values |= {"linear_random": 0.2, "linear_1_random": 0.1, "linear_10_random": 0.15}
        if name == "equilibrium":
            values = {metric: -0.05 if metric == "constant_curvature" else 1e-16 for metric in STUDY.metrics}
        scalars[name] = {metric: [value + seed / 1000 for seed in range(seeds)] for metric, value in values.items()}
    curves = {
        name: {
            "weight_norm": [Curve([0, 1, 2], [30.0, 31, 32], "epoch", "") for _ in range(seeds)],
            "projection_norm": [Curve([0, 1, 2], [5.0, 50, 500], "epoch", "") for _ in range(seeds)],
        }
        for name in names
        if name in (*variants.DECAY, "loss_none")
    }
    fakes = fake_records(scalars, profile=profile, curves=curves)
    return Records(profile, [replace(r, config={"epochs": 3.0}, cost=replace(r.cost, samples=149_760)) for r in fakes])


def drawn(folder, name: str) -> dict:
    assert ET.fromstring((folder / f"{name}.svg").read_text()).tag.endswith("svg")
    return json.loads((folder / f"{name}.json").read_text())


def test_robustness_has_ours_above_the_papers_where_recorded(folder):
    records = made()
    variants.robustness(records)
    data = drawn(folder, "byol-robustness")
    assert len(data["axes"]) == 4
    batch = {series["label"]: series["y"] for series in data["axes"][0]["series"] if series["label"]}
    lost = 100 * (records.scalars("watch", "knn") - records.scalars("batch_64", "knn")).mean()
    assert batch["BYOL"] == pytest.approx([0, lost])
    lost = 100 * (records.scalars("simclr", "knn") - records.scalars("simclr_batch_64", "knn")).mean()
    assert batch["SimCLR's form"] == pytest.approx([0, lost])
    views = {series["label"]: series["y"] for series in data["axes"][3]["series"] if series["label"]}
    assert views["BYOL"] == pytest.approx([0, 2.2, 9.1, 11.4, 13.1])
    assert views["SimCLR's form"] == pytest.approx([0, 6, 22.2, 26.2, 27.6])


@pytest.mark.parametrize("names", [["full"], ["watch", "simclr", "batch_64"]])
def test_robustness_shows_the_paper_alone_before_all_arms_are_recorded(folder, names):
    variants.robustness(made(names))
    data = drawn(folder, "byol-robustness")
    assert len(data["axes"]) == 2
    assert "ours" not in data["alt"]


def test_the_table_has_every_variant_with_its_change_and_the_papers():
    rows = {row["variant"]: row for row in variants.table(made())}
    assert len(rows) == len(variants.BASES) + len(variants.VARIANTS)
    records = made()
    change = 100 * (records.scalars("negatives", "knn") - records.scalars("watch", "knn"))
    assert rows["negatives added, α = 0.1"]["change, points"].startswith(f"{change.mean():.1f} ±")
    assert rows["negatives added, α = 0.1"]["paper, change"] == -1.6
    assert rows["τ = 0, λ = 10"]["paper, change"] == 61.1
    assert rows["BYOL"]["kNN %"] == f"{100 * records.scalars('watch', 'knn').mean():.1f}"
    assert rows["BYOL"]["change, points"] is None


def test_the_table_says_what_is_not_recorded_and_what_diverged():
    rows = {row["variant"]: row for row in variants.table(made(["watch", "negatives"]))}
    assert rows["τ = 0, λ = 10"]["kNN %"] is None
    assert rows["τ = 0, λ = 10"]["seeds"] == 0
    assert rows["negatives added, α = 0.1"]["seeds"] == 3
    broken = fake_records({"watch": {"knn": [0.5], "std": [0.8]}, "loss_none": {"knn": [np.nan], "std": [np.nan]}})
    rows = {row["variant"]: row for row in variants.table(broken)}
    gone = rows["no normalisation in the loss"]
    assert (gone["kNN %"], gone["change, points"], gone["spread"], gone["seeds"]) == (None, None, None, 1)


def test_norms_draw_every_arm_that_is_recorded(folder):
    variants.norms(made())
    weights, projections = drawn(folder, "byol-norms")["axes"]
    assert {series["label"] for series in weights["series"]} >= set(variants.DECAY.values())
    assert {series["label"] for series in projections["series"]} >= {"normalised", "not normalised"}
    variants.norms(made(["watch"], seeds=1, profile="smoke"))
    weights, _ = drawn(folder, "byol-norms")["axes"]
    assert [series["label"] for series in weights["series"]] == ["BYOL"]


def test_few_labels_stand_beside_table_2a():
    byol, simclr, untrained = variants.few_labels(made())
    assert (byol["paper, 1 %"], simclr["paper, 10 %"]) == (53.2, 65.6)
    assert byol["1 % of labels"].startswith("30.1 ±")
    assert untrained["1 % of labels"].startswith("10.1 ±")
    assert variants.few_labels(made(["full"])) == []


def test_the_exact_problem_shows_the_worst_seed():
    rows = {row["quantity"]: row for row in variants.equilibrium(made())}
    assert rows["constant projection: smallest eigenvalue of the Hessian"]["found"] == "-5.0e-02"
    assert all(row["seeds"] == 3 for row in rows.values())


def test_the_scale_is_that_of_the_condition():
    assert variants.scale(made(), "watch") == "profile laptop: CIFAR-10, 149,760 images seen in 3 epochs, 3 seeds"
    assert variants.scale(made(), "full") == "not recorded yet"


def test_differences_are_told_in_points_or_as_not_recorded():
    records = made(["watch", "negatives"])
    assert variants.said(records, "watch", "negatives") == "1.0"
    assert variants.said(records, "negatives", "watch") == "−1.0"
    assert variants.said(records, "crop", "watch") == "(not recorded yet)"


def test_every_arm_of_the_laptop_is_shown_somewhere():
    shown = {*figures.TITLES, *variants.VARIANTS, *variants.DECAY}
    assert shown | {"short_tau_0", "equilibrium"} == set(LAPTOP) | set(STUDY.plan("gpu").conditions)
