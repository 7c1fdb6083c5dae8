"""One room of Zipf's Playroom in three dimensions, by MiniWorld: a demonstration, on which nothing is trained.

Three of fifty objects (five sizes, six colours and two shapes make sixty, of which the first fifty) drawn by Zipf's law, an instruction that
names one, and a hand-written walk that lifts it. MiniWorld renders hundreds of frames a second where training needs thousands.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import math
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch

from replications.papers.zipfian_environments.method import zipf
from replications.papers.zipfian_environments.room import TRIO, without_replacement
from replications.study import UserError

COLORS = ("red", "green", "blue", "purple", "yellow", "grey")
SIZES = {"tiny": 0.3, "small": 0.45, "": 0.6, "large": 0.8, "huge": 1.0}  # metres
SHAPES = ("box", "ball")
KINDS = list(product(SIZES, COLORS, SHAPES))[:50]
LIMIT = 120  # steps
TURN, REACH = 15.0, 0.6  # degrees a step; how near the object must be


class Shown(NamedTuple):
    """A walk: the instruction, pictures uint8 (frames, 90, 120, 3), whether the object was lifted, and steps."""

    instruction: str
    frames: np.ndarray
    lifted: bool
    steps: int


def libraries() -> tuple[Any, Any]:
    """MiniWorld's environment class and its entities, drawing without a display.

    Raises:
        UserError: MiniWorld is not installed, or there is no library that draws without a display.
    """
    try:
        importlib.import_module("pyglet").options["headless"] = True
        module = importlib.import_module("miniworld.miniworld")
        return module.MiniWorldEnv, importlib.import_module("miniworld.entity")
    except ModuleNotFoundError as error:
        raise UserError("the three-dimensional room needs MiniWorld: pip install '.[worlds]'") from error
    except ImportError as error:
        raise UserError(f"MiniWorld cannot draw without a display ({error}): install EGL, Debian's libegl1") from error


def name_of(kind: int) -> str:
    """The name of an object, as the instruction says it."""
    return " ".join(word for word in KINDS[kind] if word)


def room(kinds: list[int], target: int) -> Any:
    """A square room with objects of these kinds; picking up the `target`-th gives 1, another one 0, and either ends it."""
    base, entity = libraries()

    class LiftRoom(base):  # type: ignore[misc, valid-type]
        """The room."""

        def _gen_world(self) -> None:
            self.add_rect_room(0, 6, 0, 6, wall_tex="brick_wall")
            makers = {"box": entity.Box, "ball": entity.Ball}
            self.things = []
            for kind in kinds:
                size, color, shape = KINDS[kind]
                self.things.append(self.place_entity(makers[shape](color=color, size=SIZES[size])))
            self.place_agent()

        def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            view, _, _, truncated, info = super().step(action)
            held = self.agent.carrying
            return view, float(held is self.things[target]), held is not None, truncated, info

    return LiftRoom(obs_width=120, obs_height=90, max_episode_steps=LIMIT)


def towards(env: Any, target: int) -> int:
    """The action of a hand-written walk: turn to the object, go there, pick it up."""
    gap = env.things[target].pos - env.agent.pos
    wanted = math.atan2(-gap[2], gap[0])
    turn = math.degrees((wanted - env.agent.dir + math.pi) % (2 * math.pi) - math.pi)
    if abs(turn) > TURN / 2:
        return int(env.actions.turn_left if turn > 0 else env.actions.turn_right)
    near = math.hypot(gap[0], gap[2]) < REACH + env.agent.radius + env.things[target].radius
    return int(env.actions.pickup if near else env.actions.move_forward)


def demonstrate(seed: int = 0, exponent: float = 3.0, frames: int = 4) -> Shown:
    """Draw three objects and a target by `seed`, and walk to it; keeps evenly spaced frames.

    Raises:
        UserError: as `libraries`.
    """
    draw = torch.Generator().manual_seed(seed)
    kinds = without_replacement(torch.tensor(zipf(len(KINDS), exponent)), 1, draw)[0].tolist()
    target = int(torch.randint(TRIO, (1,), generator=draw))
    with contextlib.redirect_stdout(io.StringIO()):  # MiniWorld tells of its samples a pixel
        env = room(kinds, target)
        view, _ = env.reset(seed=seed)
        seen, reward, over = [view], 0.0, False
        while not over:
            view, reward, terminated, truncated, _ = env.step(towards(env, target))
            seen.append(view)
            over = terminated or truncated
        env.close()
    kept = np.linspace(0, len(seen) - 1, frames).round().astype(int)
    return Shown(f"lift the {name_of(kinds[target])}", np.stack([seen[k] for k in kept]), reward == 1, len(seen) - 1)
