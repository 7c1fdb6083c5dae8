"""Ten kinds of blotchy picture in place of CIFAR-10, and everything small that a run holds constant."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
import torch

from replications.data import cifar10
from replications.models.resnet import tiny_resnet
from replications.papers.byol import pretraining
from replications.papers.semppl import networks


@pytest.fixture(scope="module")
def pictures() -> Iterator[cifar10.CIFAR10]:
    """200 pictures, 160 of them for training."""
    draw = torch.Generator().manual_seed(0)
    kinds = torch.rand(10, 3, 4, 4, generator=draw)
    labels = torch.arange(200) % 10
    blotches = torch.nn.functional.interpolate(kinds, size=(32, 32), mode="bilinear")[labels]
    images = (255 * (0.8 * blotches + 0.2 * torch.rand(200, 3, 32, 32, generator=draw))).to(torch.uint8)
    data = cifar10.CIFAR10(images[:160], labels[:160], images[160:], labels[160:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cifar10, "load", lambda: data)
        patch.setattr(pretraining, "WATCHED", 50)
        patch.setattr(pretraining, "SETTLING", 2)
        patch.setitem(networks.SEMPPL_ENCODERS, "tiny", lambda: tiny_resnet(4, "3x3/2"))
        patch.setattr(pretraining, "logistic_probe", partial(pretraining.logistic_probe, iterations=5))
        yield data
