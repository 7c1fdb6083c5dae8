"""Figures and tables on records made by hand; pictures are drawn for real."""

import json

import numpy as np
import pytest
import torch

from replications.papers.zipfian_environments import exact, figures
from replications.study import Curve
from replications.study.testing import fake_records


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("REPLICATIONS_BUILD", str(tmp_path))
    from replications.figures import drawing

    monkeypatch.setattr(drawing, "build_folder", lambda: tmp_path)
    return tmp_path


def records(names, seeds=3, levels=True):
    scalars, curves, arrays = {}, {}, {}
    for name in names:
        scalars[name] = {
            "success_train": [0.9] * seeds,
            "success_uniform": [0.5, 0.6, 0.7][:seeds],
            "success_uniform_rare": [0.1] * seeds,
            "rare_episodes": [7.0] * seeds,
        }
        long = {"success_train": 0.9, "success_uniform": 0.5, "success_uniform_rare": 0.1}
        keys = long if name in (*figures.ROOM, *figures.FIND) else {"train": 0.9, "uniform": 0.5, "uniform_rare": 0.1}
        curves[name] = {key: [Curve([0.0, 1e6], [0.0, end], "steps", key)] * seeds for key, end in keys.items()}
        counts = np.arange(400, dtype=np.float32).reshape(20, 20)
        arrays[name] = {"success": [counts / 400] * seeds, "episodes": [counts] * seeds}
    if levels:
        for name in ("levels_forward", "levels_reversed", "levels_uniform"):
            scalars[name] = {"return_uniform": [0.3] * seeds}
            arrays[name] = {"return": [np.linspace(0.1, 1, 30)] * seeds, "random": [np.zeros(30)] * seeds}
    return fake_records(scalars, curves=curves, arrays=arrays)


ALL = (*figures.AGENTS, *figures.ROOM, *figures.FIND)
SOME = ("mlp_zipf_1", "mlp_zipf_2", "mlp_uniform", "table_zipf_1", "lift", "find_rl", "find_classifier")


def series(build, name):
    return json.loads((build / "figures" / f"{name}.json").read_text())["axes"]


@pytest.mark.parametrize("found", [records(ALL), records(SOME, seeds=1, levels=False)], ids=["all", "smoke"])
def test_every_figure_draws_with_all_and_with_few_records(found, build):
    figures.gaps(found)
    figures.exposure(found)
    figures.room(found)
    figures.levels(found)
    assert [axes["title"][:10] for axes in series(build, "zipf-gap")] == ["trained on"] * 3
    lines = [line for line in series(build, "zipf-gap")[0]["series"] if line["label"] == "rarest fifth"]
    assert lines[0]["y"][-1] == pytest.approx(0.1)
    assert (build / "figures" / "zipf-levels.json").exists() == ("levels_forward" in found)


def test_the_world_is_drawn(build):
    figures.view()
    assert (build / "figures" / "zipf-world.png").stat().st_size > 3000


def test_the_floors_are_those_of_the_random_policy():
    success = exact.success(torch.full((20, 20, 89, 8), 1 / 8))
    for split, floor in figures.FLOORS.items():
        assert exact.score(success, split) == pytest.approx(floor, abs=5e-5)


def test_tables_set_ours_beside_the_papers():
    rows = {row["agent"]: row for row in figures.table(records(ALL))}
    assert rows["LSTM, zipf_1"][figures.PRINTED] == "0.85, 0.69, 0.24"
    assert rows["LSTM, zipf_1"]["uniform"] == "0.60 ± 0.10"
    assert rows["table of values, zipf_1"][figures.PRINTED] == "–, –, –"
    small = figures.small_table(records(ALL), figures.FIND, figures.PAPER_FIND)
    assert small[0]["paper: train, uniform, rare"] == "1.00, 0.78, 0.66"
    assert len(figures.small_table(records(SOME), figures.ROOM, figures.PAPER_ROOM)) == 1


def test_gaps_add_up():
    rows = figures.gap_table(records(ALL))
    assert [(row["learner"], row["α"]) for row in rows][:3] == [("network", 0), ("network", 1), ("network", 2)]
    assert (rows[0]["train − uniform"], rows[0]["uniform − rare"], rows[0]["train − rare"]) == (
        "0.30 ± 0.10",
        "0.50 ± 0.10",
        "0.80 ± 0.00",
    )


def test_situations_are_binned_by_how_often_they_were_played():
    episodes, success = [np.array([0, 0, 1, 2, 20])], [np.array([0.0, 0.2, 0.4, 0.6, 1.0])]
    centres, means = figures.binned(episodes, success)
    assert centres.tolist() == [0, 1.5, 20]
    assert means.tolist() == pytest.approx([0.1, 0.5, 1.0])


def test_rarities_are_those_of_the_official_laws():
    rows = {row["training law"].split(",")[0]: row for row in figures.rarities()}
    assert rows["zipf_2"]["episodes to one of these"] == "18,246"
    assert rows["zipf_2"]["commonest situation"] == "39 %"
    assert rows["zipf_1"]["episodes to one of these"] == "275"


def test_captions_say_the_scale_and_what_was_not_run():
    found = records(SOME, seeds=1, levels=False)
    assert figures.scale(found, "lift").startswith("profile laptop: 0 environment steps a run, 1 seed")
    assert figures.scale(found, "byol") == "profile laptop: not run"
    assert figures.told_levels(found) == {"steps": "–", "uniform": "–"}
    assert figures.told_levels(records(ALL)) == {"steps": "0", "uniform": "0.30"}
