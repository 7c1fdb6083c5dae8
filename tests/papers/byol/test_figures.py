"""Every figure draws what the records hold, whatever the profile and even where a control has diverged."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from replications.papers.byol import figures
from replications.study import Curve, Records
from replications.study.testing import fake_records

ARMS = ("full", "no_predictor", "no_stop_gradient", "tau_0", "tau_0.9", "tau_0.999", "tau_1")
D, LOOKS = 8, 3
NAN = float("nan")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("replications.figures.drawing.build_folder", lambda: tmp_path)
    return tmp_path / "figures"


def made(arms: Sequence[str] = ARMS, seeds: int = 3, profile: str = "laptop", diverged: Sequence[str] = ()) -> Records:
    """Records as `study.run` leaves them; the last seed of a diverged arm ends at its second look of three."""
    scalars, curves, arrays = {}, {}, {}
    for place, arm in enumerate(arms):
        values = {"knn": 0.4 + place / 100, "knn_random": 0.3, "linear": 0.45, "linear_random": 0.29}
        values |= {"loss": 0.7, "std": 0.75, "effective_rank": 7.0}
        broken = [arm in diverged and seed == seeds - 1 for seed in range(seeds)]
        scalars[arm] = {name: [NAN if b else v + s / 100 for s, b in enumerate(broken)] for name, v in values.items()}
        scalars[arm] |= {name: [values[name]] * seeds for name in ("knn_random", "linear_random")}
        curves[arm] = {name: [_curve(b) for b in broken] for name in ("std", "knn", "effective_rank")}
        curves[arm]["loss"] = [
            Curve([1.0, 2.0], [2.0, NAN], "epoch", "loss")
            if b
            else Curve([1, 2, 3, 4], [4.0, 3, 2, 1], "epoch", "loss")
            for b in broken
        ]
        arrays[arm] = {
            "spectrum": [np.full((2 if b else LOOKS, D), 0.1 + 0.1 * s, np.float32) for s, b in enumerate(broken)]
        }
    fakes = fake_records(scalars, profile=profile, curves=curves, arrays=arrays)
    epochs = {"no_predictor": 3.0, "no_stop_gradient": 3.0}
    return Records(
        profile,
        [
            replace(r, config={"epochs": epochs.get(r.condition, 10.0)}, cost=replace(r.cost, samples=499_200))
            for r in fakes
        ],
    )


def _curve(broken: bool) -> Curve:
    return (
        Curve([0.0, 2.0], [0.8, NAN], "epoch", "") if broken else Curve([0.0, 2.0, 4.0], [0.8, 0.7, 0.6], "epoch", "")
    )


def drawn(folder, name: str) -> dict:
    """The data behind a figure; its picture must be there and well formed."""
    assert ET.fromstring((folder / f"{name}.svg").read_text()).tag.endswith("svg")
    return json.loads((folder / f"{name}.json").read_text())


def lines(axes: dict) -> dict[str, dict]:
    return {series["label"]: series for series in axes["series"] if series["kind"] == "line"}


def test_collapse_draws_a_line_an_arm_in_three_panels(folder):
    figures.collapse(made())
    data = drawn(folder, "byol-collapse")
    assert [axes["y"]["label"] for axes in data["axes"]] == ["loss, of 8", "spread", "kNN accuracy, training split"]
    for axes in data["axes"]:
        assert set(lines(axes)) == set(figures.ARMS.values())
    assert lines(data["axes"][0])["BYOL"]["y"] == [4, 3, 2, 1]
    assert "without a target network the loss falls to zero" in data["alt"]


@pytest.mark.parametrize("seed", [0, 2])
def test_a_control_that_diverges_is_drawn_up_to_there(folder, seed):
    records = made(diverged=["no_predictor"])  # in its last seed
    if seed == 0:
        records = Records("laptop", [replace(r, seed=2 - r.seed) for r in records])
    figures.collapse(records)
    loss, spread, _ = drawn(folder, "byol-collapse")["axes"]
    assert lines(loss)["no predictor"]["x"] == [1]
    assert lines(loss)["no predictor"]["y"] == pytest.approx([(4 + 4 + 2) / 3])
    assert lines(spread)["no predictor"]["x"] == [0]
    assert lines(spread)["BYOL"]["x"] == [0, 2, 4]
    figures.spectrum(records)
    assert len(drawn(folder, "byol-spectrum")["axes"][1]["series"]) == 2  # looks that all seeds have


def test_a_control_that_diverges_at_once_has_no_line(folder):
    records = made()
    gone = Curve([1.0], [NAN], "epoch", "loss")
    broken = [replace(r, curves={**r.curves, "loss": gone}) if r.condition == "no_predictor" else r for r in records]
    figures.collapse(Records("laptop", broken))
    loss, spread, _ = drawn(folder, "byol-collapse")["axes"]
    assert "no predictor" not in lines(loss)
    assert "no predictor" in lines(spread)


def test_the_ladder_stands_beside_table_5a(folder):
    figures.ladder(made())
    ours, paper = drawn(folder, "byol-tau")["axes"]
    assert list(ours["x"]["ticks"]) == list(paper["x"]["ticks"]) == ["1", "0.999", "0.99", "0.9", "0"]
    points = [series for series in ours["series"] if series["label"] == ""]
    assert [len(series["y"]) for series in points] == [3] * 5
    assert points[2]["y"] == pytest.approx([40, 41, 42])  # BYOL, a point a seed
    assert lines(ours)["untrained encoder"]["y"] == pytest.approx([30, 30])
    assert paper["series"][0]["y"] == [18.8, 69.8, 72.5, 68.4, 0.3]


def test_the_spectrum_has_a_line_a_look(folder):
    figures.spectrum(made())
    axes = drawn(folder, "byol-spectrum")["axes"]
    assert [panel["title"] for panel in axes] == ["BYOL", "no predictor"]
    assert [series["label"] for series in axes[0]["series"]] == ["epoch 0", "epoch 2", "epoch 4"]
    assert axes[0]["series"][0]["y"] == pytest.approx([0.2] * D)  # the mean over seeds


@pytest.mark.parametrize("draw", [figures.collapse, figures.ladder, figures.spectrum])
def test_the_smoke_profile_draws_with_one_seed_and_three_arms(folder, draw):
    draw(made(("full", "no_predictor", "tau_1"), seeds=1, profile="smoke"))
    assert len(list(folder.glob("*.svg"))) == len(list(folder.glob("*.json"))) == 1


def test_the_table_has_a_row_an_arm_and_the_papers_numbers_beside_ours():
    rows = {row["arm"]: row for row in figures.table(made())}
    assert len(rows) == 1 + len(ARMS)
    assert rows["untrained encoder"]["kNN %"] == "30.0"
    assert rows["BYOL, τ = 0.99"]["kNN %"] == "41.0 ± 1.0"
    assert rows["BYOL, τ = 0.99"]["seeds"] == 3
    assert [row["paper, ImageNet linear %"] for row in rows.values()] == [None, 72.5, 0.2, 0.3, 18.8, 69.8, 68.4, 0.3]
    assert rows["no predictor"]["epochs"] == 3
    assert len({tuple(row) for row in rows.values()}) == 1  # the same columns


def test_the_table_shows_one_seed_without_deviation_and_a_diverged_arm_without_numbers():
    (_, full, gone) = figures.table(made(("full", "no_predictor"), seeds=1, diverged=["no_predictor"]))
    assert full["kNN %"] == "40.0"
    assert [gone[name] for name in ("kNN %", "linear %", "loss, of 8", "spread", "effective rank")] == [None] * 5


def test_the_gpu_profile_has_a_table_of_its_own_arm():
    gpu = made(("resnet18",), profile="gpu")
    assert [row["arm"] for row in figures.table(gpu)] == ["untrained encoder", "BYOL, ResNet-18"]
    assert figures.table(gpu)[1]["paper, ImageNet linear %"] is None
    assert figures.scale(gpu).startswith("profile gpu")


def test_the_scale_says_profile_images_and_seeds():
    assert figures.scale(made()) == "profile laptop: CIFAR-10, 499,200 images seen in 10 epochs, 3 seeds"
    assert figures.scale(made(seeds=1, profile="smoke")).endswith("1 seed")


def test_the_copied_target_is_told_in_words():
    said = figures.copied_target(made())
    assert said == "44.0 % with a spread of 0.76, where BYOL has 41.0 % with a spread of 0.76"
    assert figures.copied_target(made(("full",), profile="smoke")) == "not run at profile smoke"


def test_arms_and_titles_are_those_of_the_study():
    from replications.papers.byol.study import STUDY

    laptop = STUDY.plan("laptop").conditions
    assert set(figures.TITLES) <= set(laptop) | set(STUDY.plan("gpu").conditions)
    assert {arm: laptop[arm].tau for arm in figures.TAUS} == figures.TAUS
    assert not math.isnan(sum(figures.TABLE_5A.values()))
