"""Coefficients of every member before each step."""

import math

import pytest
import torch

from replications.papers.complexity_gradient_descent import schedules
from replications.papers.complexity_gradient_descent.coefficients import MOMENTUM, Coefficients, Member
from replications.training.batched_optimizers import SGD

E = schedules.rates("cosine", 10)


def made(names: tuple[str, ...], decoupled: bool = False) -> Coefficients:
    members = [Member(0, name, 0.1, 0.02) for name in names]
    return Coefficients(members, E, decoupled, SGD(torch.zeros(len(members))))


def test_coupled_coefficients_and_their_sum() -> None:
    found = made(("constant", "rate"))
    alive = torch.arange(2)
    for step in range(10):
        found(step, torch.full((10, 2), 2.0), alive)
        assert found.optimizer.learning_rate.tolist() == pytest.approx([0.1 * float(E[step])] * 2)
        assert found.optimizer.l2.tolist() == pytest.approx([0.02, 0.02 * float(E[step])])
    assert found.shrink.tolist() == pytest.approx([0.02 * float(E.sum()), 0.02 * float(E.square().sum())])


def test_decoupled_decay_is_matched_through_momentum() -> None:
    found = made(("constant",), decoupled=True)
    for step in range(5):
        found(step, torch.full((10, 1), 2.0), torch.tensor([0]))
    assert found.optimizer.l2 is None
    assert found.optimizer.decay.tolist() == pytest.approx([0.1 * float(E[4]) * 0.02 / (1.0 - MOMENTUM)])


def test_the_loss_is_smoothed_from_its_first_value_and_a_dead_member_touches_no_other() -> None:
    found = made(("loss", "loss"))
    losses = torch.full((10, 2), math.nan)
    found(0, losses, torch.arange(2))
    assert found.optimizer.l2.tolist() == pytest.approx([0.02, 0.02])
    losses[0] = torch.tensor([2.0, 2.0])
    found(1, losses, torch.arange(2))
    losses[1] = torch.tensor([1.0, math.nan])
    found(2, losses, torch.tensor([0]))
    smooth = schedules.SMOOTHING * 2.0 + (1.0 - schedules.SMOOTHING) * 1.0
    assert found.optimizer.l2.tolist() == pytest.approx([0.02 * smooth / 2.0])
    assert found.optimizer.learning_rate.shape == (1,)
