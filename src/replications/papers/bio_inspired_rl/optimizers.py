"""Adam and K-FAC for M networks side by side, whose weights lie in one flat tensor (M, P).

K-FAC (Martens and Grosse 2015; convolutions as Grosse and Martens 2016): per linear map, running averages of A = E[a aᵀ]
and G = E[g gᵀ], with g from targets drawn from the model's own output, and a step whose predicted change of the output
distribution is bounded (Ba et al. 2017, Wu et al. 2017). Factor matrices of a Tucker layer are linear maps of their own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from replications.papers.bio_inspired_rl.layers import Tape
from replications.papers.bio_inspired_rl.method import damped_inverses, precondition

DECAY = 0.95  # of the running averages A and G
MOMENTUM = 0.9  # of K-FAC's steps
DAMPING = 0.03  # λ
TRUST = 1e-3  # largest predicted change, half the squared length of a step in the Fisher metric
REFRESH = 20  # updates between new inverses


class Flat:
    """Weights of M members in one leaf tensor (M, P), and views of it by name."""

    def __init__(self, members: list[dict[str, Tensor]], device: torch.device) -> None:
        self.shapes = {name: tuple(weight.shape) for name, weight in members[0].items()}
        rows = [torch.cat([weight.flatten() for weight in member.values()]) for member in members]
        self.tensor = torch.stack(rows).to(device).requires_grad_()

    def views(self, tensor: Tensor | None = None) -> dict[str, Tensor]:
        """Every weight (M, *shape): one split, so that backward is one concatenation."""
        tensor = self.tensor if tensor is None else tensor
        sizes = [torch.Size(shape).numel() for shape in self.shapes.values()]
        parts = tensor.split(sizes, dim=1)
        return {name: part.view(-1, *shape) for (name, shape), part in zip(self.shapes.items(), parts)}


def clip(gradient: Tensor, limit: float) -> Tensor:
    """Each member's gradient (M, P), no longer than `limit`; row by row, so that members do not touch one another."""
    norms = torch.stack([row.norm() for row in gradient])
    return gradient * (limit / norms.clamp_min(limit))[:, None]


class Adam:
    """Adam (Kingma and Ba 2015) on a flat tensor."""

    def __init__(self, like: Tensor, lr: float, eps: float) -> None:
        self.lr, self.eps, self.steps = lr, eps, 0
        self.first, self.second = torch.zeros_like(like), torch.zeros_like(like)
        self._size = torch.empty_like(like)

    def step(self, weights: Tensor, gradient: Tensor) -> None:
        """One step of every member."""
        self.steps += 1
        self.first.lerp_(gradient, 0.1)
        self.second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        size = torch.sqrt(self.second, out=self._size).div_((1 - 0.999**self.steps) ** 0.5).add_(self.eps)
        weights.addcdiv_(self.first, size, value=-self.lr / (1 - 0.9**self.steps))

    def state(self, member: int) -> dict[str, Tensor]:
        """One member's moments."""
        return {"first": self.first[member], "second": self.second[member]}

    def load(self, states: list[dict[str, Tensor]], steps: int) -> None:
        """Moments saved by `state`, one a member."""
        self.steps = steps
        self.first = torch.stack([state["first"] for state in states]).to(self.first.device)
        self.second = torch.stack([state["second"] for state in states]).to(self.second.device)


class KFAC:
    """K-FAC with momentum on a flat tensor; weights outside linear maps do not exist."""

    def __init__(self, flat: Flat, lr: float) -> None:
        self.flat, self.lr, self.steps = flat, lr, 0
        self.buffer = torch.zeros_like(flat.tensor)
        self.factors: dict[str, tuple[Tensor, Tensor]] = {}
        self.inverses: dict[str, tuple[Tensor, Tensor]] = {}

    def observe(self, tape: Tape, gradients: dict[str, Tensor], batch: int) -> None:
        """Take one batch into the averages: inputs from the tape, gradients (M, N, out) of the drawn targets' losses.

        A map that is used at several places (a convolution, a Tucker factor) has A summed over them, G averaged.
        """
        for name, (inputs, _) in tape.items():
            a, g = inputs.detach(), gradients[name]
            if f"{name}.b" in self.flat.shapes:
                a = torch.cat([a, torch.ones_like(a[..., :1])], -1)
            new = torch.bmm(a.transpose(1, 2), a) / batch, torch.bmm(g.transpose(1, 2), g) / g.shape[1]
            old = self.factors.get(name)
            self.factors[name] = (
                new if old is None else (old[0].lerp(new[0], 1 - DECAY), old[1].lerp(new[1], 1 - DECAY))
            )

    def step(self, weights: Tensor, gradient: Tensor) -> None:
        """One step of every member along the damped natural gradient."""
        if self.steps % REFRESH == 0:
            self.inverses = {name: damped_inverses(a, g, DAMPING) for name, (a, g) in self.factors.items()}
        self.steps += 1
        parts = self.flat.views(gradient)
        found: dict[str, Tensor] = {}
        for name, inverses in self.inverses.items():
            w, bias = parts[f"{name}.w"], parts.get(f"{name}.b")
            direction = precondition(w if bias is None else torch.cat([w, bias], 1), *inverses)
            found[f"{name}.w"] = direction[:, : w.shape[1]]
            if bias is not None:
                found[f"{name}.b"] = direction[:, w.shape[1] :]
        direction = torch.cat([found[name].flatten(1) for name in self.flat.shapes], 1)
        change = torch.stack([row @ other for row, other in zip(direction, gradient)])  # ≈ ΔᵀFΔ at η = 1
        scale = (2 * TRUST / (self.lr**2 * change.clamp_min(1e-12))).sqrt().clamp_max(1.0)
        self.buffer.mul_(MOMENTUM).add_(direction * scale[:, None])
        weights.add_(self.buffer, alpha=-self.lr)

    def state(self, member: int) -> dict[str, object]:
        """One member's momentum, averages and inverses."""

        def one(pairs: dict[str, tuple[Tensor, Tensor]]) -> dict[str, list[Tensor]]:
            return {name: [a[member], g[member]] for name, (a, g) in pairs.items()}

        return {"buffer": self.buffer[member], "factors": one(self.factors), "inverses": one(self.inverses)}

    def load(self, states: list[dict[str, object]], steps: int) -> None:
        """What `state` saved, one a member."""
        self.steps, device = steps, self.buffer.device

        def together(key: str) -> dict[str, tuple[Tensor, Tensor]]:
            pairs: list[dict[str, list[Tensor]]] = [state[key] for state in states]  # type: ignore[misc]
            return {
                name: (
                    torch.stack([p[name][0] for p in pairs]).to(device),
                    torch.stack([p[name][1] for p in pairs]).to(device),
                )
                for name in pairs[0]
            }

        self.buffer = torch.stack([state["buffer"] for state in states]).to(device)  # type: ignore[misc]
        self.factors, self.inverses = together("factors"), together("inverses")
