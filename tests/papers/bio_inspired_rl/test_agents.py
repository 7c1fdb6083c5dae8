"""Agents: targets by hand, learning on a bandit, and that members do not touch one another."""

from dataclasses import replace

import pytest
import torch

from replications.papers.bio_inspired_rl.agents import Agents
from replications.papers.bio_inspired_rl.networks import Network, Shape, values
from replications.papers.bio_inspired_rl.replay import Batch
from replications.study import UserError

PLAIN = Shape("minatar", (2, 6, 6), 3, hidden=12)
C51 = replace(PLAIN, atoms=11, dueling=True)
TUCKER = replace(PLAIN, layer="tucker", ranks=(8, 2, 2, 6))


def batch(members=1, size=16, seed=0, planes=(2, 6, 6)):
    draw = torch.Generator().manual_seed(seed)
    shape = (members, size)
    actions = torch.randint(3, shape, generator=draw)
    x, y = (torch.rand(*shape, *planes, generator=draw) for _ in range(2))
    returns, discounts = torch.randn(shape, generator=draw), 0.9 * (torch.rand(shape, generator=draw) < 0.7).float()
    return Batch(actions, x, actions, returns, discounts, y, torch.rand(shape, generator=draw))


def test_errors_are_double_q_learnings(context):
    agents = Agents(Network(PLAIN), [context()], "adam", 1e-3, 1e-4)
    agents.target = agents.target + 0.1 * torch.randn(agents.target.shape, generator=torch.Generator().manual_seed(3))
    b = batch()
    online, target = (agents.online.views(w) for w in (agents.online.tensor.detach(), agents.target))
    q = agents.network(online, b.observations)[..., 0]
    chosen = agents.network(online, b.following)[..., 0].argmax(-1, keepdim=True)
    wanted = b.returns + b.discounts * agents.network(target, b.following)[..., 0].gather(-1, chosen)[..., 0]
    expected = (wanted - q.gather(-1, b.actions[..., None])[..., 0]).abs()
    assert torch.allclose(agents.update(b, 0, torch.rand(1, 16)), expected, atol=1e-5)


@pytest.mark.parametrize(
    "shape", [PLAIN, C51, replace(C51, noisy=True), TUCKER], ids=["plain", "c51", "noisy", "tucker"]
)
@pytest.mark.parametrize("optimizer", ["adam", "kfac"])
def test_updates_bring_values_to_a_bandits_rewards(shape, optimizer, context):
    if optimizer == "kfac" and shape.noisy:
        with pytest.raises(UserError, match="K-FAC takes no noisy layers"):
            Agents(Network(shape), [context()], optimizer, 1e-3, 1e-4)
        return
    agents = Agents(Network(shape), [context()], optimizer, {"adam": 5e-3, "kfac": 0.1}[optimizer], 1e-4)
    b = batch()
    b.returns, b.discounts = b.actions - 1.0, torch.zeros_like(b.discounts)
    b.weights = torch.ones_like(b.weights)
    draws = torch.rand(100, 1, 16, generator=torch.Generator().manual_seed(4))
    for index in range(100):
        agents.update(b, index, draws[index])
    weights = agents.online.views(agents.online.tensor.detach())
    q = values(agents.network(weights, b.observations), agents.support).gather(-1, b.actions[..., None])[..., 0]
    assert (q - b.returns).abs().mean() < 0.2


@pytest.mark.parametrize("optimizer", ["adam", "kfac"])
def test_a_member_learns_alone_what_it_learns_beside_others(optimizer, context):
    both = Agents(Network(TUCKER), [context(0), context(1)], optimizer, 0.01, 1e-4)
    alone = Agents(Network(TUCKER), [context(1)], optimizer, 0.01, 1e-4)
    for index in range(6):
        b, draws = batch(2, seed=index), torch.rand(2, 16, generator=torch.Generator().manual_seed(index))
        one = Batch(**{name: value[1:] for name, value in vars(b).items()})
        assert torch.equal(both.update(b, index, draws)[1:], alone.update(one, index, draws[1:]))
    assert torch.equal(both.online.tensor[1:], alone.online.tensor)


def test_noisy_agents_draw_other_noise_at_every_step(context):
    agents = Agents(Network(replace(C51, noisy=True)), [context()], "adam", 1e-3, 1e-4)
    with torch.no_grad():
        agents.online.tensor.mul_(30)  # so that noise decides
    x = torch.rand(1, 64, 2, 6, 6)
    one, again, other = agents.act(x, 0), agents.act(x, 0), agents.act(x, 1)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(agents.act(x, 0, noisy=False), agents.act(x, 1, noisy=False))


def test_the_target_follows_only_when_copied(context):
    agents = Agents(Network(PLAIN), [context()], "adam", 1e-2, 1e-4)
    agents.update(batch(), 0, torch.rand(1, 16))
    assert not torch.equal(agents.target, agents.online.tensor)
    agents.copy()
    assert torch.equal(agents.target, agents.online.tensor)


def test_an_unknown_optimiser_is_named(context):
    with pytest.raises(UserError, match="unknown optimiser 'lion': choose adam or kfac"):
        Agents(Network(PLAIN), [context()], "lion", 1e-3, 1e-4)
