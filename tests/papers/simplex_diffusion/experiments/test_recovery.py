"""Recovery and likelihood experiments."""

import numpy as np
import pytest
import torch

from replications.papers.simplex_diffusion.experiments import Config, recovery
from replications.study import Context


def context(seed: int = 0) -> Context:
    return Context(seed=seed, device=torch.device("cpu"))


def test_reversal_recovers_with_the_divergence_and_fails_without():
    outcome = recovery.reversal(Config("reversal", 1500, steps=(30,)), context())
    found = outcome.scalars
    assert max(found["tv_heun"], found["tv_bridge"]) < 3 * found["floor"]
    assert found["tv_sde"] < 0.1
    assert found["tv_sde_without_divergence"] > 0.3
    assert found["middle_p_bridge"] > 1e-3
    assert set(outcome.curves) == {f"{name}, {grid}" for name, grid in recovery.BEST_GRID}


def test_identities_hold_and_the_printed_form_does_not():
    found = recovery.identities(0.5, np.random.default_rng(0))
    assert max(found["drift_error"], found["field_error"]) < 1e-12
    assert found["log_field_residual"] < 1e-10
    assert found["log_field_residual_printed"] > 0.1
    assert found["quantile_error"] < 5e-6


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_likelihood_identities(alpha):
    found = recovery.likelihood(Config("likelihood", 3000, alpha=alpha), context()).scalars
    assert found["entropy_integral"] == pytest.approx(found["entropy"], rel=0.02)
    assert found["path_kl"] == pytest.approx(found["initial_kl"], rel=0.06)
    assert found["path_kl_unweighted"] > 1.5 * found["initial_kl"]
    assert found["entropy_integral_blind"] > 10


def test_readings_rank_what_they_know():
    found = recovery.readings(np.random.default_rng(0), 8000)
    assert found["ce_linear"] > found["ce_state"] + 0.05
    assert found["ce_simplex_excess"] > 0
    assert abs(found["calibration_gap"]) < 0.01


def test_sequences_approach_the_chain():
    config = Config("sequences", 60, categories=4, length=12, steps=(3, 40))
    outcome = recovery.sequences(config, context())
    for name in ("ODE Heun", "bridge"):
        assert outcome.curves[f"bigrams {name}"].y[1] < outcome.curves[f"bigrams {name}"].y[0]
    assert outcome.scalars["chain_nll_heun"] == pytest.approx(outcome.scalars["chain_entropy"], abs=0.15)


def test_law_of_many_categories():
    for v in (5, 27, 256):
        law = recovery.law_of(v)
        assert law.sum() == pytest.approx(1)
        assert len(law) == v
