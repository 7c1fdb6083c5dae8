"""Initial weights: from the generator alone, of the stated deviation, with norms and biases at their neutral values."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from replications.models import initialise
from replications.models.resnet import tiny_resnet


def test_initialisation_depends_on_the_generator_alone():
    first, second = tiny_resnet(8), tiny_resnet(8)
    initialise(first, torch.Generator().manual_seed(1))
    torch.rand(3)  # the global generator must not matter
    initialise(second, torch.Generator().manual_seed(1))
    for one, two in zip(first.parameters(), second.parameters()):
        assert torch.equal(one, two)
    initialise(second, torch.Generator().manual_seed(2))
    assert not torch.equal(first.stem[0].weight, second.stem[0].weight)


def test_initial_weights_have_the_deviation_of_a_normal_cut_at_two_deviations():
    layer = nn.Sequential(nn.Linear(400, 1000))
    initialise(layer, torch.Generator().manual_seed(0))
    assert layer[0].weight.abs().max() <= 2 / 20
    assert layer[0].weight.std().item() == pytest.approx(0.8796 / 20, rel=0.01)  # a truncated normal's deviation
    assert not layer[0].bias.any()


def test_norms_start_as_the_identity_and_a_convolutions_fan_in_counts_its_window():
    module = nn.Sequential(nn.Conv2d(8, 64, 3), nn.BatchNorm2d(64), nn.BatchNorm2d(64, affine=False))
    nn.init.constant_(module[1].weight, 3.0)
    nn.init.constant_(module[1].bias, 3.0)
    initialise(module, torch.Generator().manual_seed(0))
    assert (module[1].weight == 1).all()
    assert not module[1].bias.any()
    deviation = (8 * 3 * 3) ** -0.5
    assert module[0].weight.std().item() == pytest.approx(0.8796 * deviation, rel=0.03)
    assert module[0].weight.abs().max() <= 2 * deviation
