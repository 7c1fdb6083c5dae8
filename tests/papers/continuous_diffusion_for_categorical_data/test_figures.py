"""Every figure draws from records of the study's own smoke runs, small ones."""

import json
from dataclasses import replace

import pytest
import torch

from replications.papers.continuous_diffusion_for_categorical_data import figures, study
from replications.papers.continuous_diffusion_for_categorical_data.experiments import chains, embeddings, exact
from replications.study import Context, Curve
from replications.study.testing import fake_records

EXACT = replace(study.EXACT, draws=64, length=4, categories=4, dimension=3)
CHAIN = replace(study.SMALL, updates=2, width=16, draws=32, batch=8, steps=(8, 12), length=4, variants=True)
LINE = Curve([2.5, 2.8], [2.0, 2.2], "entropy, nats", "nats a token")


@pytest.fixture(scope="module")
def records():
    context = Context(seed=0, device=torch.device("cpu"))
    token = replace(study.TOKEN, updates=2, batch=8, width=16, draws=20, steps=(2,))
    outcomes = {
        "spacings": exact.spacings(replace(EXACT, steps=(10, 20)), context),
        "knobs": exact.knobs(replace(EXACT, steps=(4,)), context),
        "rivals": exact.rivals(replace(EXACT, steps=(4, 6)), context),
        **{
            f"token-{arm}": embeddings.embeddings(replace(token, **fields), context)
            for arm, fields in study.ARMS.items()
        },
        **{name: chains.chain(CHAIN, context) for name in ("chain",)},
    }
    outcomes["chain-uniform"] = outcomes["chain-log-uniform"] = outcomes["chain"]
    scalars = {name: {k: [v] for k, v in outcome.scalars.items()} for name, outcome in outcomes.items()}
    curves = {name: {k: [c] for k, c in outcome.curves.items()} for name, outcome in outcomes.items()}
    text = {
        f"{k}{s}": [2.0] for k in ("nll", "entropy") for s in ("", "_data", "_judge", "_many", "_rho1", " γ 2", " γ 4")
    }
    text |= {"nats": [1.5], "nats_judge": [1.4]}
    scalars |= dict.fromkeys(("text", "text-uniform", "text-no-self"), text) | {"digits": {"ink": [0.2]}}
    curves["text"] = {name: [LINE] for name in ("score T", "softmax T", "γ")}
    samples = {"digits": {"samples": [torch.randint(2, (40, 64)).to(torch.uint8).numpy()]}}
    return fake_records(scalars, curves=curves, arrays=samples)


@pytest.mark.parametrize("draw", ["warp", "embeddings", "spacings", "knobs", "orders", "rivals", "digits"])
def test_figures_draw(draw, records, tmp_path, monkeypatch):
    monkeypatch.setattr("replications.figures.drawing.build_folder", lambda: tmp_path)
    getattr(figures, draw)(records)
    (picture,) = (tmp_path / "figures").glob("cdcd-*.svg")
    assert 5_000 < picture.stat().st_size < 600_000
    (data,) = (tmp_path / "figures").glob("cdcd-*.json")
    assert any(
        series["kind"] in ("line", "image") for ax in json.loads(data.read_text())["axes"] for series in ax["series"]
    )


def test_tables_hold_what_was_recorded(records):
    exact_rows, warping, text = (getattr(figures, f"{name}_rows")(records) for name in ("exact", "warping", "text"))
    assert [row["sampler"] for row in exact_rows][-1] == "Heun, warped"
    assert exact_rows[0]["10"].startswith(f"{records.scalars('spacings', 'nll_uniform_10')[0]:.3f}")
    assert [row["N"] for row in warping] == ["8", "12"] * 3
    assert len(text) == 7
    assert text[1]["bits a character of test text"] == f"{1.4 / 0.6931:.2f}"
