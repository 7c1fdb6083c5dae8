"""Figures of the chapter; every function takes the records of one profile, of whatever depths it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from replications.figures import band, figure, palette
from replications.papers.static_activation_normalization import networks
from replications.papers.static_activation_normalization.activations import ACTIVATIONS
from replications.papers.static_activation_normalization.method import gaussian_coefficients, interpolated, normalised
from replications.papers.static_activation_normalization.study import SPECTRA_DEPTH
from replications.study import Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = ("relu-lecun", "relu-he", "sanf-a", "sanf-t", "selu", "batch-norm", "lsuv")
FORMS = {"raw": "ReLU", "a": "SANF-A", "c0.5": "SANF-c, c = 0.5", "z": "SANF-Z"}
SIGNALS = ("relu-he", "selu", "sanf-a", "batch-norm", "sanf-z", "sanf-t")


def depths(records: Records, data: str = "mnist") -> list[int]:
    """Depths at which networks of the sweep were recorded on `data`."""
    return sorted({int(name.split("-")[-3]) for name in _names(records, data, "relu-he")})


def _names(records: Records, data: str, network: str) -> list[str]:
    return [n for n in records.conditions if n.startswith(f"{data}-") and n.endswith(f"-{network}")]


def shown_networks(records: Records, data: str = "mnist") -> list[str]:
    """Networks that stand in the figures and are recorded on `data`."""
    return [name for name in SHOWN if _names(records, data, name)]


def label(network: str) -> str:
    """The name of a network in figures and tables; which ReLU is meant is always said."""
    return networks.network(network).label


def scale(records: Records) -> str:
    """The scale of the training runs in words, for captions."""
    name = f"mnist-{depths(records)[-1]}-relu-he"
    config, seeds = records[name][0].config, len(records[name])
    return (
        f"profile {records.profile}: width {config['width']}, {config['steps']} steps of {config['batch']} images, "
        f"{len(config['learning_rates'])} learning rates, {seeds} seed{'s' if seeds > 1 else ''}"
    )


def coefficients() -> None:
    """The readings of the transform for ReLU, and ζ against χ for every activation."""
    alt = (
        "Left: ReLU and its transforms. SANF-A is a taller ReLU shifted down, SANF-Z and SANF-T are shifted absolute "
        "values, c = 0.5 stands between. Right: for every activation ζ is below 1 and χ above 1; removing the linear part "
        "moves ζ to 0 and χ to between 2 and 3.7."
    )
    with figure(alt, name="san-coefficients", width=7.4, height=3.0) as fig:
        left, right = fig.subplots(1, 2)
        x = torch.linspace(-2.5, 2.5, 201, dtype=torch.float64)
        for name in ("relu-lecun", "sanf-a", "sanf-c-0.5", "sanf-z", "sanf-t"):
            title = "ReLU" if name == "relu-lecun" else label(name)
            left.plot(x.numpy(), networks.apply(networks.network(name), x).numpy(), label=title)
        left.set(xlabel="x", ylabel="f(x)")
        left.legend(fontsize=7)
        for marker, c, title in (("o", 0.0, "A"), ("s", 0.5, "c = 0.5"), ("^", 1.0, "Z")):
            points = []
            for base in ACTIVATIONS.values():
                found = gaussian_coefficients(base)
                if found.v - found.zeta > 1e-9:  # a linear function has no normal form at c = 1
                    seen = normalised(found, interpolated(found, c))
                    points.append((seen.zeta, seen.chi))
            right.plot(*zip(*points), marker, markersize=4, label=title)
        right.axhline(1.0, linewidth=0.8, linestyle=":", color="gray")
        right.axvline(1.0, linewidth=0.8, linestyle=":", color="gray")
        right.set(xlabel="ζ, slope of the correlation map at 0", ylabel="χ, gradient growth")
        right.legend(fontsize=7)


def spectra(records: Records) -> None:
    """Eigenvalues of one nonlinear layer against the limiting density."""
    alt = (
        "Four histograms of eigenvalues of (1/m) Y Yᵀ with the limiting density on top. Raw ReLU has the bulk of SANF-A, "
        "scaled, and one eigenvalue far outside; from A over c = 0.5 to Z the bulk narrows to the Marchenko-Pastur law."
    )
    with figure(alt, name="san-spectra", width=7.4, height=2.6) as fig:
        for ax, (form, title) in zip(fig.subplots(1, len(FORMS), sharey=True), FORMS.items()):
            name = f"spectrum-relu-{form}"
            eta = gaussian_coefficients(ACTIVATIONS["relu"]).eta if form == "raw" else 1.0
            bins, seen, theory = (records.arrays(name, part)[0] for part in ("bins", "histogram", "theory"))
            middle = 0.5 * (bins[:-1] + bins[1:]) / eta
            ax.bar(middle, eta * seen, width=np.diff(bins) / eta, color=palette["blue"], alpha=0.5)
            ax.plot(middle, eta * theory, color=palette["orange"])
            outside = records.scalars(name, "outliers")[0]
            largest = records.scalars(name, "largest")[0]
            ax.set_title(f"{title}\n{outside:.0f} outside, largest {largest:.3g}", fontsize=7.5)
            ax.set(xlabel="eigenvalue / η", ylim=(0, 1.5))
        fig.axes[0].set_ylabel("density")


def signal(records: Records) -> None:
    """Gradient growth against theory; cosine and variance over the depth."""
    alt = (
        "Left: measured growth of the squared gradient per layer lies on the mean-field value for every network; SANF-A and "
        "batch norm share 1.47. Middle: the cosine of two inputs falls by layers in SANF-A and SANF-Z and rises in ReLU. "
        "Right: the pre-activation variance of SANF-Z runs away from 1, that of SANF-T settles at a quarter."
    )
    names = [name for name in SIGNALS if f"signal-{name}" in records]
    with figure(alt, name="san-signal", width=7.6, height=3.0) as fig:
        growth, cosine, variance = fig.subplots(1, 3)
        for place, name in enumerate(names):
            values = records.scalars(f"signal-{name}", "growth")
            growth.plot([place] * len(values), values, "o", markersize=4, color=palette["blue"])
            expected = records.scalars(f"signal-{name}", "growth_expected")[0]
            growth.plot([place - 0.3, place + 0.3], [expected] * 2, color=palette["orange"])
        growth.set_xticks(range(len(names)), [label(name) for name in names], rotation=60, ha="right", fontsize=7)
        growth.set_ylabel("gradient growth per layer")
        for index, name in enumerate(n for n in names if "cosine" in records[f"signal-{n}"][0].curves):
            band(cosine, *records.curve(f"signal-{name}", "cosine"), label(name), index)
            layers, predicted = records.curve(f"signal-{name}", "cosine_theory")
            cosine.plot(layers, predicted[0], linewidth=0.8, linestyle=":", color="gray")
            band(variance, *records.curve(f"signal-{name}", "variance"), label(name), index)
        cosine.set(xlabel="layer", ylabel="cosine (dotted: C iterated)")
        variance.set(xlabel="layer", ylabel="pre-activation variance", yscale="log")
        cosine.legend(fontsize=7)


def depth(records: Records) -> None:
    """Final accuracy at the best learning rate against depth, by data set."""
    sets = [name for name in ("mnist", "fashion-mnist", "cifar10") if depths(records, name)]
    alt = (
        "Test accuracy against depth, every network at its best learning rate, a panel for each data set. On MNIST SANF-A and "
        "SANF-T fall later than ReLU with weight variance 1/n and earlier than ReLU with He's 2/n, LSUV and SELU."
    )
    with figure(alt, name="san-depth", width=3.1 * len(sets) + 1.2, height=3.2) as fig:
        for ax, data in zip(np.atleast_1d(fig.subplots(1, len(sets))), sets):
            for index, name in enumerate(shown_networks(records, data)):
                at = [d for d in depths(records, data) if f"{data}-{d}-{name}" in records]
                values = np.array([records.scalars(f"{data}-{d}-{name}", "accuracy") for d in at]).T
                band(ax, at, values, label(name), index)
            ax.axhline(0.1, linewidth=0.8, linestyle=":", color="gray")
            ax.set(title=data, xlabel="depth (hidden layers)", ylabel="test accuracy", ylim=(0, 1))
        fig.axes[0].legend(fontsize=6.5)


def robustness(records: Records) -> None:
    """Accuracy over learning rate × depth, a map for each network."""
    names, at = shown_networks(records), depths(records)
    alt = (
        "Maps of test accuracy over learning rate and depth, one for each network. The region in which ReLU with SANF-A "
        "trains narrows towards small rates with depth; those of He's ReLU and SELU stay wider."
    )
    with figure(alt, name="san-robustness", width=7.6, height=2.2, raster=False) as fig:
        axes: list[Axes] = list(np.atleast_1d(fig.subplots(1, len(names), sharey=True)))
        mesh: Any = None
        for ax, name in zip(axes, names):
            rates = records[f"mnist-{at[0]}-{name}"][0].config["learning_rates"]
            grid = np.array([np.mean(records.arrays(f"mnist-{d}-{name}", "accuracy_by_rate"), axis=0) for d in at])
            mesh = ax.pcolormesh(np.arange(len(rates) + 1), np.arange(len(at) + 1), grid, vmin=0.1, vmax=1.0)
            ax.set_title(label(name), fontsize=7)
            ax.set_xticks(np.arange(len(rates)) + 0.5, [f"{rate:g}" for rate in rates], rotation=90, fontsize=6)
            ax.set_yticks(np.arange(len(at)) + 0.5, [str(d) for d in at])
        axes[0].set_ylabel("depth")
        axes[len(axes) // 2].set_xlabel("learning rate")
        fig.colorbar(mesh, ax=axes, label="test accuracy")


def anytime(records: Records) -> None:
    """Accuracy along training at the best learning rate, a panel for each shallow depth."""
    at = [d for d in depths(records) if d <= 20]
    alt = (
        "Validation accuracy against the step, in log scale, a panel for each depth. SELU rises first at every depth. SANF-A "
        "starts level with He's ReLU at depth 5 and ends a little below it; at depth 20 it stays behind throughout."
    )
    with figure(alt, name="san-anytime", width=7.6, height=2.9) as fig:
        for ax, d in zip(np.atleast_1d(fig.subplots(1, len(at), sharey=True)), at):
            for index, name in enumerate(shown_networks(records)):
                steps, values = records.curve(f"mnist-{d}-{name}", "accuracy")
                band(ax, steps[1:], values[:, 1:], label(name), index)
            ax.set(title=f"depth {d}", xlabel="step", xscale="log")
            ax.xaxis.set_minor_formatter("")
        fig.axes[0].set_ylabel("validation accuracy")
        fig.axes[0].legend(fontsize=6)


def trained_spectra(records: Records) -> None:
    """Condition numbers by layer before, midway and after training; raw and centred."""
    at = SPECTRA_DEPTH if SPECTRA_DEPTH in depths(records) else depths(records)[-1]
    alt = (
        "Condition number of (1/m) Y Yᵀ by layer, before, midway through and after training, with the mean activation in "
        "(above) and taken out (below). ReLU's grow with the layer, those of SANF-A and SANF-T stay lower."
    )
    with figure(alt, name="san-trained-spectra", width=7.6, height=4.4) as fig:
        rows = fig.subplots(2, 3, sharex=True, sharey="row")
        for column, when in enumerate(("before training", "midway", "after training")):
            for row, kind in enumerate(("with the mean", "centred")):
                for index, name in enumerate(shown_networks(records)):
                    values = np.array(records.arrays(f"mnist-{at}-{name}", "condition"))[:, column, row]
                    band(rows[row, column], np.arange(1, values.shape[1] + 1), values, label(name), index)
                rows[row, 0].set_ylabel(f"log₁₀ condition,\n{kind}")
            rows[0, column].set_title(when)
            rows[1, column].set_xlabel("layer")
        rows[0, 0].legend(fontsize=6)
