"""The equations: Tucker against einsum and dense, counts, n-step returns, C51's projection, K-FAC."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from replications.papers.bio_inspired_rl import method
from replications.study import UserError


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_contraction_equals_the_rebuilt_weight():
    c, h, w, core, out = draw(6, 3), draw(5, 2), draw(4, 3, seed=1), draw(18, 7), draw(7, 9)
    x = draw(8, 5, 4, 6, seed=2)
    found = method.contract_tucker(x[None], core[None], c[None], h[None], w[None])[0] @ out
    full = torch.einsum("bhwc,chwo->bo", x, method.rebuild_tucker(core, c, h, w, out))
    assert torch.allclose(found, full, atol=1e-10)


def test_full_rank_rebuilds_a_random_weight():
    weight = draw(64, 7, 7, 20)
    assert (method.rebuild_tucker(*method.decompose_tucker(weight, weight.shape)) - weight).abs().max() < 3e-13


def test_truncation_loses_what_the_ranks_leave_out():
    weight = draw(6, 4, 4, 8)
    errors = [
        (method.rebuild_tucker(*method.decompose_tucker(weight, (6, 4, 4, r))) - weight).norm() for r in range(1, 9)
    ]
    assert all(a > b for a, b in pairwise(errors))
    assert errors[-1] < 1e-12


@pytest.mark.parametrize("ranks", [(7, 4, 4, 8), (6, 5, 4, 8), (6, 4, 4, 9), (0, 4, 4, 8)])
def test_a_rank_above_its_dimension_is_named(ranks):
    with pytest.raises(UserError, match=r"rank \d for a dimension of \d: it must be between 1 and \d"):
        method.decompose_tucker(draw(6, 4, 4, 8), ranks)


def test_counts_of_the_card():
    features = (64, 7, 7)
    assert method.count_dense(features, 512) == 1_606_144
    tucker = {(32, 7, 7, 256): 535_138, (32, 5, 5, 256): 338_502, (24, 5, 5, 192): 215_622}
    tucker |= {(32, 4, 4, 256): 264_760, (16, 4, 4, 128): 99_896}
    assert {ranks: method.count_tucker(features, 512, ranks) for ranks in tucker} == tucker
    assert method.count_tucker((868, 10, 10), 512, (64, 5, 5, 128)) == 326_500  # behind a scattering of 4 frames


def test_counts_of_the_other_factorisations():
    assert method.count_cp((64, 7, 7), 512, 10) == 10 * (64 + 7 + 7 + 512) + 512
    assert method.count_low_rank((64, 7, 7), 512, 10) == 10 * (3136 + 512) + 512


@pytest.mark.parametrize(
    ("j", "angles", "order", "channels"),
    [(2, 8, 2, 81), (3, 8, 2, 217), (4, 8, 2, 417), (3, 4, 2, 61), (1, 8, 2, 9), (1, 8, 1, 9), (3, 8, 1, 25), (2, 8, 1, 17)],
)  # fmt: skip
def test_scattering_channels(j, angles, order, channels):
    assert method.count_scattering(j, angles, order) == channels


def slow_returns(rewards, terminal, gamma):
    total, discount = 0.0, 1.0
    for reward, ends in zip(rewards, terminal):
        total += discount * reward
        discount *= gamma
        if ends:
            return total, 0.0
    return total, discount


@given(st.integers(0, 2**31), st.integers(1, 6))
def test_n_step_returns_equal_a_loop(seed, n):
    rng = np.random.default_rng(seed)
    rewards, terminal = rng.normal(size=(7, n)), rng.random((7, n)) < 0.3
    found = method.n_step(torch.tensor(rewards), torch.tensor(terminal), 0.9)
    slow = [slow_returns(r, t, 0.9) for r, t in zip(rewards, terminal)]
    assert np.allclose(torch.stack(found, -1), slow)


def slow_projection(p, reward, discount, support):
    out, step = np.zeros_like(p), support[1] - support[0]
    for mass, atom in zip(p, support):
        place = (np.clip(reward + discount * atom, support[0], support[-1]) - support[0]) / step
        low = min(int(np.floor(place + 1e-12)), len(p) - 1)
        out[low] += mass * (1 - (place - low))
        if low + 1 < len(p):
            out[low + 1] += mass * (place - low)
    return out


@given(st.floats(-30, 30), st.sampled_from([0.0, 0.5, 0.99, 1.0]))
def test_projection_equals_a_loop_and_keeps_mass(reward, discount):
    support = torch.linspace(-10, 10, 51, dtype=torch.float64)
    p = draw(51).softmax(-1)
    found = method.project(p, *torch.tensor([reward, discount], dtype=torch.float64), support)
    assert found.sum() == pytest.approx(1.0)
    assert found.min() >= -1e-12
    assert np.allclose(found, slow_projection(p.numpy(), reward, discount, support.numpy()), atol=1e-9)


def test_projection_keeps_the_mean_where_nothing_is_clipped_and_the_law_where_nothing_moves():
    support = torch.linspace(-10, 10, 51, dtype=torch.float64)
    p = draw(51).softmax(-1)
    found = method.project(p, torch.tensor(0.7), torch.tensor(0.9), support)
    assert found @ support == pytest.approx(0.7 + 0.9 * (p @ support))
    assert torch.allclose(method.project(p, torch.tensor(0.0), torch.tensor(1.0), support), p)


def test_damping_balances_the_factors():
    a, g = draw(2, 20, 5), 10 * draw(2, 20, 3)
    a, g = a.transpose(1, 2) @ a / 20, g.transpose(1, 2) @ g / 20
    inverse_a, inverse_g = method.damped_inverses(a, g, 0.01)
    added_a, added_g = torch.linalg.inv(inverse_a) - a, torch.linalg.inv(inverse_g) - g
    assert torch.allclose(added_a[0].diagonal() * added_g[0].diagonal()[0], torch.tensor(0.01, dtype=torch.float64))
    trace = a[0].trace() / 5 / (g[0].trace() / 3)
    assert added_a[0, 0, 0] / added_g[0, 0, 0] == pytest.approx(trace)


def test_preconditioning_undoes_the_kronecker_product():
    a, g, direction = torch.eye(4)[None].double() * 2, torch.eye(3)[None].double() * 5, draw(1, 4, 3)
    found = method.precondition(a @ direction @ g, *method.damped_inverses(a, g, 1e-16))
    assert torch.allclose(found, direction, atol=1e-6)
