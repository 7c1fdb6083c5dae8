"""BYOL watched more closely: norms of weights and projections, and a predictor that is solved for (section 5, Figure 7).

Trains as `study.run` does; what is added is looked at only. The closed-form predictor follows "an optimal linear
predictor obtained by linear regression before back-propagating"; the paper does not say what is regressed on what, so
ours predicts the normalised z' from z, both directions of a batch at once, with a small ridge.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from replications.papers.byol.method import forward, objective, unit
from replications.papers.byol.pretraining import Learner, pretrain, split
from replications.papers.byol.study import Watch, two_views
from replications.study import Context, Outcome
from replications.training.ema import ema_update

RIDGE = 1e-3  # of the mean eigenvalue of zᵀz


def weight_norm(network: nn.Module) -> float:
    """Euclidean norm of all weights together, biases and norms apart."""
    return torch.stack([p.detach().norm() for p in network.parameters() if p.ndim > 1]).norm().item()


def fitted_predictor(z: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Q that minimises ‖zQ - wanted‖² + ridge·‖Q‖². (B, D), (B, D) → (D, D)."""
    gram = z.T @ z
    ridge = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), device=z.device)
    return torch.linalg.solve(gram + ridge, z.T @ wanted)


class Watcher(Learner):
    """BYOL, or a variant of it, whose norms the curves show."""

    curves: Mapping[str, str] = {"weight_norm": "‖weights‖", "projection_norm": "mean ‖z‖"}

    def step(self, rows: torch.Tensor, pixels: torch.Tensor, tau: float, draw: torch.Generator) -> torch.Tensor:
        if not self.config.fit_predictor:
            return super().step(rows, pixels, tau, draw)
        views = two_views(self.config, pixels, draw)
        self.optimizer.zero_grad()
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=self.config.bfloat16):
            own, theirs = forward(self.online, self.target, *views)  # without a predictor
        own, theirs = [z.float() for z in own], [z.float() for z in theirs]
        q = fitted_predictor(torch.cat(own).detach(), torch.cat([unit(z) for z in theirs[::-1]]))
        loss = objective([z @ q for z in own], theirs)
        loss.backward()
        self.optimizer.step()
        ema_update(self.target.encoder, self.online.encoder, tau)
        ema_update(self.target.projector, self.online.projector, tau)
        return loss.detach()

    def look(self, z: torch.Tensor) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
        return {"weight_norm": weight_norm(self.online), "projection_norm": z.norm(dim=1).mean().item()}, {}


def run(config: Watch, context: Context) -> Outcome:
    """Pre-train, watch, and measure with all labels and with few.

    Raises:
        FloatingPointError: the loss of a run that is no control is not finite.
        UserError: the data are not here.
    """
    return pretrain(config, context, Watcher(config, context), split(config, context))
