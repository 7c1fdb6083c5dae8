"""Member-wise activations against a loop over members; batch norm against torch.nn.BatchNorm1d and autograd."""

import torch
from torch import nn

from replications.training.batched_layers import RELU, Activation, BatchNorm

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(3, 10, 4, generator=GENERATOR, dtype=torch.float64)  # (members, batch, width)
COTANGENT = torch.randn(3, 10, 4, generator=GENERATOR, dtype=torch.float64)


def coefficients(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None, None]


def test_activation_has_coefficients_of_each_member() -> None:
    form = Activation(RELU, coefficients(1, 2, 3), coefficients(0, 0.5, -1), coefficients(-1, 0, 1))
    x = X.clone().requires_grad_()
    expected = torch.stack(
        [a * torch.relu(x[i]) + b * x[i] + c for i, (a, b, c) in enumerate([(1, 0, -1), (2, 0.5, 0), (3, -1, 1)])]
    )
    (gradient,) = torch.autograd.grad(expected, x, COTANGENT)
    torch.testing.assert_close(form.value(X, torch.empty_like(X)), expected.detach())
    torch.testing.assert_close(form.pull_back(X, COTANGENT.clone(), torch.empty_like(X)), gradient)
    form.keep(torch.tensor([2]))
    torch.testing.assert_close(form.value(X[2:], torch.empty_like(X[2:])), expected[2:].detach())
    shared = Activation.shared(RELU, 3)
    torch.testing.assert_close(shared.value(X.float(), torch.empty(3, 10, 4)), torch.relu(X.float()))


def test_batch_norm_is_torchs_for_every_member() -> None:
    norm = BatchNorm(3, 4, X)
    norm.gain.copy_(torch.rand(3, 1, 4, generator=GENERATOR, dtype=torch.float64) + 0.5)
    norm.offset.copy_(torch.rand(3, 1, 4, generator=GENERATOR, dtype=torch.float64))
    theirs = [nn.BatchNorm1d(4, dtype=torch.float64) for _ in range(3)]
    expected, gradients = [], []
    for member, layer in enumerate(theirs):
        with torch.no_grad():
            layer.weight.copy_(norm.gain[member, 0])
            layer.bias.copy_(norm.offset[member, 0])
        x = X[member].clone().requires_grad_()
        y = layer(x)
        expected.append(y.detach())
        gradients.append(torch.autograd.grad(y, (x, layer.weight, layer.bias), COTANGENT[member]))
    torch.testing.assert_close(norm.forward(X.clone(), training=True), torch.stack(expected))
    found = norm.backward(COTANGENT.clone(), torch.empty_like(X))
    for part, ours in enumerate(found):
        wanted = torch.stack([gradient[part] for gradient in gradients])
        torch.testing.assert_close(ours, wanted if part == 0 else wanted[:, None])
    later = torch.stack([layer.eval()(X[member]).detach() for member, layer in enumerate(theirs)])
    torch.testing.assert_close(norm.forward(X.clone(), training=False), later)
