"""A Markov chain of tokens whose posterior given noisy states is known: the oracle for sequences, and data to train on.

First order, rows drawn from Dirichlet(0.15) and mixed with 2 % of uniform, started at its stationary law; the same
chain as in the chapter on continuous diffusion for categorical data, up to the seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from replications.papers.simplex_diffusion.posterior import log_emission


@dataclass(frozen=True)
class Chain:
    """Transition matrix (V, V), rows sum to one, and its stationary law (V,)."""

    transition: np.ndarray
    stationary: np.ndarray

    @classmethod
    def random(cls, categories: int, rng: np.random.Generator) -> Chain:
        """Rows Dirichlet(0.15), mixed 0.98 to 0.02 with uniform."""
        rows = 0.98 * rng.dirichlet(np.full(categories, 0.15), categories) + 0.02 / categories
        stationary = np.linalg.matrix_power(rows, 1000)[0]
        return cls(rows, stationary / stationary.sum())

    def sample(self, sequences: int, length: int, rng: np.random.Generator) -> np.ndarray:
        """Tokens (sequences, length)."""
        cumulative = self.transition.cumsum(1)
        tokens = np.empty((sequences, length), dtype=np.int64)
        tokens[:, 0] = np.searchsorted(self.stationary.cumsum(), rng.random(sequences)).clip(max=len(cumulative) - 1)
        for position in range(1, length):
            rows = cumulative[tokens[:, position - 1]]
            tokens[:, position] = (rows < rng.random((sequences, 1))).sum(1).clip(max=len(cumulative) - 1)
        return tokens

    def nll(self, tokens: np.ndarray) -> float:
        """Mean negative log-likelihood of sequences in nats a token. tokens: (B, L)."""
        first = np.log(self.stationary)[tokens[:, 0]]
        rest = np.log(self.transition)[tokens[:, :-1], tokens[:, 1:]].sum(1)
        return float(-(first + rest).mean() / tokens.shape[1])

    def entropy(self, length: int) -> float:
        """Entropy of a sequence in nats a token."""
        first = -(self.stationary * np.log(self.stationary)).sum()
        rate = -(self.stationary[:, None] * self.transition * np.log(self.transition)).sum()
        return float((first + (length - 1) * rate) / length)

    def posterior(self, log_likelihood: np.ndarray) -> np.ndarray:
        """p(token at each position | all noisy states) by forward-backward. (B, L, V) → (B, L, V)."""
        emission = np.exp(log_likelihood - log_likelihood.max(-1, keepdims=True))
        length = emission.shape[1]
        forward, backward = np.empty_like(emission), np.ones_like(emission)
        forward[:, 0] = _normalised(self.stationary * emission[:, 0])
        for i in range(1, length):
            forward[:, i] = _normalised((forward[:, i - 1] @ self.transition) * emission[:, i])
        for i in range(length - 2, -1, -1):
            backward[:, i] = _normalised((backward[:, i + 1] * emission[:, i + 1]) @ self.transition.T)
        return _normalised(forward * backward)

    def denoise(self, y: np.ndarray, s: float, alpha: np.ndarray) -> np.ndarray:
        """The exact posterior of a noisy sequence. (B, L, V) → (B, L, V)."""
        return self.posterior(log_emission(y, s, alpha))

    def bigram_distance(self, tokens: np.ndarray) -> float:
        """Total variation between the bigrams of `tokens` and those of the chain."""
        v = len(self.stationary)
        counts = np.bincount((tokens[:, :-1] * v + tokens[:, 1:]).reshape(-1), minlength=v * v)
        return 0.5 * float(
            np.abs(counts / counts.sum() - (self.stationary[:, None] * self.transition).reshape(-1)).sum()
        )


def unigram_entropy(tokens: np.ndarray, categories: int) -> float:
    """Entropy of the pooled tokens in nats."""
    share = np.bincount(tokens.reshape(-1), minlength=categories) / tokens.size
    return float(-(share[share > 0] * np.log(share[share > 0])).sum())


def _normalised(values: np.ndarray) -> np.ndarray:
    return values / values.sum(-1, keepdims=True)
