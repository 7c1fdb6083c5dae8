"""Exact success against the official engine's Markov chain, sampling, and perfect play."""

import numpy as np
import pytest
import torch

from replications.papers.zipfian_environments.exact import ends, score, success
from replications.papers.zipfian_environments.gridworld import Gridworld, tables
from replications.papers.zipfian_environments.method import zipf
from replications.study import UserError

CPU = torch.device("cpu")


def random_policy():
    return torch.full((20, 20, 89, 8), 1 / 8)


@pytest.mark.parametrize(
    ("split", "won", "late", "length"),
    [("zipf_2", 0.0324, 0.0106, 17.77), ("uniform", 0.0477, 0.0461, 17.42), ("uniform_rare", 0.0859, 0.1009, 22.08)],
)
def test_the_random_policy_scores_as_the_official_engine_does(split, won, late, length):
    found = ends(random_policy())
    assert score(found.success, split) == pytest.approx(won, abs=5e-5)
    assert score(found.timeout, split) == pytest.approx(late, abs=5e-5)
    assert score(found.length, split) == pytest.approx(length, abs=5e-3)


def test_sampled_episodes_agree_with_the_recursion():
    draw = torch.Generator().manual_seed(3)
    policy = torch.rand(20, 20, 89, 8, generator=draw).pow(4)
    policy = policy / policy.sum(-1, keepdim=True)
    env = Gridworld("uniform", 400 * 20)
    env.reset(situation=torch.arange(400).repeat(20))
    playing, won = torch.ones(env.count, dtype=torch.bool), torch.zeros(env.count)
    for _ in range(100):
        rows = policy.view(400, 89, 8)[env.situation, env.place % 89]
        reward, terminated, truncated = env.step(torch.multinomial(rows, 1, generator=draw).squeeze(1), draw)
        won += reward * playing
        playing &= ~(terminated | truncated)
    exact = success(policy).view(-1)
    sampled = won.view(20, 400).mean(0).double()
    error = (sampled - exact) / (exact * (1 - exact) / 20).sqrt().clamp(min=0.05)
    assert (
        abs(float(won.double().mean() - exact.mean()))
        < 4 * float((exact * (1 - exact)).mean() / len(won)) ** 0.5 + 1e-3
    )
    assert error.abs().max() < 6


def test_knowing_the_first_maps_and_targets_scores_the_product_of_cumulative_laws():
    solved = np.zeros((20, 20))
    solved[:3, :5] = 1
    law = np.cumsum(zipf(20, 2))
    assert score(solved, "zipf_2") == pytest.approx(law[2] * law[4])
    one_map = np.zeros((20, 20))
    one_map[0] = 1
    assert score(one_map, "zipf_2") == pytest.approx(0.6265, abs=5e-5)
    assert score(one_map, "uniform") == pytest.approx(0.05)
    assert score(one_map, "uniform_rare") == 0


def test_walking_into_a_wall_for_ever_times_out():
    policy = torch.zeros(20, 20, 89, 8)
    table = tables(CPU)
    stays = table.moved == torch.arange(len(table.moved))[:, None]
    policy[:] = torch.nn.functional.one_hot(stays.int().argmax(1), 8).float().view(20, 1, 89, 8)
    blocked = stays[table.start].any(1)
    found = ends(policy)
    assert (found.timeout[blocked] == 1).all()
    assert (found.success[blocked] == 0).all()
    assert (found.length[blocked] == 100).all()


def test_an_impossible_split_is_refused():
    with pytest.raises(UserError, match="no split"):
        score(np.zeros((20, 20)), "easy")
