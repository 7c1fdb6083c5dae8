"""A small Transformer on the Markov chain: cross-entropy against denoising score matching, CIR against Gaussian (S5, S7, S9).

The network sees the noisy state of a whole sequence and its level, and gives V numbers a position: s times the score, or
what its context adds to the token's own log-likelihood (score interpolation). Levels are uniform in s for the simplex process; log t is uniform for
the Gaussian one. The score loss is the integrand of the paper's path KL (Eq. 14) times s², up to a constant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from replications.papers.simplex_diffusion import posterior as post
from replications.papers.simplex_diffusion import simplex
from replications.papers.simplex_diffusion.chain import Chain
from replications.papers.simplex_diffusion.cir import poisson_rate
from replications.papers.simplex_diffusion.experiments import Config, numpy_generator
from replications.study import Context, Curve, Outcome

LEVELS = (0.02, 1.0)  # of s in training; at 0.02 the exact posterior knows the token but for one in 10⁶
TIMES = (0.5, 30.0)  # of t for the Gaussian process: from √d/t = 11 to 0.2
LOSSES = ("cross-entropy", "free score", "fixed boundary")


class Network(nn.Module):
    """Two pre-norm Transformer blocks over positions; (B, L, inputs) and levels (B,) to (B, L, V)."""

    def __init__(self, inputs: int, categories: int, length: int, width: int) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs + 1, width)
        self.position = nn.Parameter(torch.zeros(length, width))
        layer = nn.TransformerEncoderLayer(width, 4, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, categories))

    def forward(self, features: Tensor, log_level: Tensor, alone: Tensor) -> Tensor:
        level = log_level[:, None, None].expand(*features.shape[:2], 1)
        hidden = self.enter(torch.cat([features, level], -1)) + self.position
        out: Tensor = self.leave(self.blocks(hidden)) + alone
        return out


@dataclass
class Batch:
    """One noisy batch: tokens (B, L), state (B, L, V or d), levels (B,)."""

    tokens: np.ndarray
    state: np.ndarray
    levels: np.ndarray


class Process:
    """How tokens are noised, what the network sees, and what it is asked for."""

    def __init__(self, config: Config, chain: Chain, device: torch.device) -> None:
        if config.loss not in LOSSES:
            raise ValueError(f"unknown loss '{config.loss}': choose from {', '.join(LOSSES)}")
        self.config, self.chain, self.v, self.device = config, chain, config.categories, device
        self.gaussian = config.process == "gaussian"
        embedding = np.random.default_rng(1).standard_normal((self.v, config.dimension))
        self.embedding = embedding * math.sqrt(config.dimension) / np.linalg.norm(embedding, axis=1, keepdims=True)
        self.inputs = config.dimension if self.gaussian else 2 * self.v

    def batch(self, sequences: int, rng: np.random.Generator, levels: np.ndarray | None = None) -> Batch:
        """Fresh sequences of the chain, noised; one level a sequence."""
        tokens = self.chain.sample(sequences, self.config.length, rng)
        if levels is None:
            u = (rng.permutation(sequences) + rng.random(sequences)) / sequences  # stratified
            low, high = (math.log(TIMES[0]), math.log(TIMES[1])) if self.gaussian else LEVELS
            levels = low + (high - low) * u
            levels = np.exp(levels) if self.gaussian else levels
        if self.gaussian:
            noise = rng.standard_normal((*tokens.shape, self.config.dimension))
            return Batch(tokens, self.embedding[tokens] + levels[:, None, None] * noise, levels)
        s = np.broadcast_to(levels[:, None], tokens.shape)
        return Batch(tokens, simplex.noise_tokens(tokens, self.config.alpha, s, rng, n=self.v), levels)

    def features(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """What the network sees: (B, L, inputs), log level (B,), and the token's log-likelihood by itself (B, L, V)."""
        scale = batch.levels[:, None, None]
        if self.gaussian:
            seen = batch.state / np.sqrt(1 + scale**2)
        else:
            seen = np.concatenate([np.log(batch.state / scale + 1e-4) / 4, batch.state], -1)
        alone = (
            self.log_likelihood(batch)
            if self.config.loss == "cross-entropy"
            else np.zeros((*batch.tokens.shape, self.v))
        )
        return tuple(torch.from_numpy(part).float().to(self.device) for part in (seen, np.log(batch.levels), alone))  # type: ignore[return-value]

    def log_likelihood(self, batch: Batch) -> np.ndarray:
        """log p(state at a position | token there) up to a constant. (B, L, V)."""
        if self.gaussian:
            return batch.state @ self.embedding.T / batch.levels[:, None, None] ** 2
        return post.log_emission(batch.state, batch.levels[:, None], self.config.alpha)

    def signal(self, batch: Batch) -> np.ndarray:
        """2λH_α(z), s times what a token adds to the score of its coordinate. (B, L, V)."""
        s = batch.levels[:, None]
        return 2 * post.level(poisson_rate(1.0, s)) * post.ratio(batch.state, s, self.config.alpha)

    def loss(self, out: Tensor, batch: Batch) -> Tensor:
        """Mean over positions of the configured loss."""
        tokens = torch.from_numpy(batch.tokens).to(out.device)
        if self.config.loss == "cross-entropy":
            return nn.functional.cross_entropy(out.flatten(0, 1), tokens.flatten())
        target = self.signal(batch)
        target *= np.arange(self.v) == batch.tokens[..., None]
        scaled = batch.state / batch.levels[:, None, None]  # Y/s
        if self.config.loss == "free score":
            target += (self.config.alpha - 1) / np.maximum(scaled, 1e-30) - 1
        weight, wanted = (torch.from_numpy(part).float().to(out.device) for part in (scaled, target))
        return (weight * (out - wanted) ** 2).sum(-1).mean()

    def score_error(self, out: Tensor, batch: Batch) -> np.ndarray:
        """Σ_j (Y_j/s) (s·score - exact)² at every position. (B·L,)."""
        s = batch.levels[:, None]
        exact = self.chain.posterior(self.log_likelihood(batch)) * self.signal(batch)
        scaled = batch.state / s[..., None]
        found = out.double().cpu().numpy()
        if self.config.loss == "cross-entropy":
            found = out.double().softmax(-1).cpu().numpy() * self.signal(batch)
        elif self.config.loss == "free score":
            found = found + 1 - (self.config.alpha - 1) / np.maximum(scaled, 1e-30)
        return (scaled * (found - exact) ** 2).sum(-1).reshape(-1)


def train(config: Config, context: Context) -> Outcome:
    """Train one arm and measure it: spread of the loss, score error, and nats a token against the exact posterior's."""
    chain = Chain.random(config.categories, np.random.default_rng(0))  # one chain for every seed
    process = Process(config, chain, context.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(context.generator("weights", "cpu").initial_seed())
        network = Network(process.inputs, config.categories, config.length, config.width).to(context.device)
    optimiser = torch.optim.AdamW(network.parameters(), config.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)
    losses: list[float] = []
    if (saved := context.restore()) is not None:
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        losses = saved["losses"]
    stream = context.generator("training", "cpu").initial_seed()
    for update in range(len(losses), config.updates):
        rate = min(1.0, (update + 1) / max(1, config.updates // 20))
        rate *= 0.5 * (1 + math.cos(math.pi * update / config.updates))
        optimiser.param_groups[0]["lr"] = config.learning_rate * rate
        # a stream for each update: a resumed run draws what it would have drawn
        batch = process.batch(config.batch, np.random.default_rng((stream, update)))
        loss = process.loss(network(*process.features(batch)), batch)
        if not torch.isfinite(loss):
            raise ValueError(f"update {update}: the loss is {loss.item()}; lower the learning rate")
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
        context.progress((update + 1) / config.updates)
        if context.due():
            context.save({"network": network.state_dict(), "optimiser": optimiser.state_dict(), "losses": losses})
    late = np.array(losses[len(losses) // 2 :])
    scalars = {
        "final_loss": float(np.median(late)),
        "loss_spread": float(late.max() / np.median(late)),
    } | evaluate(network.eval(), process, config, context)
    curve = Curve.thin(list(range(1, len(losses) + 1)), losses, "update", "loss")
    return Outcome(scalars, {"loss": curve}, steps=config.updates, samples=config.updates * config.batch)


@torch.no_grad()
def evaluate(network: Network, process: Process, config: Config, context: Context) -> dict[str, float]:
    """Score error at mid levels; for cross-entropy, nats a token by the entropy identity, less those of the exact posterior."""
    rng = numpy_generator(context, "evaluation")
    scalars: dict[str, float] = {}
    if not process.gaussian:
        batch = process.batch(config.draws, rng, np.linspace(0.1, 0.6, config.draws))
        errors = process.score_error(network(*process.features(batch)), batch)
        scalars |= {"score_error": float(np.median(errors)), "score_error_mean": float(errors.mean())}
    if config.loss == "cross-entropy":
        mine, exact = nats(network, process, config, rng)
        scalars |= {"nats": mine, "nats_exact": exact, "excess_nats": mine - exact}
    return scalars


@torch.no_grad()
def nats(network: Network, process: Process, config: Config, rng: np.random.Generator) -> tuple[float, float]:
    """The likelihood bound of the network and of the exact posterior on the same draws, nats a token.

    Cross-entropy at the smallest level plus the integral of the entropy rate above it: for the simplex process
    (θ_0/s²) E ΣR²(1{j=k} - p_j)² ds, for the Gaussian one t^{-3} E‖x_0 - x̂_0‖² dt and d/(2t²) beyond the last t.
    """
    node, weight = np.polynomial.legendre.leggauss(24)
    low, high = (math.log(TIMES[0]), math.log(TIMES[1])) if process.gaussian else LEVELS
    points, weights = low + (high - low) * (node + 1) / 2, weight * (high - low) / 2
    total = np.zeros(2)
    for index, (point, w) in enumerate(zip([low, *points], [0.0, *weights])):
        level = math.exp(point) if process.gaussian else point
        batch = process.batch(config.draws, rng, np.full(config.draws, level))
        own = network(*process.features(batch)).double().softmax(-1).cpu().numpy()
        exact = process.chain.posterior(process.log_likelihood(batch))
        for column, p in enumerate((own, exact)):
            if index == 0:
                chosen = np.take_along_axis(p, batch.tokens[..., None], -1)
                total[column] -= np.log(np.maximum(chosen, 1e-30)).mean()
            elif process.gaussian:
                error = ((process.embedding[batch.tokens] - p @ process.embedding) ** 2).sum(-1).mean()
                total[column] += w * error / level**2  # t^{-3} dt = t^{-2} dlog t
            else:
                total[column] += w * post.entropy_rate(batch.state, p, batch.tokens, level, config.alpha).mean()
    if process.gaussian:
        total += config.dimension / (2 * TIMES[1] ** 2)
    return float(total[0]), float(total[1])
