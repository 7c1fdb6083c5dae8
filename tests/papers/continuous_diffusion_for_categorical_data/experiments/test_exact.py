"""Experiments without a network: known numbers of the chain, the order of spacings, declared metrics."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from replications.papers.continuous_diffusion_for_categorical_data.experiments import exact
from replications.papers.continuous_diffusion_for_categorical_data.study import EXACT, STUDY
from replications.study import Context


def context(seed=0):
    return Context(seed=seed, device=torch.device("cpu"))


@pytest.fixture(scope="module")
def spacings():
    return exact.spacings(replace(EXACT, draws=400, steps=(10, 20)), context())


def test_numbers_of_the_chain(spacings):
    found = spacings.scalars
    STUDY.validate(spacings)
    assert found["data_nll"] == pytest.approx(1.708, abs=1e-3)
    assert found["data_entropy"] == pytest.approx(2.639, abs=1e-3)
    assert found["entropy_integral"] == pytest.approx(1.708, rel=0.03)
    assert found["loss_end"] == pytest.approx(2.639, rel=0.03)
    assert found["loss_rise"] > -0.02  # common noise: the exact loss rises, up to the sample
    assert found["score_error"] < 1e-10
    assert found["score_error_blind"] > 0.01


def test_order_of_spacings_and_the_artefact_of_heun(spacings):
    found = spacings.scalars
    for n in (10, 20):
        assert found[f"nll_warped_{n}"] < found[f"nll_rho8_{n}"] < found[f"nll_uniform_{n}"]
    assert found["nll_heun_20"] < found["data_nll"]
    assert found["entropy_heun_20"] < found["data_entropy"]


def test_the_loss_starts_at_zero_and_rises(spacings):
    loss = np.array(spacings.curves["loss"].y)
    assert loss[0] < 1e-3
    assert loss[-1] > 2.5


@pytest.mark.parametrize("name", ["knobs", "rivals"])
def test_the_others_report_declared_finite_numbers(name):
    config = replace(EXACT, experiment=name, draws=64, length=6, categories=4, dimension=3, steps=(6,))
    outcome = getattr(exact, name)(config, context())
    STUDY_METRICS = set(STUDY.metrics)
    unknown = {key for key in outcome.scalars if key not in STUDY_METRICS and not key.endswith("_6")}
    assert not unknown
    assert all(np.isfinite(v) for v in outcome.scalars.values())
    assert outcome.scalars == getattr(exact, name)(config, context()).scalars
    assert outcome.scalars != getattr(exact, name)(config, context(1)).scalars
