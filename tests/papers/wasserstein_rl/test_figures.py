"""Every figure draws from real records of a small run, and shows what the records hold."""

import json

import pytest
import torch

from replications.figures import drawing
from replications.papers.wasserstein_rl import figures
from replications.papers.wasserstein_rl.study import Config, run
from replications.study import Context, Curve
from replications.study.testing import fake_records

SMALL = {
    "gaussian": Config("gaussian", steps=(8, 16), radii=(0.08, 0.04)),
    "wells": Config(
        "wells", steps=(4, 8), radii=(0.08, 0.04), quantiles=200, trust_quantiles=40, trust_curve=40, cells=200,
        solver_steps=50, frames=7,
    ),
    "particles": Config("particles", particles=500, langevin_steps=5, cells=200, solver_steps=50),
    "arms": Config("arms", steps=(8, 16), arm_radii=(0.1, 0.05), arms=4, states=1),
}  # fmt: skip


@pytest.fixture(scope="module")
def records():
    context = Context(0, torch.device("cpu"))
    outcomes = {name: run(config, context) for name, config in SMALL.items()}
    curves = {name: {c: [curve] for c, curve in outcome.curves.items()} for name, outcome in outcomes.items()}
    bias = {"entropy": [Curve([0.1, 0.05], [0.053, 0.026], "ε", "bias")]}
    bias["kl"] = [Curve([0.1, 0.05], [-0.045, -0.024], "ε", "bias")]
    return fake_records(
        {name: {m: [v] for m, v in outcome.scalars.items()} for name, outcome in outcomes.items()}
        | {"entropic": {"entropy_slope": [0.5]}},
        curves=curves | {"entropic": bias},
        arrays={name: {a: [v] for a, v in outcome.arrays.items()} for name, outcome in outcomes.items()},
    )


@pytest.mark.parametrize("name", ["density", "orders", "energy", "particles", "arms", "entropic"])
def test_each_figure_draws_and_keeps_its_data(name, records, tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "build_folder", lambda: tmp_path)
    getattr(figures, name)(records)
    assert (tmp_path / "figures" / f"wrl-{name}.svg").exists()
    axes = json.loads((tmp_path / "figures" / f"wrl-{name}.json").read_text())["axes"]
    assert all(ax["x"]["label"] and ax["series"] for ax in axes)


def test_orders_show_the_recorded_errors(records, tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "build_folder", lambda: tmp_path)
    figures.orders(records)
    axes = json.loads((tmp_path / "figures" / "wrl-orders.json").read_text())["axes"]
    shown = {series["label"]: series["y"] for series in axes[0]["series"]}
    _, errors = records.curve("wells", "errors")
    assert shown["double well"] == pytest.approx(list(errors[0]))


def test_the_animation_draws_from_a_run(records):
    assert figures.animation(records).html.count("<path") == 4


def test_order_rows_have_an_interval_from_two_bandits_on(records):
    rows = figures.order_rows(records)
    assert all(row["from"] is None and row["bandits"] == 1 for row in rows)
    orders = {"gaussian": ("order", "trust_order"), "arms": ("jko_order", "implicit_order", "trust_order")}
    orders["wells"] = ("order", "trust_order", "doubled_penalty_order")
    three = fake_records({c: {metric: [0.9, 1.0, 1.1] for metric in metrics} for c, metrics in orders.items()})
    for row in figures.order_rows(three):
        assert row["order"] == pytest.approx(1.0)
        assert row["from"] == pytest.approx(1.0 - 4.303 * 0.1 / 3**0.5, abs=1e-3)
