"""Networks at initialisation: eigenvalues of one nonlinear layer, and how variance, correlation and gradient travel."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from replications.papers.static_activation_normalization import networks, spectrum
from replications.papers.static_activation_normalization.activations import ACTIVATIONS
from replications.papers.static_activation_normalization.method import (
    Affine,
    correlation_map,
    gaussian_coefficients,
    interpolated,
    normalised,
    tilted,
    variance_map,
)
from replications.study import Context, Curve, Outcome
from replications.training.batched_layers import RELU, Base, BatchNorm

COSINES = np.array([-0.9, -0.5, 0.0, 0.3, 0.7, 0.9, 0.99])
VARIANCES = np.array([0.25, 0.5, 1.0, 2.0, 4.0])


@dataclass(frozen=True)
class SpectrumConfig:
    """One nonlinear layer on white data: the eigenvalues of (1/m) Y Yᵀ."""

    activation: str  # name in activations.ACTIVATIONS
    form: str  # raw, a, z, t, or c followed by a number in [0, 1]
    n0: int = 1000  # inputs
    n1: int = 2000  # units
    m: int = 3000  # samples
    bin_width: float = 0.1  # of the histogram, in units of η


@dataclass(frozen=True)
class SignalConfig:
    """A random network: gradient growth per layer, and the maps of variance and correlation of one layer."""

    network: str  # name in networks.networks()
    width: int = 1000  # units of every layer, inputs included
    depth: int = 20  # layers of the gradient's way
    batch: int = 512  # inputs: batch norm needs many for its limit


def form_of(base: Base, form: str) -> Affine:
    """The affine form of a variant by name.

    Raises:
        ValueError: there is no variant of that name, or the activation cannot be normalised so.
    """
    if form == "raw":
        return networks.PLAIN
    found = gaussian_coefficients(base)
    if form == "t":
        return tilted(found)
    shares = {"a": 0.0, "z": 1.0}
    if form[:1] == "c":
        return interpolated(found, float(form[1:]))
    if form not in shares:
        raise ValueError(f"unknown variant '{form}': choose raw, a, z, t, or c followed by a number in [0, 1]")
    return interpolated(found, shares[form])


def run_spectrum(config: SpectrumConfig, context: Context) -> Outcome:
    """Eigenvalues of one draw against the limiting density of the centred activation."""
    base = ACTIVATIONS[config.activation]
    form = form_of(base, config.form)
    found = normalised(gaussian_coefficients(base), form)
    sizes = config.n0, config.n1, config.m
    net = networks.Network(config.form, base, form)
    values = spectrum.sample_eigenvalues(lambda x: networks.apply(net, x), *sizes, context.generator())
    zeta = min(found.zeta, found.eta)
    if zeta < 1e-12 * found.eta:
        zeta = 0.0
    edge = spectrum.upper_edge(found.eta, zeta, *sizes)
    width = config.bin_width * found.eta
    bins = np.arange(0.0, 1.1 * edge + width, width)
    seen = np.histogram(values, bins)[0] / (config.n1 * width)
    fine = bins[:-1, None] + width * (np.arange(40) + 0.5) / 40.0
    theory = spectrum.density(fine.ravel(), found.eta, zeta, *sizes).reshape(fine.shape).mean(1)
    limits = spectrum.moments(found.eta, zeta, *sizes)
    scalars = {
        "density_error": float(found.eta * np.abs(seen - theory)[2:].max()),
        "log_condition": float(np.log10(spectrum.condition_number(values))),
        "largest": float(values[-1] / found.eta),
        "edge": edge / found.eta,
        "outliers": float((values > 1.02 * edge).sum()),
        "second_moment_error": float((values**2).mean() / limits[1] - 1.0),
        "zeta": zeta / found.eta,
    }
    arrays = {
        "bins": bins.astype(np.float32),
        "histogram": seen.astype(np.float32),
        "theory": theory.astype(np.float32),
        "top": values[-5:].astype(np.float32),
    }
    return Outcome(scalars, arrays=arrays)


def run_signal(config: SignalConfig, context: Context) -> Outcome:
    """Gradient growth over the depth, and the one-layer maps, of a random network."""
    net = networks.network(config.network)
    generator = context.generator()
    growth = _gradient_growth(net, config, generator)
    expected = expected_growth(net)
    scalars = {
        "growth": float(np.exp(np.log(growth[2:]).mean())),  # the first layers of batch norm are not yet in the limit
        "growth_expected": expected,
    }
    curves = {"growth": Curve(list(range(len(growth))), growth.tolist(), "layer", "squared gradient growth per layer")}
    if net.base is RELU and not net.batch_norm and not net.lsuv:
        scalars |= _map_errors(net, config.width, generator)
        cosines, predicted, variances = _travel(net, config, generator)
        layers = list(range(len(cosines)))
        curves["cosine"] = Curve(layers, cosines.tolist(), "layer", "cosine of two inputs")
        curves["cosine_theory"] = Curve(layers, predicted.tolist(), "layer", "cosine of two inputs")
        curves["variance"] = Curve(layers, variances.tolist(), "layer", "pre-activation variance")
    return Outcome(scalars, curves)


def expected_growth(net: networks.Network) -> float:
    """σ_w²·E f'²: the mean-field growth of the squared gradient per layer; π/(π − 1) for batch-normalised ReLU."""
    if net.batch_norm:
        return math.pi / (math.pi - 1.0)
    return net.weight_variance * normalised(gaussian_coefficients(net.base), net.form).chi


def _weights(config: SignalConfig, net: networks.Network, generator: torch.Generator, first: bool = False) -> Tensor:
    scale = 1.0 if first else net.weight_variance
    w = torch.randn(config.width, config.width, generator=generator, device=generator.device)
    return w * math.sqrt(scale / config.width)


def _gradient_growth(net: networks.Network, config: SignalConfig, generator: torch.Generator) -> np.ndarray:
    """|δ_l|²/|δ_{l+1}|² over the layers, from input to output; δ_l is the gradient at the pre-activations of layer l."""
    x = torch.randn(config.batch, config.width, generator=generator, device=generator.device)
    y = x / x.square().mean(1, keepdim=True).sqrt()
    weights = [_weights(config, net, generator, first=layer == 0) for layer in range(config.depth + 1)]
    before, norms = [], []
    for w in weights:
        z = (y @ w)[None]  # (1, B, width)
        if net.batch_norm:
            norms.append(BatchNorm(1, config.width, z))
            z = norms[-1].forward(z, training=True)
        before.append(z.clone())
        y = networks.apply(net, z)[0]
    delta = torch.randn(y.shape, generator=generator, device=generator.device)
    sizes = []
    for layer in range(config.depth, -1, -1):
        delta = networks.slope(net, before[layer]) * delta
        if net.batch_norm:
            delta = norms[layer].backward(delta, torch.empty_like(delta))[0]
        sizes.append(float(delta.double().square().sum()))
        delta = delta / delta.norm()  # growth of eight orders of magnitude is common
        delta = (delta[0] @ weights[layer].T)[None]
    return np.array(sizes[1:][::-1])


def _map_errors(net: networks.Network, width: int, generator: torch.Generator) -> dict[str, float]:
    """Largest differences between one layer's maps and their formulas, over COSINES and VARIANCES."""
    pairs = 16
    one, two = torch.randn(2, pairs, width, generator=generator, device=generator.device)
    two = two - (two * one).sum(1, keepdim=True) / one.square().sum(1, keepdim=True) * one
    one, two = (x / x.square().mean(1, keepdim=True).sqrt() for x in (one, two))
    w = torch.randn(width, width, generator=generator, device=generator.device) / math.sqrt(width)
    found, first = [], networks.apply(net, one @ w)
    for c in COSINES:
        second = networks.apply(net, (c * one + math.sqrt(1.0 - c * c) * two) @ w)
        found.append(float((first * second).mean() / (first.square().mean() * second.square().mean()).sqrt()))
    error = np.abs(np.array(found) - correlation_map(net.form, COSINES)).max()
    seen = [float(networks.apply(net, math.sqrt(q) * one @ w).square().mean()) for q in VARIANCES]
    relative = np.abs(np.array(seen) / variance_map(net.form, VARIANCES) - 1.0).max()
    return {"correlation_map_error": float(error), "variance_map_error": float(relative)}


def _travel(
    net: networks.Network, config: SignalConfig, generator: torch.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cosine of two inputs (0.7 at the start), its mean-field path at unit variance, and the variance, by layer."""
    pairs = 32
    one, two = torch.randn(2, pairs, config.width, generator=generator, device=generator.device)
    two = 0.7 * one + math.sqrt(1.0 - 0.49) * two
    x, y = (part / part.square().mean(1, keepdim=True).sqrt() for part in (one, two))
    cosines, predicted, variances = [], [0.7], []
    for layer in range(config.depth + 1):
        cosines.append(float(torch.cosine_similarity(x, y).mean()))
        w = _weights(config, net, generator, first=layer == 0)
        x, y = x @ w, y @ w
        variances.append(float(x.square().mean()))
        x, y = networks.apply(net, x), networks.apply(net, y)
        predicted.append(float(correlation_map(net.form, np.array(predicted[-1]))))
    return np.array(cosines), np.array(predicted[:-1]), np.array(variances)
