"""The identities hold to rounding, and the one that must fail does."""

import torch

from replications.papers.static_activation_normalization import exact
from replications.study import Context


def test_identities() -> None:
    found = exact.run_exact(exact.ExactConfig(width=16), Context(seed=0, device=torch.device("cpu"))).scalars
    assert found.keys() == exact.METRICS.keys()
    assert found["ordering_violations"] == 0.0
    assert found["folding_error_z"] > 0.01
    for name in ("normalisation_error", "closed_form_error", "critical_error", "folding_error"):
        assert found[name] < 1e-10, name
    assert found["semi_stable_error"] < 1e-6
