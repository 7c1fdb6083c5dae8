"""What the losses do to embeddings, in seconds: squared error pulls them together, cross-entropy does not."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from replications.papers.continuous_diffusion_for_categorical_data.experiments import embeddings
from replications.papers.continuous_diffusion_for_categorical_data.study import STUDY, TOKEN
from replications.study import Context

SHORT = replace(TOKEN, updates=120, batch=64, width=16, draws=300, steps=(10,), learning_rate=2e-2)


def outcome(**fields):
    return embeddings.embeddings(replace(SHORT, **fields), Context(seed=0, device=torch.device("cpu")))


def test_the_law_falls():
    prior = embeddings.prior_of(8)
    assert float(prior.sum()) == pytest.approx(1)
    assert (prior.diff() < 0).all()
    with pytest.raises(ValueError, match="an alphabet of 0 symbols"):
        embeddings.prior_of(0)


def test_squared_error_draws_embeddings_together():
    entropy, squared = (outcome(loss=loss) for loss in ("cross-entropy", "squared error"))
    STUDY.validate(entropy)
    assert all(np.isfinite(v) for v in {**entropy.scalars, **squared.scalars}.values())
    start = entropy.curves["mean_distance"].y[0]
    assert squared.curves["mean_distance"].y[0] == start
    assert squared.scalars["mean_distance"] < 0.9 * start < entropy.scalars["mean_distance"]


def test_frozen_embeddings_stay():
    found = outcome(learnt=False)
    assert set(found.curves["min_distance"].y) == {found.scalars["min_distance"]}
    assert found.scalars["row_norm"] == pytest.approx(found.scalars["row_norm_start"])
