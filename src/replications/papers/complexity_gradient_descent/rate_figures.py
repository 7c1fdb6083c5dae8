"""Figures of norms, effective learning rates and robustness of trained networks, from the records of one profile."""

from __future__ import annotations

from typing import Any

import numpy as np

from replications.figures import band, figure, palette
from replications.papers.complexity_gradient_descent import schedules
from replications.papers.complexity_gradient_descent.estimands import chosen
from replications.papers.complexity_gradient_descent.figures import recorded_settings
from replications.papers.complexity_gradient_descent.schedules import SCHEDULES
from replications.papers.complexity_gradient_descent.study import MAPPED
from replications.study import Records

WATCHED = ("constant", "rate", "inverse", "loss", "increasing")  # whose norms are drawn
BALANCES = {
    "bn-sgd": "batch norm",
    "bn-momentum": "batch norm, β = 0.9",
    "plain-sgd": "none",
    "plain-momentum": "none, β = 0.9",
}


def norms(records: Records) -> None:
    """Norm, effective learning rate and turning of the first layer along training, with and without batch norm."""
    rows = {net: f"mnist-{net}-sgd" for net in ("plain", "bn") if f"mnist-{net}-sgd" in recorded_settings(records)}
    alt = (
        "First layer along training on MNIST, each schedule at its own best L2 coefficient, without batch norm (above) and with it (below): norm "
        "of the weights, effective learning rate η over squared norm, and angle between successive weights."
    )
    with figure(alt, name="cgd-norms", width=7.6, height=0.6 + 2.2 * len(rows)) as fig:
        axes = fig.subplots(len(rows), 3, sharex=True, squeeze=False)
        for row, (net, setting) in zip(axes, rows.items()):
            for place, name in enumerate(n for n in WATCHED if f"{setting}-{n}" in records):
                condition = f"{setting}-{name}"
                picked = [index for _, index in chosen(records, [condition])]
                x, _ = records.curve(condition, "norm")
                config = records[condition][0].config
                e = schedules.rates(config["annealing"], config["steps"])[x.astype(int)].numpy()
                norm, angle = (
                    np.array([values[k] for values, k in zip(records.arrays(condition, part), picked)])
                    for part in ("norm", "angle")
                )
                rate = config["learning_rates"][0] * e / norm**2
                for ax, values in zip(row, (norm, rate, angle)):
                    band(ax, x, values, SCHEDULES[name].title, place)
            row[0].set_ylabel("batch norm" if net == "bn" else "no batch norm")
            row[1].set_yscale("log")
            row[2].set_yscale("log")
        for ax, title in zip(axes[0], ("|w|", "effective rate η/|w|²", "angle of a step (radians)")):
            ax.set_title(title)
        for ax in axes[-1]:
            ax.set_xlabel("step")
        axes[0, 0].legend(fontsize=6.5)


def equilibrium(records: Records) -> None:
    """Does |w| settle where L2 and gradient noise balance?"""
    names = [name for name in BALANCES if f"equilibrium-{name}" in records]
    alt = (
        "Left: norm of the first layer with batch norm and constant η and λ, against the step, one curve for each pair. Middle: effective "
        "learning rate η over squared norm, measured against predicted, hidden layers, with the diagonal. Right: measured fourth power "
        "of the norm over its prediction, by network: filled points are layers that batch norm follows where there is one, hollow "
        "ones the output layer; the tolerance of the claim is dotted."
    )
    with figure(alt, name="cgd-equilibrium", width=7.6, height=3.0) as fig:
        left, middle, right = fig.subplots(1, 3)
        for place, name in enumerate(names):
            condition = f"equilibrium-{name}"
            config = records[condition][0].config
            if name == "bn-sgd":
                for k, (rate, decay) in enumerate(config["pairs"]):
                    band(left, *records.curve(condition, f"norm_{k}"), f"η = {rate:g}, λ = {decay:g}", k)
            seen, expected = (
                np.array(records.arrays(condition, part))[:, :, :2].ravel()
                for part in ("effective_rate", "effective_rate_expected")
            )
            style = palette.line(place) | {"linestyle": "none"}
            middle.plot(expected, seen, label=BALANCES[name], **style)
            ratio = np.array(records.arrays(condition, "norm_ratio"))  # (seeds, pairs, layers)
            for part, fill, shift in ((ratio[:, :, :2], "full", -0.12), (ratio[:, :, 2], "none", 0.12)):
                right.plot(np.full(part.size, place + shift), part.ravel(), **style, fillstyle=fill)
        if names:
            ends = np.array(middle.get_xlim())
            middle.plot(ends, ends, linewidth=0.8, linestyle=":", color="grey")
            middle.legend(fontsize=6)
            left.legend(fontsize=6.5)
        left.set(xlabel="step", ylabel="|w| of the first layer", ylim=(0, None))
        middle.set(xscale="log", yscale="log", xlabel="predicted η/|w|²", ylabel="measured η/|w|²")
        for level in (0.9, 1.1):
            right.axhline(level, linewidth=0.8, linestyle=":", color="grey")
        right.set_xticks(range(len(names)), [BALANCES[name] for name in names], rotation=60, ha="right", fontsize=7)
        right.set(yscale="log", ylabel="|w|⁴ / prediction")


def maps(records: Records) -> None:
    """Test accuracy over learning rate and L2 coefficient, a map for each network and schedule; crosses where a seed diverged."""
    nets = [net for net in ("plain", "bn") if f"map-{net}-constant" in records]
    alt = (
        "Maps of test accuracy over the initial learning rate and the mean L2 coefficient, without batch norm (above) and with it (below), for a "
        "constant coefficient, one that falls with η, and one that rises as its inverse. A cross marks where some seed diverged."
    )
    with figure(alt, name="cgd-maps", width=7.2, height=0.6 + 2.1 * len(nets)) as fig:
        axes = fig.subplots(len(nets), len(MAPPED), sharex=True, sharey=True, squeeze=False)
        mesh: Any = None
        for row, net in zip(axes, nets):
            for ax, name in zip(row, MAPPED):
                condition = f"map-{net}-{name}"
                config = records[condition][0].config
                rates, decays = config["learning_rates"], config["decays"]
                shape = (len(rates), len(decays))
                accuracy = np.mean(records.arrays(condition, "test_accuracy"), axis=0).reshape(shape)
                gone = (np.array(records.arrays(condition, "diverged_at")) >= 0).any(0).reshape(shape)
                mesh = ax.pcolormesh(
                    np.arange(shape[1] + 1), np.arange(shape[0] + 1), accuracy, vmin=0.1, vmax=1.0, cmap="cividis"
                )
                y, x = np.nonzero(gone)
                ax.plot(x + 0.5, y + 0.5, "x", color="white", linestyle="none")
                ax.set_title(f"{'batch norm' if net == 'bn' else 'none'}: {SCHEDULES[name].title}", fontsize=8)
                ax.set_xticks(np.arange(shape[1]) + 0.5, [f"{decay:g}" for decay in decays], rotation=60, fontsize=6.5)
                ax.set_yticks(np.arange(shape[0]) + 0.5, [f"{rate:g}" for rate in rates], fontsize=6.5)
                ax.grid(False)
            row[0].set_ylabel("η_0")
        for ax in axes[-1]:
            ax.set_xlabel("Σηλ/Ση")
        fig.colorbar(mesh, ax=axes, label="test accuracy")
