"""Parameter counts and options of the projector and predictor."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from replications.models.heads import mlp_head


@pytest.mark.parametrize(
    ("sizes", "bias", "count"),
    [
        ((2048, 4096, 256), False, 9_449_472),
        ((256, 4096, 256), False, 2_109_440),
        ((512, 4096, 256), False, 3_158_016),
        ((512, 4096, 256), True, 3_158_272),
    ],
)
def test_parameter_counts_are_the_papers(sizes, bias, count):
    with torch.device("meta"):
        head = mlp_head(*sizes, output_bias=bias)
    assert sum(parameter.numel() for parameter in head.parameters()) == count


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_depth_counts_linear_layers(depth):
    head = mlp_head(8, 16, 4, depth)
    assert sum(isinstance(layer, nn.Linear) for layer in head) == depth
    assert sum(isinstance(layer, nn.BatchNorm1d) for layer in head) == depth - 1
    assert head(torch.randn(5, 8)).shape == (5, 4)


def test_norms_can_be_left_out_and_put_at_the_output():
    assert not any(isinstance(layer, nn.BatchNorm1d) for layer in mlp_head(8, 16, 4, norm=None))
    head = mlp_head(8, 16, 4, output_norm=lambda width: nn.BatchNorm1d(width, affine=False))
    out = head(torch.randn(64, 8))
    torch.testing.assert_close(out.mean(0), torch.zeros(4), atol=1e-5, rtol=0)


def test_the_last_layer_is_plain_when_hidden_layers_are_not():
    class Standardised(nn.Linear):
        pass

    kinds = [type(layer) for layer in mlp_head(8, 16, 4, 3, linear=Standardised) if isinstance(layer, nn.Linear)]
    assert kinds == [Standardised, Standardised, nn.Linear]


def test_depth_zero_is_refused():
    with pytest.raises(ValueError, match="at least one layer"):
        mlp_head(8, 16, 4, 0)
