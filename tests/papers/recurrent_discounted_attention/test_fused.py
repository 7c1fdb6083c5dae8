"""The Triton kernels, interpreted on the CPU, against the PyTorch steps."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton")

SCRIPT = """
import torch
from replications.papers.recurrent_discounted_attention import scan as module
from replications.papers.recurrent_discounted_attention.method import RECIPES, Recipe, Weights

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
T, B, H, D = 3, 2, 5, 2
for recipe in (*RECIPES.values(), Recipe("softplus"), Recipe("relu", output="id")):
    gates, results = recipe.gates * H, []
    for name in ("PyTorch", "Triton"):
        module.backend = lambda *arguments: name
        draw = torch.Generator().manual_seed(0)
        shapes = ((H, D), (H,), (gates, D), (gates, H), (gates,), (B, H), (B, H), (T, B, D))
        *w, r0, s0, x = [torch.randn(s, generator=draw).requires_grad_() for s in shapes]
        probe = torch.randn(T, B, H, generator=draw)
        h, r, s = module.scan(recipe, x, Weights(*w), r0, s0)
        total = (h * probe).sum() + r.sum() + s.square().sum()
        results.append([h, r, s, *torch.autograd.grad(total, [*w, r0, s0, x])])
    for one, two in zip(*results):
        assert one.isfinite().all() or recipe.attention == "relu"
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-9, equal_nan=True)
print("agreed")
"""


def test_interpreted_kernels_are_the_steps():
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    found = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True)
    assert found.stdout == "agreed\n", found.stderr
