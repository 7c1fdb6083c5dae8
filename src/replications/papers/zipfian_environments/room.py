"""A two-dimensional stand-in for Zipf's Playroom: lift an object by its name, or put it in one of two places.

It is not Playroom, which needs a closed Unity build. What stays: three objects of fifty drawn without replacement by a Zipf law, random
places, a target that is uniform among the three, an instruction that names it by a word whose meaning must be learnt, and a
reward that ends the episode. What goes: pixels, three dimensions, physics, 46 actions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from replications.papers.zipfian_environments.maps import MOVES
from replications.papers.zipfian_environments.method import split
from replications.study import UserError

SIDE = 9  # cells of the room a side
TRIO = 3  # objects in the room
GOALS = 2  # places to put an object in: the bed and the tray
LIMIT = 40  # steps
FREQUENT = 5  # putting is trained on the most frequent n // 5 objects
TOKENS = TRIO + GOALS


def without_replacement(law: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
    """`count` draws of TRIO different ranks, one after the other, each by `law` over those that are left. (count, 3).

    Adding Gumbel noise to log-probabilities and taking the three largest is the same law as drawing in sequence.
    """
    noise = torch.rand(count, len(law), generator=generator, device=law.device, dtype=law.dtype).clamp_(min=1e-300)
    return (law.log() - torch.log(-torch.log(noise))).topk(TRIO, dim=1).indices


class Room:
    """`count` rooms that step together. An observation is five tokens: three objects, then the two places.

    Args:
        law: probability of each of the n objects, (n,).
        task: "lift", "put", or "put_frequent" (half lift over all objects, half put over the most frequent fifth, the training
            mixture of the paper's second task).

    Raises:
        UserError: no such task, no rooms, or fewer than three objects that can be drawn.
    """

    def __init__(self, law: np.ndarray, task: str, count: int, device: torch.device | str = "cpu") -> None:
        if task not in ("lift", "put", "put_frequent"):
            raise UserError(f"no task '{task}': choose lift, put or put_frequent")
        if count < 1 or (np.asarray(law) > 0).sum() < TRIO:
            raise UserError(f"a room needs one copy or more and {TRIO} objects that can be drawn")
        self.task, self.count = task, count
        self.law = torch.tensor(law, dtype=torch.float64, device=device)
        self._moves = torch.tensor(MOVES, device=device)
        frequent = self.law.clone()
        frequent[max(TRIO, len(law) // FREQUENT) :] = 0
        self._frequent = frequent / frequent.sum()
        shape: dict[str, Any] = {"dtype": torch.int64, "device": device}
        self.objects = torch.zeros(count, TRIO, **shape)
        self.cells = torch.zeros(count, TOKENS, 2, **shape)  # of objects and places
        self.agent = torch.zeros(count, 2, **shape)
        self.target, self.goal, self.time, self.putting, self.held = (torch.zeros(count, **shape) for _ in range(5))

    def reset(self, generator: torch.Generator, over: torch.Tensor | None = None) -> None:
        """Start the copies that `over` (count,) names, or all."""
        device = self.agent.device
        rows = torch.arange(self.count, device=device) if over is None else over.nonzero().squeeze(1)
        n = len(rows)
        if n == 0:
            return
        objects = without_replacement(self.law, n, generator)
        self.putting[rows] = int(self.task == "put")
        if self.task == "put_frequent":
            putting = torch.randint(2, (n,), generator=generator, device=device)
            objects = torch.where(putting[:, None] == 1, without_replacement(self._frequent, n, generator), objects)
            self.putting[rows] = putting
        self.objects[rows] = objects
        # six different cells: the largest of as many random numbers as there are cells
        drawn = torch.rand(n, SIDE * SIDE, generator=generator, device=device).topk(TOKENS + 1, dim=1).indices
        cells = torch.stack([drawn // SIDE, drawn % SIDE], -1)
        self.cells[rows], self.agent[rows] = cells[:, :TOKENS], cells[:, TOKENS]
        choice = torch.rand(2, n, generator=generator, device=device)
        self.target[rows], self.goal[rows] = (choice[0] * TRIO).long(), (choice[1] * GOALS).long()
        self.time[rows] = self.held[rows] = 0

    def step(self, action: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Reward (count,) and whether each episode ended, bool (count,); ended ones start anew.

        Stepping on an object lifts it: the wrong one ends the episode, the right one ends a lift with 1 and lets a put go on.
        With the object held, stepping on the named place gives 1, on the other 0.

        Raises:
            UserError: an action outside 0 to 7.
        """
        if int(action.min()) < 0 or int(action.max()) >= len(MOVES):
            raise UserError(f"actions lie in 0 to {len(MOVES) - 1}, got {int(action.min())} to {int(action.max())}")
        self.agent = (self.agent + self._moves[action]).clamp(0, SIDE - 1)
        self.time = self.time + 1
        on = (self.cells == self.agent[:, None]).all(-1)  # (count, 5)
        named = torch.nn.functional.one_hot(self.target, TRIO).bool()
        right = (on[:, :TRIO] & named).any(1) & (self.held == 0)
        wrong = (on[:, :TRIO] & ~named).any(1) & (self.held == 0)  # whoever holds an object walks over the others
        at_goal = on[:, TRIO:] & (self.held == 1)[:, None]
        put = at_goal.gather(1, self.goal[:, None]).squeeze(1)
        misput = at_goal.any(1) & ~put
        lifted = right & (self.putting == 0)
        self.held = torch.where(right & (self.putting == 1), 1, self.held)
        over = wrong | lifted | put | misput | (self.time >= LIMIT)
        reward = (lifted | put).float()
        self.reset(generator, over)
        return reward, over

    def observation(self) -> dict[str, torch.Tensor]:
        """What the agent sees: `offset` (count, 5, 2) of each token from it, `kind` (count, 3) of the objects, the
        instruction's `word` (its target's name) and `place` (0 none, 1 or 2), and whether it `held` an object, (count,)."""
        word = self.objects.gather(1, self.target[:, None]).squeeze(1)
        place = torch.where(self.putting == 1, self.goal + 1, 0)
        return {
            "offset": self.cells - self.agent[:, None], "kind": self.objects.clone(), "word": word, "place": place,
            "held": self.held.clone(),
        }  # fmt: skip


def law_of(name: str, kinds: int) -> np.ndarray:
    """The law of a split over the objects, (kinds,)."""
    return split(name, kinds)
