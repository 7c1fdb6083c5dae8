"""The chain: stationarity, entropy, its posterior against enumeration, the gradient of its log density."""

import itertools

import numpy as np
import pytest
import torch

from replications.papers.continuous_diffusion_for_categorical_data import method
from replications.papers.continuous_diffusion_for_categorical_data.chain import Chain, unigram_entropy
from replications.papers.simplex_diffusion.chain import Chain as Other


def double(v=4, seed=1):
    chain = Chain.random(v, seed)
    return Chain(chain.transition.double(), chain.stationary.double())


def vectors(v, d=3):
    return method.unit_moment(torch.randn(v, d, generator=torch.Generator().manual_seed(2), dtype=torch.float64))


def test_it_is_the_chain_of_the_other_chapter():
    other = Other.random(16, np.random.default_rng(0))
    np.testing.assert_allclose(Chain.random(16).transition, other.transition, rtol=1e-6)
    assert Chain.random(16).entropy(32) == pytest.approx(other.entropy(32), rel=1e-6)


def test_stationary_law_stays():
    chain = double(6)
    torch.testing.assert_close(chain.stationary @ chain.transition, chain.stationary, atol=1e-6, rtol=0)


def test_samples_follow_the_chain():
    chain = Chain.random(8)
    tokens = chain.sample(4000, 12, torch.Generator().manual_seed(0))
    assert chain.bigram_distance(tokens) < 0.02
    nll = chain.nll(tokens)
    assert float(nll.mean()) == pytest.approx(chain.entropy(12), abs=4 * float(nll.std()) / 4000**0.5)
    assert unigram_entropy(tokens, 8) == pytest.approx(chain.unigram_entropy(), abs=0.01)


def test_posterior_agrees_with_enumeration():
    chain, e, t = double(), vectors(4), 1.3
    x = torch.randn(3, 5, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    found = chain.denoiser(e)(x, t, None)
    emission = -(x[:, :, None] - e).square().sum(-1) / (2 * t * t)
    expected = torch.zeros_like(found)
    for word in itertools.product(range(4), repeat=5):
        weight = chain.stationary[word[0]].log() + sum(
            chain.transition[a, b].log() for a, b in itertools.pairwise(word)
        )
        weight = (weight + sum(emission[:, i, v] for i, v in enumerate(word))).exp()
        for i, v in enumerate(word):
            expected[:, i, v] += weight
    torch.testing.assert_close(found, expected / expected.sum(-1, keepdim=True))


def test_score_is_the_gradient_of_the_log_density():
    chain, e, t = double(), vectors(4), 0.8
    x = torch.randn(3, 6, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(chain.log_density(x, t, e).sum(), x)
    p = chain.denoiser(e)(x.detach(), t, None)
    torch.testing.assert_close(method.score(x.detach(), method.expected_embedding(p, e), t), slope)


def test_log_density_integrates_to_one():
    chain, e = double(3), torch.tensor([[1.0], [-1.0], [0.3]], dtype=torch.float64)
    grid = torch.linspace(-6, 6, 401, dtype=torch.float64)
    x = torch.cartesian_prod(grid, grid)[..., None]
    assert float(chain.log_density(x, 0.7, e).exp().sum()) * 0.03**2 == pytest.approx(1, abs=1e-4)


def test_very_sharp_and_very_flat_emissions_stay_finite():
    chain, e = Chain.random(8), method.unit_moment(torch.randn(8, 4, generator=torch.Generator().manual_seed(0)))
    tokens = chain.sample(5, 20, torch.Generator().manual_seed(1))
    p = chain.denoiser(e)(e[tokens], 0.01, None)
    torch.testing.assert_close(p.argmax(-1), tokens)
    flat = chain.denoiser(e)(e[tokens], 1e4, None)
    torch.testing.assert_close(flat, chain.stationary.expand_as(flat), atol=1e-3, rtol=0)


def test_an_empty_alphabet_is_named():
    with pytest.raises(ValueError, match="an alphabet of 0 symbols"):
        Chain.random(0)
