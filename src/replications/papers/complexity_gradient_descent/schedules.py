"""Schedules of the L2 coefficient, λ_t = λ_0 k_t: every reading of "annealing schemes for the L2 coefficient".

The paper's own formulas could not be read. A multiplier k depends on e = η_t/η_0, on l = L̄_t/L̄_0 (the smoothed
training loss without its penalty over its first value), or on the share t/T of the training that is done.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from replications.papers.complexity_gradient_descent import method

CAP = 20.0  # of the inverse schedule
LAST = 0.01  # what the exponential schedule ends at, and the index-held one is cut at
SMOOTHING = 0.98  # of the moving average of the loss: a memory of fifty steps
NOMINAL = 0.3  # μ/μ_c of the random landscape whose complexity drives L2: well inside its complex phase
LOWEST = method.lowest(NOMINAL)  # about −1.9


@dataclass(frozen=True)
class Schedule:
    """A multiplier of (e, l, t/T), each a tensor; `by_loss` where it cannot be known before the training."""

    title: str
    multiplier: Callable[[Tensor, Tensor, Tensor], Tensor]
    by_loss: bool = False
    scale: float = 1.0  # λ_0 over the grid value where `by_loss`: near the inverse of the mean multiplier, from pilots


def _energy(loss: Tensor) -> Tensor:
    """The level ε of a loss: 0 at the start, the lowest stationary point of the random landscape at a loss of zero."""
    return LOWEST * (1.0 - loss.clamp(0.0, 1.0))


def _remaining(loss: Tensor) -> Tensor:
    """Share of the complexity that remains at or below the level of a loss."""
    share = method.remaining(_energy(loss).cpu().numpy(), NOMINAL) / method.sigma(NOMINAL)
    return torch.as_tensor(share, dtype=loss.dtype, device=loss.device)


SCHEDULES = {
    "constant": Schedule("constant", lambda e, loss, done: torch.ones_like(e)),
    "sqrt-rate": Schedule("∝ √η", lambda e, loss, done: e.sqrt()),
    "rate": Schedule("∝ η", lambda e, loss, done: e),
    "rate-squared": Schedule("∝ η²", lambda e, loss, done: e.square()),
    "inverse": Schedule("∝ 1/η, capped", lambda e, loss, done: (1.0 / e.clamp_min(1e-12)).clamp_max(CAP)),
    "exponential": Schedule("exponential", lambda e, loss, done: LAST**done),
    "loss": Schedule("∝ loss", lambda e, loss, done: loss.clamp_max(1.0), by_loss=True, scale=4.0),
    "loss-rate": Schedule("∝ loss · η", lambda e, loss, done: e * loss.clamp_max(1.0), by_loss=True, scale=4.0),
    "index": Schedule(  # α(ε, μ) is constant where μ − ε is; from μ_c = 1
        "index held", lambda e, loss, done: (1.0 + _energy(loss)).clamp_min(LAST), by_loss=True, scale=10.0
    ),
    "complexity": Schedule("∝ complexity left", lambda e, loss, done: _remaining(loss), by_loss=True, scale=2.5),
    "increasing": Schedule("1 − η (control)", lambda e, loss, done: 1.0 - e),
    "early": Schedule("first half (control)", lambda e, loss, done: (done < 0.5).to(e)),
    "late": Schedule("last half (control)", lambda e, loss, done: (done >= 0.5).to(e)),
}
TIED = ("sqrt-rate", "rate", "rate-squared", "inverse", "loss", "loss-rate", "index", "complexity")  # to η or the loss


def schedule(name: str) -> Schedule:
    """The schedule called `name`.

    Raises:
        ValueError: there is none.
    """
    if name not in SCHEDULES:
        raise ValueError(f"unknown schedule '{name}': choose one of {', '.join(SCHEDULES)}")
    return SCHEDULES[name]


def rates(annealing: str, steps: int) -> Tensor:
    """e_t = η_t/η_0 of every step: cosine to 0, three-step (a tenth after each third), or constant. Shape (steps,).

    Raises:
        ValueError: unknown annealing, or no step.
    """
    if steps < 1:
        raise ValueError(f"{steps} steps: at least one is needed")
    done = torch.arange(steps, dtype=torch.float64) / steps
    forms = {
        "cosine": 0.5 * (1.0 + torch.cos(math.pi * done)),
        "steps": 0.1 ** torch.floor(3.0 * done),
        "constant": torch.ones_like(done),
    }
    if annealing not in forms:
        raise ValueError(f"unknown annealing '{annealing}': choose one of {', '.join(forms)}")
    return forms[annealing]


def multipliers(name: str, e: Tensor) -> Tensor:
    """k_t of a schedule that does not depend on the loss, for the relative rates e (steps,)."""
    found = schedule(name)
    if found.by_loss:
        raise ValueError(f"schedule '{name}' follows the loss: it is not known before the training")
    done = torch.arange(len(e), dtype=e.dtype) / len(e)
    return found.multiplier(e, torch.ones_like(e), done)


def start(name: str, mean_decay: float, e: Tensor) -> float:
    """λ_0 with which the rate-weighted mean of λ_t, Σηλ/Ση, is `mean_decay`: schedules of one grid value then share Σηλ.

    A loss-driven schedule has no λ_0 that could be known to do so; it starts at `scale` times the grid value, and its Σηλ is
    recorded.

    Raises:
        ValueError: a negative or infinite decay.
    """
    if not (mean_decay >= 0.0 and math.isfinite(mean_decay)):
        raise ValueError(f"the L2 coefficient must be 0 or more and finite, got {mean_decay:g}")
    if schedule(name).by_loss:
        return schedule(name).scale * mean_decay
    return mean_decay * float(e.sum() / (e * multipliers(name, e)).sum())
