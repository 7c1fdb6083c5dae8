"""Thirty MiniGrid levels in families: an open stand-in for the thirty levels of Zipf's Labyrinth (DeepMind Lab).

It is not Labyrinth: two dimensions, symbols for pixels. What stays: thirty tasks in a fixed order that groups similar ones, drawn by
Zipf's law with exponent 1 an episode, forward or reversed, for one agent that reads an instruction.
"""

from __future__ import annotations

import importlib
import zlib
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from replications.study import UserError

LEVELS = (
    "Empty-5x5", "Empty-6x6", "Empty-8x8", "Empty-16x16", "FourRooms",
    "SimpleCrossingS9N1", "SimpleCrossingS9N2", "SimpleCrossingS9N3", "SimpleCrossingS11N5",
    "LavaCrossingS9N1", "LavaCrossingS9N2", "DistShift1", "DistShift2",
    "DoorKey-5x5", "DoorKey-6x6", "DoorKey-8x8", "Unlock", "UnlockPickup",
    "GoToDoor-5x5", "GoToDoor-6x6", "GoToDoor-8x8", "GoToObject-6x6-N2", "GoToObject-8x8-N2",
    "Fetch-5x5-N2", "Fetch-6x6-N2", "Fetch-8x8-N3", "PutNear-6x6-N2",
    "MemoryS7", "RedBlueDoors-6x6", "Dynamic-Obstacles-5x5",
)  # fmt: skip
ACTIONS = 7  # left, right, forward, pick up, drop, toggle, done
LIMIT = 64  # steps of an episode in every level
WORDS = 64  # buckets that the words of an instruction fall into
PARTS = (11, 6, 4)  # values that a cell's object, colour and state can take


def minigrid() -> ModuleType:
    """Gymnasium with MiniGrid's levels registered.

    Raises:
        UserError: one of the two is not installed.
    """
    try:
        importlib.import_module("minigrid")
        return importlib.import_module("gymnasium")
    except ImportError as error:
        raise UserError("the labyrinth stand-in needs MiniGrid: pip install '.[worlds]'") from error


class Seen(NamedTuple):
    """A step of n copies: cells uint8 (n, 7, 7, 3), words bool (n, 64), reward, over and the level played, (n,)."""

    cells: np.ndarray
    words: np.ndarray
    reward: np.ndarray
    over: np.ndarray
    level: np.ndarray


def bag_of_words(text: str) -> np.ndarray:
    """Which buckets the words of an instruction fall into, bool (64,)."""
    bag = np.zeros(WORDS, dtype=bool)
    for word in text.lower().replace(",", " ").split():
        bag[zlib.crc32(word.encode()) % WORDS] = True
    return bag


class Copies:
    """Copies of the levels that step together in this process; each draws a level for every episode.

    Args:
        law: probability of each level in the order of LEVELS, (30,).
        numbers: which copies of the whole these are: a copy's stream depends on its number and not on who steps it.

    Raises:
        UserError: MiniGrid is not installed, or a law over another number of levels.
    """

    def __init__(self, law: np.ndarray, numbers: range) -> None:
        if len(law) != len(LEVELS):
            raise UserError(f"a law over {len(LEVELS)} levels is needed, got {len(law)} probabilities")
        self._gymnasium = minigrid()
        self.law, self.numbers = np.asarray(law), numbers
        self._made: dict[tuple[int, int], Any] = {}
        self._bags: dict[str, np.ndarray] = {}

    def begin(self, seed: int, levels: list[int] | None = None) -> Seen:
        """Start every copy afresh from `seed`, in levels drawn by the law, or each in its own of `levels` for good."""
        self._fixed = levels
        self._draws = [np.random.default_rng([seed, number]) for number in self.numbers]
        self.level = [0] * len(self.numbers)
        first = [self._start(i) for i in range(len(self.numbers))]
        nothing = np.zeros(len(first), dtype=np.float32)
        return self._seen(first, nothing, nothing.astype(bool), np.array(self.level))

    def step(self, actions: np.ndarray) -> Seen:
        """One action for every copy; an episode that ends is followed by a fresh one, whose first view is returned.

        Raises:
            UserError: another number of actions, or one outside 0 to 6.
        """
        if len(actions) != len(self.numbers) or np.min(actions) < 0 or np.max(actions) >= ACTIONS:
            raise UserError(f"{len(self.numbers)} actions from 0 to {ACTIONS - 1} are needed")
        played = np.array(self.level)
        views, rewards, over = [], [], []
        for i, action in enumerate(actions):
            view, reward, terminated, truncated, _ = self._env(i).step(int(action))
            over.append(terminated or truncated)
            rewards.append(float(reward))
            views.append(self._start(i) if over[-1] else view)
        return self._seen(views, np.array(rewards, dtype=np.float32), np.array(over), played)

    def _env(self, i: int) -> Any:
        key = (i, self.level[i])
        if key not in self._made:
            self._made[key] = self._gymnasium.make(f"MiniGrid-{LEVELS[self.level[i]]}-v0", max_steps=LIMIT).unwrapped
        return self._made[key]

    def _start(self, i: int) -> dict[str, Any]:
        draw = self._draws[i]
        self.level[i] = int(draw.choice(len(LEVELS), p=self.law)) if self._fixed is None else self._fixed[i]
        view, _ = self._env(i).reset(seed=int(draw.integers(2**31)))
        return dict(view)

    def _seen(self, views: list[dict[str, Any]], reward: np.ndarray, over: np.ndarray, level: np.ndarray) -> Seen:
        for view in views:
            if view["mission"] not in self._bags:
                self._bags[view["mission"]] = bag_of_words(view["mission"])
        bags = np.stack([self._bags[view["mission"]] for view in views])
        return Seen(np.stack([view["image"] for view in views]), bags, reward, over, level)
