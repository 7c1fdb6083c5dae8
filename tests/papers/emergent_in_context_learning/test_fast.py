"""The written-out step gives the numbers of the plain network and of automatic differentiation."""

import pytest
import torch

from replications.papers.emergent_in_context_learning import bench, fast
from replications.papers.emergent_in_context_learning.method import Sampler, Task


def batch(pairs=8, rows=12, seed=0):
    draw = torch.Generator().manual_seed(seed)
    task = Task(64, 32, pairs=pairs, bursty=0.5)
    world = bench.World.drawn(task, 0.3, draw)
    sequences, asked = Sampler(task, draw).train(rows)
    return bench.initial(32, draw), *world.tokens(sequences, draw), asked


@pytest.mark.parametrize("pairs", [2, 8])
def test_logits_are_those_of_the_definition(pairs):
    parameters, x, positions, _ = batch(pairs)
    network = fast.Network(parameters, x.shape[1])
    torch.testing.assert_close(network.forward(x, positions)[0], bench.forward(parameters, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pairs", [2, 8])
def test_the_gradient_is_that_of_automatic_differentiation(pairs):
    parameters, x, positions, asked = batch(pairs, seed=pairs)
    parameters.flat.mul_(1.3)  # away from the start, where attention is nearly uniform
    for layer in (1, 2, 3):
        parameters[f"b{layer}"].fill_(0.1)
    network = fast.Network(parameters, x.shape[1])
    loss = network.step(x, positions, asked)
    twin = bench.Parameters(parameters.shapes, parameters.flat.clone().requires_grad_())
    expected = torch.nn.functional.cross_entropy(bench.forward(twin, x), asked)
    expected.backward()
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-5, atol=1e-6)
    gradient = bench.Parameters(parameters.shapes, twin.flat.grad)
    for name in gradient:
        scale = float(gradient[name].abs().max())
        torch.testing.assert_close(network.g[name], gradient[name], rtol=1e-4, atol=2e-6 + 1e-5 * scale, msg=name)


def test_a_second_step_does_not_add_to_the_first():
    parameters, x, positions, asked = batch()
    network = fast.Network(parameters, x.shape[1])
    network.step(x, positions, asked)
    once = network.g.flat.clone()
    network.step(x, positions, asked)
    assert torch.equal(once, network.g.flat)


def test_batches_of_another_size_reuse_nothing_wrong():
    parameters, x, positions, _ = batch()
    network = fast.Network(parameters, x.shape[1])
    whole = network.forward(x, positions)[0]
    torch.testing.assert_close(network.forward(x[:5], positions[:5])[0], whole[:5], rtol=1e-5, atol=1e-5)
    assert torch.equal(network.forward(x, positions)[0], whole)


def test_attention_is_causal_and_sums_to_one():
    parameters, x, positions, _ = batch()
    _, trace = fast.Network(parameters, x.shape[1]).forward(x, positions)
    assert float(trace.first.triu(1).abs().max()) == 0.0
    torch.testing.assert_close(trace.first.sum(-1), torch.ones(12, 17))
    torch.testing.assert_close(trace.second.sum(-1), torch.ones(12))
