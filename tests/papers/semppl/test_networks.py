"""Selective kernels weigh two branches; networks have the sizes that they should, and the seed decides their weights."""

from __future__ import annotations

import torch
from torch import nn

from replications.models.resnet import resnet50
from replications.papers.byol.study import networks
from replications.papers.semppl.learner import Config
from replications.papers.semppl.networks import SelectiveBottleneck, SelectiveKernel, build, selective_resnet50
from replications.study import Context


def selective(channels: int = 6, stride: int = 1) -> SelectiveKernel:
    torch.manual_seed(0)
    return SelectiveKernel(channels, stride, nn.BatchNorm2d, nn.Conv2d)


def test_weights_of_the_branches_sum_to_one_for_every_channel():
    layer, x = selective(), torch.randn(4, 2, 6, 5, 5)
    weights = layer.weigh(x)
    assert weights.shape == (4, 2, 6, 1, 1)
    torch.testing.assert_close(weights.sum(1), torch.ones(4, 6, 1, 1))
    assert weights.std(0).max() > 0.01  # the image decides


def test_without_preference_the_branches_are_averaged():
    layer, x = selective(stride=2), torch.randn(3, 6, 8, 8)
    nn.init.zeros_(layer.select.weight)
    branches = torch.relu(layer.norm(layer.branches(x)))
    assert layer(x).shape == (3, 6, 4, 4)
    torch.testing.assert_close(layer(x), (branches[:, :6] + branches[:, 6:]) / 2)


def test_branches_that_agree_are_left_as_they_are():
    layer, x = selective(), torch.randn(3, 6, 4, 4)
    with torch.no_grad():
        layer.branches.weight[6:] = layer.branches.weight[:6]
    torch.testing.assert_close(layer(x), torch.relu(layer.norm(layer.branches(x)))[:, :6])


def test_resnet50_with_selective_kernels_doubles_its_3x3_convolutions_and_adds_their_squeeze():
    plain, chosen = resnet50("7x7/4"), selective_resnet50()
    added = 0
    for channels, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        narrow = max(32, channels // 16)
        convolutions = 9 * channels * channels + channels * narrow + narrow * 2 * channels
        norms = 2 * channels + 2 * narrow  # one more branch of channels, and the squeeze; weight and bias each
        added += blocks * (convolutions + norms)
    count = lambda network: sum(p.numel() for p in network.parameters())  # noqa: E731
    assert count(chosen) == count(plain) + added
    assert sum(isinstance(m, SelectiveBottleneck) for m in chosen.modules()) == 16


def test_the_online_network_is_byols_and_the_target_starts_as_its_copy():
    config, context = Config(hidden=8, projection=4), Context(3, torch.device("cpu"))
    online, target = build(config, context)
    byols, _ = networks(config, context)
    for ours, theirs in ((online, byols), (target.encoder, online.encoder), (target.projector, online.projector)):
        assert ours.state_dict().keys() == theirs.state_dict().keys()
        assert all(torch.equal(one, two) for one, two in zip(ours.state_dict().values(), theirs.state_dict().values()))
    assert not {p.data_ptr() for p in online.parameters()} & {p.data_ptr() for p in target.parameters()}
