"""Networks on the chain: every arm reports what it should, and an oracle has no gap."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from replications.papers.continuous_diffusion_for_categorical_data.experiments import chains
from replications.papers.continuous_diffusion_for_categorical_data.study import SMALL, STUDY
from replications.study import Context

SHORT = replace(SMALL, updates=6, width=16, draws=32, batch=8, steps=(8, 12), length=6)


@pytest.mark.parametrize(
    "fields", [{"variants": True}, {"self_conditioning": False}, {"clamp": True, "renormalise": True}, {"dimension": 2}]
)
def test_arms_report_declared_finite_numbers(fields):
    outcome = chains.chain(replace(SHORT, **fields), Context(seed=0, device=torch.device("cpu")))
    STUDY.validate(outcome)
    assert all(np.isfinite(v) for v in outcome.scalars.values())
    assert ("nll_train_only" in outcome.scalars) == fields.get("self_conditioning", True)
    assert ("nll_uniform_12" in outcome.scalars) == fields.get("variants", False)
    assert 0 <= outcome.scalars["rotation"] <= 2


def test_the_exact_loss_is_below_the_networks():
    outcome = chains.chain(SHORT, Context(seed=0, device=torch.device("cpu")))
    own, exact = (np.array(outcome.curves[f"{name} loss"].y) for name in ("network", "exact"))
    assert own.mean() > exact.mean()
    assert outcome.scalars["bayes_gap"] == pytest.approx((own - exact).mean(), abs=1e-6)
    assert exact[0] < 0.02
