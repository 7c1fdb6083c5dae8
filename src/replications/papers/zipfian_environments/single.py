"""One copy of Zipf's Gridworld for people: a Gymnasium environment with the published pixels, and a window to watch it in."""

from __future__ import annotations

import importlib
import os
from functools import cache
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import torch

from replications.papers.zipfian_environments.gridworld import ACTIONS, SITUATIONS, VIEW_CELLS, Gridworld, tile_bank
from replications.papers.zipfian_environments.maps import CELL, OBJECTS, SIDE, world
from replications.study import UserError

SCALE = 8  # screen pixels for each of the picture


def gymnasium() -> ModuleType:
    """The library Gymnasium.

    Raises:
        UserError: it is not installed.
    """
    try:
        return importlib.import_module("gymnasium")
    except ImportError as error:
        raise UserError("the gridworld for people needs Gymnasium: pip install '.[worlds]'") from error


def whole_map(index: int) -> np.ndarray:
    """A picture of a whole map with the agent at its start, uint8 (117, 117, 3).

    Raises:
        UserError: no such map.
    """
    made = world()
    if not 0 <= index < len(made.letters):
        raise UserError(f"maps are numbered 0 to {len(made.letters) - 1}, got {index}")
    tiles = made.walls[index].astype(int)
    here = made.objects[index] >= 0
    tiles[here] = 3 + made.pairs[index][made.objects[index][here]]
    tiles[tuple(made.start[index])] = 2
    pictures = tile_bank().numpy()[tiles]  # (13, 13, 9, 9, 3)
    return pictures.transpose(0, 2, 1, 3, 4).reshape(SIDE * CELL, SIDE * CELL, 3)


def make(split_name: str = "zipf_2", render_mode: str | None = None) -> Any:
    """A `gymnasium.Env` of one gridworld. Observations are float32 (63, 63, 3); actions 0 to 7 are N, NE, … NW.

    `reset(options={"situation": 20 * map + target})` starts a given situation; `render_mode` is None, "rgb_array" or "human".

    Raises:
        UserError: Gymnasium is not installed, no such split or render mode, or no display for "human".
    """
    return _view()(split_name, render_mode)


@cache
def _view() -> type:
    gym = gymnasium()

    class ZipfsGridworld(gym.Env):  # type: ignore[name-defined]
        """One gridworld; see `make`."""

        metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array", "human"], "render_fps": 4}

        def __init__(self, split_name: str, render_mode: str | None) -> None:
            if render_mode not in (None, *self.metadata["render_modes"]):
                raise UserError(f"no render mode '{render_mode}': choose rgb_array or human")
            self.render_mode = render_mode
            self._window = open_window() if render_mode == "human" else None
            self._world = Gridworld(split_name, 1)
            self._over = True
            self.observation_space = gym.spaces.Box(0.0, 1.0, (63, 63, 3), np.float32)
            self.action_space = gym.spaces.Discrete(ACTIONS)

        def reset(
            self, *, seed: int | None = None, options: dict[str, Any] | None = None
        ) -> tuple[np.ndarray, dict[str, Any]]:
            super().reset(seed=seed)
            situation = (options or {}).get("situation")
            if situation is None:
                self._world.reset(self._generator())
            elif isinstance(situation, int) and 0 <= situation < SITUATIONS:
                self._world.reset(situation=torch.tensor([situation]))
            else:
                raise UserError(f"a situation is a whole number from 0 to {SITUATIONS - 1}, got {situation}")
            self._over = False
            return self._observe(), self._info()

        def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
            if self._over:
                raise UserError("the episode is over: call reset first")
            before = self._info()
            chosen = torch.tensor([int(action)])
            if not 0 <= int(action) < ACTIONS:
                raise UserError(f"actions lie in 0 to {ACTIONS - 1}, got {action}")
            place = self._world.tables.moved[self._world.place, chosen]
            reward, terminated, truncated = self._world.step(chosen, self._generator())
            self._over = bool(terminated | truncated)
            if self._over:  # show where the episode ended, not where the next would begin
                self._world.situation, self._world.place = (
                    torch.tensor([OBJECTS * before["map"] + before["target"]]),
                    place,
                )
            return self._observe(), float(reward), bool(terminated), bool(truncated), self._info()

        def render(self) -> np.ndarray | None:
            if self.render_mode != "rgb_array":
                return None
            return self._picture()

        def close(self) -> None:
            if self._window is not None:
                importlib.import_module("pygame").quit()
                self._window = None

        def _generator(self) -> torch.Generator:
            return torch.Generator().manual_seed(int(self.np_random.integers(2**63 - 1)))

        def _info(self) -> dict[str, Any]:
            which, target = divmod(int(self._world.situation), OBJECTS)
            return {"map": which, "target": target}

        def _picture(self) -> np.ndarray:
            picture = (255 * self._world.pixels()[0]).round().to(torch.uint8).numpy()
            return picture.repeat(SCALE, 0).repeat(SCALE, 1)

        def _observe(self) -> np.ndarray:
            if self._window is not None:
                show(self._window, self._picture())
            return self._world.pixels()[0].numpy()

    return ZipfsGridworld


def open_window() -> Any:
    """A window of the picture's size.

    Raises:
        UserError: there is no display, or pygame is not installed.
    """
    if os.name == "posix" and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    ):
        raise UserError("no display to open a window on: use render_mode='rgb_array'")
    try:
        pygame = importlib.import_module("pygame")
    except ImportError as error:
        raise UserError("a window needs pygame, which comes with MiniGrid: pip install '.[worlds]'") from error
    pygame.display.init()
    side = int(VIEW_CELLS**0.5) * CELL * SCALE
    return pygame.display.set_mode((side, side))


def show(window: Any, picture: np.ndarray) -> None:
    """Draw a picture (height, width, 3) on the window."""
    pygame = importlib.import_module("pygame")
    pygame.surfarray.blit_array(window, picture.swapaxes(0, 1))
    pygame.event.pump()
    pygame.display.flip()
