"""The published network: parameter counts to the last one, positions, causality, the schedule."""

import math

import pytest
import torch
from torch.nn import functional

from replications.papers.emergent_in_context_learning.transformer import (
    Block,
    ImageLearner,
    conv_embedder,
    learning_rate,
    resnet_embedder,
    sinusoids,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def count(module):
    return sum(weight.numel() for weight in module.parameters())


def learner(**arguments):
    """A small network with the running statistics of batch norm, so that a sequence is judged by itself."""
    small = {"classes": 10, "generator": generator(), "depth": 2, "embedder": "conv", "side": 14}
    return ImageLearner(**small | arguments).eval()


def test_parameters_of_the_parts():
    assert count(Block()) == 49_984
    assert count(resnet_embedder()) == 22_176
    network = learner(classes=1623)
    assert count(network.label) == 103_872
    assert count(network.readout) == 105_495


@pytest.mark.parametrize(("depth", "published"), [(12, 831_479), (2, 331_639)])
def test_the_whole_has_the_published_number_of_parameters(depth, published):
    assert count(learner(classes=1623, depth=depth, embedder="resnet")) == published


@pytest.mark.parametrize(("depth", "published"), [(12, 627_959), (2, 297_719)])
def test_the_lstm_has_the_published_number_with_its_last_norm(depth, published):
    """But for a second bias vector a layer, which is added to the first and changes nothing."""
    network = learner(classes=1623, depth=depth, embedder="resnet", network="lstm")
    assert count(network) - depth * 4 * 64 == published


def test_positions_are_those_of_the_formula():
    positions = sinusoids(17)
    assert torch.equal(positions[0], torch.cat([torch.zeros(32), torch.ones(32)]))
    assert float(positions[1, 0]) == pytest.approx(math.sin(1.0))
    assert float(positions[1, 31]) == pytest.approx(math.sin(30 ** (-62 / 64)))
    assert float(positions[1, 31]) == pytest.approx(math.sin(0.037071), abs=1e-6)


def test_a_block_is_causal_and_its_last_token_alone_is_the_same():
    block = Block()
    x = torch.randn(3, 17, 64, generator=generator(1))
    full = block(x)
    torch.testing.assert_close(block(x, last_only=True), full[:, -1:])
    changed = x.clone()
    changed[:, 9] += 1.0
    again = block(changed)
    torch.testing.assert_close(again[:, :9], full[:, :9])
    assert not torch.allclose(again[:, 9:], full[:, 9:])


def test_attention_is_that_of_the_equations():
    """Eight heads of size 8, scale 1/√8, one head and token at a time."""
    block = Block()
    x = torch.randn(1, 5, 64, generator=generator(1))
    q, k, v = block.qkv(block.norm1(x)).split(64, -1)
    mixed = torch.zeros(5, 64)
    for head in range(8):
        part = slice(8 * head, 8 * head + 8)
        for t in range(5):
            scores = torch.stack([q[0, t, part] @ k[0, s, part] / math.sqrt(8) for s in range(t + 1)])
            mixed[t, part] = scores.softmax(0) @ v[0, : t + 1, part]
    y = x + block.out(mixed)
    y = y + block.narrow(functional.gelu(block.wide(block.norm2(y)), approximate="tanh"))
    torch.testing.assert_close(block(x), y, rtol=1e-5, atol=1e-5)


def test_tokens_alternate_images_and_labels():
    network = learner()
    images, labels = torch.rand(2, 9, 1, 14, 14, generator=generator(1)), torch.arange(16).view(2, 8) % 10
    tokens = network.tokens(images, labels) - sinusoids(17)
    torch.testing.assert_close(tokens[:, 1::2], network.label(labels))
    torch.testing.assert_close(tokens[1, 16], network.embed(images[1, 8:])[0])


@pytest.mark.parametrize("network", ["transformer", "lstm", "rnn"])
def test_every_network_reads_context_and_query(network):
    model = learner(network=network)
    images, labels = torch.rand(2, 9, 1, 14, 14, generator=generator(1)), torch.zeros(2, 8, dtype=torch.long)
    before = model(images, labels)
    assert before.shape == (2, 10)
    labels[0, 0] = 3
    images[1, 8] += 1.0
    after = model(images, labels)
    assert not torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])


def test_residual_image_blocks_start_as_their_shortcut():
    network = learner(embedder="resnet")
    zeros = [m.norm3.weight.abs().max() for m in network.embed if hasattr(m, "norm3")]
    assert len(zeros) == 8
    assert max(zeros) == 0


def test_the_small_embedder_takes_any_side():
    for side in (14, 28, 30):
        assert conv_embedder(side)(torch.zeros(1, 1, side, side)).shape == (1, 64)


@pytest.mark.parametrize(
    ("step", "rate"), [(0, 0.0), (2000, 1.5e-4), (4000, 3e-4), (16_000, 1.5e-4), (500_000, 2.6833e-5)]
)
def test_the_schedule_rises_then_falls_with_the_root(step, rate):
    assert learning_rate(step, 3e-4, 4000) == pytest.approx(rate, rel=1e-4)
    assert learning_rate(step, 3e-4, 0) == 3e-4


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="unknown network 'mlp'"):
        learner(network="mlp")
    with pytest.raises(ValueError, match="unknown embedder 'vit'"):
        learner(embedder="vit")
    with pytest.raises(ValueError, match="9 images and 0 labels: a sequence is N ≥ 1 pairs"):
        learner()(torch.rand(2, 9, 1, 14, 14), torch.zeros(2, 0, dtype=torch.long))
    with pytest.raises(IndexError):
        learner()(torch.rand(2, 9, 1, 14, 14), torch.full((2, 8), 10))
