"""The bound on the likelihood: an identity for the exact posterior, above it for anything else."""

import numpy as np
import pytest
import torch

from replications.papers.continuous_diffusion_for_categorical_data import likelihood, method
from replications.papers.continuous_diffusion_for_categorical_data.chain import Chain
from replications.papers.continuous_diffusion_for_categorical_data.config import Config
from replications.papers.continuous_diffusion_for_categorical_data.sampling import Denoiser

CHAIN = Chain.random(5)
VECTORS = method.unit_moment(torch.randn(5, 4, generator=torch.Generator().manual_seed(0)))


class Oracle:
    """A model that knows the chain, or only its stationary law."""

    def __init__(self, blind=False, self_conditioning=False):
        self.config = Config("chain", dimension=4, lowest=0.05, highest=25, self_conditioning=self_conditioning)
        self.blind = blind
        self.calls = []

    def embeddings(self):
        return VECTORS

    def denoiser(self) -> Denoiser:
        def denoise(x, t, previous):
            self.calls.append(previous)
            return method.posterior(x, t, VECTORS, CHAIN.stationary) if self.blind else CHAIN.denoiser(VECTORS)(x, t)

        return denoise


def bound(model):
    tokens = CHAIN.sample(1500, 10, torch.Generator().manual_seed(1))
    return likelihood.nats(model, tokens, torch.Generator().manual_seed(2))


def test_exact_posterior_gives_the_entropy():
    assert bound(Oracle()) == pytest.approx(CHAIN.entropy(10), rel=0.02)


def test_single_tokens_give_their_own_entropy_which_is_larger():
    assert bound(Oracle(blind=True)) == pytest.approx(CHAIN.unigram_entropy(), rel=0.02)


def test_an_earlier_estimate_is_a_fresh_one_at_the_same_level():
    model = Oracle(self_conditioning=True)
    assert np.isfinite(bound(model))
    assert [previous is None for previous in model.calls] == [True, False] * 25
