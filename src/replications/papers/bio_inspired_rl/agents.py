"""M Rainbow agents side by side: double Q-learning on n-step returns from prioritised replay, with or without C51.

Hessel et al. 2018 in the data-efficient setting of van Hasselt et al. 2019. Without noisy layers the agents explore
ε-greedily. One update trains every member on its own batch; members share nothing but the instruction stream.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from replications.papers.bio_inspired_rl.layers import Tape
from replications.papers.bio_inspired_rl.method import project
from replications.papers.bio_inspired_rl.networks import Network, values
from replications.papers.bio_inspired_rl.optimizers import KFAC, Adam, Flat, clip
from replications.papers.bio_inspired_rl.replay import Batch
from replications.study import Context, UserError

ATOM_RANGE = 10.0  # support [-10, 10] of C51, for clipped rewards
OBSERVE_EVERY = 4  # updates between looks of K-FAC at its factors


class Agents:
    """Online and target networks of every context's seed, and their optimiser."""

    def __init__(self, network: Network, contexts: list[Context], optimizer: str, lr: float, eps: float) -> None:
        self.network, self.contexts = network, contexts
        self.device, atoms = contexts[0].device, network.shape.atoms
        self.online = Flat([network.start(context.generator("weights", "cpu")) for context in contexts], self.device)
        self.target = self.online.tensor.detach().clone()
        self.support = None if atoms == 1 else torch.linspace(-ATOM_RANGE, ATOM_RANGE, atoms, device=self.device)
        if optimizer not in ("adam", "kfac"):
            raise UserError(f"unknown optimiser '{optimizer}': choose adam or kfac")
        if optimizer == "kfac" and network.shape.noisy:
            raise UserError("K-FAC takes no noisy layers: their gradients are no Kronecker products")
        self.optimizer = Adam(self.target, lr, eps) if optimizer == "adam" else KFAC(self.online, lr)

    def act(self, observations: Tensor, step: int, noisy: bool = True) -> Tensor:
        """Greedy actions (M, B); `noisy` agents draw fresh noise for step `step`."""
        noise = self._noise(f"act {step}") if noisy else None
        with torch.no_grad():
            weights = self.online.views(self.online.tensor.detach())
            return values(self.network(weights, observations, noise), self.support).argmax(-1)

    def update(self, batch: Batch, index: int, draws: Tensor) -> Tensor:
        """One step of every member; absolute errors (M, B), which become priorities. draws (M, B) in (0, 1)."""
        with torch.no_grad():
            online = self.online.views(self.online.tensor.detach())
            chosen = values(self.network(online, batch.following, self._noise(f"double {index}")), self.support)
            chosen = chosen.argmax(-1)[..., None, None]
            target_noise = self._noise(f"target {index}")
            following = self.network(self.online.views(self.target), batch.following, target_noise)
            following = _pick(following, chosen)  # (M, B, atoms)
        kfac = isinstance(self.optimizer, KFAC)
        tape: Tape | None = {} if kfac and index % OBSERVE_EVERY == 0 else None
        outputs = self.network(self.online.views(), batch.observations, self._noise(f"online {index}"), tape)
        mine = _pick(outputs, batch.actions[..., None, None])  # (M, B, atoms)
        if self.support is None:
            wanted = batch.returns + batch.discounts * following[..., 0]
            errors = functional.smooth_l1_loss(mine[..., 0], wanted, reduction="none")
            surprise = (wanted - mine[..., 0]).detach()
        else:
            mass = project(following.softmax(-1), batch.returns, batch.discounts, self.support)
            errors = -(mass * mine.log_softmax(-1)).sum(-1)
            surprise = errors.detach()
        if tape is not None and isinstance(self.optimizer, KFAC):
            drawn = _drawn_loss(mine, draws, self.support is not None)
            gradients = torch.autograd.grad(drawn, [y for _, y in tape.values()], retain_graph=True)
            self.optimizer.observe(tape, dict(zip(tape, gradients)), batch.rows.shape[1])
        loss = (batch.weights * errors).sum() / batch.rows.shape[1]  # mean over the batch, summed over members
        (gradient,) = torch.autograd.grad(loss, self.online.tensor)
        with torch.no_grad():
            self.optimizer.step(self.online.tensor, gradient if kfac else clip(gradient, 10.0))
        return surprise.abs()

    def copy(self) -> None:
        """Make the online weights the target's."""
        self.target = self.online.tensor.detach().clone()

    def _noise(self, name: str) -> Any:
        if not self.network.shape.noisy:
            return None
        return self.network.noise([context.generator(name) for context in self.contexts], self.device)

    def state(self, member: int) -> dict[str, Any]:
        """One member's weights and optimiser."""
        return {
            "online": self.online.tensor.detach()[member],
            "target": self.target[member],
            "optimizer": self.optimizer.state(member),
        }

    def load(self, states: list[dict[str, Any]], updates: int) -> None:
        """What `state` saved, one a member."""
        with torch.no_grad():
            self.online.tensor.copy_(torch.stack([state["online"] for state in states]))
        self.target = torch.stack([state["target"] for state in states]).to(self.device)
        self.optimizer.load([state["optimizer"] for state in states], updates)


def _pick(outputs: Tensor, actions: Tensor) -> Tensor:
    """Outputs (M, B, A, atoms) of actions (M, B, 1, 1). (M, B, atoms)."""
    return outputs.gather(2, actions.expand(-1, -1, 1, outputs.shape[-1]))[:, :, 0]


def _drawn_loss(mine: Tensor, draws: Tensor, categorical: bool) -> Tensor:
    """Sum of losses whose targets are drawn from the model's own output: categorical, or normal with unit variance."""
    if categorical:
        sums = mine.detach().softmax(-1).cumsum(-1)
        atoms = (sums < draws[..., None]).sum(-1).clamp_max(mine.shape[-1] - 1)
        return -mine.log_softmax(-1).gather(-1, atoms[..., None]).sum()
    normal = torch.special.ndtri(draws.clamp(1e-6, 1 - 1e-6))
    return (normal * mine[..., 0]).sum()
