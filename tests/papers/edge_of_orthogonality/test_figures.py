"""Every figure draws what the records hold, whatever the profile and even where a control has diverged."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from replications.papers.edge_of_orthogonality import figures
from replications.papers.edge_of_orthogonality.algebra import Algebra
from replications.papers.edge_of_orthogonality.learner import LABELS
from replications.papers.edge_of_orthogonality.study import SMOKE, STUDY
from replications.study import Curve, Records
from replications.study.testing import fake_records

ALL = [name for name, config in STUDY.plan("laptop").conditions.items() if not isinstance(config, Algebra)]
F, NAN = 8, float("nan")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("replications.figures.drawing.build_folder", lambda: tmp_path)
    return tmp_path / "figures"


def made(arms: Sequence[str] = ALL, seeds: int = 3, profile: str = "laptop", diverged: Sequence[str] = ()) -> Records:
    """Records as `learner.run` leaves them; the last seed of a diverged arm is not finite from the second point on."""
    scalars, curves, arrays = {}, {}, {}
    for place, arm in enumerate(arms):
        broken = [arm in diverged and seed == seeds - 1 for seed in range(seeds)]
        scalars[arm] = {
            name: [NAN if b else value + s / 100 for s, b in enumerate(broken)]
            for name, value in {"knn": 0.3 + place / 1000, "linear": 0.4, "std": 0.7, "effective_rank": 6.0}.items()
        }
        scalars[arm] |= {"knn_random": [0.28] * seeds, "linear_random": [0.27] * seeds}
        if arm not in ("mlp", "none"):
            scalars[arm] |= {name: [NAN if b else 2.0 for b in broken] for name in ("srank", "polar")}
        names = [*LABELS, "knn"]
        curves[arm] = {
            name: [Curve([0.0, 1.0, 2.0], [0.1, NAN if b else 0.2, NAN if b else 0.3], "epoch", "") for b in broken]
            for name in names
        }
        at, latents = np.array([0.0, 1.0, 2.0], np.float32), np.linspace(0.5, 0.1, 3 * F).reshape(3, F)
        arrays[arm] = {
            "at": [at] * seeds,
            "latents": [np.full((3, F), NAN, np.float16) if b else latents.astype(np.float16) for b in broken],
        }
    fakes = fake_records(scalars, profile=profile, curves=curves, arrays=arrays)
    return Records(profile, [replace(r, config={"size": 16}, cost=replace(r.cost, samples=99_840)) for r in fakes])


def drawn(folder, name: str) -> dict:
    """The data behind a figure; its picture must be there and well formed."""
    assert ET.fromstring((folder / f"{name}.svg").read_text()).tag.endswith("svg")
    return json.loads((folder / f"{name}.json").read_text())


def lines(axes: dict) -> dict[str, dict]:
    return {series["label"]: series for series in axes["series"] if series["kind"] == "line"}


def test_the_rank_has_two_panels_with_a_line_a_start(folder):
    figures.rank(made())
    one, two = drawn(folder, "edge-rank")["axes"]
    assert set(lines(one)) == set(lines(two)) == set(figures.STARTS.values())
    assert lines(one)["drawn as every layer"]["y"] == pytest.approx([0.1, 0.2, 0.3])


def test_the_polar_distance_has_a_line_a_tau_up_to_where_a_seed_diverged(folder):
    figures.polar(made(diverged=["linear_tau_0"]))
    raw, _ = drawn(folder, "edge-polar")["axes"]
    assert set(lines(raw)) == set(figures.TAUS.values())
    assert lines(raw)["τ = 0"]["x"] == [0]
    assert lines(raw)["τ = 0.99"]["x"] == [0, 1, 2]


def test_spectra_are_rescaled_to_one_and_quartiles_stand_beside(folder):
    figures.spectra(made())
    ns, copy, quartiles = drawn(folder, "edge-spectra")["axes"]
    assert [axes["title"] for axes in (ns, copy)] == list(figures.SEPARATED.values())
    assert all(max(series["y"]) == pytest.approx(1) for series in lines(ns).values())
    assert set(lines(ns)) == {"epoch 0", "epoch 1", "epoch 2"}
    assert {"quartile", "median", "kNN accuracy"} == set(lines(quartiles))


def test_spectra_that_are_not_finite_are_left_out(folder):
    figures.spectra(made(diverged=["newton_schulz_0.3"]))
    ns, copy, _ = drawn(folder, "edge-spectra")["axes"]
    assert not lines(ns)
    assert len(lines(copy)) == 3


def test_the_ridge_has_a_line_a_form_beside_table_2(folder):
    figures.ridge(made(diverged=["direct_copy_0"]))
    ours, paper = drawn(folder, "edge-ridge")["axes"]
    assert lines(ours)["DirectCopy"]["x"] == pytest.approx([0.15, 0.3])
    assert lines(ours)["Visser"]["x"] == pytest.approx([0, 0.3, 0.9])
    assert lines(ours)["NS"]["x"] == pytest.approx([0, 0.3])
    assert lines(paper)["DirectCopy"]["y"][0] == 20.9
    assert lines(paper)["trained linear"]["y"][0] == 67.6


def test_responses_are_what_the_closed_forms_do(folder):
    found = figures.responses()
    values = found["eigenvalue"]
    assert found["direct_copy"] == pytest.approx(values)
    assert found["direct_pred"] == pytest.approx(np.sqrt(values))
    assert all(found[name][0] == pytest.approx(1) for name in figures.RESPONSES)
    assert found["stiefel"][np.searchsorted(-values, -0.05)] > 0.9  # flat where DirectCopy has lost most
    assert found["stiefel"][-1] < 0.1
    assert found["visser"][-1] > found["direct_pred"][-1]  # a ridge of its own
    figures.response()
    assert set(lines(drawn(folder, "edge-response")["axes"][0])) == set(figures.RESPONSES.values())


@pytest.mark.parametrize("draw", [figures.rank, figures.polar, figures.spectra, figures.ridge])
def test_the_smoke_profile_draws_with_one_seed_and_few_arms(folder, draw):
    draw(made(SMOKE, seeds=1, profile="smoke"))
    assert len(list(folder.glob("*.svg"))) == len(list(folder.glob("*.json"))) == 1


def test_the_scale_says_profile_pixels_images_and_seeds():
    assert figures.scale(made()) == "profile laptop: CIFAR-10 at 16 pixels, 99,840 images seen, 3 seeds"
    assert figures.scale(made(SMOKE, seeds=1, profile="smoke")).endswith("1 seed")
