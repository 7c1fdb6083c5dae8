"""The twenty maps of Zipf's Gridworld and their pictures (official rules of arXiv 2203.08222's environment code).

Every map is fixed by its index through NumPy's PCG64 seeded with 1234 + index; the order of the draws below is the
official one, since any other gives other maps. Differs in the engine only: no pycolab, arrays in place of drapes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

MAPS, OBJECTS, ROOMS, ROOM = 20, 20, 3, 3
STRIDE = ROOM + 1  # a room and one wall
SIDE = ROOMS * STRIDE + 1  # 13 cells
SEED = 1234  # of map 0
WALL, AGENT, FLOOR = "#", "A", "."
LETTERS = "BCDEFGHIJKLMNOPQRSTU"  # the objects, in the order of their ranks
CELL = 9  # pixels a side

COLORS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "purple": (128, 0, 128),
    "orange": (255, 165, 0),
    "yellow": (255, 255, 0),
    "brown": (128, 64, 0),
    "pink": (255, 64, 255),
    "cyan": (0, 255, 255),
    "dark_green": (0, 100, 0),
    "dark_red": (100, 0, 0),
    "dark_blue": (0, 0, 100),
    "teal": (0, 100, 100),
    "lavender": (215, 200, 255),
    "rose": (255, 205, 230),
}
SHAPES = (
    "triangle", "empty_square", "plus", "inverse_plus", "ex", "inverse_ex", "circle", "empty_circle", "tee",
    "upside_down_tee", "h", "u", "upside_down_u", "vertical_stripes", "horizontal_stripes",
)  # fmt: skip
PAIRS = len(COLORS) * len(SHAPES)  # 225
MOVES = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))  # N, NE, E, SE, S, SW, W, NW

Room = tuple[int, int]


def templates() -> np.ndarray:
    """Which pixels each shape fills: bool (15, 9, 9), in the order of SHAPES."""
    i, j = np.mgrid[:CELL, :CELL]
    middle = lambda k: (k >= 3) & (k <= 5)  # noqa: E731
    ring = (i - 4) ** 2 + (j - 4) ** 2
    plus = middle(i) | middle(j)
    ex = (abs(i - j) <= 1) | (abs(8 - i - j) <= 1)
    sides = (j <= 2) | (j >= 6)
    drawn = {
        "triangle": np.where(j <= 4, i >= 2 * (4 - j), i >= 2 * (j - 4)),
        "empty_square": (np.minimum(i, j) < 2) | (np.maximum(i, j) > 6),
        "plus": plus,
        "inverse_plus": ~plus,
        "ex": ex,
        "inverse_ex": ~ex,
        "circle": ring <= 16,
        "empty_circle": abs(ring - 16) < 6,
        "tee": middle(j) | (i <= 2),
        "upside_down_tee": middle(j) | (i >= 6),
        "h": sides | middle(i),
        "u": sides | (i >= 6),
        "upside_down_u": sides | (i <= 2),
        "vertical_stripes": j % 2 == 0,
        "horizontal_stripes": i % 2 == 0,
    }
    return np.stack([drawn[shape] for shape in SHAPES])


def neighbours(room: Room, rooms: list[Room]) -> list[Room]:
    """Those of `rooms` that share a wall with `room`, in the order of the list."""
    return [other for other in rooms if abs(room[0] - other[0]) + abs(room[1] - other[1]) == 1]


def doors_between(rng: np.random.Generator) -> dict[Room, list[Room]]:
    """Which rooms are linked: a random link for every room that has none, then links until all rooms hang together."""
    rooms = list(product(range(ROOMS), range(ROOMS)))
    links: dict[Room, list[Room]] = {room: [] for room in rooms}

    def link(one: Room, two: Room) -> None:
        links[one].append(two)
        links[two].append(one)

    for room in rooms:
        if not links[room]:
            choices = neighbours(room, rooms)
            link(room, choices[rng.integers(len(choices))])
    reached, waiting = rooms[:1], rooms[1:]
    while waiting:
        fresh = []
        for room in waiting:  # `reached` grows while it is scanned, as in the official code
            if any(room in links[other] for other in reached):
                reached.append(room)
                fresh.append(room)
        if not fresh:
            rng.shuffle(waiting)
            room = next(room for room in waiting if neighbours(room, reached))
            beside = neighbours(room, reached)
            rng.shuffle(beside)
            link(room, beside[0])
            reached.append(room)
            fresh.append(room)
        waiting = list(set(waiting) - set(fresh))  # the order of a set of tuples of integers: part of the rules
    return links


def layout(rng: np.random.Generator) -> np.ndarray:
    """One map as letters (13, 13): wall, floor, the agent's start and twenty objects."""
    links = doors_between(rng)
    cells = np.full((SIDE, SIDE), FLOOR)
    cells[::STRIDE, :] = WALL
    cells[:, ::STRIDE] = WALL
    doors = []
    for room in sorted(links):
        r, c = room
        for other in set(links[room]):
            if other[0] < r:
                doors.append((STRIDE * r, STRIDE * c + int(rng.integers(1, STRIDE))))
            elif other[1] < c:
                doors.append((STRIDE * r + int(rng.integers(1, STRIDE)), STRIDE * c))
    for door in doors:
        cells[door] = FLOOR
    free = []
    for i, j in product(range(SIDE), repeat=2):
        inside = i % STRIDE and j % STRIDE
        centre = i % STRIDE == j % STRIDE == STRIDE // 2
        beside_door = any(abs(i - r) + abs(j - c) == 1 for r, c in doors)
        if inside and not centre and not beside_door:
            free.append((i, j))
    rng.shuffle(free)
    for letter, place in zip(LETTERS + AGENT, free, strict=False):
        cells[place] = letter
    return cells


def appearances(rng: np.random.Generator) -> np.ndarray:
    """Colour-shape pair of each object, 15 × colour + shape. Shape (20,)."""
    while True:
        colors = rng.choice(list(COLORS), OBJECTS + 10)
        shapes = rng.choice(list(SHAPES), OBJECTS + 10)
        pairs = sorted(set(zip(colors.tolist(), shapes.tolist())))
        rng.shuffle(pairs)
        if len(pairs) >= OBJECTS:
            names = list(COLORS)
            return np.array([len(SHAPES) * names.index(c) + SHAPES.index(s) for c, s in pairs[:OBJECTS]])


@dataclass(frozen=True, eq=False)
class World:
    """All maps as arrays: `letters` (20, 13, 13), `walls` bool and `objects` (object index or -1) of the same shape,
    `start` (20, 2) and `pairs` (20, 20), the appearance of each object of each map."""

    letters: np.ndarray
    walls: np.ndarray
    objects: np.ndarray
    start: np.ndarray
    pairs: np.ndarray

    def moved(self) -> np.ndarray:
        """Cell after each action, 13 × row + column. Shape (20, 169, 8); walls keep whoever would stand in them.

        A straight move is blocked by a wall; a diagonal one also where both cells beside it are walls.
        """
        padded = np.pad(self.walls, ((0, 0), (1, 1), (1, 1)), constant_values=True)

        def wall(dr: int, dc: int) -> np.ndarray:
            return padded[:, 1 + dr : 1 + dr + SIDE, 1 + dc : 1 + dc + SIDE]

        here = np.broadcast_to(np.arange(SIDE * SIDE).reshape(SIDE, SIDE), self.walls.shape)
        after = []
        for dr, dc in MOVES:
            blocked = wall(dr, dc) | (wall(dr, 0) & wall(0, dc))
            after.append(np.where(blocked | self.walls, here, here + SIDE * dr + dc))
        return np.stack(after, axis=-1).reshape(len(self.walls), SIDE * SIDE, len(MOVES))

    def shortest(self) -> np.ndarray:
        """Fewest steps from the start to each object without touching another. Shape (20, 20); 0 where unreachable."""
        moved, touched = self.moved(), self.objects.reshape(len(self.walls), -1)
        steps = np.zeros((len(self.walls), OBJECTS), dtype=int)
        for m in range(len(self.walls)):
            begin = int(self.start[m] @ (SIDE, 1))
            far, queue = {begin: 0}, deque([begin])
            while queue:
                cell = queue.popleft()
                if touched[m, cell] >= 0:
                    steps[m, touched[m, cell]] = far[cell]
                    continue  # an object ends the episode
                for after in moved[m, cell].tolist():
                    if after not in far:
                        far[after] = far[cell] + 1
                        queue.append(after)
        return steps


@cache
def world() -> World:
    """The twenty maps, made once."""
    letters, pairs = [], []
    for index in range(MAPS):
        rng = np.random.default_rng(SEED + index)
        letters.append(layout(rng))
        pairs.append(appearances(rng))
    stacked = np.stack(letters)
    objects = np.full(stacked.shape, -1)
    for k, letter in enumerate(LETTERS):
        objects[stacked == letter] = k
    return World(stacked, stacked == WALL, objects, np.argwhere(stacked == AGENT)[:, 1:], np.stack(pairs))
