"""Recurrent networks: sizes matched to the transformer's, and a step that learns."""

import pytest
import torch

from replications.papers.emergent_in_context_learning.recurrent import (
    KINDS,
    Recurrent,
    matched_hidden,
    parameter_count,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_come_as_close_to_the_transformers_as_they_can(kind):
    hidden = matched_hidden(kind, 32, 151_555)
    network = Recurrent(kind, 32, 151_555, generator())
    count = sum(weight.numel() for weight in network.parameters())
    assert count == parameter_count(kind, hidden, 32) <= 151_555 < parameter_count(kind, hidden + 1, 32)
    assert count > 0.98 * 151_555


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_token_decides_with_what_came_before(kind):
    network = Recurrent(kind, 32, 20_000, generator())
    x = torch.randn(4, 17, 128, generator=generator(1))
    before = network.logits(x, x)
    x[0, 0] += 1.0
    after = network.logits(x, x)
    assert not torch.equal(before[0], after[0])
    assert torch.equal(before[1:], after[1:])


def test_the_layers_are_those_of_the_equations():
    """An RNN by hand: h_t = tanh(W x_t + U h_{t-1} + b + c), twice."""
    network = Recurrent("rnn", 32, 5_000, generator())
    x = torch.randn(3, 5, 128, generator=generator(1))
    weights = dict(network.layers.named_parameters())
    sequence = x
    for layer in range(2):
        w, u, b, c = (weights[f"{name}_l{layer}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        state, states = torch.zeros(3, u.shape[0]), []
        for t in range(5):
            state = torch.tanh(sequence[:, t] @ w.T + b + state @ u.T + c)
            states.append(state)
        sequence = torch.stack(states, 1)
    torch.testing.assert_close(network.logits(x, x), sequence[:, -1] @ network.readout.weight.T)


def test_a_step_leaves_the_gradient_of_the_loss_it_returns():
    network = Recurrent("gru", 32, 20_000, generator())
    x, labels = torch.randn(8, 17, 128, generator=generator(1)), torch.arange(8)
    before = network.step(x, x, labels)
    with torch.no_grad():
        for weight in network.parameters():
            weight -= 0.5 * weight.grad
    assert network.step(x, x, labels) < before


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="unknown network 'mamba': choose from rnn, gru, lstm"):
        matched_hidden("mamba", 32, 1000)
    with pytest.raises(ValueError, match="10 parameters: the smallest lstm has"):
        matched_hidden("lstm", 32, 10)
