"""Weights of small random units, and both ways to run a step."""

import math

import pytest
import torch

from replications.papers.recurrent_discounted_attention import kernel
from replications.papers.recurrent_discounted_attention.method import Recipe, Weights

HAVE_COMPILER = kernel.compiler() is not None


@pytest.fixture(
    params=[
        pytest.param("C++", marks=pytest.mark.skipif(not HAVE_COMPILER, reason="no C++ compiler on this machine")),
        "PyTorch",
    ]
)
def path(request, monkeypatch):
    """The steps in C++, or in PyTorch as on a machine without a compiler."""
    if request.param == "PyTorch":
        monkeypatch.setattr(kernel, "library", lambda: None)
    return request.param


def weights(
    recipe: Recipe, inputs: int, hidden: int, dtype=torch.float64, seed: int = 0, scale: float = 1.0
) -> Weights:
    """Random weights of one unit that require gradients; attention of ReLU is kept away from zero."""
    draw = torch.Generator().manual_seed(seed)
    gates = recipe.gates * hidden

    def normal(*shape):
        values = torch.randn(*shape, generator=draw, dtype=torch.float64) * scale / math.sqrt(shape[-1])
        return values.to(dtype).requires_grad_()

    found = Weights(normal(hidden, inputs), normal(hidden), normal(gates, inputs), normal(gates, hidden), normal(gates))
    if recipe.attention == "relu":
        with torch.no_grad():
            found.b[hidden : 2 * hidden] += 4 * scale
    return found
