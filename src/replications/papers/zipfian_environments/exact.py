"""Exact success of a policy without memory in each of the 400 situations of Zipf's Gridworld, by dynamic programming.

The official evaluation samples episodes; here a map has 89 places and an episode 100 steps, so nothing needs sampling.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from replications.papers.zipfian_environments.gridworld import ACTIONS, HORIZON, PLACES, situation_law, tables
from replications.papers.zipfian_environments.maps import MAPS, OBJECTS


class Ends(NamedTuple):
    """How episodes end, by situation, each (20, 20): probability of success, of a time-out, and mean length in steps."""

    success: torch.Tensor
    timeout: torch.Tensor
    length: torch.Tensor


def ends(policy: torch.Tensor) -> Ends:
    """What a policy (20 maps, 20 targets, 89 places, 8 actions), rows summing to one, does from the start.

    Backward recursion v_t(s) = Σ_a π(a|s) (end value of s', or v_{t+1}(s')), with the official horizon of 100.
    """
    table = tables(policy.device)
    after = (table.moved % PLACES).view(MAPS, 1, PLACES * ACTIONS).expand(MAPS, OBJECTS, -1)
    touched = table.touched.view(MAPS, 1, PLACES)
    over = (touched >= 0).expand(MAPS, OBJECTS, PLACES)
    target = torch.arange(OBJECTS, device=policy.device).view(1, OBJECTS, 1)
    hit = touched == target
    policy = policy.double()
    start = (table.start % PLACES).view(MAPS, 1, 1).expand(MAPS, OBJECTS, 1)

    def recurse(at_object: torch.Tensor, at_end: float, a_step: float) -> torch.Tensor:
        value = torch.full(over.shape, at_end, dtype=torch.float64, device=policy.device)
        for _ in range(HORIZON):
            value = torch.where(over, at_object, value)
            value = a_step + (policy * value.gather(2, after).view_as(policy)).sum(-1)
        return value.gather(2, start).squeeze(2)

    nothing = torch.zeros((), dtype=torch.float64, device=policy.device)
    return Ends(recurse(hit.double(), 0, 0), recurse(nothing, 1, 0), recurse(nothing, 0, 1))


def success(policy: torch.Tensor) -> torch.Tensor:
    """The probability of success alone, (20, 20)."""
    return ends(policy).success


def score(by_situation: torch.Tensor | np.ndarray, split_name: str) -> float:
    """Mean of a value per situation (20, 20) under a split's law.

    Raises:
        UserError: no such split.
    """
    values = np.asarray(by_situation, dtype=float).reshape(-1)
    return float(values @ situation_law(split_name))
