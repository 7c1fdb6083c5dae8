"""Figures and tables draw from records of a small real sweep; the data behind them are what was recorded."""

from pathlib import Path

import pytest
import torch

from replications.figures import drawing
from replications.papers.static_activation_normalization import figures, probes, runs, study, tables
from replications.study import Context, Outcome, Records
from replications.study.record import Record
from replications.study.study import config_fields
from replications.study.testing import FREE, NOWHERE


def recorded(name: str, config: study.Config, outcome: Outcome) -> Record:
    return Record(
        "test", "laptop", name, 0, name, config_fields(config), outcome.scalars, {}, outcome.curves, outcome.arrays, NOWHERE, FREE
    )  # fmt: skip


@pytest.fixture
def records(images: None) -> Records:
    context = Context(seed=0, device=torch.device("cpu"))
    found = []
    conditions: dict[str, study.Config] = {
        f"spectrum-relu-{form}": probes.SpectrumConfig("relu", form, 40, 50, 60) for form in figures.FORMS
    }
    conditions |= {f"signal-{name}": probes.SignalConfig(name, 20, 4, 16) for name in ("sanf-a", "batch-norm")}
    for data, depth in (("mnist", 2), ("mnist", 5), ("fashion-mnist", 2)):
        for name in figures.SHOWN:
            conditions[f"{data}-{depth}-{name}"] = runs.TrainConfig(
                name, depth, data, width=8, learning_rates=(1e-3, 1e7), batch=8, steps=6, looks=3, spectra=depth == 5
            )
    for name, config in conditions.items():
        found.append(recorded(name, config, study.run(config, context)))
    return Records("laptop", found)


def test_every_figure_draws(records: Records, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(drawing, "build_folder", lambda: tmp_path)
    figures.coefficients()
    for draw in (
        figures.spectra,
        figures.signal,
        figures.depth,
        figures.robustness,
        figures.anytime,
        figures.trained_spectra,
    ):
        draw(records)
    names = sorted(path.stem for path in (tmp_path / "figures").glob("*.json"))
    assert names == [
        f"san-{n}" for n in ("anytime", "coefficients", "depth", "robustness", "signal", "spectra", "trained-spectra")
    ]


def test_tables(records: Records) -> None:
    assert figures.depths(records) == [2, 5]
    assert "1 seed" in figures.scale(records)
    rows = {row["network"]: row for row in tables.sweep(records)}
    assert rows[figures.label("sanf-a")]["learned to"] is None  # the depths of the claims are not there
    assert str(rows[figures.label("sanf-a")]["depth 5"]).endswith("(0.001)")
    assert all(row["diverged"] == "1 of 2" for row in tables.divergences(records))
    assert len(tables.equal_rate(records)) == 2
    assert {row["data"] for row in tables.elsewhere(records)} == {"fashion-mnist"}
    assert tables.controls(records) == []
    constants = {row["f"]: row for row in tables.constants()}
    assert constants["relu"]["μ"] == "0.3989422804"
