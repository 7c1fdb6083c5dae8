"""The twenty maps against what the official code draws."""

import numpy as np
import pytest

from replications.papers.zipfian_environments import maps
from replications.papers.zipfian_environments.maps import COLORS, SHAPES, templates, world

MAP_0 = [
    "#############",
    "#.......#FNE#",
    "#B..#..G#..P#",
    "#...#O......#",
    "#.#####.###.#",
    "#.I.#...#C..#",
    "#J.S#U.M#...#",
    "#L..#.KT#...#",
    "###.#.#######",
    "#...#.H.#A..#",
    "#...#R......#",
    "#...#Q..#..D#",
    "#############",
]
FREE = [57, 56, 56, 56, 56, 56, 56, 56, 57, 56, 56, 56, 56, 58, 57, 58, 56, 56, 57, 56]
MEANS = [
    10.65,
    10.5,
    10.1,
    10.65,
    8.7,
    17.5,
    8.6,
    8.5,
    10.5,
    8.4,
    7.8,
    7.25,
    14.0,
    11.35,
    9.05,
    7.9,
    9.75,
    10.4,
    14.2,
    9.7,
]
PIXELS = [41, 56, 45, 36, 45, 36, 49, 32, 45, 45, 63, 63, 63, 45, 45]


def look_of(pair):
    return f"{list(COLORS)[pair // 15]} {SHAPES[pair % 15]}"


def test_map_0_is_the_official_one():
    assert ["".join(row) for row in world().letters[0]] == MAP_0


@pytest.mark.parametrize(
    ("index", "looks"),
    [
        (0, ["dark_red inverse_plus", "dark_red ex", "cyan empty_circle", "pink triangle", "yellow upside_down_tee"]),
        (
            1,
            [
                "rose inverse_ex",
                "teal upside_down_u",
                "dark_red circle",
                "orange empty_square",
                "teal horizontal_stripes",
            ],
        ),
    ],
)
def test_first_objects_look_as_officially(index, looks):
    assert [look_of(pair) for pair in world().pairs[index][:5]] == looks


def test_shortest_paths_of_the_first_maps():
    steps = world().shortest()
    assert steps[0].tolist() == [15, 15, 2, 13, 12, 11, 3, 16, 17, 6, 18, 8, 12, 11, 13, 4, 4, 18, 8, 7]
    assert steps[1].tolist() == [18, 9, 15, 9, 6, 2, 16, 1, 4, 22, 20, 7, 20, 1, 5, 6, 1, 24, 23, 1]


def test_every_target_is_reachable_and_path_statistics_agree():
    steps = world().shortest()
    assert steps.min() == 1
    assert steps.max() == 32
    assert steps.mean() == pytest.approx(10.275)
    assert steps.mean(1) == pytest.approx(MEANS)
    assert steps[-4:, -4:].mean() == pytest.approx(8.1875)
    from replications.papers.zipfian_environments.method import zipf

    assert zipf(20, 2) @ steps @ zipf(20, 2) == pytest.approx(13.4197, abs=5e-5)


def test_rooms_form_a_spanning_tree_of_eight_doors():
    free = ~world().walls
    lines = np.zeros((13, 13), dtype=bool)
    lines[::4] = lines[:, ::4] = True
    assert (free & lines).sum((1, 2)).tolist() == [8] * 20
    assert free.sum((1, 2)).tolist() == [89] * 20


def test_candidate_cells_are_as_many_as_officially():
    counts = []
    for letters in world().letters:
        free = letters != "#"
        doors = [(i, j) for i, j in np.argwhere(free) if i % 4 == 0 or j % 4 == 0]
        beside = {(i + di, j + dj) for i, j in doors for di, dj in ((0, 1), (1, 0), (0, -1), (-1, 0))}
        inside = [(i, j) for i, j in np.argwhere(free) if i % 4 and j % 4]
        counts.append(sum((i % 4 != 2 or j % 4 != 2) and (i, j) not in beside for i, j in inside))
    assert counts == FREE


def test_templates_fill_the_official_number_of_pixels():
    filled = templates()
    assert filled.sum((1, 2)).tolist() == PIXELS
    assert (filled[SHAPES.index("plus")] ^ filled[SHAPES.index("inverse_plus")]).all()
    assert (filled[SHAPES.index("ex")] ^ filled[SHAPES.index("inverse_ex")]).all()


def test_appearances_are_unique_in_a_map_and_192_in_all():
    pairs = world().pairs
    assert all(len(set(row)) == 20 for row in pairs.tolist())
    kinds, counts = np.unique(pairs, return_counts=True)
    assert len(kinds) == 192
    assert counts.max() == 6


def test_moves_are_blocked_as_a_slow_loop_says():
    made, moved = world(), world().moved()
    rng = np.random.default_rng(0)
    for _ in range(3000):
        m, action = rng.integers(20), rng.integers(8)
        i, j = rng.integers(1, 12, size=2)
        if made.walls[m, i, j]:
            continue
        di, dj = maps.MOVES[action]
        blocked = made.walls[m, i + di, j + dj]
        if di and dj and made.walls[m, i + di, j] and made.walls[m, i, j + dj]:
            blocked = True
        expected = (i, j) if blocked else (i + di, j + dj)
        assert divmod(int(moved[m, 13 * i + j, action]), 13) == expected
