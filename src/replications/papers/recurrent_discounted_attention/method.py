"""The units of "Efficiently applying attention to sequential data with the Recurrent Discounted Attention unit".

Maginnis and Richemond (2017), sections 3 and 5. A unit holds a weighted average of its past: attention a_t weighs the
new value z_t, and the discount γ_t (RDA) or nothing (RWA, Ostmeyer and Cowell 2017) fades the old ones. The paper's sums
n_t and d_t overflow in float32; `two_state_loop` is the same recurrence in r_t = n_t/d_t and s_t = ln d_t, which cannot.
Both are plain loops for the reader and the tests; what trains is `scan`, a compiled form of the second.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

ATTENTION: dict[str, Callable[[Tensor], Tensor]] = {
    "exp": torch.exp,
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
    "relu": torch.relu,
}
LOG_ATTENTION: dict[str, Callable[[Tensor], Tensor]] = {
    "exp": lambda a: a,
    "sigmoid": F.logsigmoid,
    "softplus": lambda a: torch.where(a < -40, a, F.softplus(a.clamp(min=-40)).log()),  # e^a to rounding below
    "relu": lambda a: torch.relu(a).log(),
}
SHAPES: dict[str, Callable[[Tensor], Tensor]] = {"id": lambda r: r, "tanh": torch.tanh}


@dataclass(frozen=True)
class Recipe:
    """What tells the units of the family apart.

    Raises:
        ValueError: an attention or output function that the paper does not try.
    """

    attention: str = "exp"  # f_a: exp, sigmoid, softplus or relu
    discount: bool = True  # with γ_t, or without (RWA)
    hidden: str = "id"  # f_h, of n_t/d_t, fed back: id or tanh
    output: str = "tanh"  # f_o, of h_t, read out only: id or tanh

    def __post_init__(self) -> None:
        for value, known in ((self.attention, ATTENTION), (self.hidden, SHAPES), (self.output, SHAPES)):
            if value not in known:
                raise ValueError(f"unknown function '{value}': choose from {', '.join(known)}")

    @property
    def gates(self) -> int:
        """Gates that see x_t and h_{t-1}: g, a and, with a discount, γ."""
        return 3 if self.discount else 2


RECIPES = {
    "rwa": Recipe("exp", discount=False, hidden="tanh", output="id"),
    "rda-exp-tanh": Recipe("exp", output="tanh"),
    "rda-sigmoid-id": Recipe("sigmoid", output="id"),
}


class Weights(NamedTuple):
    """Weights of one unit; rows of the gates in the order g, a, γ; G is 3 with a discount, else 2."""

    w_u: Tensor  # (H, I)
    b_u: Tensor  # (H,)
    w_x: Tensor  # (G·H, I), the half of W_g, W_a, W_γ that sees x_t
    w_h: Tensor  # (G·H, H), the half that sees h_{t-1}
    b: Tensor  # (G·H,)


def gates(recipe: Recipe, x: Tensor, h: Tensor, weights: Weights) -> tuple[Tensor, Tensor, Tensor | None]:
    """z_t = u_t tanh(g_t), and the pre-activations of a_t and γ_t: (B, H) each; no γ without a discount."""
    u = F.linear(x, weights.w_u, weights.b_u)
    g, a, *rest = F.linear(torch.cat([x, h], -1), torch.cat([weights.w_x, weights.w_h], -1), weights.b).chunk(
        recipe.gates, -1
    )
    return u * torch.tanh(g), a, rest[0] if rest else None


def naive_loop(recipe: Recipe, x: Tensor, weights: Weights, r0: Tensor) -> Tensor:
    """The recurrence as printed: n_t = γ_t n_{t-1} + z_t a_t, d_t = γ_t d_{t-1} + a_t, h_t = f_h(n_t/d_t).

    Args:
        x: (T, B, I). r0: (B, H), h_0 before f_h; n_0 = d_0 = 0.

    Returns:
        h (T, B, H). Infinite or NaN where a_t overflows, and NaN where every a_t so far was 0 (ReLU).
    """
    n = d = torch.zeros_like(r0)
    h, hidden = SHAPES[recipe.hidden](r0), []
    for x_t in x:
        z, a, y = gates(recipe, x_t, h, weights)
        attention = ATTENTION[recipe.attention](a)
        if y is not None:
            n, d = n * torch.sigmoid(y), d * torch.sigmoid(y)
        n, d = n + z * attention, d + attention
        h = SHAPES[recipe.hidden](n / d)
        hidden.append(h)
    return torch.stack(hidden)


def stabilised_step(
    n: Tensor, d: Tensor, m: Tensor, z: Tensor, q: Tensor, log_gamma: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """One step of n and d divided by e^m, m the running maximum of the log weights; q = ln a_t (derived here)."""
    top = torch.maximum(m + log_gamma, q)
    keep, take = torch.exp(m + log_gamma - top), torch.exp(q - top)
    return n * keep + z * take, d * keep + take, top


def two_state_step(r: Tensor, s: Tensor, z: Tensor, q: Tensor, log_gamma: Tensor) -> tuple[Tensor, Tensor]:
    """r_t and s_t from r_{t-1} = n/d and s_{t-1} = ln d; q = ln a_t (derived here).

    α_t = σ(q_t - (s_{t-1} + ln γ_t)), r_t = r_{t-1} + α_t (z_t - r_{t-1}), s_t = ln(e^{s_{t-1} + ln γ_t} + e^{q_t}).
    """
    kept = s + log_gamma
    return r + torch.sigmoid(q - kept) * (z - r), torch.logaddexp(kept, q)


def two_state_loop(recipe: Recipe, x: Tensor, weights: Weights, r0: Tensor) -> Tensor:
    """The same h (T, B, H) as `naive_loop`, finite for every finite pre-activation (ReLU can still give 0/0)."""
    r, s, hidden = r0, torch.full_like(r0, -math.inf), []
    for x_t in x:
        z, a, y = gates(recipe, x_t, SHAPES[recipe.hidden](r), weights)
        log_gamma = torch.zeros_like(a) if y is None else F.logsigmoid(y)
        r, s = two_state_step(r, s, z, LOG_ATTENTION[recipe.attention](a), log_gamma)
        hidden.append(SHAPES[recipe.hidden](r))
    return torch.stack(hidden)


def parameter_count(unit: str, hidden: int, inputs: int) -> int:
    """Weights of a unit of `hidden` units on `inputs` features, one bias a gate, no readout, no learned start.

    Raises:
        ValueError: an unknown unit.
    """
    affine = hidden * (inputs + hidden + 1)
    counts = {"gru": 3 * affine, "lstm": 4 * affine}
    counts |= {name: hidden * (inputs + 1) + recipe.gates * affine for name, recipe in RECIPES.items()}
    if unit not in counts:
        raise ValueError(f"unknown unit '{unit}': choose from {', '.join(counts)}")
    return counts[unit]


def lemma_growth(r: Tensor, z_max: float) -> Tensor:
    """Least ln(d_{t+1}/d_t) with which an RWA can move n/d from r_t to r_{t+1}, |z| ≤ z_max (Lemma 1; derived here).

    Without a discount r_{t+1} - r_t = (z - r_t) a/d_{t+1}, so a/d_{t+1} ≥ |r_{t+1} - r_t|/(z_max + |r_t|). Shape (T - 1,).
    """
    return -torch.log1p(-(r[1:] - r[:-1]).abs() / (z_max + r[:-1].abs()))
