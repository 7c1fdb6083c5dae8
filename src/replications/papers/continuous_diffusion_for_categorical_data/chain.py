"""A synthetic Markov chain of tokens whose posterior given noisy embeddings is known: no network, so no network error.

First order, rows drawn from Dirichlet(0.15) and mixed with 2 % of uniform, started at its stationary law. Forward-backward
runs over positions with all sequences in the last axis, where its sums are contiguous.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from replications.papers.continuous_diffusion_for_categorical_data import method
from replications.papers.continuous_diffusion_for_categorical_data.sampling import Denoiser


class Chain:
    """Transition matrix (V, V), rows sum to one, and its stationary law (V,)."""

    def __init__(self, transition: Tensor, stationary: Tensor) -> None:
        self.transition, self.stationary = transition, stationary

    @classmethod
    def random(cls, categories: int, seed: int = 0, device: torch.device | str = "cpu") -> Chain:
        """Rows Dirichlet(0.15), mixed 0.98 to 0.02 with uniform; `seed` 0 is the chain of the chapter on simplex diffusion.

        Raises:
            ValueError: fewer than two symbols.
        """
        v = method.check_alphabet(categories)
        rows = 0.98 * np.random.default_rng(seed).dirichlet(np.full(v, 0.15), v) + 0.02 / v
        stationary = np.linalg.matrix_power(rows, 1000)[0]
        tensors = (torch.from_numpy(part).float().to(device) for part in (rows, stationary / stationary.sum()))
        return cls(*tensors)

    def sample(self, sequences: int, length: int, generator: torch.Generator) -> Tensor:
        """Tokens (B, L)."""
        device = self.transition.device
        draws = torch.rand(length, sequences, 1, generator=generator, device=device)
        cumulative, last = self.transition.cumsum(1), len(self.stationary) - 1
        tokens = [(self.stationary.cumsum(0) < draws[0]).sum(1).clamp(max=last)]
        for draw in draws[1:]:
            tokens.append((cumulative[tokens[-1]] < draw).sum(1).clamp(max=last))
        return torch.stack(tokens, 1)

    def nll(self, tokens: Tensor) -> Tensor:
        """Negative log-likelihood of each sequence in nats a token. (B, L) → (B,)."""
        steps = self.transition.log()[tokens[:, :-1], tokens[:, 1:]].sum(1)
        return -(self.stationary.log()[tokens[:, 0]] + steps) / tokens.shape[1]

    def entropy(self, length: int) -> float:
        """Entropy of a sequence in nats a token."""
        first = -(self.stationary * self.stationary.log()).sum()
        rate = -(self.stationary[:, None] * self.transition * self.transition.log()).sum()
        return float((first + (length - 1) * rate) / length)

    def unigram_entropy(self) -> float:
        """Entropy of one token by itself, in nats."""
        return float(-(self.stationary * self.stationary.log()).sum())

    def posterior(self, log_likelihood: Tensor) -> Tensor:
        """p(token at each position | all noisy states) by forward-backward. (B, L, V) → (B, L, V)."""
        emission = log_likelihood.permute(1, 2, 0)  # (L, V, B)
        emission = (emission - emission.amax(1, keepdim=True)).exp_()
        into = self.transition.T.to(emission.dtype).contiguous()
        forward, backward = torch.empty_like(emission), torch.ones_like(emission)
        forward[0] = _normalised(self.stationary[:, None] * emission[0])
        for i in range(1, len(emission)):
            forward[i] = _normalised((into @ forward[i - 1]).mul_(emission[i]))
        for i in range(len(emission) - 2, -1, -1):
            backward[i] = _normalised(into.T @ (backward[i + 1] * emission[i + 1]))
        return _normalised(forward.mul_(backward), 1).permute(2, 0, 1)

    def denoiser(self, embeddings: Tensor) -> Denoiser:
        """The exact p(v | x, t) of embeddings (V, d) in Gaussian noise; a previous estimate cannot help it."""

        def denoise(x: Tensor, t: float, previous: Tensor | None = None) -> Tensor:
            return self.posterior(method.log_likelihood(x, t, embeddings))

        return denoise

    def log_density(self, x: Tensor, t: float, embeddings: Tensor) -> Tensor:
        """log p_t(x) by the forward recursion in the log domain: what the score is the gradient of. (B, L, d) → (B,)."""
        emission = -(x[:, :, None] - embeddings).square().sum(-1) / (2 * t**2)  # (B, L, V)
        emission = emission - x.shape[-1] * math.log(t * math.sqrt(2 * math.pi))
        forward = self.stationary.log() + emission[:, 0]
        for i in range(1, x.shape[1]):
            forward = torch.logsumexp(forward[:, :, None] + self.transition.log(), 1) + emission[:, i]
        return torch.logsumexp(forward, 1)

    def bigram_distance(self, tokens: Tensor) -> float:
        """Total variation between the bigrams of `tokens` and those of the chain."""
        v = len(self.stationary)
        counts = torch.bincount((tokens[:, :-1] * v + tokens[:, 1:]).flatten(), minlength=v * v).double()
        law = (self.stationary[:, None] * self.transition).flatten().double()
        return 0.5 * float((counts / counts.sum() - law).abs().sum())


def unigram_entropy(tokens: Tensor, categories: int) -> float:
    """Entropy of the pooled tokens in nats."""
    share = torch.bincount(tokens.flatten(), minlength=categories).double() / tokens.numel()
    return float(torch.special.entr(share).sum())


def _normalised(values: Tensor, axis: int = 0) -> Tensor:
    return values.div_(values.sum(axis, keepdim=True))
