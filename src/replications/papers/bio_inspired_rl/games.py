"""MinAtar and Atari games as a run sees them: a frame, a reward, and whether the episode ended. numpy alone.

The packages are optional extras, imported when a game starts. A game is a function of its seed and its actions, so that
an interrupted run plays its actions again in place of saving an emulator's state.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from replications.study import UserError

MINATAR = ("breakout", "asterix", "freeway", "seaquest", "space_invaders")
SKIP = 4  # emulator frames of one Atari step
SIDE = 84  # pixels of an Atari frame
NOOPS = 30  # largest number of idle frames before an Atari episode


@dataclass(frozen=True)
class Played:
    """What one step did; where `over`, the frame is the first of a new episode."""

    frame: np.ndarray  # (C, H, W) uint8
    reward: float  # as the game counts it
    terminal: bool  # nothing follows: the episode ended, or (Atari) a life was lost
    over: bool  # the episode ended


class MinAtar:
    """A MinAtar game with its defaults: actions stick with probability 0.1, the difficulty rises.

    Raises:
        UserError: the package is missing, or there is no such game.
    """

    def __init__(self, game: str, seed: int, limit: int, full_actions: bool = False) -> None:
        if game not in MINATAR:
            raise UserError(f"unknown MinAtar game '{game}': choose from {', '.join(MINATAR)}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                from minatar import Environment
        except ImportError as error:
            raise UserError("MinAtar is not installed: pip install '.[atari]'") from error
        self._game, self._limit, self._steps = Environment(game), limit, 0
        self._game.seed(seed % 2**32)
        self.actions = list(range(6)) if full_actions else self._game.minimal_action_set()

    def reset(self) -> np.ndarray:
        """The first frame of an episode."""
        self._game.reset()
        self._steps = 0
        return self._frame()

    def step(self, action: int) -> Played:
        """Play one of the game's actions, by its number."""
        reward, terminal = self._game.act(self.actions[checked(action, len(self.actions))])
        self._steps += 1
        over = bool(terminal) or self._steps >= self._limit
        return Played(self.reset() if over else self._frame(), float(reward), over, over)

    def _frame(self) -> np.ndarray:
        return np.ascontiguousarray(self._game.state().transpose(2, 0, 1)).astype(np.uint8)


class Atari:
    """An Atari game without sticky actions: four frames a step, the larger of the last two, grey, 84 × 84.

    Raises:
        UserError: the package is missing, there is no such game, or its ROM is missing.
    """

    def __init__(self, game: str, seed: int, limit: int, full_actions: bool = False) -> None:
        try:
            import ale_py
            from ale_py import roms
        except ImportError as error:
            raise UserError("Atari games need ale-py: pip install '.[atari]'") from error
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            rom = roms.get_rom_path(game)
        if rom is None or not rom.exists():
            raise UserError(
                f"no ROM for the Atari game '{game}': check its name, or reinstall ale-py, which brings ROMs"
            )
        self._ale = ale_py.ALEInterface()
        self._ale.setInt("random_seed", seed % 2**31)
        self._ale.setFloat("repeat_action_probability", 0.0)
        self._ale.loadROM(rom)
        self.actions: list[Any] = list(
            self._ale.getLegalActionSet() if full_actions else self._ale.getMinimalActionSet()
        )
        self._random = np.random.default_rng(seed)  # of the idle frames
        self._limit, self._steps, self._lives = limit, 0, 0

    def reset(self) -> np.ndarray:
        """The first frame of an episode, after up to 30 idle emulator frames."""
        self._ale.reset_game()
        for _ in range(int(self._random.integers(NOOPS + 1))):
            self._ale.act(self.actions[0])
            if self._ale.game_over():
                self._ale.reset_game()
        self._steps, self._lives = 0, self._ale.lives()
        return self._shrunk(self._ale.getScreenGrayscale())

    def step(self, action: int) -> Played:
        """Repeat an action for four emulator frames."""
        chosen, reward, screens = self.actions[checked(action, len(self.actions))], 0.0, []
        for frame in range(SKIP):
            reward += self._ale.act(chosen)
            if frame >= SKIP - 2:
                screens.append(self._ale.getScreenGrayscale())
            if self._ale.game_over():
                break
        self._steps += 1
        lost = self._ale.lives() < self._lives
        self._lives = self._ale.lives()
        over = self._ale.game_over() or self._steps >= self._limit
        if over:
            return Played(self.reset(), reward, True, True)
        return Played(self._shrunk(np.maximum(screens[0], screens[-1])), reward, lost, False)

    @staticmethod
    def _shrunk(screen: np.ndarray) -> np.ndarray:
        rows, columns = area_weights(screen.shape[0], SIDE), area_weights(screen.shape[1], SIDE)
        return np.rint(rows @ screen.astype(np.float32) @ columns.T).astype(np.uint8)[None]


def checked(action: int, actions: int) -> int:
    """The action, where the game has it.

    Raises:
        UserError: it has not.
    """
    if not 0 <= action < actions:
        raise UserError(f"action {action}: this game has actions 0 to {actions - 1}")
    return int(action)


_WEIGHTS: dict[tuple[int, int], np.ndarray] = {}


def area_weights(old: int, new: int) -> np.ndarray:
    """Matrix (new, old) of an area resize: each new pixel is the mean of what it covers."""
    if (old, new) not in _WEIGHTS:
        edges = np.arange(new + 1) * old / new
        pixels = np.arange(old)
        covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
        _WEIGHTS[old, new] = (covered.clip(0) * new / old).astype(np.float32)
    return _WEIGHTS[old, new]


def make_game(game: str, seed: int, limit: int, full_actions: bool = False) -> MinAtar | Atari:
    """A game by its name: MinAtar's as `breakout`, Atari's as `atari/krull`.

    Raises:
        UserError: the package, the game or its ROM is missing.
    """
    if game.startswith("atari/"):
        return Atari(game.removeprefix("atari/"), seed, limit, full_actions)
    return MinAtar(game, seed, limit, full_actions)
