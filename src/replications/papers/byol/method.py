"""BYOL: networks, loss, views and update step (Grill et al. 2020, section 3 and appendices A, B and F).

The loss of one direction is ‖p̄ - z̄'‖² = 2 - 2 cos(p, z'), equation (2), where a bar divides by the Euclidean norm; the
objective is the SUM over both directions, not their average. Batch norm sees one view in one network at a time, so a
step makes four forward passes, and the target network runs with batch statistics, as in the released code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from replications.data.augment import View
from replications.training.ema import ema_update

LOSS_NORMS = ("l2", "layer", "batch", "none")
VIEWS = ("paper", "no_blur", "no_grey", "no_colour", "crop_blur", "crop")


def unit(x: torch.Tensor) -> torch.Tensor:
    """x/‖x‖ by rows, written as the released code has it: safe at zero. (B, D) → (B, D)."""
    return x * torch.rsqrt(x.square().sum(dim=-1, keepdim=True).clamp(min=1e-12))


def scaled(x: torch.Tensor, norm: str) -> torch.Tensor:
    """The normalisation inside the loss: the paper's "l2", or a variant of its Table 20. (B, D) → (B, D).

    The variants are divided by √D, so that a row has about unit length under each of them: layer norm and batch norm
    without parameters, and no normalisation.

    Raises:
        ValueError: unknown normalisation.
    """
    width = math.sqrt(x.shape[-1])
    if norm == "l2":
        return unit(x)
    if norm == "layer":
        return F.layer_norm(x, x.shape[-1:]) / width
    if norm == "batch":
        return F.batch_norm(x, None, None, training=True) / width
    if norm == "none":
        return x / width
    raise ValueError(f"unknown loss normalisation '{norm}': choose one of {', '.join(LOSS_NORMS)}")


def regression_loss(prediction: torch.Tensor, projection: torch.Tensor, norm: str = "l2") -> torch.Tensor:
    """Equation (2), one direction, one value a sample: 2 - 2 cos under "l2". (B, D), (B, D) → (B,)."""
    return (scaled(prediction.float(), norm) - scaled(projection.float(), norm)).square().sum(dim=-1)


def repulsion(p: torch.Tensor, same: torch.Tensor, other: torch.Tensor, temperature: float) -> torch.Tensor:
    """2α·ln(Σ_{j≠i} e^{cos(p_i, same_j)/α} + Σ_j e^{cos(p_i, other_j)/α}): the negatives of InfoNCE. (B, D) ×3 → (B,).

    `same` holds the target's projections of the view that made p, `other` those of the other view. Adding β times this
    to `regression_loss` gives the interpolation between BYOL (β = 0) and SimCLR (β = 1) of section 5.
    """
    p, same, other = unit(p.float()), unit(same.float()), unit(other.float())
    to_same = (p @ same.T / temperature).fill_diagonal_(-math.inf)
    to_other = p @ other.T / temperature
    return 2 * temperature * torch.logsumexp(torch.cat([to_same, to_other], dim=1), dim=1)


def objective(
    predictions: Sequence[torch.Tensor],
    projections: Sequence[torch.Tensor],
    norm: str = "l2",
    beta: float = 0.0,
    temperature: float = 0.1,
) -> torch.Tensor:
    """The symmetric loss: the sum over both directions, averaged over the batch; in [0, 8] under "l2" with β = 0.

    `predictions` are q(z) of the online network for views 1 and 2, `projections` z' of the target for the same views.
    """
    (p1, p2), (t1, t2) = predictions, projections
    loss = regression_loss(p1, t2, norm) + regression_loss(p2, t1, norm)
    if beta > 0:
        loss = loss + beta * (repulsion(p1, t1, t2, temperature) + repulsion(p2, t2, t1, temperature))
    return loss.mean()


class Network(nn.Module):
    """Encoder f, projector g and predictor q; without a predictor (a target network, an ablation) q is the identity."""

    def __init__(self, encoder: nn.Module, projector: nn.Module, predictor: nn.Module | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.projector = projector
        self.predictor = nn.Identity() if predictor is None else predictor

    def project(self, images: torch.Tensor) -> torch.Tensor:
        """z = g(f(images)). (B, 3, H, W) → (B, D)."""
        return self.projector(self.encoder(images))


def forward(
    online: Network, target: Network, view1: torch.Tensor, view2: torch.Tensor
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Predictions of the online and projections of the target network, each for views 1 and 2; a pass for each.

    Where `target` is `online` there is no target network: the projections are the online ones and carry gradient.
    """
    own = [online.project(view) for view in (view1, view2)]
    predictions = [online.predictor(z) for z in own]
    if target is online:
        return predictions, own
    with torch.no_grad():
        return predictions, [target.project(view) for view in (view1, view2)]


def update(
    online: Network,
    target: Network,
    optimizer: torch.optim.Optimizer,
    views: Sequence[tuple[torch.Tensor, torch.Tensor]],
    tau: float,
    norm: str = "l2",
    beta: float = 0.0,
    temperature: float = 0.1,
    autocast: bool = False,
) -> torch.Tensor:
    """One step: gradients averaged over the pairs of `views`, optimiser step, then ξ ← τξ + (1-τ)θ with the new θ.

    Several pairs make a small-batch step as the paper's Figure 3a has it: batch norm sees one pair at a time, and
    weights and target change once. Returns the loss, a scalar tensor left on the device.
    """
    optimizer.zero_grad()
    total = torch.zeros((), device=views[0][0].device)
    for view1, view2 in views:
        with torch.autocast(view1.device.type, torch.bfloat16, enabled=autocast):
            predictions, projections = forward(online, target, view1, view2)
        loss = objective(predictions, projections, norm, beta, temperature) / len(views)
        loss.backward()
        total += loss.detach()
    optimizer.step()
    if target is not online:
        ema_update(target.encoder, online.encoder, tau)
        ema_update(target.projector, online.projector, tau)
    return total


def views(name: str = "paper", crop_area: tuple[float, float] = (0.08, 1.0), blur: bool = True) -> tuple[View, View]:
    """The distributions T and T' of Table 6, or a weaker set of Figure 3b. Without `blur`, no set blurs (32 pixels).

    The weaker sets, from the figure's left to its right: "no_grey", "no_colour" (neither jitter nor grey), "crop_blur"
    and "crop"; "no_blur" is a row of Table 17.

    Raises:
        ValueError: unknown name.
    """
    first = View(crop_area=crop_area, blur=1.0)
    second = View(crop_area=crop_area, blur=0.1, solarise=0.2)
    removed: dict[str, dict[str, Any]] = {
        "paper": {},
        "no_blur": {"blur": 0.0},
        "no_grey": {"grey": 0.0},
        "no_colour": {"jitter": 0.0, "grey": 0.0},
        "crop_blur": {"flip": 0.0, "jitter": 0.0, "grey": 0.0, "solarise": 0.0},
        "crop": {"flip": 0.0, "jitter": 0.0, "grey": 0.0, "solarise": 0.0, "blur": 0.0},
    }
    if name not in removed:
        raise ValueError(f"unknown set of views '{name}': choose one of {', '.join(VIEWS)}")
    off = removed[name] if blur else {**removed[name], "blur": 0.0}
    return replace(first, **off), replace(second, **off)
