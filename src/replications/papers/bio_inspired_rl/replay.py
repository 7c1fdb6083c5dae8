"""Prioritised replay of M agents side by side (Schaul et al. 2016), with n-step returns, as Rainbow uses it.

Every frame is stored once and all data of a run are kept, so slot t is step t. 100,000 Atari frames take 0.7 GB a run.
Uniform numbers are handed in: a run draws them once, from streams of its seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from replications.papers.bio_inspired_rl.method import n_step
from replications.study import UserError

LIMIT_GB = 2.0  # of one run's memory


@dataclass
class Batch:
    """Transitions of M agents, (M, B) each; observations (M, B, stack · C, H, W)."""

    rows: Tensor
    observations: Tensor
    actions: Tensor
    returns: Tensor  # n-step, discounted
    discounts: Tensor  # γⁿ, or 0 where the episode ended
    following: Tensor  # observations n steps on
    weights: Tensor  # of importance sampling, at most 1


class Memory:
    """Frames, actions, rewards and priorities of `steps` steps of M agents.

    Raises:
        UserError: it would take more than 2 GB a run.
    """

    def __init__(
        self, members: int, steps: int, frame: tuple[int, int, int], dtype: torch.dtype, stack: int, scale: float,
        device: torch.device,
    ) -> None:  # fmt: skip
        gigabytes = (steps + 1) * frame[0] * frame[1] * frame[2] * dtype.itemsize / 1e9
        if gigabytes > LIMIT_GB:
            raise UserError(
                f"a replay memory of {gigabytes:.1f} GB a run, above {LIMIT_GB:g}: take fewer steps or smaller frames"
            )
        self.stack, self.scale = stack, scale
        self.frames = torch.zeros(members, steps + 1, *frame, dtype=dtype, device=device)
        self.first = torch.zeros(members, steps + 1, dtype=torch.int64, device=device)  # slot where the episode began
        self.actions = torch.zeros(members, steps, dtype=torch.int64, device=device)
        self.rewards = torch.zeros(members, steps, device=device)
        self.terminal = torch.zeros(members, steps, dtype=torch.bool, device=device)
        self.priorities = torch.zeros(members, steps, device=device)  # to the power ω already
        self.most = torch.ones(members, device=device)  # largest priority so far: that of a new transition
        self.members = torch.arange(members, device=device)
        self.filled = 0  # steps played

    def begin(self, frames: Tensor) -> None:
        """The first frames (M, C, H, W)."""
        self.frames[:, 0] = frames.to(self.frames.dtype)

    def add(self, actions: Tensor, rewards: Tensor, terminal: Tensor, over: Tensor, frames: Tensor) -> None:
        """What a step did, (M,) each, and the frames (M, C, H, W) after it: of a new episode where the old is over."""
        t = self.filled
        self.actions[:, t], self.rewards[:, t], self.terminal[:, t] = actions, rewards, terminal
        self.priorities[:, t] = self.most
        self.frames[:, t + 1] = frames.to(self.frames.dtype)
        self.first[:, t + 1] = torch.where(over, t + 1, self.first[:, t])
        self.filled = t + 1

    def observations(self, rows: Tensor) -> Tensor:
        """Stacked frames up to slots `rows` (M, B), oldest first, blank before the episode. (M, B, stack · C, H, W)."""
        member = self.members[:, None]
        if self.stack == 1:
            return self.frames[member, rows].float() * self.scale
        back = torch.arange(self.stack - 1, -1, -1, device=rows.device)
        slots = rows[..., None] - back  # (M, B, stack)
        known = slots >= self.first[member, rows][..., None]
        frames = self.frames[member[..., None], slots.clamp_min(0)].float()  # (M, B, stack, C, H, W)
        frames = frames * (known * self.scale)[..., None, None, None]
        return frames.flatten(2, 3)

    def sample(self, uniform: Tensor, n: int, gamma: float, beta: float) -> Batch:
        """B transitions for every agent, in proportion to priority and stratified; uniform (M, B) in [0, 1)."""
        usable = self.filled - n + 1  # slots whose frame n steps on is there
        size = uniform.shape[1]
        mass = self.priorities[:, :usable].double().cumsum(1)  # (M, usable)
        strata = (torch.arange(size, device=uniform.device) + uniform.double()) / size
        rows = torch.searchsorted(mass, strata * mass[:, -1:], right=True).clamp_max(usable - 1)
        member = self.members[:, None]
        ahead = rows[..., None] + torch.arange(n, device=rows.device)  # (M, B, n)
        returns, discounts = n_step(
            self.rewards[member[..., None], ahead], self.terminal[member[..., None], ahead], gamma
        )
        share = self.priorities[member, rows] / mass[:, -1:].float()
        weights = (usable * share).pow(-beta)
        return Batch(
            rows, self.observations(rows), self.actions[member, rows], returns, discounts,
            self.observations(rows + n), weights / weights.max(1, keepdim=True).values,
        )  # fmt: skip

    def prioritise(self, rows: Tensor, errors: Tensor, omega: float) -> None:
        """Give the transitions `rows` (M, B) the priority |error|^ω."""
        found = (errors.abs() + 1e-6).pow(omega)
        self.priorities[self.members[:, None], rows] = found
        self.most = torch.maximum(self.most, found.max(1).values)

    def state(self, member: int) -> dict[str, Tensor]:
        """What cannot be made again by playing this member's actions again."""
        return {
            "actions": self.actions[member, : self.filled].to(torch.uint8),
            "priorities": self.priorities[member, : self.filled],
            "most": self.most[member],
        }
