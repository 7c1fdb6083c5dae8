"""The Markov chain: posterior by enumeration, likelihood, entropy, sampling."""

import itertools

import numpy as np
import pytest

from replications.papers.simplex_diffusion.chain import Chain, unigram_entropy


@pytest.fixture
def chain():
    return Chain.random(3, np.random.default_rng(0))


def test_posterior_by_enumeration(chain):
    log_likelihood = np.random.default_rng(1).normal(size=(2, 4, 3)) * 2
    expected = np.zeros((2, 4, 3))
    for tokens in itertools.product(range(3), repeat=4):
        weight = np.exp(-4 * chain.nll(np.array([tokens]))) * np.exp(log_likelihood[:, range(4), tokens].sum(-1))
        expected[:, range(4), tokens] += weight[:, None]
    expected /= expected.sum(-1, keepdims=True)
    np.testing.assert_allclose(chain.posterior(log_likelihood), expected, rtol=1e-9)


def test_entropy_by_enumeration(chain):
    total = 0.0
    for tokens in itertools.product(range(3), repeat=4):
        nll = 4 * chain.nll(np.array([tokens]))
        total += np.exp(-nll) * nll
    assert chain.entropy(4) == pytest.approx(total / 4)


def test_samples_follow_the_chain(chain):
    tokens = chain.sample(4000, 8, np.random.default_rng(2))
    assert chain.bigram_distance(tokens) < 0.02
    assert chain.nll(tokens) == pytest.approx(chain.entropy(8), abs=0.02)
    share = np.bincount(tokens[:, 0], minlength=3) / 4000
    np.testing.assert_allclose(share, chain.stationary, atol=0.04)


def test_bigram_distance_can_be_large(chain):
    assert chain.bigram_distance(np.zeros((10, 8), int)) > 0.3


def test_unigram_entropy():
    assert unigram_entropy(np.array([[0, 1], [1, 0]]), 5) == pytest.approx(np.log(2))
