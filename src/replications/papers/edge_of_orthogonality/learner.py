"""BYOL with the predictor exchanged (Richemond et al. 2023, section 6): one step of it, and what is watched on the way.

Against BYOL, a closed-form predictor is set from the latents of each batch before it is used, in float32 and outside
autocast; everything else of the step is BYOL's. Predictor and latents are measured inside some steps rather than at the
shared loop's looks, which are dearer: measuring reads what the step has computed anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from replications.models import initialise
from replications.models.heads import mlp_head
from replications.papers.byol.method import Network, objective
from replications.papers.byol.pretraining import Learner
from replications.papers.byol.study import ENCODERS, Pretraining, make_optimizer, two_views
from replications.papers.edge_of_orthogonality.method import latent_measures, latent_spectra, predictor_measures
from replications.papers.edge_of_orthogonality.predictors import CLOSED_FORMS, ClosedForm
from replications.study import Context, Curve, UserError
from replications.training.ema import ema_update

POINTS = 25  # of the curves of predictor and latents, evenly over the steps
SNAPSHOTS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)  # of the training: where whole spectra are kept

LABELS = {
    "srank": "stable rank of P",
    "trace": "tr P / f‖P‖",
    "asymmetry": "‖P - Pᵀ‖ / ‖P‖, Frobenius",
    "projection": "‖P² - P‖, P of norm 1",
    "polar": "‖P - U‖, Frobenius",
    "polar_scaled": "‖P - U‖, Frobenius, P of norm 1",
    "ends": "share of eigenvalues at 0 or 1",
    "ends_uncentred": "share of eigenvalues at 0 or 1, uncentred",
    "lower_quartile": "rescaled eigenvalue",
    "median": "rescaled eigenvalue",
    "upper_quartile": "rescaled eigenvalue",
}


@dataclass(frozen=True)
class Config(Pretraining):
    """One training. The defaults are the laptop's."""

    predictor: str = "linear"  # linear, mlp (two layers), none, or one of predictors.CLOSED_FORMS
    alpha: float = 0.0  # ridge αI added to a closed form of operator norm 1
    rho: float = 0.3  # share of the old closed form in its average; DirectPred's public value
    through: bool = False  # whether gradient flows through a closed form
    start: str = "fan_in"  # initial trained linear predictor: "fan_in", or "symmetric": (W + Wᵀ)/2 of the same draw
    output_norm: bool = True  # batch norm without parameters on projections, which BYOL does not have
    hidden: int = 256
    projection: int = 64  # f
    images: int = 25_000
    size: int = 16
    epochs: float = 3.0
    batch: int = 128  # two views of it make Σ: four rows a dimension
    lr: float = 0.03
    looks: int = 3


def make_networks(config: Config, context: Context) -> tuple[Network, Network]:
    """Online and target network on the run's device, drawn from the same streams as BYOL's.

    Raises:
        UserError: unknown predictor or start.
    """
    d = config.projection

    def predictor(name: str) -> nn.Module | None:
        if name == "none":
            return None
        if name in ("linear", "mlp"):
            return mlp_head(d, config.hidden, d, depth=1 if name == "linear" else 2)
        if name in CLOSED_FORMS:
            return ClosedForm(d, name, config.alpha, config.rho, config.through)
        raise UserError(f"unknown predictor '{name}': choose one of linear, mlp, none, {', '.join(CLOSED_FORMS)}")

    def build(name: str, head: nn.Module | None) -> Network:
        encoder = ENCODERS[config.encoder]()
        norm = (lambda width: nn.BatchNorm1d(width, affine=False)) if config.output_norm else None
        projector = mlp_head(encoder.features, config.hidden, d, config.projector_depth, output_norm=norm)
        network = Network(encoder, projector, head)
        initialise(network, context.generator(name, device="cpu"))  # the same weights on every device
        return network.to(context.device).to(memory_format=torch.channels_last)

    online = build("online", predictor(config.predictor))
    if config.start == "symmetric":
        weight = online.predictor[0].weight.data  # type: ignore[index]
        weight.copy_((weight + weight.T) / 2)
    elif config.start != "fan_in":
        raise UserError(f"unknown start '{config.start}': choose one of fan_in, symmetric")
    return online, build("target", None)


class Orthogonal(Learner):
    """BYOL with the config's predictor, in a training of `steps` steps."""

    def __init__(self, config: Config, context: Context, steps: int) -> None:
        if config.target != "average" or config.accumulation != 1 or config.beta != 0:
            raise UserError("this chapter trains BYOL with a target network, whole batches and no negatives")
        self.config: Config = config
        self.context = context
        self.online, self.target = make_networks(config, context)
        self.optimizer = make_optimizer(config, self.online)
        self.taken = 0
        self.points = {round(k * (steps - 1) / (POINTS - 1)) for k in range(POINTS)}
        self.snapshots = {round(share * (steps - 1)) for share in SNAPSHOTS}
        self.watched: dict[str, list[float]] = {"step": []}
        self.spectra: dict[str, list[torch.Tensor]] = {"at": []}

    def matrix(self) -> torch.Tensor | None:
        """P (f, f), acting from the right; None where the predictor is no matrix."""
        head = self.online.predictor
        if isinstance(head, ClosedForm):
            return head.weight
        return head[0].weight.detach().T if self.config.predictor == "linear" else None  # type: ignore[index]

    def step(self, rows: torch.Tensor, pixels: torch.Tensor, tau: float, draw: torch.Generator) -> torch.Tensor:
        """One step of BYOL on uint8 `pixels` (B, 3, H, W), a closed-form predictor set first. Returns the loss."""
        config, head = self.config, self.online.predictor
        pair = two_views(config, pixels, draw)
        self.optimizer.zero_grad()
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=config.bfloat16):
            own = [self.online.project(view) for view in pair]
            with torch.no_grad():
                others = [self.target.project(view).float() for view in pair]
            if not isinstance(head, ClosedForm):
                predictions = [head(z) for z in own]
        own = [z.float() for z in own]
        if isinstance(head, ClosedForm):
            weight = head.fit([z if config.through else z.detach() for z in own], others)
            predictions = [z @ weight for z in own]
        self.watch(torch.cat(own).detach())
        loss = objective(predictions, others, config.loss_norm)
        loss.backward()
        self.optimizer.step()
        ema_update(self.target.encoder, self.online.encoder, tau)
        ema_update(self.target.projector, self.online.projector, tau)
        self.taken += 1
        return loss.detach()

    @torch.no_grad()
    def watch(self, z: torch.Tensor) -> None:
        """Measure predictor and online latents z (2B, f) where this step is a point of the curves or a snapshot."""
        if self.taken not in self.points | self.snapshots:
            return
        p = self.matrix()
        centred, uncentred = latent_spectra(z)
        if self.taken in self.points:
            self.watched["step"].append(float(self.taken))
            measures = {**({} if p is None else predictor_measures(p)), **latent_measures(centred, uncentred)}
            for name, value in measures.items():
                self.watched.setdefault(name, []).append(value)
        if self.taken in self.snapshots:
            self.spectra["at"].append(torch.tensor(float(self.taken)))
            kept = {"latents": centred, "latents_uncentred": uncentred}
            if p is not None:
                kept["predictor"] = (
                    torch.linalg.svdvals(p.float().nan_to_num(0.0)).clamp(max=6e4).cpu()
                )  # as 16 bits hold
            for name, values in kept.items():
                self.spectra.setdefault(name, []).append(values)

    def scalars(self) -> dict[str, float]:
        """The measures of the last step."""
        return {name: values[-1] for name, values in self.watched.items() if name != "step"}

    def state(self) -> dict[str, Any]:
        """BYOL's state, and what was watched."""
        return {**super().state(), "taken": self.taken, "watched": self.watched, "spectra": self.spectra}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        super().restore(state)
        self.taken, self.watched, self.spectra = state["taken"], state["watched"], state["spectra"]


def short(curve: Curve, points: int) -> Curve:
    """At most `points` points of a curve, at five digits: records of a chapter with many runs must be small."""
    keep = np.unique(np.linspace(0, len(curve.x) - 1, min(points, len(curve.x))).round().astype(int))
    x, y = ([float(f"{values[i]:.5g}") for i in keep] for values in (curve.x, curve.y))
    return Curve(x, y, curve.x_label, curve.y_label)


def watched_curves(watched: Mapping[str, list[float]], steps_an_epoch: int) -> dict[str, Curve]:
    """What `Orthogonal.watch` saw, against epochs."""
    epochs = [step / steps_an_epoch for step in watched["step"]]
    return {
        name: short(Curve(epochs, values, "epoch", LABELS[name]), POINTS)
        for name, values in watched.items()
        if name != "step"
    }


def make(config: Config, context: Context) -> Learner:
    """A learner for two steps, as a dry run takes."""
    return Orthogonal(config, context, steps=2)
