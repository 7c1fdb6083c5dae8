"""The paper's own network (section 2.2, appendix B): images by a ResNet, labels by a table, a causal transformer.

Read in the released code: pre-norm blocks of 8 heads, tanh GELU, truncated-normal fan-in weights, batch norm in the image
embedder. Differs from it: only the last position is computed in the last block and the readout, since the loss reads no
other; the convolutions of stride 2 pad both sides alike.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from replications.models import initialise
from replications.models.resnet import Bottleneck

WIDTH, HEADS, EXPANSION = 64, 8, 4
LONGEST = 30.0  # 1/ω runs from 1 to nearly this many tokens
CHANNELS = (16, 32, 32, 64)  # of the groups' outputs, two bottleneck blocks each
NETWORKS = ("transformer", "lstm", "rnn")
EMBEDDERS = ("resnet", "conv")


def sinusoids(length: int, width: int = WIDTH) -> Tensor:
    """Positions p_t = [sin tω_k | cos tω_k] with ω_k = 30^{-2k/d}, k < d/2. (length, d)"""
    frequencies = LONGEST ** (-2 * torch.arange(width // 2) / width)
    angles = torch.arange(length)[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], 1)


def resnet_embedder() -> nn.Sequential:
    """Images (B, 1, H, W) to (B, 64), 22,176 parameters; the last batch norm of each block starts at zero."""
    layers: list[nn.Module] = [
        nn.Conv2d(1, 64, 7, 2, padding=3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, padding=1),
    ]
    inputs = 64
    for group, outputs in enumerate(CHANNELS):
        for block in range(2):
            stride = 2 if group > 0 and block == 0 else 1
            layers.append(Bottleneck(inputs, outputs // 4, stride, nn.BatchNorm2d, nn.Conv2d))
            inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def conv_embedder(side: int) -> nn.Sequential:
    """Images (B, 1, side, side) to (B, 64): three 3×3 convolutions of stride 2 with batch norm, a linear map: for the laptop."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((1, 16), (16, 32), (32, 32)):
        layers += [nn.Conv2d(inputs, outputs, 3, 2, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        side = (side + 1) // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * side**2, WIDTH))


class Block(nn.Module):
    """Pre-norm causal attention and MLP, 49,984 parameters. (R, T, d) → (R, T, d), or (R, 1, d) of the last token."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.wide = nn.Linear(WIDTH, EXPANSION * WIDTH)
        self.narrow = nn.Linear(EXPANSION * WIDTH, WIDTH)

    def forward(self, x: Tensor, last_only: bool = False) -> Tensor:
        rows, tokens, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(rows, tokens, 3, HEADS, -1).permute(2, 0, 3, 1, 4)  # (R, H, T, d/H)
        if last_only:
            x, q = x[:, -1:], q[:, :, -1:]
        heads = functional.scaled_dot_product_attention(q, k, v, is_causal=not last_only)
        x = x + self.out(heads.transpose(1, 2).reshape(rows, -1, WIDTH))
        mlp: Tensor = self.narrow(functional.gelu(self.wide(self.norm2(x)), approximate="tanh"))
        return x + mlp


class ImageLearner(nn.Module):
    """Images (R, N + 1, 1, H, W) and labels (R, N) to logits (R, C) for the last image.

    Raises:
        ValueError: an unknown network or embedder.
    """

    def __init__(
        self,
        classes: int,
        generator: torch.Generator,
        network: str = "transformer",
        depth: int = 12,
        embedder: str = "resnet",
        side: int = 105,
    ) -> None:
        super().__init__()
        if network not in NETWORKS:
            raise ValueError(f"unknown network '{network}': choose from {', '.join(NETWORKS)}")
        if embedder not in EMBEDDERS:
            raise ValueError(f"unknown embedder '{embedder}': choose from {', '.join(EMBEDDERS)}")
        self.embed = resnet_embedder() if embedder == "resnet" else conv_embedder(side)
        self.label = nn.Embedding(classes, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(depth)) if network == "transformer" else None
        self.recurrent: nn.RNNBase | None = None
        if network != "transformer":
            self.recurrent = {"lstm": nn.LSTM, "rnn": nn.RNN}[network](WIDTH, WIDTH, depth, batch_first=True)
        self.norm = nn.LayerNorm(WIDTH)
        self.readout = nn.Linear(WIDTH, classes)
        self.to(generator.device)
        self._initialise(generator)

    def _initialise(self, generator: torch.Generator) -> None:
        """Fan-in normal weights, label vectors of deviation 0.02, residual image blocks that start as their shortcut."""
        initialise(self, generator)
        nn.init.trunc_normal_(self.label.weight, 0.0, 0.02, -0.04, 0.04, generator=generator)
        with torch.no_grad():
            for name, weight in self.embed.named_parameters():
                if name.endswith("norm3.weight"):
                    weight.zero_()
            if self.recurrent is not None:
                bound = 1 / math.sqrt(WIDTH)
                for weight in self.recurrent.parameters():
                    weight.uniform_(-bound, bound, generator=generator)

    def tokens(self, images: Tensor, labels: Tensor) -> Tensor:
        """x_1, y_1, …, x_N, y_N, x_q with positions added. (R, 2N + 1, d)

        Raises:
            ValueError: no pair, or a label that the table does not have.
        """
        rows, pairs = labels.shape
        if pairs < 1 or images.shape[1] != pairs + 1:
            raise ValueError(f"{images.shape[1]} images and {pairs} labels: a sequence is N ≥ 1 pairs and a query")
        embedded = self.embed(images.flatten(0, 1)).view(rows, pairs + 1, WIDTH)
        x = embedded.new_empty(rows, 2 * pairs + 1, WIDTH)
        x[:, 0::2], x[:, 1::2] = embedded, self.label(labels)
        return x + sinusoids(x.shape[1]).to(x)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        x = self.tokens(images, labels)
        if self.recurrent is not None:
            x, _ = self.recurrent(x)
        elif self.blocks is not None:
            for index, block in enumerate(self.blocks):
                x = block(x, last_only=index == len(self.blocks) - 1)
        logits: Tensor = self.readout(self.norm(x[:, -1]))
        return logits


def learning_rate(step: int, peak: float, warmup: int) -> float:
    """min(η s/W, η √(W/s)); the first step has rate 0. Without a warm-up the rate is constant."""
    if warmup == 0:
        return peak
    return min(peak * step / warmup, peak * math.sqrt(warmup / step)) if step else 0.0
