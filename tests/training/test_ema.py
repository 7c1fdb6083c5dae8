"""The average of weights: its two ends, its fixed point and its memory."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from replications.training.ema import ema_update


@pytest.fixture
def networks() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4)), nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4))


def test_tau_one_changes_nothing_and_tau_zero_copies_bit_for_bit(networks):
    target, online = networks
    before = [p.clone() for p in target.parameters()]
    ema_update(target, online, 1.0)
    assert all(torch.equal(p, old) for p, old in zip(target.parameters(), before))
    ema_update(target, online, 0.0)
    assert all(torch.equal(p, q) for p, q in zip(target.parameters(), online.parameters()))


def test_the_average_of_a_constant_is_the_constant(networks):
    target, online = networks
    target.load_state_dict(online.state_dict())
    for _ in range(5):
        ema_update(target, online, 0.9)
    for p, q in zip(target.parameters(), online.parameters()):
        torch.testing.assert_close(p, q, rtol=1e-6, atol=0)


def test_old_weights_keep_a_share_of_tau_to_the_number_of_steps(networks):
    target, online = networks
    for p in target.parameters():
        nn.init.ones_(p)
    for p in online.parameters():
        nn.init.zeros_(p)
    for _ in range(30):
        ema_update(target, online, 0.95)
    for p in target.parameters():
        torch.testing.assert_close(p, torch.full_like(p, 0.95**30))


def test_it_is_in_place_leaves_the_online_network_and_the_buffers(networks):
    target, online = networks
    where = [p.data_ptr() for p in target.parameters()]
    kept = [p.clone() for p in online.parameters()]
    online[1].running_mean.fill_(7.0)
    ema_update(target, online, 0.5)
    assert [p.data_ptr() for p in target.parameters()] == where
    assert all(torch.equal(p, old) for p, old in zip(online.parameters(), kept))
    assert not target[1].running_mean.any()
    assert all(p.grad_fn is None for p in target.parameters())
