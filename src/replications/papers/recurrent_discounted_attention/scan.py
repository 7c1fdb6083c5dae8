"""The RDA recurrence over a whole sequence, with its backward pass by hand.

Equal to `method.two_state_loop` and its autograd to rounding. What the loop does once for all steps: the products with
the inputs before it, the gradients of all weights after it. What is left in a step is one product with W_h and one pass
over (B, H): in C++ on a CPU where there is a compiler, in Triton on a GPU, else in PyTorch. Six arrays of (T, B, H) are
kept for the backward pass (five for RWA with its fewer gates, and one more for tanh).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from replications.papers.recurrent_discounted_attention import kernel
from replications.papers.recurrent_discounted_attention.method import LOG_ATTENTION, Recipe, Weights

EMPTY = -1e30  # s_0 = ln d_0 of an empty memory: finite, so that no difference of infinities arises

Step = Callable[[int], None]


def backend(device: torch.device, dtype: torch.dtype = torch.float32) -> str:
    """How `scan` runs its steps there: "C++", "Triton" or "PyTorch"."""
    if dtype in (torch.float32, torch.float64):
        if device.type == "cpu" and kernel.library() is not None:
            return "C++"
        if device.type == "cuda" and importlib.util.find_spec("triton") is not None:
            return "Triton"
    return "PyTorch"


def scan(recipe: Recipe, x: Tensor, weights: Weights, r0: Tensor, s0: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hidden states of a whole sequence, and the state after it.

    Args:
        x: (T, B, I), T ≥ 1.
        r0: (B, H), h_0 before f_h. s0: (B, H), ln d_0; `EMPTY` at the start of a sequence.

    Returns:
        h (T, B, H), r_T and s_T (B, H).

    Raises:
        ValueError: a sequence of length 0, or shapes that do not fit.
    """
    if x.dim() != 3 or len(x) == 0:
        raise ValueError(f"a sequence needs shape (T, B, I) with T ≥ 1, got {tuple(x.shape)}")
    batch, hidden = x.shape[1], len(weights.b_u)
    if x.shape[2] != weights.w_u.shape[1] or r0.shape != (batch, hidden) or s0.shape != (batch, hidden):
        raise ValueError(
            f"the unit takes {weights.w_u.shape[1]} features and states ({batch}, {hidden}), "
            f"got x {tuple(x.shape)}, r0 {tuple(r0.shape)}, s0 {tuple(s0.shape)}"
        )
    found: tuple[Tensor, Tensor, Tensor] = _Scan.apply(recipe, x, *weights, r0, s0)
    return found


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        recipe: Recipe,
        x: Tensor,
        w_u: Tensor,
        b_u: Tensor,
        w_x: Tensor,
        w_h: Tensor,
        b: Tensor,
        r0: Tensor,
        s0: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        steps, batch, features = x.shape
        flat = x.reshape(-1, features)
        u = torch.addmm(b_u, flat, w_u.t()).view(steps, batch, -1)  # (T, B, H)
        saved = torch.addmm(b, flat, w_x.t()).view(steps, batch, -1)  # (T, B, G·H), pre-activations until their step
        alpha, s = torch.empty_like(u), s0.contiguous().clone()
        r = u.new_empty(steps + 1, *u.shape[1:])
        r[0] = r0
        h = r
        if recipe.hidden == "tanh":
            h = torch.empty_like(r)
            torch.tanh(r0, out=h[0])
        advance = ADVANCE[backend(x.device, x.dtype)](recipe, saved, u, r, s, alpha, h)
        across = w_h.t().contiguous()
        for t, (gate, before) in enumerate(zip(saved.unbind(), h.unbind())):
            torch.addmm(gate, before, across, out=gate)
            advance(t)
        ctx.recipe = recipe
        ctx.save_for_backward(x, w_u, w_x, w_h, u, saved, r, alpha, *([h] if h is not r else []))
        return h[1:], r[-1].clone(), s

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dh_all: Tensor, dr: Tensor, ds: Tensor) -> tuple[Tensor | None, ...]:
        x, w_u, w_x, w_h, u, saved, r, alpha, *rest = ctx.saved_tensors
        recipe: Recipe = ctx.recipe
        h = rest[0] if rest else r
        du, dpre = torch.empty_like(u), torch.empty_like(saved)
        dh_all = dh_all.contiguous()  # held here: the compiled step keeps its address alone
        dh, dr, ds = torch.zeros_like(r[0]), dr.contiguous().clone(), ds.contiguous().clone()
        retreat = RETREAT[backend(x.device, x.dtype)](recipe, saved, u, r, alpha, h, dh_all, dh, dr, ds, du, dpre)
        gates = dpre.unbind()
        for t in range(len(x) - 1, -1, -1):
            retreat(t)
            torch.mm(gates[t], w_h, out=dh)
        du, dpre, flat = du.flatten(0, 1), dpre.flatten(0, 1), x.reshape(-1, x.shape[2])
        dx = (du @ w_u).addmm_(dpre, w_x).view_as(x) if ctx.needs_input_grad[1] else None
        dr0 = dr + (dh * (1 - h[0] ** 2) if recipe.hidden == "tanh" else dh)
        dw_h = dpre.t() @ h[:-1].flatten(0, 1)
        return None, dx, du.t() @ flat, du.sum(0), dpre.t() @ flat, dw_h, dpre.sum(0), dr0, ds


def _pointers(*tensors: Tensor) -> Callable[[int], list[int]]:
    """Addresses of row t of each tensor whose first axis is time."""
    rows = [(tensor.data_ptr(), tensor[0].numel() * tensor.element_size()) for tensor in tensors]
    return lambda t: [base + t * size for base, size in rows]


def _call(recipe: Recipe, name: str, u: Tensor) -> Callable[..., None]:
    suffix = "f32" if u.dtype == torch.float32 else "f64"
    function = getattr(kernel.library(), f"{name}_{suffix}")
    kind = kernel.ATTENTIONS.index(recipe.attention), int(recipe.discount), int(recipe.hidden == "tanh")
    shape = u.shape[1], u.shape[2]
    return lambda *pointers: function(*kind, *shape, *pointers)


def _advance_compiled(recipe: Recipe, saved: Tensor, u: Tensor, r: Tensor, s: Tensor, alpha: Tensor, h: Tensor) -> Step:
    call, at, state = _call(recipe, "forward", u), _pointers(saved, u, r, alpha, h), s.data_ptr()
    rows = r[0].numel() * r.element_size()

    def step(t: int) -> None:
        gate, value, before, weight, shape = at(t)
        call(gate, value, before, state, weight, before + rows, shape + rows)

    return step


def _retreat_compiled(
    recipe: Recipe,
    saved: Tensor,
    u: Tensor,
    r: Tensor,
    alpha: Tensor,
    h: Tensor,
    grad: Tensor,
    dh: Tensor,
    dr: Tensor,
    ds: Tensor,
    du: Tensor,
    dpre: Tensor,
) -> Step:
    call, at = _call(recipe, "backward", u), _pointers(saved, u, r, alpha, h[1:], grad, du, dpre)
    carried = [tensor.data_ptr() for tensor in (dh, dr, ds)]

    def step(t: int) -> None:
        *read, du_t, dpre_t = at(t)
        call(*read, *carried, du_t, dpre_t)

    return step


def _advance_fused(recipe: Recipe, saved: Tensor, u: Tensor, r: Tensor, s: Tensor, alpha: Tensor, h: Tensor) -> Step:
    from replications.papers.recurrent_discounted_attention import fused

    rows = list(zip(saved, u, r, alpha, r[1:], h[1:]))

    def step(t: int) -> None:
        gate, value, before, weight, after, shape = rows[t]
        fused.forward(recipe, gate, value, before, s, weight, after, shape)

    return step


def _retreat_fused(
    recipe: Recipe,
    saved: Tensor,
    u: Tensor,
    r: Tensor,
    alpha: Tensor,
    h: Tensor,
    grad: Tensor,
    dh: Tensor,
    dr: Tensor,
    ds: Tensor,
    du: Tensor,
    dpre: Tensor,
) -> Step:
    from replications.papers.recurrent_discounted_attention import fused

    rows = list(zip(saved, u, r, alpha, h[1:], grad, du, dpre))

    def step(t: int) -> None:
        *read, du_t, dpre_t = rows[t]
        fused.backward(recipe, *read, dh, dr, ds, du_t, dpre_t)

    return step


def _advance(recipe: Recipe, saved: Tensor, u: Tensor, r: Tensor, s: Tensor, alpha: Tensor, h: Tensor) -> Step:
    """The same step in PyTorch, in place wherever it can be."""

    def step(t: int) -> None:
        g, a, *rest = saved[t].chunk(recipe.gates, -1)
        g.tanh_()
        q = a
        if recipe.attention == "sigmoid":
            q = F.logsigmoid(a)
            a.neg_().sigmoid_()
        elif recipe.attention == "softplus":
            q = LOG_ATTENTION["softplus"](a)
            a.clamp_(min=-40)
            a.copy_(torch.sigmoid(a) / F.softplus(a))
        elif recipe.attention == "relu":
            q = torch.relu(a).log_().clamp_(min=EMPTY)
            a.copy_(torch.where(a > 0, a.reciprocal(), 0))
        kept = s
        if rest:
            kept = F.logsigmoid(rest[0]).add_(s)
            rest[0].neg_().sigmoid_()
        torch.sub(q, kept, out=alpha[t]).sigmoid_()
        if recipe.attention == "relu":  # 0/0
            alpha[t].masked_fill_((q < 0.9 * EMPTY) & (kept < 0.9 * EMPTY), torch.nan)
        torch.logaddexp(kept, q, out=s)
        torch.lerp(r[t], u[t] * g, alpha[t], out=r[t + 1])
        if h is not r:
            torch.tanh(r[t + 1], out=h[t + 1])

    return step


def _retreat(
    recipe: Recipe,
    saved: Tensor,
    u: Tensor,
    r: Tensor,
    alpha: Tensor,
    h: Tensor,
    grad: Tensor,
    dh: Tensor,
    dr: Tensor,
    ds: Tensor,
    du: Tensor,
    dpre: Tensor,
) -> Step:
    """The same backward step in PyTorch."""

    def step(t: int) -> None:
        g, a, *rest = saved[t].chunk(recipe.gates, -1)
        dg, da, *drest = dpre[t].chunk(recipe.gates, -1)
        dh.add_(grad[t])
        if h is not r:
            dh.addcmul_(dh, h[t + 1].square(), value=-1)
        dr.add_(dh)
        dz = alpha[t] * dr
        pull = (u[t] * g).sub_(r[t]).mul_(dz)  # α (z - r) dL/dr
        dr.sub_(dz)
        dq = pull.mul_(1 - alpha[t]).addcmul_(ds, alpha[t])
        ds.sub_(dq)
        da.copy_(dq)
        if recipe.attention != "exp":
            da.mul_(a)
        if rest:
            torch.mul(ds, rest[0], out=drest[0])
        torch.mul(dz, g, out=du[t])
        dz.mul_(u[t])
        torch.addcmul(dz, dz, g.square(), value=-1, out=dg)

    return step


ADVANCE = {"C++": _advance_compiled, "Triton": _advance_fused, "PyTorch": _advance}
RETREAT = {"C++": _retreat_compiled, "Triton": _retreat_fused, "PyTorch": _retreat}
