"""Identities of the transforms, measured: they hold to rounding at every scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from replications.papers.static_activation_normalization import networks
from replications.papers.static_activation_normalization.activations import ACTIVATIONS
from replications.papers.static_activation_normalization.method import (
    gaussian_coefficients,
    interpolated,
    normalised,
    variance_map,
)
from replications.study import Context, Metric, Outcome
from replications.training.batched import Perceptrons
from replications.training.batched_layers import RELU, Activation

METRICS = {
    "normalisation_error": Metric("", "largest |E f|, |Var f − 1| or |ζ − ν²/v| over activations and variants A, c, Z"),
    "ordering_violations": Metric("activations", "normalised activations without ζ < 1 < χ, or with ζ_Z ≠ 0"),
    "closed_form_error": Metric("", "largest difference of the ReLU constants from their closed forms"),
    "semi_stable_error": Metric("", "|V(1) − 1| and |V'(1) − 1| of ReLU's A and Z, the larger"),
    "critical_error": Metric("", "|q* − 1/4| and |χ − 1| of A and Z at their critical weight variance, the largest"),
    "folding_error": Metric("", "largest relative difference between SANF-A and the ReLU network that it folds into"),
    "folding_error_z": Metric("", "the same for SANF-Z, which does not fold: its linear part would be lost"),
}


@dataclass(frozen=True)
class ExactConfig:
    """Sizes of the network that is folded; everything else is a formula."""

    width: int = 64  # units of a layer
    depth: int = 4  # hidden layers


def run_exact(config: ExactConfig, context: Context) -> Outcome:
    """Every identity, as its largest error."""
    relu = gaussian_coefficients(RELU)
    forms = {c: interpolated(relu, c) for c in (0.0, 1.0)}
    closed = [
        relu.mu - 1.0 / math.sqrt(2.0 * math.pi),
        relu.nu - 0.5,
        relu.v - (0.5 - 0.5 / math.pi),
        forms[0.0].scale - math.sqrt(2.0 * math.pi / (math.pi - 1.0)),
        forms[0.0].shift + 1.0 / math.sqrt(math.pi - 1.0),
        forms[1.0].scale / 2.0 - 1.0 / math.sqrt(1.0 - 2.0 / math.pi),
        forms[1.0].shift + math.sqrt(2.0 / (math.pi - 2.0)),
    ]
    step = 1e-5
    around = np.array([1.0 - step, 1.0, 1.0 + step])
    stable = []
    for form in forms.values():
        low, at, high = variance_map(form, around)
        stable += [at - 1.0, (high - low) / (2.0 * step) - 1.0]
    critical = []
    for form, weight in ((forms[0.0], 1.0 - 1.0 / math.pi), (forms[1.0], 1.0 - 2.0 / math.pi)):
        critical += [weight * float(variance_map(form, np.array(0.25))) - 0.25]
        critical += [weight * normalised(relu, form).chi - 1.0]
    normalisation, violations = _every_activation()
    return Outcome(
        {
            "normalisation_error": normalisation,
            "ordering_violations": float(violations),
            "closed_form_error": float(np.abs(closed).max()),
            "semi_stable_error": float(np.abs(stable).max()),
            "critical_error": float(np.abs(critical).max()),
            "folding_error": folding_error("sanf-a", config, context),
            "folding_error_z": folding_error("sanf-z", config, context),
        }
    )


def _every_activation() -> tuple[float, int]:
    worst, violations = 0.0, 0
    for name, base in ACTIVATIONS.items():
        if name == "linear":
            continue
        found = gaussian_coefficients(base)
        for c in (0.0, 0.5, 1.0):
            seen = normalised(found, interpolated(found, c))
            zeta = (1.0 - c) ** 2 * found.zeta / (found.v - (2.0 * c - c * c) * found.zeta)
            worst = max(worst, abs(seen.mu), abs(seen.v - 1.0), abs(seen.zeta - zeta))
            violations += not (seen.zeta < 1.0 < seen.chi)
        violations += seen.zeta > 1e-20
    return worst, violations


def folding_error(name: str, config: ExactConfig, context: Context) -> float:
    """Largest difference, over the largest output, between a network and plain ReLU with W' = scale·W, b' = b + shift·1ᵀW.

    The scale and the shift of an activation belong to the next layer; the tilt, a linear bypass, does not.
    """
    generator = context.generator(device="cpu")
    net = networks.network(name)
    sizes = networks.layer_sizes(config.width, config.width, config.depth, 10)
    x = torch.randn(1, 100, config.width, generator=generator, dtype=torch.float64)
    weights = [w.double()[None] for w in networks.initial_weights(net, sizes, generator, x[0])]
    biases = [0.1 * torch.randn(1, 1, out, generator=generator, dtype=torch.float64) for _, out in sizes]

    def form(scale: float, tilt: float, shift: float) -> Activation:
        return Activation(RELU, *(torch.full((1, 1, 1), value, dtype=torch.float64) for value in (scale, tilt, shift)))

    original = Perceptrons(weights, biases, form(net.form.scale, net.form.tilt, net.form.shift)).logits(x)
    folded = [weights[0], *(net.form.scale * w for w in weights[1:])]
    moved = [biases[0], *(b + net.form.shift * w.sum(1, keepdim=True) for w, b in zip(weights[1:], biases[1:]))]
    plain = Perceptrons(folded, moved, form(1.0, 0.0, 0.0)).logits(x)
    return float((plain - original).abs().max() / original.abs().max())
