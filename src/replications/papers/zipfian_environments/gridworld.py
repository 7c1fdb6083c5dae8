"""Zipf's Gridworld as one batched program (official rules of arXiv 2203.08222's environment code).

A situation is a map and a target: 400 in all, each with one start. Every map has 89 cells that are not wall, so an agent stands in
one of 20 × 89 places, and a step is a look-up in tables. Differs from the official engine in speed and in the symbolic view,
which holds the same content as the pixels: 7 × 7 tiles, the upper left one replaced by the cue.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from replications.papers.zipfian_environments.maps import (
    CELL,
    COLORS,
    MAPS,
    MOVES,
    OBJECTS,
    PAIRS,
    SHAPES,
    SIDE,
    templates,
    world,
)  # fmt: skip
from replications.papers.zipfian_environments.method import split
from replications.study import UserError

ACTIONS = len(MOVES)
PLACES = 89  # cells of a map that are not wall: 9 rooms of 9, and 8 doors
SITUATIONS = MAPS * OBJECTS
HORIZON = 100  # steps
WINDOW = 7  # cells of the view a side; the agent is in the middle
TILES = 3 + PAIRS  # floor, wall, agent, objects; cues follow
VIEW_CELLS = WINDOW * WINDOW


@dataclass(frozen=True, eq=False)
class Tables:
    """The world on a device. Places are numbered 89 × map + cell; `touched` is the object there, or -1."""

    moved: torch.Tensor  # (1780, 8) place after an action
    touched: torch.Tensor  # (1780,)
    views: torch.Tensor  # (1780, 49) tiles, corner included: the cue is not drawn yet
    cells: torch.Tensor  # (1780, 2) row and column
    start: torch.Tensor  # (20,) place
    pairs: torch.Tensor  # (400,) appearance of the target of each situation


@cache
def tables(device: torch.device) -> Tables:
    """The tables on `device`, made once."""
    made = world()
    free = np.argwhere(~made.walls.reshape(MAPS, -1))  # (1780, 2) map and cell, in order
    number = np.full((MAPS, SIDE * SIDE), -1)
    number[free[:, 0], free[:, 1]] = np.arange(len(free))
    maps, cells = free.T
    tile = np.where(made.walls, 1, 0)  # outside the board is black as floor is
    rows, columns, which = (
        np.nonzero(made.objects >= 0)[1],
        np.nonzero(made.objects >= 0)[2],
        made.objects[made.objects >= 0],
    )
    at = np.nonzero(made.objects >= 0)[0]
    tile[at, rows, columns] = 3 + made.pairs[at, which]
    half = WINDOW // 2
    padded = np.pad(tile, ((0, 0), (half, half), (half, half)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (WINDOW, WINDOW), axis=(1, 2)).reshape(
        MAPS, SIDE * SIDE, -1
    )
    views = windows[maps, cells].copy()
    views[:, VIEW_CELLS // 2] = 2

    def tensor(array: np.ndarray, dtype: torch.dtype = torch.int64) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device, dtype)

    begin = made.start @ (SIDE, 1)
    return Tables(
        tensor(number[maps[:, None], made.moved()[maps, cells]]),
        tensor(made.objects.reshape(MAPS, -1)[maps, cells]),
        tensor(views, torch.int16),
        tensor(np.stack([cells // SIDE, cells % SIDE], 1)),
        tensor(number[np.arange(MAPS), begin]),
        tensor(made.pairs.reshape(-1)),
    )


def tile_bank() -> torch.Tensor:
    """Pictures of all tiles, cues after objects. uint8 (228 + 225, 9, 9, 3)."""
    shapes = torch.from_numpy(templates())
    colors = torch.tensor(list(COLORS.values()), dtype=torch.uint8)
    objects = (shapes[None, :, :, :, None] * colors[:, None, None, None, :]).reshape(PAIRS, CELL, CELL, 3)
    plain = torch.tensor([0, 40, 255], dtype=torch.uint8)[:, None, None, None].expand(3, CELL, CELL, 3)
    cues = torch.where((objects == 0).all(-1, keepdim=True), torch.tensor(180, dtype=torch.uint8), objects)
    return torch.cat([plain, objects, cues])


def situation_law(name: str) -> np.ndarray:
    """Probability of each of the 400 situations under a split: map and target are drawn independently. Shape (400,).

    Raises:
        UserError: no such split.
    """
    return np.outer(split(name, MAPS), split(name, OBJECTS)).reshape(-1)


class Gridworld:
    """`count` copies of the gridworld that step together on `device`; an episode that ends is followed by a fresh one.

    Raises:
        UserError: no such split, or fewer than one copy.
    """

    def __init__(self, split_name: str, count: int, device: torch.device | str = "cpu") -> None:
        if count < 1:
            raise UserError(f"{count} environments: at least one is needed")
        self.tables = tables(torch.device(device))
        cumulative = np.cumsum(situation_law(split_name))
        self._cumulative = torch.tensor(cumulative / cumulative[-1], dtype=torch.float64, device=device)
        self.count = count
        self.situation = torch.zeros(count, dtype=torch.int64, device=device)
        self.place = self.tables.start[self.situation // OBJECTS]
        self.time = torch.zeros_like(self.situation)

    def draw(self, generator: torch.Generator) -> torch.Tensor:
        """A situation for every copy, by the split's law. Shape (count,)."""
        uniform = torch.rand(self.count, generator=generator, device=self.place.device, dtype=torch.float64)
        # `right`: a situation without probability is never drawn, not even at u = 0
        return torch.searchsorted(self._cumulative, uniform, right=True).clamp_(max=SITUATIONS - 1)

    def reset(self, generator: torch.Generator | None = None, situation: torch.Tensor | None = None) -> None:
        """Start every copy, in situations drawn by `generator` or in those given (20 × map + target).

        Raises:
            UserError: neither or both were given, or situations that do not exist.
        """
        if (generator is None) == (situation is None):
            raise UserError("reset takes a generator or the situations, one of the two")
        if situation is None:
            assert generator is not None
            situation = self.draw(generator)
        elif situation.shape != (self.count,) or int(situation.min()) < 0 or int(situation.max()) >= SITUATIONS:
            raise UserError(f"situations are {self.count} whole numbers from 0 to {SITUATIONS - 1}")
        self.situation = situation.to(self.place)
        self.place = self.tables.start[self.situation // OBJECTS]
        self.time = torch.zeros_like(self.situation)

    def step(self, action: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Move every copy: reward (count,) float, and bool (count,) whether an object or the clock ended the episode.

        Raises:
            UserError: actions of another shape, or outside 0 to 7.
        """
        if action.shape != (self.count,) or action.is_floating_point():
            raise UserError(f"an action is a whole number for each of {self.count} environments")
        if int(action.min()) < 0 or int(action.max()) >= ACTIONS:
            raise UserError(f"actions lie in 0 to {ACTIONS - 1}, got {int(action.min())} to {int(action.max())}")
        return self.advance(action, generator)

    def advance(
        self, action: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """`step` without its checks, for an agent's own actions: a check would have a GPU wait."""
        place = self.tables.moved.view(-1)[self.place * ACTIONS + action]
        touched = self.tables.touched[place]
        reward = (touched == self.situation % OBJECTS).float()
        terminated = touched >= 0
        self.time += 1
        truncated = (self.time >= HORIZON) & ~terminated
        over = terminated | truncated
        self.situation = torch.where(over, self.draw(generator), self.situation)
        self.place = torch.where(over, self.tables.start[self.situation // OBJECTS], place)
        self.time = torch.where(over, 0, self.time)
        return reward, terminated, truncated

    def observation(self) -> torch.Tensor:
        """Symbolic view: tiles int16 (count, 7, 7). 0 floor, 1 wall, 2 agent, 3 + pair an object, 228 + pair the cue."""
        tiles = self.tables.views[self.place]
        tiles[:, 0] = (TILES + self.tables.pairs[self.situation]).to(torch.int16)
        return tiles.view(-1, WINDOW, WINDOW)

    def pixels(self) -> torch.Tensor:
        """The published observation: float32 (count, 63, 63, 3) in [0, 1]."""
        pictures = tile_bank().to(self.place.device)[self.observation().long()]  # (count, 7, 7, 9, 9, 3)
        side = WINDOW * CELL
        return pictures.permute(0, 1, 3, 2, 4, 5).reshape(-1, side, side, 3).float() / 255


def tile_features() -> torch.Tensor:
    """What a tile shows, as ones and zeros: floor, wall, agent, 15 colours, 15 shapes. Float (228, 33)."""
    features = torch.zeros(TILES, 3 + len(COLORS) + len(SHAPES))
    features[[0, 1, 2], [0, 1, 2]] = 1
    pair = torch.arange(PAIRS)
    features[3 + pair, 3 + pair // len(SHAPES)] = 1
    features[3 + pair, 3 + len(COLORS) + pair % len(SHAPES)] = 1
    return features
