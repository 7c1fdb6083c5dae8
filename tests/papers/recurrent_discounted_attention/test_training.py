"""The loop: levels, early stop, divergence, resuming to the bit, and that units learn."""

import math
from dataclasses import replace

import pytest
import torch

from replications.papers.recurrent_discounted_attention import training
from replications.papers.recurrent_discounted_attention.method import RECIPES, Recipe
from replications.papers.recurrent_discounted_attention.study import Config, run
from replications.study import Context

SMALL = Config("multicopy", length=1, hidden=8, steps=50, batch=4)


def context(**options):
    return Context(0, torch.device("cpu"), **options)


def test_first_step_of_a_level():
    values = torch.cat([torch.full((25,), v) for v in (0.5, 0.8, 0.95, 0.9)] + [torch.ones(3)])
    assert training.first_step(values, 0.9, falling=False) == 75
    assert training.first_step(values, 0.99, falling=False) == math.inf
    assert training.first_step(values, 0.5, falling=True) == 25
    assert training.first_step(values[:10], 0.1, falling=False) == math.inf


def test_block_curve_is_the_mean_of_whole_blocks():
    curve = training.block_curve(torch.arange(60.0), "loss")
    assert curve.x == [25.0, 50.0]
    assert curve.y == [12.0, 37.0]
    assert training.block_curve(torch.arange(10.0), "loss").y == [4.5]


def test_clipping_is_by_entry():
    weight = torch.nn.Parameter(torch.zeros(3))
    weight.grad = torch.tensor([-5.0, 0.2, 7.0])
    training.clip_([weight], 1.0)
    assert weight.grad.tolist() == pytest.approx([-1.0, 0.2, 1.0])


def test_recipes_with_functions_replaced():
    assert training.recipe_of(Config("copy", unit="gru", output="tanh")) == "gru"
    assert training.recipe_of(Config("copy", unit="rwa")) == "rwa"
    changed = training.recipe_of(Config("copy", attention="relu", output="id", shape="tanh", discount_off=True))
    assert changed == Recipe("relu", False, "tanh", "id")
    assert training.recipe_of(Config("copy", shape="tanh")) == replace(RECIPES["rda-exp-tanh"], hidden="tanh")


def test_a_run_reports_levels_curves_and_ends_early_only_where_asked():
    outcome = run(
        replace(SMALL, task="length", length=6, hidden=16, steps=500, batch=32, stop=True, lr=0.01), context()
    )
    assert outcome.scalars["steps_0.9"] <= outcome.scalars["steps_0.98"] == outcome.scalars["steps"] < 500
    assert outcome.curves["accuracy"].y[-1] >= 0.98
    assert outcome.samples == 32 * outcome.steps
    full = run(replace(SMALL, task="length", length=6, hidden=16, steps=50, batch=32), context())
    assert full.scalars["steps"] == 50
    assert full.scalars["steps_0.98"] == math.inf
    assert set(full.curves) == {"loss", "accuracy"}


def test_addition_is_judged_by_its_error():
    outcome = run(replace(SMALL, task="addition", length=5), context())
    assert {"steps_mse_0.1", "steps_mse_0.01", "steps_mse_0.001"} <= set(outcome.scalars)
    assert "final_accuracy" not in outcome.scalars
    assert set(outcome.curves) == {"loss"}


def test_a_loss_that_is_not_finite_ends_the_run_and_is_recorded():
    outcome = run(replace(SMALL, steps=200, lr=1e30), context())
    assert outcome.scalars["diverged"] == 1
    assert outcome.scalars["steps"] < 200


def test_half_of_the_entries_of_an_untrained_unit_lie_where_tanh_is_linear():
    outcome = run(replace(SMALL, unit="rwa", steps=1), context())
    assert 0.2 < outcome.scalars["linear_share"] <= 1
    assert math.isnan(run(replace(SMALL, unit="gru", steps=1), context()).scalars["linear_share"])


def test_linear_share_undoes_the_output_function():
    shares = [run(replace(SMALL, output=o, steps=1, lr=0.0), context()).scalars["linear_share"] for o in ("id", "tanh")]
    assert shares[0] == shares[1]


@pytest.mark.parametrize("unit", ["rda-exp-tanh", "lstm"])
def test_interrupted_and_resumed_is_the_same_to_the_bit(unit, tmp_path, monkeypatch):
    config = replace(SMALL, unit=unit)
    straight = run(config, context())
    monkeypatch.setenv("REPLICATIONS_CHECKPOINT_SECONDS", "0")
    path = tmp_path / "state.safetensors"

    def stop(fraction):
        if fraction > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(config, context(checkpoint_path=path, report=stop))
    assert path.exists()
    resumed = run(config, context(checkpoint_path=path))
    assert resumed.scalars == pytest.approx(straight.scalars, rel=0, abs=0, nan_ok=True)
    assert resumed.curves["loss"].y == straight.curves["loss"].y


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError, match="unknown task 'reber'"):
        run(Config("reber"), context())


def test_both_rdas_and_the_rwa_learn_to_compare_lengths_in_seconds():
    for unit in ("rda-exp-tanh", "rda-sigmoid-id", "rwa"):
        config = Config("length", unit=unit, length=20, hidden=24, steps=400, stop=True, learn_start=True, lr=0.005)
        assert run(config, context()).scalars["steps_0.9"] < 400
