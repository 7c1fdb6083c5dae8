"""Networks: what they see, what they remember, and what they forget."""

import pytest
import torch

from replications.models import initialise
from replications.papers.zipfian_environments import learning
from replications.papers.zipfian_environments.config import Config
from replications.papers.zipfian_environments.gridworld import Gridworld, tables, tile_features
from replications.papers.zipfian_environments.networks import LSTM, Agent, NoMemory, Transformer, observed
from replications.study import Context, UserError

CPU = torch.device("cpu")


def made(module, seed=0):
    initialise(module, torch.Generator().manual_seed(seed))
    return module


def inputs(steps=9, count=4, width=8):
    draw = torch.Generator().manual_seed(5)
    fresh = torch.zeros(steps, count, dtype=torch.bool)
    fresh[0], fresh[4, 1], fresh[5, 2] = True, True, True
    return torch.randn(steps, count, width, generator=draw), fresh


MEMORIES = {"mlp": lambda: NoMemory(8), "lstm": lambda: LSTM(8), "transformer": lambda: Transformer(8, 2, 2, 3)}
every_memory = pytest.mark.parametrize("name", MEMORIES)


@every_memory
def test_a_segment_at_once_is_the_same_as_step_by_step(name):
    memory, (x, fresh) = made(MEMORIES[name]()), inputs()
    whole, _ = memory(x, fresh, memory.begin(4, CPU))
    state, steps = memory.begin(4, CPU), []
    for t in range(len(x)):
        h, state = memory(x[t : t + 1], fresh[t : t + 1], state)
        steps.append(h[0])
    # without a limit on its depth the transformer would see further in a whole segment than its memory reaches
    assert torch.allclose(whole, torch.stack(steps), atol=1e-5)


@every_memory
def test_nothing_crosses_the_beginning_of_an_episode(name):
    memory, (x, fresh) = made(MEMORIES[name]()), inputs()
    before, _ = memory(x, fresh, memory.begin(4, CPU))
    changed = x.clone()
    changed[:4, 1] += 1  # copy 1 begins an episode at step 4
    after, _ = memory(changed, fresh, memory.begin(4, CPU))
    assert torch.allclose(before[4:, 1], after[4:, 1], atol=1e-6)
    assert torch.equal(before[:, [0, 3]], after[:, [0, 3]])


@pytest.mark.parametrize(("name", "remembers"), [("mlp", False), ("lstm", True), ("transformer", True)])
def test_only_a_memory_remembers(name, remembers):
    memory, (x, fresh) = made(MEMORIES[name]()), inputs()
    changed = x.clone()
    changed[6, 0, 0] += 1
    one, _ = memory(x, fresh, memory.begin(4, CPU))
    two, _ = memory(changed, fresh, memory.begin(4, CPU))
    assert torch.equal(one[:6], two[:6])  # nobody sees the future
    assert (not torch.allclose(one[7, 0], two[7, 0], atol=1e-7)) == remembers


def test_the_transformer_sees_no_further_than_its_window():
    memory, (x, _) = made(Transformer(8, 1, 2, 3)), inputs()
    fresh = torch.zeros(9, 4, dtype=torch.bool)
    fresh[0] = True
    changed = x.clone()
    changed[2, :, 0] += 1  # a layer norm would not see all features rise alike
    one, two = (memory(part, fresh, memory.begin(4, CPU))[0] for part in (x, changed))
    different = [not torch.allclose(one[t], two[t], atol=1e-7) for t in range(9)]
    assert different == [False, False, True, True, True, True, False, False, False]


@every_memory
def test_looking_codes_up_equals_coding_every_observation(name):
    agent, env = made(Agent(name, 16)), Gridworld("uniform", 64)
    env.reset(torch.Generator().manual_seed(0))
    world, encoder = tables(CPU), agent.encoder
    codes = encoder.codes(encoder.shown(world.views))
    looked_up = encoder.join(codes, env.place, world.pairs[env.situation])
    tiles = env.observation().flatten(1)
    features = tile_features()
    features[0] = 0  # floor is nothing
    view = encoder.view(features[tiles[:, 1:].long()].flatten(1)).tanh()
    cue = encoder.cue(tile_features()[tiles[:, 0].long() - 225, 3:]).tanh()
    assert torch.allclose(looked_up, view * cue, atol=1e-5)


def test_the_hidden_corner_does_not_matter():
    encoder, views = made(Agent("mlp", 16)).encoder, tables(CPU).views[:50].clone()
    one = encoder.codes(encoder.shown(views))[0]
    views[:, 0] = 7
    assert torch.equal(one, encoder.codes(encoder.shown(views))[0])


def test_pairs_of_view_and_cue_begin_in_nearly_orthogonal_directions():
    player = learning.build(Config(width=128), Context(0, CPU))
    codes, draw = player.codes(), torch.Generator().manual_seed(0)
    place, cue = torch.randperm(1780, generator=draw)[:100], torch.randint(225, (100,), generator=draw)
    x = torch.nn.functional.normalize(player.net.encoder.join(codes, place, cue), dim=-1)
    cosine = (x @ x.T).detach()[~torch.eye(100, dtype=torch.bool)]
    assert cosine.abs().mean() < 0.15
    assert cosine.mean().abs() < 0.05


def test_the_reconstructed_features_are_those_of_the_view():
    world = tables(CPU)
    place, cue = world.start[:3], torch.tensor([0, 16, 224])
    truth = observed(world, tile_features(), place, cue)
    assert truth.shape == (3, 48 * 33 + 30)
    assert truth[:, -30:].sum(1).tolist() == [2, 2, 2]
    assert truth[1, -30:].nonzero().flatten().tolist() == [1, 16]  # green, empty_square
    assert truth[:, :-30].view(3, 48, 33)[:, 23].argmax(1).tolist() == [2, 2, 2]  # the agent in the middle


def test_an_unknown_memory_is_refused():
    with pytest.raises(UserError, match="no memory 'gru'"):
        Agent("gru", 8)
