"""Schedules of the learning rate and of the target network's decay (BYOL, section 3.3)."""

from __future__ import annotations

import math


def warmup_cosine(step: int, steps: int, warmup: int, peak: float) -> float:
    """Learning rate at `step`: from 0 linearly to `peak` at step `warmup`, then a half cosine to 0 at step `steps`.

    Raises:
        ValueError: a warm-up that is not shorter than the whole.
    """
    if not 0 <= warmup < steps:
        raise ValueError(f"the warm-up must be shorter than the training, got {warmup} of {steps} steps")
    if step < warmup:
        return peak * step / warmup
    return peak * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2


def cosine_tau(step: int, steps: int, base: float) -> float:
    """Decay of the target: τ = 1 - (1 - τ_base)·(cos(πk/K) + 1)/2, from τ_base at step 0 to 1 at the end."""
    return 1 - (1 - base) * (math.cos(math.pi * step / steps) + 1) / 2
