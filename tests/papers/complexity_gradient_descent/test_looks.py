"""Norms, angles and evaluations of members, against plain computations; members that leave."""

import numpy as np
import pytest
import torch
from torch import nn

from replications.papers.complexity_gradient_descent.images import Images
from replications.papers.complexity_gradient_descent.looks import UNIFORM, Looks, evaluate
from replications.training.batched import Perceptrons
from replications.training.batched_layers import RELU, Activation


def networks(members: int = 3) -> Perceptrons:
    generator = torch.Generator().manual_seed(0)
    weights = [torch.randn(members, *size, generator=generator) for size in ((6, 5), (5, 10))]
    biases = [torch.randn(members, 1, size, generator=generator) for size in (5, 10)]
    return Perceptrons(weights, biases, Activation.shared(RELU, members))


def data(n: int = 1203) -> Images:
    generator = torch.Generator().manual_seed(1)
    x, labels = torch.randn(n, 6, generator=generator), torch.randint(10, (n,), generator=generator)
    return Images(x, labels, x, labels, x[:700], labels[:700])


def test_evaluation_equals_torch() -> None:
    nets, images = networks(), data()
    nll, accuracy = evaluate(nets, images.test, images.test_labels)
    for member in range(3):
        (w, v), (b, c) = ([part[member] for part in parts] for parts in (nets.weights, nets.biases))
        logits = torch.relu(images.test @ w + b) @ v + c
        assert nll[member] == pytest.approx(float(nn.functional.cross_entropy(logits, images.test_labels)), rel=1e-5)
        assert accuracy[member] == pytest.approx(float((logits.argmax(1) == images.test_labels).float().mean()))


def test_norm_and_angle_of_a_step_when_a_member_leaves_in_between() -> None:
    nets, looks = networks(), Looks(3, 10, 2, data())
    assert looks.steps == [0, 1, 9, 10]
    looks(0, nets, torch.arange(3))
    before = nets.weights[0].clone()
    nets.keep(torch.tensor([0, 2]))
    nets.weights[0] = nets.weights[0] + 0.01 * torch.randn_like(nets.weights[0])
    looks(1, nets, torch.tensor([0, 2]))
    for place, member in enumerate((0, 2)):
        u, v = before[member].flatten().double(), nets.weights[0][place].flatten().double()
        assert looks.norm[member, 0] == pytest.approx(float(u.norm()), rel=1e-5)
        assert looks.angle[member, 0] == pytest.approx(float(torch.acos(u @ v / u.norm() / v.norm())), rel=1e-3)
    assert np.isnan(looks.angle[1, 0])
    looks(9, nets, torch.tensor([0, 2]))
    looks(10, nets, torch.tensor([0, 2]))
    assert looks.angle[0, 1] == 0.0
    assert looks.ended["test_nll"][1] == pytest.approx(UNIFORM)
    assert looks.ended["test_nll"][0] != pytest.approx(UNIFORM)
