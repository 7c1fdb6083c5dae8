"""Made-up pictures in place of CIFAR-10, for the chapters that pre-train on it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
import torch

from replications.data import cifar10


@pytest.fixture(scope="module")
def pictures() -> Iterator[cifar10.CIFAR10]:
    """Ten kinds of blotchy picture, and everything small that a run of `papers.byol` holds constant."""
    from replications.models.resnet import tiny_resnet
    from replications.papers.byol import pretraining, study

    draw = torch.Generator().manual_seed(0)
    kinds = torch.rand(10, 3, 4, 4, generator=draw)
    labels = torch.arange(200) % 10
    blotches = torch.nn.functional.interpolate(kinds, size=(32, 32), mode="bilinear")[labels]
    images = (255 * (0.8 * blotches + 0.2 * torch.rand(200, 3, 32, 32, generator=draw))).to(torch.uint8)
    data = cifar10.CIFAR10(images[:160], labels[:160], images[160:], labels[160:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cifar10, "load", lambda: data)
        for module in (study, pretraining):
            patch.setattr(module, "WATCHED", 50)
            patch.setattr(module, "SETTLING", 2)
            patch.setattr(module, "logistic_probe", partial(module.logistic_probe, iterations=5))
        patch.setitem(study.ENCODERS, "tiny", lambda: tiny_resnet(4, "3x3/2"))
        yield data
