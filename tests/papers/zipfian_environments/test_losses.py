"""Losses against slow loops, limits and closed forms."""

import math

import pytest
import torch
from torch import nn

from replications.papers.zipfian_environments.losses import (
    actor_critic_loss,
    byol_loss,
    follow,
    lambda_returns,
    reconstruction_loss,
    vtrace,
)  # fmt: skip
from replications.papers.zipfian_environments.method import rescale, unscale


def segment(seed=0, steps=6, count=5):
    draw = torch.Generator().manual_seed(seed)
    rand = lambda: torch.rand(steps, count, generator=draw, dtype=torch.float64)  # noqa: E731
    reward, value, log_rho = rand(), rand(), rand() - 0.5
    discount = 0.9 * (rand() > 0.3)
    return log_rho, reward, discount, value, rand()[0]


def test_on_policy_vtrace_is_the_return_to_the_end_of_the_segment():
    _, reward, discount, value, bootstrap = segment()
    targets, advantage = vtrace(torch.zeros_like(reward), reward, discount, value, bootstrap)
    following = bootstrap
    for t in range(len(reward) - 1, -1, -1):
        following = reward[t] + discount[t] * following
        assert torch.allclose(targets[t], following)
        assert torch.allclose(advantage[t], following - value[t])


def test_vtrace_equals_its_definition_as_a_sum():
    log_rho, reward, discount, value, bootstrap = segment(1)
    targets, advantage = vtrace(log_rho, reward, discount, value, bootstrap)
    rho = log_rho.exp().clamp(max=1)
    values = torch.cat([value, bootstrap[None]])
    for b in range(5):
        for s in range(6):
            total = values[s, b].clone()
            for t in range(s, 6):
                weight = math.prod(float(discount[i, b] * rho[i, b]) for i in range(s, t))
                total += weight * rho[t, b] * (reward[t, b] + discount[t, b] * values[t + 1, b] - values[t, b])
            assert float(targets[s, b]) == pytest.approx(float(total))
    after = torch.cat([targets[1:], bootstrap[None]])
    assert torch.allclose(advantage, rho * (reward + discount * after - value))


def loss_of(logits, value, entropy_cost=0.0, baseline_cost=0.0):
    _, reward, discount, _, bootstrap = segment(2)
    action = torch.zeros(6, 5, dtype=torch.int64)
    behaviour = logits.detach().log_softmax(-1)[..., 0]
    return actor_critic_loss(logits, action, behaviour, reward, discount, value, bootstrap, baseline_cost, entropy_cost)


def test_the_policy_gradient_is_advantage_times_score():
    logits = torch.randn(6, 5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    _, reward, discount, value, bootstrap = segment(2)
    loss_of(logits, value).backward()
    _, advantage = vtrace(torch.zeros_like(reward), reward, discount, value, bootstrap)
    score = -logits.detach().softmax(-1)
    score[..., 0] += 1
    assert torch.allclose(logits.grad, -score * advantage[..., None] / 30)


def test_baseline_and_entropy_have_their_weights():
    logits, value = torch.zeros(6, 5, 8, dtype=torch.float64), segment(2)[3]
    plain = loss_of(logits, value)
    assert float(plain - loss_of(logits, value, entropy_cost=0.3)) == pytest.approx(0.3 * math.log(8))
    _, reward, discount, _, bootstrap = segment(2)
    targets, _ = vtrace(torch.zeros_like(reward), reward, discount, value, bootstrap)
    half = 0.5 * (targets - value).square().mean()
    assert float(loss_of(logits, value, baseline_cost=0.59) - plain) == pytest.approx(0.59 * float(half))


def test_reconstruction_of_a_coin_costs_log_two_and_of_the_truth_nothing():
    truth = torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    assert float(reconstruction_loss(torch.zeros(2, 2), truth)) == pytest.approx(math.log(2))
    assert float(reconstruction_loss(50 * (2 * truth - 1), truth)) < 1e-6


def test_the_byol_loss_is_two_minus_two_cosines_and_its_target_has_no_gradient():
    one, two = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(0)).unbind(0)
    one, two = one.requires_grad_(), two.requires_grad_()
    loss = byol_loss(one, two)
    cosine = (one * two).sum(1) / one.norm(dim=1) / two.norm(dim=1)
    assert loss.item() == pytest.approx((2 - 2 * cosine.mean()).item())
    loss.backward()
    assert two.grad is None
    assert one.grad.abs().sum() > 0


def test_the_target_follows_by_tau():
    old, new = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    nn.init.constant_(new.weight, 5.0)
    new.num_batches_tracked += 7
    follow(old, new, 0.75)
    assert old.weight.tolist() == [2.0] * 3
    assert int(old.num_batches_tracked) == 7


def test_lambda_one_on_greedy_actions_is_the_whole_return_and_lambda_zero_one_step():
    _, reward, discount, _, _ = segment(3)
    boot = rescale(torch.rand(6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))
    greedy = torch.ones(6, 5, dtype=torch.bool)
    whole = unscale(lambda_returns(reward, discount, boot, greedy, 1.0))
    following = unscale(boot[-1])
    for t in range(5, -1, -1):
        following = reward[t] + discount[t] * following
        assert torch.allclose(whole[t], following, atol=1e-9)
    one_step = reward + discount * unscale(boot)
    assert torch.allclose(unscale(lambda_returns(reward, discount, boot, greedy, 0.0)), one_step, atol=1e-9)
    assert torch.allclose(unscale(lambda_returns(reward, discount, boot, ~greedy, 1.0)), one_step, atol=1e-9)
