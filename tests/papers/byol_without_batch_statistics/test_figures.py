"""Every figure draws what the records hold: all profiles, and arms that diverged."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from replications.papers.byol_without_batch_statistics import figures
from replications.papers.byol_without_batch_statistics.identities import METRICS, NORM_NAMES, SHOWN
from replications.papers.byol_without_batch_statistics.study import ARMS, SMOKE, STUDY, WITHOUT_NEGATIVES
from replications.study import Curve, Records
from replications.study.testing import fake_records

NAN = float("nan")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("replications.figures.drawing.build_folder", lambda: tmp_path)
    return tmp_path / "figures"


def made(arms: Sequence[str] = tuple(ARMS), seeds: int = 3, profile: str = "laptop", diverged: str = "") -> Records:
    """Records as `study.run` leaves them, with those of the identities; the last seed of an arm may have diverged."""
    scalars, curves = {}, {}
    for place, arm in enumerate(arms):
        broken = [arm == diverged and seed == seeds - 1 for seed in range(seeds)]
        values = {"knn": 0.4 + place / 100, "linear": 0.45, "loss": 0.7, "std": 0.75, "effective_rank": 7.0}
        scalars[arm] = {
            name: [NAN if b else v + s * (1 + place / 10) / 100 for s, b in enumerate(broken)]
            for name, v in values.items()
        }
        scalars[arm]["knn_random"] = [0.3] * seeds
        curve = Curve([0.0, 1.0, 2.0], [0.8, 0.7, 0.6], "epoch", "")
        cut = Curve([0.0, 1.0], [0.8, NAN], "epoch", "")
        curves[arm] = {name: [cut if b else curve for b in broken] for name in ("std", "effective_rank", "knn")}
    scalars["identities"] = {name: [1e-15 * (s + 1) for s in range(seeds)] for name in METRICS}
    deviations = np.linspace(1.0, 0.1, len(SHOWN) * len(NORM_NAMES), dtype=np.float32).reshape(len(SHOWN), -1)
    arrays = {"identities": {"deviations": [deviations * (1 + s / 10) for s in range(seeds)]}}
    fakes = fake_records(scalars, profile=profile, curves=curves, arrays=arrays)
    config = {"size": 32, "lr": 0.1}
    return Records(
        profile,
        [
            replace(
                record,
                config={**config, "epochs": 3.0 if record.condition.startswith("short") else 8.0},
                cost=replace(record.cost, samples=399_360),
            )
            for record in fakes
        ],
    )


def drawn(folder, name: str) -> dict:
    """The data behind a figure; its picture must be there and well formed."""
    assert ET.fromstring((folder / f"{name}.svg").read_text()).tag.endswith("svg")
    return json.loads((folder / f"{name}.json").read_text())


def lines(axes: dict) -> dict[str, dict]:
    return {series["label"]: series for series in axes["series"] if series["kind"] == "line"}


def test_layouts_have_a_point_a_seed_and_a_bar_an_arm(folder):
    figures.layouts(made())
    (axes,) = drawn(folder, "bs-layouts")["axes"]
    points = [series["y"] for series in axes["series"] if len(series["y"]) == 3]
    bars = [series["y"] for series in axes["series"] if len(series["y"]) == 2]
    assert points[0] == pytest.approx([40, 41, 42])
    assert len(points) == len(bars) == len(ARMS)
    assert bars == [pytest.approx([30, 30])] * len(ARMS)
    assert len(axes["x"]["ticks"]) == len(ARMS)


def test_the_spread_has_a_line_a_layout_in_three_panels_and_ends_where_a_seed_diverged(folder):
    figures.spread(made(diverged="affine"))
    panels = drawn(folder, "bs-spread")["axes"]
    assert [axes["y"]["label"] for axes in panels] == ["spread", "effective rank", "kNN accuracy, training split"]
    for axes in panels:
        assert set(lines(axes)) == set(figures.BYOL_ARMS.values())
        assert lines(axes)["batch norm"]["x"] == [0, 1, 2]
        assert lines(axes)["affine, from data"]["x"] == [0]


def test_depth_has_a_line_a_network_and_a_tick_a_norm(folder):
    figures.depth(made(seeds=2))
    (axes,) = drawn(folder, "bs-depth")["axes"]
    assert list(lines(axes)) == ["batch norm", "none", "affine, from data", "group norm + WS"]
    assert lines(axes)["batch norm"]["y"][0] == pytest.approx(1.05)
    assert list(axes["x"]["ticks"]) == list(NORM_NAMES)


@pytest.mark.parametrize("draw", [figures.layouts, figures.spread, figures.depth])
@pytest.mark.parametrize(("arms", "profile"), [(SMOKE, "smoke"), (WITHOUT_NEGATIVES, "gpu")])
def test_other_profiles_draw_what_they_have(folder, draw, arms, profile):
    draw(made(arms, seeds=1 if profile == "smoke" else 3, profile=profile))
    assert len(list(folder.glob("*.svg"))) == 1


def test_the_table_has_a_row_an_arm_with_the_papers_number_and_none_where_a_seed_diverged():
    rows = figures.table(made(diverged="none"))
    assert [row["norm"] for row in rows] == list(figures.ARMS.values())
    assert rows[0]["kNN %"] == "41.0 ± 1.0"
    assert rows[0]["before training"] == "30.0"
    assert rows[4]["paper, ImageNet linear %"] == "73.9 after 1000 epochs"
    assert [rows[2][name] for name in ("kNN %", "linear %", "spread", "effective rank", "loss")] == [None] * 5
    assert len({tuple(row) for row in rows}) == 1
    assert figures.table(made(SMOKE, seeds=1))[0]["kNN %"] == "41.0"


def test_an_arm_is_told_in_words():
    assert figures.told(made(), "bn") == "41.0 % after training, 30.0 % before it, with a spread of 0.76"
    assert figures.told(made(diverged="none"), "none") == "diverged in some seed"
    assert figures.told(made(SMOKE, 1, "smoke"), "affine") == "not run at profile smoke"
    assert figures.gained(made(), "bn") == "11.0"
    assert figures.gained(made(diverged="none"), "none") == "(diverged)"
    assert figures.gained(made(SMOKE, 1, "smoke"), "affine") == "(not run at profile smoke)"


def test_both_lengths_of_a_layout_stand_side_by_side():
    rows = figures.lengths(made((*WITHOUT_NEGATIVES, "short_bn", "short_none"), diverged="none"))
    assert [row["norm"] for row in rows] == ["batch norm", "none"]
    assert rows[0]["points gained, 3 epochs"].startswith("16.5 ±")
    assert rows[1]["spread, 3 epochs"] is not None
    assert rows[1]["spread, 8 epochs"] is None  # diverged
    assert figures.lengths(made(SMOKE, 1, "smoke")) == []


def test_the_differences_shown_are_of_layouts():
    assert {arm for pair in figures.PAIRS.values() for arm in pair} <= figures.ARMS.keys()


def test_exact_rows_show_the_range_over_seeds():
    rows = figures.exact_rows(made())
    assert len(rows) == len(METRICS)
    assert (rows[0]["largest"], rows[0]["smallest"]) == ("3.0e-15", "1.0e-15")


def test_the_scale_says_profile_pixels_images_epochs_and_seeds():
    assert figures.scale(made()) == "profile laptop: CIFAR-10 at 32 pixels, 399,360 images seen in 8 epochs, 3 seeds"
    assert figures.scale(made(SMOKE, 1, "smoke")).endswith("1 seed")


def test_arms_are_those_of_the_study():
    assert set(figures.ARMS) == set(ARMS)
    assert set(figures.BYOL_ARMS) == set(WITHOUT_NEGATIVES)
    assert set(figures.BYOL_ARMS) <= set(STUDY.plan("gpu").conditions)
