"""The agent in the room."""

from dataclasses import replace

import pytest
import torch

from replications.papers.zipfian_environments import lift
from replications.papers.zipfian_environments.config import Config
from replications.papers.zipfian_environments.room import Room, law_of
from replications.study import Context, UserError

TINY = Config(
    experiment="lift",
    train="zipf_3",
    frames=5 * 32 * 4,
    copies=32,
    unroll=4,
    minibatches=2,
    width=16,
    looks=2,
    kinds=20,
)


@pytest.fixture(autouse=True)
def few_episodes(monkeypatch):
    monkeypatch.setattr(lift, "EPISODES", 50)


@pytest.mark.parametrize("world", ["lift", "put"])
def test_a_killed_run_ends_as_if_it_had_not_been(world, same_after_a_kill):
    outcome = same_after_a_kill(lift.run, replace(TINY, world=world))
    assert set(outcome.scalars) == {"success_train", "success_uniform", "success_uniform_rare", "gap"}


def agent_and_view(count=64):
    net = lift.build(TINY, Context(0, torch.device("cpu")))
    room = Room(law_of("uniform", 20), "lift", count)
    room.reset(torch.Generator().manual_seed(0))
    return net, room.observation()


def test_the_order_of_the_objects_does_not_matter_but_the_word_does():
    net, seen = agent_and_view()
    logits, value = net(seen)
    order = torch.tensor([2, 0, 1])
    shuffled = dict(
        seen, kind=seen["kind"][:, order], offset=seen["offset"][:, torch.cat([order, torch.tensor([3, 4])])]
    )
    again, value_again = net(shuffled)
    assert torch.allclose(logits, again, atol=1e-5)
    assert torch.allclose(value, value_again, atol=1e-5)
    renamed, _ = net(dict(seen, word=(seen["word"] + 1) % 20))
    assert not torch.allclose(logits, renamed, atol=1e-4)


def test_pictures_differ_between_seeds_and_within_one():
    one, two = (lift.build(TINY, Context(seed, torch.device("cpu"))).pictures for seed in (0, 1))
    assert len(set(one.tolist())) == 20
    assert one.tolist() != two.tolist()


def test_an_impossible_split_is_refused():
    with pytest.raises(UserError, match="no split"):
        lift.run(replace(TINY, train="frequent"), Context(0, torch.device("cpu")))
