"""The study: every condition runs at a tiny size, gives what it declares, and repeats itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from replications.papers.policy_gradients_soft_q import claims, figures, learning, study
from replications.study import Context, Records, judge_records
from replications.study.testing import fake_records

CPU = torch.device("cpu")


def tiny(condition):
    config = study.STUDY.plan("smoke").conditions[condition]
    return replace(config, draws=min(config.draws, 40), updates=30, hidden=8)


@pytest.fixture(scope="module")
def outcomes():
    found = {}
    for condition in study.STUDY.plan("smoke").conditions:
        found[condition] = study.run(tiny(condition), Context(0, CPU))
        study.STUDY.validate(found[condition])
    return found


@pytest.fixture(scope="module")
def records(outcomes) -> Records:
    return fake_records(
        {name: {metric: [value] for metric, value in outcome.scalars.items()} for name, outcome in outcomes.items()},
        profile="smoke",
        curves={name: {key: [curve] for key, curve in outcome.curves.items()} for name, outcome in outcomes.items()},
        arrays={name: {key: [array] for key, array in outcome.arrays.items()} for name, outcome in outcomes.items()},
    )


def test_every_metric_is_declared_and_measured(outcomes):
    measured = set().union(*(outcome.scalars for outcome in outcomes.values()))
    assert measured == set(study.METRICS)
    assert all(np.isfinite(list(outcome.scalars.values())).all() for outcome in outcomes.values())


def test_every_exact_claim_is_reproduced_at_smoke(records):
    verdicts = {entry.claim.id: entry for entry in judge_records("x", claims.CLAIMS, records)}
    for name in ("C1", "C2", "C3*", "B1", "B2*"):
        assert str(verdicts[name].verdict) == "reproduced", name
        assert verdicts[name].falsifier == "broke the claim", name


def test_same_seed_same_numbers_other_seed_others():
    config = tiny("random")
    one, two, other = (study.run(config, Context(seed, CPU)).scalars for seed in (0, 0, 1))
    assert one == two
    assert one["behaviour_error"] != other["behaviour_error"]


def test_size_of_the_chunks_does_not_change_what_is_checked():
    config = replace(tiny("duality"), chunk=7)
    assert study.run(config, Context(0, CPU)).scalars["gap_identity"] < 1e-12
    assert study.run(config, Context(0, CPU)).arrays["gap"].shape == (2, 12 * 40)


def test_learning_approaches_the_optimum_in_the_plane(outcomes):
    path, optimum = outcomes["learning"].arrays["path"], outcomes["learning"].arrays["optimum"]
    assert path.shape == (4, 31, 2)
    assert path.dtype == np.float32
    distance = np.linalg.norm(path[0] - optimum, axis=1)
    assert distance[-1] < distance[0]
    assert outcomes["learning"].scalars["progress"] > 0.0


def test_projection_keeps_a_walk_that_lies_in_a_plane():
    generator = torch.Generator().manual_seed(0)
    plane = torch.linalg.qr(torch.randn(10, 2, generator=generator, dtype=torch.float64))[0]
    flat = torch.randn(2, 30, 2, generator=generator, dtype=torch.float64)
    path, optimum, share = learning._project(flat @ plane.T, flat[0, 0] @ plane.T)
    assert share == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(np.linalg.norm(path[0, 0] - path[1, 5]), (flat[0, 0] - flat[1, 5]).norm(), rtol=1e-12)
    np.testing.assert_allclose(path[0, 0], optimum, atol=1e-12)


def test_dry_run_takes_two_updates_and_says_so():
    config = study.STUDY.plan("paper").conditions["learning"]
    assert study.dry_run(config, Context(0, CPU)) == "learning: float64, 1000 updates"
    assert "1000000 cases" in study.dry_run(study.STUDY.plan("paper").conditions["duality"], Context(0, CPU))


def test_a_users_mistakes():
    with pytest.raises(ValueError, match="unknown experiment 'nothing'"):
        study.run(study.Config("nothing"), Context(0, CPU))
    with pytest.raises(ValueError, match="unknown world 'moon'"):
        study.run(study.Config("process", draws=1, world="moon"), Context(0, CPU))


@pytest.mark.parametrize("name", ["gap", "ratios", "walk", "values", "cosine", "slips", "limits"])
def test_figures_draw(name, records, monkeypatch, tmp_path):
    monkeypatch.setattr("replications.figures.drawing.build_folder", lambda: tmp_path)
    getattr(figures, name)(records)
    assert (tmp_path / "figures" / f"pgsq-{name}.svg").stat().st_size > 1000
