"""LARS against a slow transcription of its definition, and the facts that follow from it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from replications.training.lars import LARS, parameter_groups, set_lr


def one_step(weight: list[float], gradient: list[float], **options: float) -> torch.Tensor:
    w = nn.Parameter(torch.tensor([weight]))
    w.grad = torch.tensor([gradient])
    LARS([w], lr=1.0, **options).step()
    return torch.tensor([weight]) - w.detach()


def test_the_step_for_a_known_weight_and_gradient():
    torch.testing.assert_close(one_step([3.0, 4.0], [0.0, 1.0]), torch.tensor([[0.0, 0.005]]))


def test_a_zero_weight_or_gradient_takes_a_ratio_of_one():
    torch.testing.assert_close(one_step([0.0, 0.0], [0.0, 2.0]), torch.tensor([[0.0, 2.0]]))
    torch.testing.assert_close(one_step([3.0, 4.0], [0.0, 0.0]), torch.zeros(1, 2))


def test_the_loss_scale_moves_biases_and_not_weights():
    def updates(scale: float) -> list[torch.Tensor]:
        torch.manual_seed(0)
        layer = nn.Linear(4, 3)
        before = [p.detach().clone() for p in layer.parameters()]
        optimizer = LARS(parameter_groups(layer, 0.0), lr=0.5)
        (scale * layer(torch.ones(2, 4)).square().sum()).backward()
        optimizer.step()
        return [p.detach() - old for p, old in zip(layer.parameters(), before)]

    (weight, bias), (weight_scaled, bias_scaled) = updates(1.0), updates(7.0)
    torch.testing.assert_close(weight_scaled, weight)
    torch.testing.assert_close(bias_scaled, 7 * bias)


def test_many_steps_agree_with_a_loop_over_tensors():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    optimizer = LARS(parameter_groups(net, 0.01), lr=0.3, momentum=0.8, trust=0.02)
    slow = {name: p.detach().clone() for name, p in net.named_parameters()}
    momentum = {name: torch.zeros_like(p) for name, p in slow.items()}
    for _ in range(4):
        optimizer.zero_grad()
        net(torch.randn(5, 3, 3, 3)).square().mean().backward()
        for name, p in net.named_parameters():
            g, w = p.grad.clone(), slow[name]
            if w.ndim > 1:
                g = g + 0.01 * w
                if w.norm() > 0 and g.norm() > 0:
                    g = g * 0.02 * w.norm() / g.norm()
            momentum[name] = 0.8 * momentum[name] + g
            slow[name] = w - 0.3 * momentum[name]
        optimizer.step()
        for name, p in net.named_parameters():
            torch.testing.assert_close(p.detach(), slow[name])


def test_groups_put_every_norm_and_bias_among_the_undecayed():
    from replications.models.resnet import tiny_resnet

    net = tiny_resnet(4)
    matrices, vectors = parameter_groups(net, 1e-4, lr_multiplier=2.0)
    assert all(p.ndim > 1 for p in matrices["params"])
    norms = [p for m in net.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters()]  # shortcuts included
    assert {id(p) for p in norms} == {id(p) for p in vectors["params"]}
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (1e-4, 0.0)
    assert len(matrices["params"]) + len(vectors["params"]) == len(list(net.parameters()))


def test_the_rate_is_set_times_each_groups_multiplier():
    net, head = nn.Linear(2, 2), nn.Linear(2, 2)
    optimizer = torch.optim.SGD([*parameter_groups(net, 0.0), *parameter_groups(head, 0.0, lr_multiplier=10.0)], lr=1.0)
    set_lr(optimizer, 0.3)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.3, 0.3, 3.0, 3.0])


def test_its_state_survives_saving():
    def train(steps: int, optimizer: LARS, w: nn.Parameter) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            (w - 1).square().sum().backward()
            optimizer.step()

    straight = nn.Parameter(torch.full((2, 2), 3.0))
    train(6, LARS([straight], lr=2.0), straight)
    w = nn.Parameter(torch.full((2, 2), 3.0))
    first = LARS([w], lr=2.0)
    train(3, first, w)
    second = LARS([w], lr=2.0)
    second.load_state_dict(first.state_dict())
    train(3, second, w)
    assert torch.equal(w, straight)


def test_negative_settings_are_refused():
    with pytest.raises(ValueError, match="LARS needs trust"):
        LARS([nn.Parameter(torch.zeros(1))], lr=1.0, trust=-1.0)
