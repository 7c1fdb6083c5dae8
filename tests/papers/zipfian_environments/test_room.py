"""The room: who is in it, what ends an episode, and what pays."""

import numpy as np
import pytest
import torch

from replications.papers.zipfian_environments.maps import MOVES
from replications.papers.zipfian_environments.method import rarest, zipf
from replications.papers.zipfian_environments.room import FREQUENT, LIMIT, SIDE, TRIO, Room, law_of, without_replacement
from replications.study import UserError


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("exponent", "first", "rare", "target"),
    [
        (3, [0.9989, 0.8865, 0.5200, 0.2304, 0.1196], 0.0016488, 0.00054959),
        (2, [0.9646, 0.6713, 0.3812, 0.2258, 0.1475], 0.018622, 0.0062075),
    ],
)
def test_inclusion_probabilities_of_sequential_draws(exponent, first, rare, target):
    count = 400_000
    drawn = without_replacement(torch.tensor(zipf(50, exponent)), count, generator())
    assert all(len(set(row)) == TRIO for row in drawn[:200].tolist())
    included = np.bincount(drawn.flatten().numpy(), minlength=50) / count
    for share, expected in zip(included[:5], first):
        assert share == pytest.approx(expected, abs=5 * (expected * (1 - expected) / count) ** 0.5 + 5e-5)
    assert included[-10:].sum() == pytest.approx(rare, abs=5 * (rare / count) ** 0.5)
    chosen = drawn.gather(1, torch.randint(TRIO, (count, 1), generator=generator(1)))
    assert float((chosen >= 40).float().mean()) == pytest.approx(target, abs=5 * (target / count) ** 0.5)


@pytest.mark.parametrize("task", ["lift", "put", "put_frequent"])
def test_rooms_follow_their_rules_step_by_step(task):
    draw = generator()
    room = Room(law_of("zipf_2", 50), task, 200, "cpu")
    room.reset(draw)
    lifted = put = 0
    for _ in range(120):
        before = {
            name: getattr(room, name).clone()
            for name in ("cells", "agent", "target", "goal", "time", "putting", "held")
        }
        action = torch.randint(8, (200,), generator=draw)
        reward, over = room.step(action, draw)
        for i in range(200):
            cell = [min(max(int(before["agent"][i, k]) + MOVES[action[i]][k], 0), SIDE - 1) for k in range(2)]
            on = [j for j in range(5) if before["cells"][i, j].tolist() == cell]
            holding, putting = bool(before["held"][i]), bool(before["putting"][i])
            hit = None if not on else on[0]
            ended, paid, now_holding = int(before["time"][i]) + 1 >= LIMIT, 0.0, holding
            if hit is not None and hit < TRIO and not holding:
                right = hit == int(before["target"][i])
                now_holding = right and putting
                paid, ended = float(right and not putting), ended or not right or not putting
            elif hit is not None and hit >= TRIO and holding:
                paid, ended = float(hit - TRIO == int(before["goal"][i])), True
            assert (float(reward[i]), bool(over[i])) == (paid, ended)
            assert ended or bool(room.held[i]) == now_holding
        lifted += int((reward * (before["putting"] == 0)).sum())
        put += int((reward * (before["putting"] == 1)).sum())
    assert (lifted > 0) == (task != "put")
    assert (put > 0) == (task != "lift")


def test_putting_is_trained_on_frequent_objects_only():
    room = Room(law_of("zipf_2", 50), "put_frequent", 2000)
    room.reset(generator())
    putting = room.putting == 1
    assert 0.4 < putting.float().mean() < 0.6
    assert int(room.objects[putting].max()) < 50 // FREQUENT
    assert int(room.objects[~putting].max()) >= 50 // FREQUENT


def test_the_instruction_names_the_target_and_says_where_to():
    room = Room(law_of("uniform", 50), "put", 100)
    room.reset(generator())
    seen = room.observation()
    assert torch.equal(seen["word"], room.objects[torch.arange(100), room.target])
    assert torch.equal(seen["place"], room.goal + 1)
    assert torch.equal(seen["offset"] + room.agent[:, None], room.cells)
    everything = torch.cat([room.cells, room.agent[:, None]], 1)
    assert all(len({tuple(cell) for cell in cells}) == 6 for cells in everything.tolist())


def test_the_rarest_fifth_is_all_that_the_rare_room_holds():
    room = Room(rarest(50), "lift", 500)
    room.reset(generator())
    assert int(room.objects.min()) >= 40


@pytest.mark.parametrize(
    "call",
    [
        lambda: Room(zipf(50, 1), "throw", 2),
        lambda: Room(zipf(50, 1), "lift", 0),
        lambda: Room(zipf(2, 1), "lift", 2),
        lambda: Room(zipf(50, 1), "lift", 1).step(torch.tensor([8]), generator()),
    ],
)
def test_mistakes_are_one_line(call):
    with pytest.raises(UserError) as caught:
        call()
    assert "\n" not in str(caught.value)
