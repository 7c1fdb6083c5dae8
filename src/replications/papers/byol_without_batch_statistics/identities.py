"""What must hold exactly, measured on untrained networks in double precision (Richemond et al. 2020).

Nothing is trained. `check` replaces samples of a batch and watches those that stay, takes gradients of a batch at once
and in parts, and compares calibrated affine layers with the batch norm that they imitate. The images are views of
CIFAR-10, as in training. Errors are relative to the quantity that they are errors of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from replications.data import cifar10
from replications.papers.byol.method import Network
from replications.papers.byol.pretraining import Pretraining
from replications.papers.byol.study import two_views
from replications.papers.byol_without_batch_statistics.method import (
    Affine,
    NoNorm,
    StandardConv2d,
    StandardLinear,
    build,
    calibrate,
    layout,
    sample_losses,
    standardise,
    whole,
)
from replications.study import Context, Metric, Outcome

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, Affine, NoNorm)
SHOWN = ("bn", "none", "affine", "gn_ws")  # rows of the array `deviations`
NORM_NAMES = (  # of the laptop's network, in the order in which `deviations` meets them
    "stem", "1.1", "1.2", "2.1", "2.2", "2.skip", "3.1", "3.2", "3.skip", "projector", "predictor"
)  # fmt: skip
WATCHED = ("bn", "affine", "gn_ws")  # layouts whose dependence on the batch is measured

METRICS: dict[str, Metric] = {
    **{
        f"{what}_{name}": Metric("relative", f"{meaning}; layout {name}")
        for name in WATCHED
        for what, meaning in {
            "loss_change": "change of one sample's loss when all other samples are replaced",
            "gradient_change": "change of the gradient of one sample's loss, likewise",
            "leak": "largest gradient of one sample's loss in another sample's pixels",
            "accumulation": "gradient averaged over parts of a batch against the gradient of the whole",
        }.items()
    },
    **{
        f"alone_{name}": Metric("relative", f"mean of losses taken one sample at a time against the batch's; layout {name}")
        for name in ("affine", "gn_ws")
    },
    "ws_rows": Metric("", "largest |mean| and |variance - 1| of a row of standardised weights"),
    "ws_invariance": Metric("", "largest change of standardised weights under W → aW + b, a > 0"),
    "ws_gradient": Metric("relative", "largest component of a row's gradient along the ones and along W - μ"),
    "ws_constant": Metric("relative", "largest output of a standardised convolution for a constant input, no padding"),
    "affine_same": Metric("relative", "calibrated affine network against batch norm on the batch of calibration"),
    "affine_elsewhere": Metric("relative", "the same on another batch"),
}  # fmt: skip


@dataclass(frozen=True)
class Identities:
    """A batch small enough for double precision, the networks of the laptop, and a larger batch for deviations."""

    encoder: str = "tiny"
    hidden: int = 512
    projection: int = 128
    groups: int = 16
    size: int = 32  # pixels a side
    batch: int = 12
    parts: int = 3  # that gradients are accumulated over
    deviation_batch: int = 256


def relative(one: torch.Tensor, two: torch.Tensor) -> float:
    """‖one - two‖/‖two‖, or 0 where both are zero."""
    error, size = (one - two).norm().item(), two.norm().item()
    return error / size if size > 0 else error


def gradient(online: Network, loss: torch.Tensor) -> torch.Tensor:
    """The gradient of `loss` in every parameter of `online`, as one vector."""
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(online.parameters()))])


def independence(online: Network, target: Network, batch: list[torch.Tensor], other: list[torch.Tensor]) -> list[float]:
    """Change of the first sample's loss and of its gradient when all others are replaced, and the leak into others."""
    mixed = [torch.cat([view[:1], strange[1:]]) for view, strange in zip(batch, other)]
    pixels = [view.clone().requires_grad_() for view in batch]
    loss, changed = (sample_losses(online, target, *views)[0] for views in (pixels, mixed))
    own = torch.autograd.grad(loss, pixels, retain_graph=True)
    leak = max(g[1:].abs().max().item() / g[0].abs().max().item() for g in own)
    return [relative(changed, loss), relative(gradient(online, changed), gradient(online, loss)), leak]


def accumulation(online: Network, target: Network, batch: list[torch.Tensor], parts: int) -> float:
    """The gradient averaged over `parts` of the batch against that of the whole."""
    at_once = gradient(online, sample_losses(online, target, *batch).mean())
    chunks = zip(*(view.chunk(parts) for view in batch))
    pieces = [gradient(online, sample_losses(online, target, *chunk).mean()) for chunk in chunks]
    return relative(torch.stack(pieces).mean(dim=0), at_once)


def alone(online: Network, target: Network, batch: list[torch.Tensor]) -> float:
    """The mean of losses of single samples against the loss of the batch."""
    with torch.no_grad():
        single = [sample_losses(online, target, *pair) for pair in zip(*(view.split(1) for view in batch))]
        return relative(torch.cat(single).mean(), sample_losses(online, target, *batch).mean())


def standardisation(online: Network, loss: torch.Tensor) -> dict[str, float]:
    """Rows, invariance and gradient of every standardised weight, and convolutions of a constant."""
    layers = [m for m in online.modules() if isinstance(m, (StandardConv2d, StandardLinear))]
    gradients = torch.autograd.grad(loss, [layer.weight for layer in layers])
    found: dict[str, list[float]] = {name: [] for name in ("ws_rows", "ws_invariance", "ws_gradient", "ws_constant")}
    for layer, g in zip(layers, gradients):
        rows, g = layer.weight.detach().flatten(1), g.flatten(1)  # (O, fan-in)
        hat, centred = standardise(rows), rows - rows.mean(dim=1, keepdim=True)
        found["ws_rows"] += [hat.mean(dim=1).abs().max().item(), (hat.var(dim=1, correction=0) - 1).abs().max().item()]
        shifts = torch.linspace(-1, 1, len(rows), dtype=rows.dtype)[:, None]
        found["ws_invariance"].append((standardise(1.7 * rows + shifts) - hat).abs().max().item())
        for direction in (torch.ones_like(rows), centred):
            along = (g * F.normalize(direction, dim=1)).sum(dim=1).abs().max()
            found["ws_gradient"].append((along / g.norm(dim=1).max()).item())
        if isinstance(layer, StandardConv2d):
            constant = torch.full((1, layer.in_channels, *layer.kernel_size), 3.0, dtype=rows.dtype)
            out = F.conv2d(constant, standardise(layer.weight.detach())).abs().max() / (3 * hat.abs().sum(dim=1).max())
            found["ws_constant"].append(out.item())
    return {name: max(values) for name, values in found.items()}


@torch.no_grad()
def deviations(network: Network, batch: torch.Tensor) -> list[float]:
    """Root mean over channels of the variance, over samples and positions, after each norm or where one would stand."""
    seen: list[float] = []

    def record(module: nn.Module, inputs: object, x: torch.Tensor) -> None:
        seen.append(x.var(dim=(0, *range(2, x.ndim)), correction=0).mean().sqrt().item())

    hooks = [module.register_forward_hook(record) for module in network.modules() if isinstance(module, NORMS)]
    whole(network)(batch)
    for hook in hooks:
        hook.remove()
    return seen


def check(config: Identities, context: Context) -> Outcome:
    """Every exact fact of the chapter on untrained networks, as errors, and how activations spread through the layers.

    Raises:
        UserError: the data are not here.
    """

    def network(name: str, stream: str) -> Network:
        layers, draw = layout(name, config.groups), context.generator(stream, device="cpu")
        return build(layers, config.encoder, config.hidden, config.projection, draw, predictor=stream == "online")

    def pictures(count: int, start: int) -> list[torch.Tensor]:
        images = cifar10.load().train_images[start : start + count]
        views = two_views(replace(Pretraining(), size=config.size), images, context.generator("views", device="cpu"))
        return [view.double() for view in views]

    batch, other = pictures(config.batch, 0), pictures(config.batch, config.batch)
    scalars: dict[str, float] = {}
    outputs: dict[str, Sequence[torch.Tensor]] = {}
    for name in WATCHED:
        online, target = network(name, "online").double(), network(name, "target").double()
        for part in (online, target):
            calibrate(whole(part), batch[0])
        if name in ("bn", "affine"):
            outputs[name] = [whole(online)(views).detach() for views in (batch[0], other[0])]
        found = independence(online, target, batch, other)
        scalars |= {f"{what}_{name}": value for what, value in zip(("loss_change", "gradient_change", "leak"), found)}
        scalars[f"accumulation_{name}"] = accumulation(online, target, batch, config.parts)
        if name != "bn":
            scalars[f"alone_{name}"] = alone(online, target, batch)
        if name == "gn_ws":
            scalars |= standardisation(online, sample_losses(online, target, *batch).mean())
    for name, place in (("affine_same", 0), ("affine_elsewhere", 1)):
        scalars[name] = relative(outputs["affine"][place], outputs["bn"][place])

    views = pictures(config.deviation_batch, 0)[0].float()
    spread = []
    for name in SHOWN:
        online = network(name, "online")
        calibrate(whole(online), views)
        spread.append(deviations(online, views))
    return Outcome(scalars, arrays={"deviations": np.array(spread, np.float32)})  # (layouts, norms in order of depth)
