"""The study: every condition runs at a tiny size, gives what it declares, and repeats itself."""

import numpy as np
import pytest
import torch

from replications.papers.policy_gradients_soft_q import claims, study
from replications.study import Context, judge_records

CPU = torch.device("cpu")


def test_every_metric_is_declared_and_measured(outcomes):
    measured = set().union(*(outcome.scalars for outcome in outcomes.values()))
    assert measured == set(study.METRICS)
    assert all(np.isfinite(list(outcome.scalars.values())).all() for outcome in outcomes.values())


def test_every_exact_claim_is_reproduced_at_smoke(records):
    verdicts = {entry.claim.id: entry for entry in judge_records("x", claims.CLAIMS, records)}
    for name in ("C1", "C2", "C3*", "B1", "B2*"):
        assert str(verdicts[name].verdict) == "reproduced", name
        assert verdicts[name].falsifier == "broke the claim", name


def test_same_seed_same_numbers_other_seed_others(tiny):
    config = tiny("random")
    one, two, other = (study.run(config, Context(seed, CPU)).scalars for seed in (0, 0, 1))
    assert one == two
    assert one["behaviour_error"] != other["behaviour_error"]


def test_dry_run_takes_two_updates_and_says_so():
    config = study.STUDY.plan("paper").conditions["learning"]
    assert study.dry_run(config, Context(0, CPU)) == "learning: float64, 1000 updates"
    assert "1000000 cases" in study.dry_run(study.STUDY.plan("paper").conditions["duality"], Context(0, CPU))


def test_a_users_mistakes():
    with pytest.raises(ValueError, match="unknown experiment 'nothing'"):
        study.run(study.Config("nothing"), Context(0, CPU))
    with pytest.raises(ValueError, match="unknown world 'moon'"):
        study.run(study.Config("process", draws=1, world="moon"), Context(0, CPU))
