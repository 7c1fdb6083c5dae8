"""Spectra and signals at initialisation, small."""

import pytest
import torch

from replications.papers.static_activation_normalization import networks, probes
from replications.papers.static_activation_normalization.activations import ACTIVATIONS
from replications.study import Context


def context() -> Context:
    return Context(seed=0, device=torch.device("cpu"))


def spectrum_of(form: str) -> dict[str, float]:
    return dict(probes.run_spectrum(probes.SpectrumConfig("relu", form, 200, 400, 600), context()).scalars)


def test_condition_falls_from_raw_to_a_to_z_and_only_raw_keeps_its_mean() -> None:
    raw, a, z = (spectrum_of(form) for form in ("raw", "a", "z"))
    assert raw["log_condition"] > a["log_condition"] > z["log_condition"]
    assert raw["largest"] > 20 * raw["edge"]
    assert a["largest"] < 1.1 * a["edge"]
    assert z["zeta"] == 0.0
    for found in (a, z):
        assert found["density_error"] < 0.08
        assert abs(found["second_moment_error"]) < 0.1


@pytest.mark.parametrize("name", ["relu-he", "sanf-a", "sanf-t", "selu", "batch-norm"])
def test_gradients_grow_as_mean_field_theory_says(name: str) -> None:
    config = probes.SignalConfig(name, width=300, depth=10, batch=256)
    found = probes.run_signal(config, context()).scalars
    assert found["growth"] == pytest.approx(found["growth_expected"], rel=0.06)
    if "correlation_map_error" in found:
        assert found["correlation_map_error"] < 0.08
        assert found["variance_map_error"] < 0.1


def test_growth_is_that_of_autograd() -> None:
    """The written-out backward pass of a probe, batch norm included, against autograd's norms."""
    expected = {"sanf-a": 1.4669, "batch-norm": 1.4669, "sanf-z": 2.7519, "relu-lecun": 0.5}
    for name, value in expected.items():
        assert probes.expected_growth(networks.network(name)) == pytest.approx(value, abs=1e-4)


def test_forms_by_name() -> None:
    relu = ACTIVATIONS["relu"]
    assert probes.form_of(relu, "raw") == networks.PLAIN
    assert probes.form_of(relu, "c0") == probes.form_of(relu, "a")
    assert probes.form_of(relu, "c1") == probes.form_of(relu, "z")
    with pytest.raises(ValueError, match="unknown variant 'q'"):
        probes.form_of(relu, "q")
