"""Back from noise to tokens (Section 3.5): Euler and Heun on the probability-flow ODE, spacings, and every knob of Table 2.

dx/dt = (x - x̂_0)/t. All positions of all sequences move together; a step is one call of the denoiser and one `lerp`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from replications.papers.continuous_diffusion_for_categorical_data import method
from replications.papers.continuous_diffusion_for_categorical_data.warping import Warp

# (x (B, L, d), t, previous x̂_0 (B, L, d) or None at the first step) → p(v | x, t) (B, L, V)
Denoiser = Callable[[Tensor, float, Tensor | None], Tensor]


@dataclass(frozen=True)
class Knobs:
    """What Table 2 turns; the defaults change nothing."""

    score_temperature: float = 1.0  # ŝ/T
    softmax_temperature: float = 1.0  # of p(v | x, t), which is never sampled from
    nucleus: float = 1.0  # share of p(v | x, t) that is kept
    initial_scale: float = 1.0  # x starts at σ t_max ε
    renormalise: bool = False
    clamp: bool = False
    guidance: float = 1.0  # γ


PLAIN = Knobs()


def warped_times(warp: Warp, steps: int, rho: float = 1.0) -> list[float]:
    """N + 1 levels F^{-1}(u), u from 1 to 0: linear, or ρ-spaced where both are combined."""
    return [float(t) for t in warp.t(torch.linspace(1, 0, _checked(steps) + 1, device=warp.w_u.device) ** rho)]


def rho_times(t_min: float, t_max: float, steps: int, rho: float) -> list[float]:
    """N + 1 levels with t^{1/ρ} linear (Karras et al. 2022); ρ = 1 is uniform in t."""
    ends = t_max ** (1 / rho), t_min ** (1 / rho)
    return [(ends[0] + i / steps * (ends[1] - ends[0])) ** rho for i in range(_checked(steps) + 1)]


@torch.no_grad()
def sample(
    denoise: Denoiser,
    embeddings: Tensor,
    times: list[float],
    shape: tuple[int, int],
    generator: torch.Generator,
    knobs: Knobs = PLAIN,
    heun: bool = False,
    free: Denoiser | None = None,
) -> tuple[Tensor, Tensor]:
    """Tokens (B, L) by the most probable at the last level, and by the nearest embedding.

    Args:
        embeddings: (V, d), the vectors that were noised.
        times: levels, none above the one before; one evaluation for each step, two with `heun`, and a last one to decode.
        free: the denoiser without conditioning, needed where knobs.guidance is not 1.

    Raises:
        ValueError: levels that rise or are negative, or guidance without `free`.
        FloatingPointError: a state that is not finite; step, sequence, position and coordinate are named.
    """
    if not all(t >= s >= 0 for t, s in itertools.pairwise(times)):
        raise ValueError(f"levels must not rise or be negative, got {times}")
    if knobs.guidance != 1 and free is None:
        raise ValueError(f"guidance {knobs.guidance:g} needs a denoiser without conditioning")

    def estimate(x: Tensor, t: float, previous: Tensor | None) -> Tensor:
        found = reading(denoise, x, t, previous)
        if free is not None and knobs.guidance != 1:
            found = method.guided(reading(free, x, t, previous), found, knobs.guidance)
        return found

    def reading(denoiser: Denoiser, x: Tensor, t: float, previous: Tensor | None) -> Tensor:
        p = method.sharpened(denoiser(x, t, previous), knobs.softmax_temperature, knobs.nucleus)
        return corrected(method.expected_embedding(p, embeddings), embeddings, knobs.renormalise, knobs.clamp)

    x = torch.randn(*shape, embeddings.shape[1], generator=generator, device=embeddings.device, dtype=embeddings.dtype)
    x = knobs.initial_scale * times[0] * x
    previous = None
    for step, (t, s) in enumerate(itertools.pairwise(times)):
        previous = estimate(x, t, previous)
        ahead = torch.lerp(previous, x, kept(t, s, knobs.score_temperature))
        if heun and s > 0:
            slope = (x - previous) / t
            previous = estimate(ahead, s, previous)
            slope = (slope + (ahead - previous) / s) / 2
            ahead = x + (s - t) / knobs.score_temperature * slope
        x = ahead
        stop_on_nan(x, step)
    p = denoise(x, times[-1], previous) if times[-1] > 0 else None
    tokens = method.nearest(x, embeddings)
    return (tokens if p is None else p.argmax(-1)), tokens


def kept(t: float, s: float, temperature: float = 1.0) -> float:
    """The weight of x in an Euler step from t to s: s/t at T = 1, the rest being that of x̂_0."""
    return 1 + (s - t) / (t * temperature)


def corrected(estimate: Tensor, embeddings: Tensor, renormalise: bool, clamp: bool) -> Tensor:
    """x̂_0 on the sphere, at an embedding, both, or as it is."""
    if renormalise:
        estimate = method.renormalised(estimate)
    return method.clamped(estimate, embeddings) if clamp else estimate


def stop_on_nan(x: Tensor, step: int) -> None:
    """Raises:
    FloatingPointError: x (B, L, d) is not finite; the first bad coordinate is named.
    """
    if math.isfinite(float(x.sum())):  # one reduction, no mask of the size of x
        return
    bad = torch.nonzero(~torch.isfinite(x))
    if len(bad):
        sequence, position, coordinate = bad[0].tolist()
        raise FloatingPointError(
            f"step {step}: x is {x[sequence, position, coordinate].item()} at sequence {sequence}, position {position}, "
            f"coordinate {coordinate}"
        )


def _checked(steps: int) -> int:
    if steps < 1:
        raise ValueError(f"at least one step is needed, got {steps}")
    return steps
