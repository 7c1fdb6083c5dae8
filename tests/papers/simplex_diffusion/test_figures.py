"""Every figure draws from records of the study, small ones."""

import numpy as np
import pytest
import torch

from replications.papers.simplex_diffusion import figures
from replications.papers.simplex_diffusion.experiments import Config
from replications.papers.simplex_diffusion.study import run
from replications.study import Context
from replications.study.testing import fake_records

CONFIGS = {
    **{f"law-{a:g}": Config("transition", 300, alpha=a) for a in figures.LAW_ALPHAS},
    **{f"orders-{a:g}": Config("orders", 64, alpha=a, paths=16, depth=3) for a in figures.ORDER_ALPHAS},
    **{f"boundary-{a:g}": Config("boundary", 100, alpha=a) for a in figures.BOUNDARY_ALPHAS},
    **{
        f"reversal-5-{a:g}": Config("reversal", 64, alpha=a, steps=(2, 4), all_grids=a == 1)
        for a in figures.REVERSAL_ALPHAS
    },
    "sequences": Config("sequences", 6, categories=4, length=5, steps=(2, 3)),
    **{f"ranks-{v}": Config("ranks", 300, categories=v) for v in (1000, 32000)},
    "cost": Config("cost", 256, categories=64),
    **{
        f"train-{short}-{a:g}": Config(
            "training", 4, alpha=a, categories=4, length=4, updates=2, batch=4, width=16, loss=loss
        )
        for a in figures.REVERSAL_ALPHAS
        for loss, short in (("cross-entropy", "ce"), ("free score", "free"), ("fixed boundary", "fixed"))
    },
}


@pytest.fixture(scope="module")
def records():
    outcomes = {name: run(config, Context(seed=0, device=torch.device("cpu"))) for name, config in CONFIGS.items()}
    return fake_records(
        {name: {k: [v] for k, v in outcome.scalars.items()} for name, outcome in outcomes.items()},
        curves={name: {k: [c] for k, c in outcome.curves.items()} for name, outcome in outcomes.items()},
    )


@pytest.mark.parametrize("draw", ["laws", "orders", "boundary", "recovery", "sequences", "ranks", "training", "cost"])
def test_figures_draw(draw, records, tmp_path, monkeypatch):
    monkeypatch.setattr("replications.figures.drawing.build_folder", lambda: tmp_path)
    getattr(figures, draw)(records)
    (picture,) = (tmp_path / "figures").glob("simplex-*.svg")
    assert picture.stat().st_size > 5000


def test_the_triangle_draws(tmp_path, monkeypatch):
    monkeypatch.setattr("replications.figures.drawing.build_folder", lambda: tmp_path)
    figures.triangle()
    assert (tmp_path / "figures" / "simplex-triangle.svg").stat().st_size < 400_000


def test_paths_start_at_the_corner_and_stay_on_the_simplex():
    x = figures.path_on_simplex(0.5, 9, 40, np.random.default_rng(0))
    assert x.shape == (9, 40, 3)
    np.testing.assert_array_equal(x[0], np.tile([1.0, 0.0, 0.0], (40, 1)))
    np.testing.assert_allclose(x.sum(-1), 1)
    assert x.min() >= 0


def test_order_table_leaves_out_what_is_not_defined(records):
    rows = figures.order_table(records)
    assert [row["α"] for row in rows] == ["0.1", "0.5", "1", "2", "4"]
    assert rows[0]["strong, implicit"] is None
    assert rows[0]["strong, squared OU"] is None
    assert rows[4]["strong, implicit"] is not None
