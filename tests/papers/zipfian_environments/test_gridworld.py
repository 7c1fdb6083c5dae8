"""The batched gridworld: its rules against a slow loop, its splits, its pictures, and its mistakes."""

import numpy as np
import pytest
import torch

from replications.papers.zipfian_environments.gridworld import (
    HORIZON,
    PLACES,
    TILES,
    Gridworld,
    situation_law,
    tables,
    tile_bank,
    tile_features,
)  # fmt: skip
from replications.papers.zipfian_environments.maps import MOVES, world
from replications.study import UserError

CPU = torch.device("cpu")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def in_situation(*situations):
    env = Gridworld("uniform", len(situations))
    env.reset(situation=torch.tensor(situations))
    return env


def test_random_play_follows_the_official_rules_step_by_step():
    made, env, draw = world(), Gridworld("uniform", 300), generator()
    env.reset(draw)
    actions = torch.randint(8, (150, 300), generator=draw)
    for action in actions:
        cells, situation, time = tables(CPU).cells[env.place].tolist(), env.situation.tolist(), env.time.tolist()
        reward, terminated, truncated = env.step(action, draw)
        for i in range(300):
            m, target = divmod(situation[i], 20)
            r, c = cells[i]
            dr, dc = MOVES[action[i]]
            corner = dr and dc and made.walls[m, r + dr, c] and made.walls[m, r, c + dc]
            if not made.walls[m, r + dr, c + dc] and not corner:
                r, c = r + dr, c + dc
            touched = made.objects[m, r, c]
            assert float(reward[i]) == (touched == target)
            assert bool(terminated[i]) == (touched >= 0)
            assert bool(truncated[i]) == (touched < 0 and time[i] + 1 == HORIZON)
            if touched < 0 and time[i] + 1 < HORIZON:
                assert tables(CPU).cells[env.place[i]].tolist() == [r, c]
                assert env.time[i] == time[i] + 1
            else:
                m = int(env.situation[i]) // 20
                assert tables(CPU).cells[env.place[i]].tolist() == made.start[m].tolist()
                assert env.time[i] == 0


def test_joint_probabilities_of_the_training_split():
    law = situation_law("zipf_2")
    rare = situation_law("uniform_rare") > 0
    assert law[0] == pytest.approx(0.392505, abs=5e-7)
    assert law[-1] == pytest.approx(2.4532e-6, rel=1e-4)
    assert rare.sum() == 16
    assert law[rare].sum() == pytest.approx(5.48073e-5, rel=1e-5)


@pytest.mark.parametrize("name", ["zipf_2", "zipf_1", "uniform", "uniform_rare"])
def test_situations_are_drawn_by_their_law(name):
    env = Gridworld(name, 200_000)
    drawn = np.bincount(env.draw(generator()).numpy(), minlength=400)
    expected = 200_000 * situation_law(name)
    assert (drawn[expected == 0] == 0).all()
    common = expected > 20
    z = (drawn[common] - expected[common]) / np.sqrt(expected[common])
    assert abs(z).max() < 4.5


def test_the_first_observation_has_the_published_pixels():
    picture = in_situation(0).pixels()[0]
    assert picture.shape == (63, 63, 3)
    assert (picture[27:36, 27:36] == 1).all()
    cue = picture[:9, :9]
    assert torch.isclose(cue.amax(-1), torch.tensor(180 / 255)).any()
    assert torch.isclose(cue, torch.tensor(100 / 255)).any()  # dark red
    assert torch.isclose(picture[9:, 9:].amax(-1), torch.tensor(40 / 255)).any()  # a wall


def test_the_cue_replaces_black_by_grey_and_hides_the_corner():
    bank = tile_bank()
    assert bank.shape == (453, 9, 9, 3)
    objects, cues = bank[3:TILES], bank[TILES:]
    black = (objects == 0).all(-1)
    assert (cues[black] == 180).all()
    assert (cues[~black] == objects[~black]).all()
    same_map = in_situation(0, 1).observation()
    assert same_map[0, 0, 0] != same_map[1, 0, 0]
    assert (same_map[0].flatten()[1:] == same_map[1].flatten()[1:]).all()


def test_symbols_and_pixels_hold_the_same():
    env = in_situation(*range(0, 400, 17))
    tiles, pixels = env.observation(), env.pixels()
    for row, column in ((0, 0), (2, 5), (6, 1), (3, 3)):
        block = pixels[:, 9 * row : 9 * row + 9, 9 * column : 9 * column + 9]
        assert torch.equal(block, tile_bank()[tiles[:, row, column].long()].float() / 255)


def test_the_twenty_first_views_differ_without_the_cue():
    views = tables(CPU).views[tables(CPU).start][:, 1:]
    assert len(torch.unique(views, dim=0)) == 20


def test_how_often_the_target_is_in_the_first_view():
    table = tables(CPU)
    views = table.views[table.start].repeat_interleave(20, 0)
    views[:, 0] = 0
    seen = (views == 3 + table.pairs[:, None]).any(1).double().numpy()
    corner = table.views[table.start].repeat_interleave(20, 0)[:, 0] == 3 + table.pairs
    seen = np.maximum(seen, corner.double().numpy())  # the card counts the hidden corner too
    assert seen.mean() == pytest.approx(0.2325)
    assert seen @ situation_law("zipf_2") == pytest.approx(0.1945, abs=5e-5)
    assert seen @ situation_law("uniform_rare") == pytest.approx(0.25)


def test_the_same_generator_gives_the_same_stream_and_another_another():
    def play(seed):
        env, draw = Gridworld("zipf_1", 50), generator(seed)
        env.reset(draw)
        return torch.stack(
            [env.step(torch.randint(8, (50,), generator=draw), draw)[0] + env.situation for _ in range(30)]
        )

    assert torch.equal(play(1), play(1))
    assert not torch.equal(play(1), play(2))


def test_features_of_tiles_are_ones_and_zeros():
    features = tile_features()
    assert features.shape == (TILES, 33)
    assert features[:3].sum(1).tolist() == [1, 1, 1]
    assert (features[3:].sum(1) == 2).all()
    assert len(torch.unique(features, dim=0)) == TILES


def test_places_are_the_89_free_cells_of_each_map():
    cells = tables(CPU).cells.view(20, PLACES, 2)
    for m in range(20):
        assert not world().walls[m][cells[m][:, 0], cells[m][:, 1]].any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Gridworld("uniform", 0), "at least one"),
        (lambda: Gridworld("rare", 4), "no split"),
        (lambda: Gridworld("uniform", 4).reset(), "one of the two"),
        (lambda: Gridworld("uniform", 2).reset(situation=torch.tensor([0, 400])), "from 0 to 399"),
        (lambda: Gridworld("uniform", 2).reset(situation=torch.tensor([0])), "2 whole numbers"),
        (lambda: Gridworld("uniform", 2).step(torch.tensor([0, 8]), generator()), "lie in 0 to 7"),
        (lambda: Gridworld("uniform", 2).step(torch.tensor([-1, 0]), generator()), "lie in 0 to 7"),
        (lambda: Gridworld("uniform", 2).step(torch.tensor([0]), generator()), "each of 2"),
        (lambda: Gridworld("uniform", 2).step(torch.tensor([0.0, 1.0]), generator()), "whole number"),
    ],
)
def test_mistakes_are_one_line(call, message):
    with pytest.raises(UserError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
