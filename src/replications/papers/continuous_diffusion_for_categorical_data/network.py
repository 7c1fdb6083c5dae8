"""The Transformer of Section 4.1: pre-norm, rotary positions, no mask; the noise level scales and shifts every norm.

Without a level and with a causal mask it is the autoregressive model of the same size, which judges samples. What the
paper leaves open: log t enters, the random Fourier frequencies have deviation 1, heads are 4 to 16, the MLP is 4× wide.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from replications.models import initialise

TIME_WIDTH = 128  # units of the two-layer MLP on the noise level


class Norm(nn.Module):
    """Layer norm whose scale and shift come from the noise level; plain where there is none. (B, L, W) → (B, L, W)."""

    def __init__(self, width: int, conditioned: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=not conditioned)
        self.modulation = nn.Linear(TIME_WIDTH, 2 * width) if conditioned else None

    def forward(self, x: Tensor, level: Tensor | None) -> Tensor:
        x = self.norm(x)
        if self.modulation is None or level is None:
            return x
        scale, shift = self.modulation(level)[:, None].chunk(2, -1)
        return torch.addcmul(x + shift, x, scale)


class Block(nn.Module):
    """Attention and MLP, each after a norm and added to its input. (B, L, W) → (B, L, W)."""

    def __init__(self, width: int, heads: int, conditioned: bool) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = Norm(width, conditioned), Norm(width, conditioned)
        self.qkv, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, level: Tensor | None, turn: tuple[Tensor, Tensor], causal: bool) -> Tensor:
        q, k, v = (
            self.qkv(self.first(x, level)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )  # (B, h, L, ·)
        mixed = F.scaled_dot_product_attention(rotated(q, *turn), rotated(k, *turn), v, is_causal=causal)
        x = x + self.merge(mixed.transpose(1, 2).flatten(2))
        return x + self.narrow(F.gelu(self.widen(self.second(x, level)), approximate="tanh"))


class Transformer(nn.Module):
    """(B, L, inputs), levels (B,) or None → (B, L, outputs)."""

    def __init__(
        self, inputs: int, outputs: int, width: int, blocks: int, heads: int, conditioned: bool, causal: bool = False
    ) -> None:  # fmt: skip
        super().__init__()
        if width % (2 * heads):
            raise ValueError(f"width {width} with {heads} heads: rotary positions need an even number of units a head")
        self.causal, self.pairs = causal, width // heads // 2
        self.enter = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(Block(width, heads, conditioned) for _ in range(blocks))
        self.last, self.leave = Norm(width, conditioned), nn.Linear(width, outputs)
        self.level: nn.Sequential | None = None
        self.frequencies: Tensor
        if conditioned:
            self.register_buffer("frequencies", torch.zeros(TIME_WIDTH // 2))
            self.level = nn.Sequential(
                nn.Linear(TIME_WIDTH, TIME_WIDTH), nn.SiLU(), nn.Linear(TIME_WIDTH, TIME_WIDTH), nn.SiLU()
            )  # fmt: skip

    def initialise(self, generator: torch.Generator) -> None:
        """Weights of deviation 1/√fan-in, norms that do not yet depend on the level, logits at zero."""
        initialise(self, generator)
        for module in self.modules():
            if isinstance(module, Norm) and module.modulation is not None:
                nn.init.zeros_(module.modulation.weight)
        nn.init.zeros_(self.leave.weight)
        if self.level is not None:
            self.frequencies.normal_(generator=generator)

    def forward(self, features: Tensor, log_level: Tensor | None = None) -> Tensor:
        level = None
        if self.level is not None and log_level is not None:
            angle = log_level[:, None] * self.frequencies
            level = self.level(torch.cat([angle.cos(), angle.sin()], -1))
        x, turn = self.enter(features), angles(features.shape[1], self.pairs, features.device)
        for block in self.blocks:
            x = block(x, level, turn, self.causal)
        out: Tensor = self.leave(self.last(x, level))
        return out


def angles(length: int, half: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosine and sine of position × 10000^{-i/half} (Su et al. 2021). Two (L, half)."""
    frequencies = torch.exp(-math.log(10000.0) * torch.arange(half, device=device) / half)
    angle = torch.arange(length, device=device)[:, None] * frequencies
    return angle.cos(), angle.sin()


def rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Each pair of units (i, i + half) turned by its position's angle. (B, h, L, 2·half) → the same."""
    one, two = x.chunk(2, -1)
    return torch.cat([one * cosine - two * sine, two * cosine + one * sine], -1)
