"""Encoders of SemPPL: those of BYOL, and ResNet-50 with selective kernels (Li et al. 2019), as the abstract names it.

Which form of selective kernels the paper takes is not said in what could be read, and its released networks have none.
Ours is the one of SimCLR v2, recalled: two 3×3 branches of full width in each bottleneck, made by one convolution, a
squeeze to at least 32 units and a sixteenth of the channels, a softmax over the branches; the stem stays BYOL's.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from replications.models import initialise
from replications.models.heads import mlp_head
from replications.models.resnet import Bottleneck, Conv, Norm, ResNet
from replications.papers.byol.method import Network
from replications.papers.byol.study import ENCODERS, Pretraining
from replications.study import Context

SQUEEZE = 1 / 16  # of the channels, in the small network that weighs the branches
NARROWEST = 32  # units of that network


class SelectiveKernel(nn.Module):
    """Two convolutions mixed channel by channel with weights that the image decides. (B, C, H, W) → (B, C, H/s, W/s)."""

    def __init__(self, channels: int, stride: int, norm: Norm, conv: Conv) -> None:
        super().__init__()
        self.branches = conv(channels, 2 * channels, 3, stride, padding=1, bias=False)
        self.norm = norm(2 * channels)
        narrow = max(NARROWEST, int(channels * SQUEEZE))
        self.squeeze = conv(channels, narrow, 1, bias=False)
        self.squeeze_norm = norm(narrow)
        self.select = conv(narrow, 2 * channels, 1, bias=False)

    def weigh(self, branches: torch.Tensor) -> torch.Tensor:
        """Weights of the two branches, which sum to one. (B, 2, C, H, W) → (B, 2, C, 1, 1)."""
        pooled = branches.sum(dim=1).mean(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
        scores: torch.Tensor = self.select(F.relu(self.squeeze_norm(self.squeeze(pooled))))
        return scores.unflatten(1, (2, -1)).softmax(dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branches = F.relu(self.norm(self.branches(x))).unflatten(1, (2, -1))
        return (branches * self.weigh(branches)).sum(dim=1)


class SelectiveBottleneck(Bottleneck):
    """A bottleneck whose 3×3 convolution selects between two kernels; its norm and ReLU are inside the selection."""

    def __init__(self, inputs: int, channels: int, stride: int, norm: Norm, conv: Conv) -> None:
        super().__init__(inputs, channels, stride, norm, conv)
        self.conv2 = SelectiveKernel(channels, stride, norm, conv)
        self.norm2 = nn.Identity()


def selective_resnet50() -> ResNet:
    """ResNet-50 with selective kernels and ImageNet's stem."""
    return ResNet(SelectiveBottleneck, (3, 4, 6, 3), (64, 128, 256, 512), "7x7/4")


SELECTIVE: dict[str, Callable[[], ResNet]] = {"selective_resnet50": selective_resnet50}  # besides those of BYOL


def build(config: Pretraining, context: Context) -> tuple[Network, Network]:
    """Online network, initialised as BYOL's is, and a target that starts as its copy, on the run's device."""

    def make(predictor: bool) -> Network:
        encoder, hidden, d = (ENCODERS | SELECTIVE)[config.encoder](), config.hidden, config.projection
        projector = mlp_head(encoder.features, hidden, d, config.projector_depth)
        return Network(encoder, projector, mlp_head(d, hidden, d, config.predictor_depth) if predictor else None)

    online, target = make(predictor=True), make(predictor=False)
    initialise(online, context.generator("online", device="cpu"))  # the same weights on every device
    target.encoder.load_state_dict(online.encoder.state_dict())
    target.projector.load_state_dict(online.projector.state_dict())
    first, second = (n.to(context.device).to(memory_format=torch.channels_last) for n in (online, target))
    return first, second
