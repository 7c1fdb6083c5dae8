"""Networks at initialisation."""

import math

import numpy as np
import pytest
import torch

from replications.papers.static_activation_normalization import networks
from replications.training.batched import Perceptrons, train
from replications.training.batched_layers import Activation
from replications.training.batched_optimizers import SGD

SIZES = networks.layer_sizes(64, 64, 4, 10)


def draw(name: str, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    batch = torch.randn(256, 64, generator=torch.Generator().manual_seed(1))
    return networks.initial_weights(networks.network(name), SIZES, generator, batch)


def test_weight_variances_by_layer() -> None:
    for name, variance in (("relu-lecun", 1.0), ("relu-he", 2.0), ("sanf-a-critical", 1.0 - 1.0 / math.pi)):
        found = [float(w.var() * w.shape[0]) for w in draw(name)]
        np.testing.assert_allclose(found, [1.0, variance, variance, variance, 1.0], rtol=0.15)


def test_networks_of_one_seed_differ_by_scale_only() -> None:
    for lecun, he in zip(draw("relu-lecun")[1:-1], draw("relu-he")[1:-1]):
        torch.testing.assert_close(he, math.sqrt(2.0) * lecun)


def test_lsuv_has_unit_output_variance_and_orthogonal_layers() -> None:
    y = torch.randn(256, 64, generator=torch.Generator().manual_seed(1))
    net = networks.network("lsuv")
    for w in draw("lsuv"):
        z = y @ w
        assert abs(float(z.var()) - 1.0) < 0.1
        gram = w.T @ w
        torch.testing.assert_close(gram, torch.eye(w.shape[1]) * gram[0, 0], rtol=1e-4, atol=1e-4)
        y = networks.apply(net, z)


def test_the_tilted_form_at_unit_output_variance_is_z_with_a_smaller_rate() -> None:
    """|x| − √(2/π) with σ_w² = 1/(1 − 2/π) is SANF-Z at σ_w² = 1, trained at a rate smaller by that factor."""
    factor = 1.0 / (1.0 - 2.0 / math.pi)
    z = [w[None].double() for w in draw("sanf-z")]
    torch.testing.assert_close(draw("sanf-t-unit")[1], math.sqrt(factor) * draw("sanf-z")[1])
    weights = {"sanf-z": z, "sanf-t-unit": [z[0], *(math.sqrt(factor) * w for w in z[1:])]}  # outputs scaled too
    x = torch.randn(1, 32, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    labels = torch.arange(32)[None] % 10
    logits = {}
    for name, rate in (("sanf-z", 1e-3), ("sanf-t-unit", factor * 1e-3)):
        form = networks.network(name).form
        coefficients = (torch.full((1, 1, 1), v, dtype=torch.float64) for v in (form.scale, form.tilt, form.shift))
        copied = [w.clone() for w in weights[name]]
        biases = [w.new_zeros(1, 1, w.shape[2]) for w in weights[name]]
        nets = Perceptrons(copied, biases, Activation(networks.network(name).base, *coefficients))
        logits[name, "before"] = nets.logits(x)

        class OnlyMatrices(SGD):
            def matrix(self, key: str, weight: torch.Tensor, inputs: torch.Tensor, delta: torch.Tensor) -> None:
                if key != "w0":  # the first layer sees the data, not an activation
                    super().matrix(key, weight, inputs, delta)

            def vector(self, key: str, parameter: torch.Tensor, gradient: torch.Tensor) -> None:
                return None

        train(nets, OnlyMatrices(torch.tensor([rate], dtype=torch.float64)), lambda step, alive: (x, labels), 5)
        logits[name, "after"] = nets.logits(x)
    for when in ("before", "after"):
        torch.testing.assert_close(logits["sanf-t-unit", when], logits["sanf-z", when], rtol=1e-8, atol=1e-8)
    assert (logits["sanf-z", "before"] - logits["sanf-z", "after"]).abs().max() > 1e-3


def test_the_critical_tilted_network_is_an_isometry_for_gradients() -> None:
    """Orthogonal weights and |x| − √(2/π): the Jacobian of a layer is orthogonal times signs."""
    net = networks.network("sanf-t")
    torch.testing.assert_close(networks.slope(net, torch.tensor([-2.0, 3.0])), torch.tensor([-1.0, 1.0]))


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="depth 0"):
        networks.layer_sizes(4, 4, 0, 2)
    with pytest.raises(ValueError, match="width 0"):
        networks.layer_sizes(4, 0, 1, 2)
    with pytest.raises(ValueError, match="unknown network 'relu'"):
        networks.network("relu")
