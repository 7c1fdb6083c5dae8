"""Shapes, parameter counts and the exchangeable layers of the residual networks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from replications.models.resnet import ResNet, resnet18, resnet50, tiny_resnet


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("encoder", "count"),
    [
        (lambda: resnet50(), 23_508_032),
        (lambda: resnet18("7x7/4"), 11_176_512),
        (lambda: resnet18("3x3"), 11_168_832),
        (lambda: tiny_resnet(16), 77_392),
        (lambda: tiny_resnet(32), 307_360),
        (lambda: tiny_resnet(64), 1_225_024),
    ],
)
def test_parameter_counts_are_the_known_ones(encoder, count):
    with torch.device("meta"):
        assert parameters(encoder()) == count


@pytest.mark.parametrize(("stem", "side"), [("3x3", 16), ("3x3/2", 8), ("7x7/4", 4)])
def test_each_stem_reduces_the_resolution_as_it_says(stem, side):
    encoder = tiny_resnet(4, stem).eval()
    images = torch.randn(2, 3, 64, 64)
    assert encoder.groups(encoder.stem(images)).shape == (2, 16, side, side)
    assert encoder(images).shape == (2, encoder.features) == (2, 16)


def test_resnet18_agrees_with_torchvision_on_the_same_weights():
    reference = pytest.importorskip("torchvision").models.resnet18().eval()
    ours = resnet18("7x7/4").eval()
    weights = [value for name, value in reference.state_dict().items() if not name.startswith("fc.")]
    ours.load_state_dict(dict(zip(ours.state_dict(), weights, strict=True)))  # both list layers in the order of use
    images = torch.randn(2, 3, 64, 64)
    reference.fc = nn.Identity()
    torch.testing.assert_close(ours(images), reference(images), rtol=1e-4, atol=1e-5)


def test_norm_and_convolution_can_be_replaced_everywhere():
    class Plain(nn.Conv2d):
        pass

    encoder = tiny_resnet(8, norm=lambda channels: nn.GroupNorm(2, channels), conv=Plain)
    layers = list(encoder.modules())
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in layers)
    assert all(type(layer) is Plain for layer in layers if isinstance(layer, nn.Conv2d))


def test_unknown_stem_and_uneven_groups_are_refused():
    with pytest.raises(ValueError, match="unknown stem '5x5'"):
        tiny_resnet(8, "5x5")
    from replications.models.resnet import BasicBlock

    with pytest.raises(ValueError, match="one entry a group"):
        ResNet(BasicBlock, (1, 1), (8,))
