"""The pointwise part of one step as Triton kernels, for the GPU: what `kernel` is for the CPU, line by line.

Imported only where a GPU runs the scan, and where Triton is there, which PyTorch's builds for CUDA bring. Without it the
GPU runs PyTorch's own operations. TRITON_INTERPRET=1 runs the kernels on the CPU, which is how they are tested.
"""

from __future__ import annotations

from typing import Any

import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from replications.papers.recurrent_discounted_attention.method import Recipe

BLOCK = 256  # elements a program; B × H elements a launch


@triton.jit
def _sigmoid(x):  # type: ignore[no-untyped-def]
    e = tl.exp(-tl.abs(x))
    return tl.where(x >= 0, 1.0, e) / (1.0 + e)


@triton.jit
def _softplus(x):  # type: ignore[no-untyped-def]
    return tl.maximum(x, 0.0) + tl.log(1.0 + tl.exp(-tl.abs(x)))


@triton.jit
def _tanh(x):  # type: ignore[no-untyped-def]
    return 2.0 * _sigmoid(2.0 * x) - 1.0


@triton.jit
def _forward(  # type: ignore[no-untyped-def]
    pre, u, r0, s, alpha, r1, h, count, hidden,
    ATTENTION: tl.constexpr, DISCOUNT: tl.constexpr, TANH: tl.constexpr, GATES: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0) * SIZE + tl.arange(0, SIZE)
    inside = at < count
    gate = pre + (at // hidden) * (GATES * hidden) + at % hidden
    tanh_g = _tanh(tl.load(gate, inside, other=0.0))
    q = tl.load(gate + hidden, inside, other=0.0)
    kept = tl.load(s + at, inside, other=0.0)
    if ATTENTION == "sigmoid":
        tl.store(gate + hidden, _sigmoid(-q), inside)
        q = -_softplus(-q)
    elif ATTENTION == "softplus":
        cut = tl.maximum(q, -40.0)
        small = tl.exp(cut)  # below e^-8, ln(1 + e^x) is its own series
        value = tl.where(cut < -8.0, small * (1.0 - 0.5 * small), _softplus(cut))
        tl.store(gate + hidden, _sigmoid(cut) / value, inside)
        q = tl.where(q < cut, q, tl.log(value))
    elif ATTENTION == "relu":
        positive = q > 0
        safe = tl.where(positive, q, 1.0)
        tl.store(gate + hidden, tl.where(positive, 1.0 / safe, 0.0), inside)
        q = tl.where(positive, tl.log(safe), -1e30)
    if DISCOUNT:
        y = tl.load(gate + 2 * hidden, inside, other=0.0)
        tl.store(gate + 2 * hidden, _sigmoid(-y), inside)
        kept -= _softplus(-y)
    weight = _sigmoid(q - kept)
    if ATTENTION == "relu":
        weight = tl.where((q < -9e29) & (kept < -9e29), float("nan"), weight)
    tl.store(s + at, tl.maximum(kept, q) + tl.log(1.0 + tl.exp(-tl.abs(q - kept))), inside)
    before = tl.load(r0 + at, inside, other=0.0)
    r = before + weight * (tl.load(u + at, inside, other=0.0) * tanh_g - before)
    tl.store(gate, tanh_g, inside)
    tl.store(alpha + at, weight, inside)
    tl.store(r1 + at, r, inside)
    if TANH:
        tl.store(h + at, _tanh(r), inside)


@triton.jit
def _backward(  # type: ignore[no-untyped-def]
    saved, u, r0, alpha, h, grad, dh, dr, ds, du, dpre, count, hidden,
    ATTENTION: tl.constexpr, DISCOUNT: tl.constexpr, TANH: tl.constexpr, GATES: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0) * SIZE + tl.arange(0, SIZE)
    inside = at < count
    place = (at // hidden) * (GATES * hidden) + at % hidden
    d = tl.load(grad + at, inside, other=0.0) + tl.load(dh + at, inside, other=0.0)
    if TANH:
        shape = tl.load(h + at, inside, other=0.0)
        d *= 1.0 - shape * shape
    d += tl.load(dr + at, inside, other=0.0)
    tanh_g = tl.load(saved + place, inside, other=0.0)
    weight, value = tl.load(alpha + at, inside, other=0.0), tl.load(u + at, inside, other=0.0)
    carried = tl.load(ds + at, inside, other=0.0)
    pull = value * tanh_g - tl.load(r0 + at, inside, other=0.0)
    dq = d * pull * weight * (1.0 - weight) + carried * weight
    dkept, dz = carried - dq, weight * d
    tl.store(dr + at, d - dz, inside)
    tl.store(ds + at, dkept, inside)
    if ATTENTION == "exp":
        tl.store(dpre + place + hidden, dq, inside)
    else:
        tl.store(dpre + place + hidden, dq * tl.load(saved + place + hidden, inside, other=0.0), inside)
    if DISCOUNT:
        tl.store(dpre + place + 2 * hidden, dkept * tl.load(saved + place + 2 * hidden, inside, other=0.0), inside)
    tl.store(dpre + place, dz * value * (1.0 - tanh_g * tanh_g), inside)
    tl.store(du + at, dz * tanh_g, inside)


def _launch(function: Any, recipe: Recipe, tensors: tuple[Tensor, ...], like: Tensor) -> None:
    count = like.numel()
    function[(triton.cdiv(count, BLOCK),)](
        *tensors, count, like.shape[-1], ATTENTION=recipe.attention, DISCOUNT=recipe.discount,
        TANH=recipe.hidden == "tanh", GATES=recipe.gates, SIZE=BLOCK,
    )  # fmt: skip


def forward(
    recipe: Recipe, pre: Tensor, u: Tensor, r0: Tensor, s: Tensor, alpha: Tensor, r1: Tensor, h: Tensor
) -> None:
    """One step forward: the arguments of `kernel`'s `forward`, all (B, ·) and contiguous."""
    _launch(_forward, recipe, (pre, u, r0, s, alpha, r1, h), u)


def backward(recipe: Recipe, *tensors: Tensor) -> None:
    """One step backward: the arguments of `kernel`'s `backward` from `saved` to `dpre`."""
    _launch(_backward, recipe, tensors, tensors[1])
