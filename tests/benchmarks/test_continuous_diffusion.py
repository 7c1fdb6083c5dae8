"""Times of the samplers' parts, eager and compiled: printed, never asserted. Run with `pytest -s tests/benchmarks`."""

import time

import pytest
import torch

from replications.papers.continuous_diffusion_for_categorical_data import method, sampling
from replications.papers.continuous_diffusion_for_categorical_data.chain import Chain
from replications.papers.continuous_diffusion_for_categorical_data.model import Model
from replications.papers.continuous_diffusion_for_categorical_data.study import SMALL

SEQUENCES, LENGTH, VOCABULARY, DIMENSION = 2000, 32, 16, 16


def milliseconds(call, repeats: int = 5) -> float:
    """CPU milliseconds of one call, the best of `repeats`, after one to warm up."""
    call()
    return 1e3 * min(_seconds(call) for _ in range(repeats))


def _seconds(call) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def token_step(x, epsilon, vectors, prior, t, s):
    """Noise, posterior of single tokens and one Euler step."""
    x = x + t * epsilon
    p = method.posterior(x, t, vectors, prior)
    return torch.lerp(method.expected_embedding(p, vectors), x, sampling.kept(t, s))


@pytest.mark.slow
def test_noise_posterior_and_step():
    draw = torch.Generator().manual_seed(0)
    vectors = method.unit_moment(torch.randn(VOCABULARY, DIMENSION, generator=draw))
    prior = torch.full((VOCABULARY,), 1 / VOCABULARY)
    x, epsilon = torch.randn(2, SEQUENCES, LENGTH, DIMENSION, generator=draw)
    compiled = torch.compile(token_step)
    torch.testing.assert_close(
        compiled(x, epsilon, vectors, prior, 2.0, 1.0), token_step(x, epsilon, vectors, prior, 2.0, 1.0)
    )
    for name, step in (("eager", token_step), ("compiled", compiled)):
        found = milliseconds(lambda step=step: step(x, epsilon, vectors, prior, 2.0, 1.0))
        print(f"noise, posterior, step of {SEQUENCES * LENGTH} tokens, {name:8}: {found:7.1f} ms")
        assert found > 0


@pytest.mark.slow
def test_forward_backward():
    chain, draw = Chain.random(VOCABULARY), torch.Generator().manual_seed(0)
    likelihood = torch.randn(SEQUENCES, LENGTH, VOCABULARY, generator=draw)
    found = milliseconds(lambda: chain.posterior(likelihood))
    print(f"forward-backward of {SEQUENCES * LENGTH} tokens: {found:7.1f} ms")
    assert found > 0


@pytest.mark.slow
def test_network():
    model = Model(SMALL, torch.Generator().manual_seed(0)).requires_grad_(False)
    x, t = torch.randn(500, SMALL.length, SMALL.dimension), torch.ones(500)
    compiled = torch.compile(model.logits)
    torch.testing.assert_close(compiled(x, t), model.logits(x, t), atol=1e-4, rtol=1e-4)
    for name, logits in (("eager", model.logits), ("compiled", compiled)):
        found = milliseconds(lambda logits=logits: logits(x, t))
        print(f"network on {500 * SMALL.length} tokens, {name:8}: {found:7.1f} ms")
        assert found > 0
