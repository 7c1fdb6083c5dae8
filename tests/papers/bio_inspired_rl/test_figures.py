"""Every figure draws from the records of every profile, and shows what they hold."""

import json

import numpy as np
import pytest

from replications.figures import drawing
from replications.papers.bio_inspired_rl import figures
from replications.papers.bio_inspired_rl.aggregates import iqm, matrix
from replications.study import Curve
from replications.study.testing import fake_records


def curve(seed):
    x = np.arange(1, 61) * 100.0
    return Curve(x.tolist(), (x / 1000 + seed).tolist(), "step", "score")


@pytest.fixture
def full(good):
    """A laptop profile."""
    _, laptop, _ = good
    scalars = {name: metrics for name, metrics in laptop().items() if name != "exact"}
    for net in ("dense", "tucker-3", "narrow-3", "scattering-tucker-3"):
        scalars[f"krull-{net}"] = {"score": [100.0] * 5, "coefficients": [1e5] * 5}
    return fake_records(scalars, curves={name: {"score": [curve(seed) for seed in range(5)]} for name in scalars})


@pytest.fixture
def small(good):
    """A smoke profile: one game, one seed, few networks."""
    _, laptop, _ = good
    names = ("dense", "tucker-10", "narrow-10", "scattering-tucker-10", "kfac-tucker-10")
    scalars = {f"breakout-{n}": {m: v[:1] for m, v in laptop()[f"breakout-{n}"].items()} for n in names}
    scalars["krull-tucker-3"] = {"score": [0.0], "coefficients": [1e5]}
    return fake_records(scalars, profile="smoke", curves={name: {"score": [curve(0)]} for name in scalars})


def axes_of(name, tmp_path):
    return json.loads((tmp_path / "figures" / f"{name}.json").read_text())["axes"]


@pytest.mark.parametrize("which", ["full", "small"])
@pytest.mark.parametrize("name", ["compression", "curves", "kfac", "scattering", "krull"])
def test_each_figure_draws_and_keeps_its_data(name, which, request, tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "build_folder", lambda: tmp_path)
    getattr(figures, name)(request.getfixturevalue(which))
    assert all(ax["series"] for ax in axes_of(f"bio-{name}", tmp_path))


def test_compression_shows_the_iqm_of_each_network(full, tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "build_folder", lambda: tmp_path)
    figures.compression(full)
    shown = {series["label"]: series["y"] for series in axes_of("bio-compression", tmp_path)[0]["series"]}
    games = figures.games(full)
    expected = [float(iqm(matrix(full, net, games))) for net in figures.FAMILIES["narrow dense"]]
    assert shown["narrow dense"] == pytest.approx(expected, rel=1e-3)


def test_atari_has_a_compression_of_its_own(good, tmp_path, monkeypatch):
    _, _, atari = good
    scalars = {name: metrics | {"coefficients": [1e5] * 5} for name, metrics in atari().items()}
    monkeypatch.setattr(drawing, "build_folder", lambda: tmp_path)
    figures.compression(fake_records(scalars, profile="gpu"), human=True)
    assert (tmp_path / "figures" / "bio-compression-atari.svg").exists()


def test_captions_say_the_scale(full, small):
    for records in (full, small):
        for record in records:
            record.config["steps"] = 20_000
    assert figures.scale(full) == "profile laptop: MinAtar (Breakout, Space Invaders), 20,000 steps, 5 seeds"
    assert figures.scale(small).endswith("MinAtar (Breakout), 20,000 steps, 1 seed")


def test_updates_are_counted_from_the_first(full):
    full["breakout-tucker-10"][0].config.update(learning_starts=1000, period=4)
    assert figures._updates(full, "breakout", np.array([500.0, 1000.0, 1001.0, 5000.0])).tolist() == [0, 0, 1, 1000]
