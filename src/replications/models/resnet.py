"""Residual networks of the first kind (He et al. 2016), without a classifier.

One class serves three sizes: the tiny network of the laptop profiles, ResNet-18 and ResNet-50. `norm` and `conv` are
factories, so that a paper can put group norm, an affine map or weight-standardised convolutions in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional as F

Norm = Callable[[int], nn.Module]  # channels → layer
Conv = Callable[..., nn.Module]  # called as nn.Conv2d is

STEMS = ("3x3", "3x3/2", "7x7/4")


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut. (B, C, H, W) → (B, channels, H/stride, W/stride)."""

    expansion = 1

    def __init__(self, inputs: int, channels: int, stride: int, norm: Norm, conv: Conv) -> None:
        super().__init__()
        self.conv1 = conv(inputs, channels, 3, stride, padding=1, bias=False)
        self.norm1 = norm(channels)
        self.conv2 = conv(channels, channels, 3, padding=1, bias=False)
        self.norm2 = norm(channels)
        self.shortcut = _shortcut(inputs, channels, stride, norm, conv)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = F.relu(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        return F.relu(out + self.shortcut(x))


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1 convolutions and a shortcut. (B, C, H, W) → (B, 4·channels, H/stride, W/stride)."""

    expansion = 4

    def __init__(self, inputs: int, channels: int, stride: int, norm: Norm, conv: Conv) -> None:
        super().__init__()
        outputs = self.expansion * channels
        self.conv1 = conv(inputs, channels, 1, bias=False)
        self.norm1 = norm(channels)
        self.conv2 = conv(channels, channels, 3, stride, padding=1, bias=False)
        self.norm2 = norm(channels)
        self.conv3 = conv(channels, outputs, 1, bias=False)
        self.norm3 = norm(outputs)
        self.shortcut = _shortcut(inputs, outputs, stride, norm, conv)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = F.relu(self.norm1(self.conv1(x)))
        out = F.relu(self.norm2(self.conv2(out)))
        out = self.norm3(self.conv3(out))
        return F.relu(out + self.shortcut(x))


def _shortcut(inputs: int, outputs: int, stride: int, norm: Norm, conv: Conv) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(conv(inputs, outputs, 1, stride, bias=False), norm(outputs))


class ResNet(nn.Module):
    """Images (B, 3, H, W) → features (B, `features`), by global average pooling.

    `blocks` counts the blocks of each group and `channels` their inner width; every group after the first halves the
    resolution. Stems: "3x3" keeps it (for 32×32 images), "3x3/2" halves it, "7x7/4" is ImageNet's 7×7 convolution of
    stride 2 with a 3×3 max-pool of stride 2.

    Raises:
        ValueError: unknown stem, or lists of different lengths.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        blocks: Sequence[int],
        channels: Sequence[int],
        stem: str = "3x3",
        norm: Norm = nn.BatchNorm2d,
        conv: Conv = nn.Conv2d,
    ) -> None:
        super().__init__()
        if stem not in STEMS:
            raise ValueError(f"unknown stem '{stem}': choose one of {', '.join(STEMS)}")
        if len(blocks) != len(channels):
            raise ValueError(f"blocks and channels need one entry a group, got {len(blocks)} and {len(channels)}")
        inputs = channels[0]
        kernel, stride = (7, 2) if stem == "7x7/4" else (3, 2 if stem == "3x3/2" else 1)
        self.stem = nn.Sequential(
            conv(3, inputs, kernel, stride, padding=kernel // 2, bias=False), norm(inputs), nn.ReLU(inplace=True)
        )
        if stem == "7x7/4":
            self.stem.append(nn.MaxPool2d(3, 2, padding=1))
        self.groups = nn.Sequential()
        for group, (count, width) in enumerate(zip(blocks, channels, strict=True)):
            layers = nn.Sequential()
            for position in range(count):
                layers.append(block(inputs, width, 2 if group > 0 and position == 0 else 1, norm, conv))
                inputs = block.expansion * width
            self.groups.append(layers)
        self.features = inputs

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.groups(self.stem(images))  # (B, features, H', W')
        return maps.mean(dim=(2, 3))


def tiny_resnet(width: int = 16, stem: str = "3x3/2", norm: Norm = nn.BatchNorm2d, conv: Conv = nn.Conv2d) -> ResNet:
    """One basic block a group at widths (w, 2w, 4w): 77,392 parameters at w = 16, 307,360 at 32, 1,225,024 at 64."""
    return ResNet(BasicBlock, (1, 1, 1), (width, 2 * width, 4 * width), stem, norm, conv)


def resnet18(stem: str = "3x3", norm: Norm = nn.BatchNorm2d, conv: Conv = nn.Conv2d) -> ResNet:
    """ResNet-18: 11,168,832 parameters with the 3×3 stem, 11,176,512 with ImageNet's."""
    return ResNet(BasicBlock, (2, 2, 2, 2), (64, 128, 256, 512), stem, norm, conv)


def resnet50(stem: str = "7x7/4", norm: Norm = nn.BatchNorm2d, conv: Conv = nn.Conv2d) -> ResNet:
    """ResNet-50: 23,508,032 parameters with ImageNet's stem."""
    return ResNet(Bottleneck, (3, 4, 6, 3), (64, 128, 256, 512), stem, norm, conv)
