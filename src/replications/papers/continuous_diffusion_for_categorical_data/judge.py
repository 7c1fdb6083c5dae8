"""The autoregressive judge: a causal Transformer of the same size, trained on the same text, that scores samples.

It stands in for the paper's language model of 1.3 billion parameters. A low score alone means little (a text of spaces is
easy to predict), so the unigram entropy of the samples stands beside it everywhere.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from replications.papers.continuous_diffusion_for_categorical_data.config import Config
from replications.papers.continuous_diffusion_for_categorical_data.corpus import Corpus, corpus_of
from replications.papers.continuous_diffusion_for_categorical_data.network import Transformer
from replications.papers.continuous_diffusion_for_categorical_data.training import schedule
from replications.study import Context


class Judge(nn.Module):
    """p(w_i | w_<i); symbol V opens a sequence."""

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        self.config, self.start = config, config.categories
        self.symbols = nn.Parameter(torch.randn(config.categories + 1, config.width, generator=generator))
        sizes = config.width, config.categories, config.width, config.blocks, config.heads
        self.network = Transformer(*sizes, conditioned=False, causal=True)
        self.network.initialise(generator)

    def forward(self, tokens: Tensor) -> Tensor:
        """Surprise of every token given those before it, nats. (B, L) → (B, L)."""
        logits = self.logits(tokens[:, :-1])
        return F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none")

    def logits(self, before: Tensor) -> Tensor:
        """Logits of the tokens after each prefix, the empty one included. (B, L) → (B, L + 1, V)."""
        opened = F.pad(before, (1, 0), value=self.start)
        with torch.autocast(opened.device.type, torch.bfloat16, enabled=self.config.bfloat16):
            out: Tensor = self.network(self.symbols[opened])
        return out.float()

    @torch.no_grad()
    def generate(self, prefix: Tensor, length: int, generator: torch.Generator) -> Tensor:
        """Sequences (B, L) that go on from prefix (B, P), one token after another."""
        tokens = prefix
        while tokens.shape[1] < length:
            p = self.logits(tokens)[:, -1].softmax(-1)
            tokens = torch.cat([tokens, torch.multinomial(p, 1, generator=generator)], 1)
        return tokens


def train_judge(config: Config, corpus: Corpus, context: Context) -> Judge:
    """Train on windows of the training text, as long as the model's own; last weights."""
    judge = Judge(config, context.generator("judge weights", "cpu")).to(context.device)
    optimiser = torch.optim.Adam(judge.parameters(), config.learning_rate, betas=(0.9, 0.99), fused=True)
    for update in range(config.judge_updates):
        optimiser.param_groups[0]["lr"] = config.learning_rate * schedule(update, config.judge_updates)
        windows = corpus.windows(corpus.train, config.batch, config.length, context.generator(f"judge {update}"))
        optimiser.zero_grad()
        judge(windows).mean().backward()
        nn.utils.clip_grad_norm_(judge.parameters(), 1.0)
        optimiser.step()
    return judge.eval().requires_grad_(False)


def judge_of(config: Config, device: torch.device) -> Judge:
    """One judge for all runs of a process: it depends on no seed, so that every process trains the same one."""
    read = (
        "categories",
        "length",
        "tokens",
        "width",
        "blocks",
        "heads",
        "batch",
        "learning_rate",
        "bfloat16",
        "judge_updates",
    )
    return _trained(Config("judge", **{name: getattr(config, name) for name in read}), device)


@cache
def _trained(config: Config, device: torch.device) -> Judge:
    return train_judge(config, corpus_of(config), Context(seed=0, device=device))
