"""Every activation against torch's own, and every derivative against autograd."""

import pytest
import torch
from torch.nn import functional

from replications.papers.static_activation_normalization.activations import ACTIVATIONS

TORCH = {
    "relu": torch.relu,
    "leaky 0.01": functional.leaky_relu,
    "leaky 0.2": lambda x: functional.leaky_relu(x, 0.2),
    "abs": torch.abs,
    "ELU": functional.elu,
    "SELU": functional.selu,
    "tanh": torch.tanh,
    "erf": torch.erf,
    "sigmoid": torch.sigmoid,
    "softplus": functional.softplus,
    "GELU": functional.gelu,
    "SiLU": functional.silu,
    "square": torch.square,
    "linear": lambda x: 1.0 * x,
}


def test_all_are_checked() -> None:
    assert TORCH.keys() == ACTIVATIONS.keys()


@pytest.mark.parametrize("name", TORCH)
def test_value_and_slope(name: str) -> None:
    base, reference = ACTIVATIONS[name], TORCH[name]
    x = torch.cat([torch.linspace(-4, -0.01, 50), torch.linspace(0.01, 4, 50)]).double().requires_grad_()
    expected = reference(x)
    (slope,) = torch.autograd.grad(expected.sum(), x)
    with torch.no_grad():
        out = torch.empty_like(x)
        torch.testing.assert_close(base.value(x, out), expected.detach(), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(base.slope(x, out), slope, rtol=1e-12, atol=1e-12)
