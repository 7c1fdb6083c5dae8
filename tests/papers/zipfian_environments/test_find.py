"""The find task: examples, the two losses, and that both learners learn."""

import math
from dataclasses import replace

import pytest
import torch

from replications.papers.zipfian_environments import find
from replications.papers.zipfian_environments.config import Config
from replications.study import Context, UserError

TINY = Config(
    experiment="find", world="rl", train="zipf_2", frames=5 * 64, batch=64, width=16, kinds=10, looks=2, gamma=0.99
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def net_and_bank():
    torch.manual_seed(0)
    return find.Finder(10, 16), find.exemplars(10, generator())


@pytest.mark.parametrize("world", find.LEARNERS)
def test_a_killed_run_ends_as_if_it_had_not_been(world, same_after_a_kill, monkeypatch):
    monkeypatch.setattr(find, "TESTS", 200)
    same_after_a_kill(find.run, replace(TINY, world=world))


def test_both_sides_are_right_where_the_objects_are_the_same():
    objects = torch.tensor([[1, 2], [3, 3], [2, 1]])
    assert find.right_sides(objects, torch.tensor([0, 1, 1])).tolist() == [[True, False], [True, True], [False, True]]


def test_training_never_shows_a_held_out_picture():
    _, bank = net_and_bank()
    objects = torch.randint(10, (500, 2), generator=generator())
    shown = find.pictures_of(bank, objects, False, generator())
    held_out = bank[:, -find.HELD_OUT :].reshape(-1, find.PIXELS)
    assert torch.cdist(shown.reshape(-1, find.PIXELS), held_out).min() > 1e-3
    tested = find.pictures_of(bank, objects, True, generator()).reshape(-1, find.PIXELS)
    assert torch.cdist(tested, held_out).min(1).values.max() < 1e-2


def test_an_untrained_classifier_pays_log_two_or_nothing():
    net, bank = net_and_bank()
    net.word.weight.data.zero_()
    law = torch.zeros(10)
    law[0] = 1.0  # both objects always the same
    assert find.classify(net, bank, law, 50, generator()).item() == pytest.approx(0, abs=1e-6)
    law[1:] = 1.0
    loss = find.classify(net, bank, law / law.sum(), 20_000, generator()).item()
    assert loss == pytest.approx(0.9 * math.log(2), abs=0.02)


def test_a_walk_ends_at_an_object_and_pays_at_the_right_one():
    net, _ = net_and_bank()
    net.place.weight.data.zero_()
    scores = torch.tensor([[0.0, 30.0], [30.0, 0.0]]).repeat(10, 1)
    right = torch.tensor([[False, True], [False, True]]).repeat(10, 1)
    place, action, _, reward, over, playing = find.walks(net, scores, right, generator())
    assert reward.sum(0).tolist() == [1.0, 0.0] * 10
    assert playing.sum(0).tolist() == [find.END] * 20
    assert over[find.END - 1 :].all()
    assert place[:3, 0].tolist() == [0, 1, 2]
    assert (action[:3, 1] == 0).all()


def test_steps_after_the_end_have_no_gradient():
    net, bank = net_and_bank()
    law = torch.full((10,), 0.1)
    net.place.weight.data[:, 1] = 30.0  # straight to the right
    config = replace(TINY, entropy_cost=0.0, baseline_cost=0.0)
    find.reinforce(net, bank, law, 64, config, generator()).backward()
    visited = net.place.weight.grad.abs().sum(1) > 0
    assert not visited[:3].any()  # the left half is never visited


@pytest.mark.parametrize(("world", "frames"), [("classifier", 20_000), ("rl", 60_000)])
def test_both_learn_the_frequent_objects(world, frames, monkeypatch):
    monkeypatch.setattr(find, "TESTS", 2000)
    config = replace(
        TINY, world=world, train="zipf_1", frames=frames, batch=256, lr=3e-3, width=32, looks=1, entropy_cost=3e-3
    )
    assert find.run(config, Context(0, torch.device("cpu"))).scalars["success_train"] > 0.8


@pytest.mark.parametrize("change", [{"world": "bandit"}, {"train": "rare"}])
def test_mistakes_are_one_line(change):
    with pytest.raises(UserError):
        find.run(replace(TINY, **change), Context(0, torch.device("cpu")))
