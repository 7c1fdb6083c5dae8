"""η_t and λ_t of every member of a batched program, step by step."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from replications.papers.complexity_gradient_descent import schedules
from replications.training.batched_optimizers import SGD

MOMENTUM = 0.9


@dataclass(frozen=True)
class Member:
    """One network: the run that it belongs to, its schedule, η_0 and λ_0."""

    run: int
    schedule: str
    rate: float
    start: float


@dataclass
class Coefficients:
    """Sets η_t and λ_t of every member before each step, from the past losses; adds up Σηλ."""

    members: list[Member]
    e: Tensor  # (steps,) η_t/η_0
    decoupled: bool
    optimizer: SGD
    ema: Tensor = field(init=False)  # (M,) smoothed loss
    first: Tensor = field(init=False)  # (M,) loss of step 0
    shrink: Tensor = field(init=False)  # (M,) Σ e_t λ_t

    def __post_init__(self) -> None:
        device = self.optimizer.learning_rate.device
        rates = [member.rate for member in self.members]
        self.rate = torch.tensor(rates, dtype=torch.float64, device=device)
        self.start = torch.tensor([m.start for m in self.members], dtype=torch.float64, device=device)
        self.shrink = torch.zeros_like(self.rate)
        self.groups: dict[str, Tensor] = {}  # schedule → (M,) whether a member follows it
        for name in sorted({member.schedule for member in self.members}):
            self.groups[name] = torch.tensor([m.schedule == name for m in self.members], device=device)

    def __call__(self, step: int, losses: Tensor, alive: Tensor) -> None:
        """The coefficients of `step`; losses (steps, M) holds what came before."""
        if step == 1:
            self.first = self.ema = losses[0].double()
        elif step:
            self.ema = torch.lerp(losses[step - 1].double(), self.ema, schedules.SMOOTHING)
        loss = self.ema / self.first if step else torch.ones_like(self.rate)  # (M,)
        e = self.e[step].to(loss)
        done = torch.tensor(step / len(self.e), dtype=torch.float64, device=loss.device)
        k = torch.zeros_like(loss)
        for name, mine in self.groups.items():
            k = torch.where(mine, schedules.SCHEDULES[name].multiplier(e, loss, done), k)
        decay = self.start * k
        self.shrink += e * decay
        self.optimizer.learning_rate = (self.rate * e)[alive].float()
        # momentum multiplies what L2 adds to the gradient by 1/(1 − β); the decoupled decay is matched to that
        if self.decoupled:
            self.optimizer.decay = (self.rate * e * decay / (1.0 - MOMENTUM))[alive].float()
        else:
            self.optimizer.l2 = decay[alive].float()
