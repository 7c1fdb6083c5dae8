"""Figures of schedules compared; random landscapes stand in `landscape_figures`, norms and rates in `rate_figures`.

Every function takes the records of one profile and draws the settings that it has. A grid point at which a network of some
seed diverged has no mean λ, and is left out of the curves.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from replications.figures import band, figure, palette
from replications.papers.complexity_gradient_descent import schedules
from replications.papers.complexity_gradient_descent.estimands import chosen, gain
from replications.papers.complexity_gradient_descent.schedules import SCHEDULES
from replications.statistics import t_interval
from replications.study import Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SETTINGS = {
    "mnist-plain-sgd": "MNIST, no batch norm",
    "fashion-plain-sgd": "Fashion-MNIST, no batch norm",
    "mnist-bn-sgd": "MNIST, batch norm",
    "fashion-bn-sgd": "Fashion-MNIST, batch norm",
    "mnist-plain-sgdw": "MNIST, no batch norm, SGDW",
    "fashion-plain-sgdw": "Fashion-MNIST, no batch norm, SGDW",
    "mnist-bn-sgdw": "MNIST, batch norm, SGDW",
    "fashion-bn-sgdw": "Fashion-MNIST, batch norm, SGDW",
    "mnist-plain-steps": "MNIST, no batch norm, step decay of η",
    "cifar10-resnet": "CIFAR-10, residual network",
}
GROUPS = {
    "set by η or time": ("sqrt-rate", "rate", "rate-squared", "inverse", "exponential"),
    "set by the loss": ("loss", "loss-rate", "index", "complexity"),
    "controls": ("increasing", "early", "late"),
}


def recorded_schedules(records: Records, setting: str) -> list[str]:
    """Schedules that were trained in a setting."""
    return [name for name in SCHEDULES if f"{setting}-{name}" in records]


def recorded_settings(records: Records) -> list[str]:
    """Settings that were trained with a constant and with another schedule."""
    found = {setting: recorded_schedules(records, setting) for setting in SETTINGS}
    return [setting for setting, names in found.items() if "constant" in names and len(names) > 1]


def scale(records: Records) -> str:
    """The scale of the training runs in words, for captions."""
    name = f"{recorded_settings(records)[0]}-constant"
    config, seeds = records[name][0].config, len(records[name])
    return (
        f"profile {records.profile}: two hidden layers of {config['width']}, {config['images']} training images, {config['steps']} "
        f"steps of {config['batch']}, {len(config['decays'])} L2 coefficients, {seeds} seed{'s' if seeds > 1 else ''}"
    )


def mean_decay(records: Records, condition: str) -> np.ndarray:
    """Σηλ/Ση of every grid point, mean over seeds; NaN where one diverged. Shape (grid,)."""
    return np.asarray(np.mean(records.arrays(condition, "mean_decay"), axis=0, dtype=np.float64))


def multipliers() -> None:
    """The schedules: what is known beforehand over time, what follows the loss over the loss."""
    alt = (
        "Multipliers of the L2 coefficient. Left: those known before the training, over the share of training done under a cosine learning "
        "rate: constant, powers of η that fall, an exponential, the inverse that rises to its cap of 20, and controls. Right: those that "
        "follow the loss, over the loss relative to its start: all fall to zero, or near it, as the loss does."
    )
    with figure(alt, name="cgd-multipliers", width=7.4, height=3.0) as fig:
        left, right = fig.subplots(1, 2)
        e = schedules.rates("cosine", 400)
        done = np.arange(len(e)) / len(e)
        known = [name for name, schedule in SCHEDULES.items() if not schedule.by_loss]
        for place, name in enumerate(known):
            style = palette.line(place) | {"markevery": (4 * place, 60)}
            left.plot(done, schedules.multipliers(name, e).numpy(), label=SCHEDULES[name].title, **style)
        left.set(xlabel="share of the training done", ylabel="λ_t / λ_0", yscale="log", ylim=(5e-3, 40))
        left.legend(fontsize=6, ncols=2)
        loss = torch.linspace(0.0, 1.2, 121, dtype=torch.float64)
        for place, name in enumerate(n for n in GROUPS["set by the loss"] if n != "loss-rate"):
            k = SCHEDULES[name].multiplier(torch.ones_like(loss), loss, torch.zeros_like(loss))
            right.plot(loss.numpy(), k.numpy(), label=SCHEDULES[name].title, **palette.line(place), markevery=20)
        right.set(xlabel="loss / first loss (smoothed)", ylabel="λ_t / λ_0")
        right.legend(fontsize=7)


def grid(records: Records, net: str) -> None:
    """Test NLL over the mean L2 coefficient, a row for each data set, a column for each group of schedules."""
    alt = (
        f"Test NLL against the rate-weighted mean of the L2 coefficient, {'with' if net == 'bn' else 'without'} batch norm: one curve for each "
        "schedule, the constant in every panel. Rows: data sets. Columns: schedules set by the learning rate or time, by the loss, and "
        "controls. A ring marks what validation images choose."
    )

    def of(setting: str, name: str) -> np.ndarray:
        return np.array(records.arrays(f"{setting}-{name}", "test_nll"))

    with figure(alt, name=f"cgd-grid{'-norm' if net == 'bn' else ''}", width=7.6, height=_height(records, net)) as fig:
        for setting, name, ax, place in _panels(fig, records, net, "test NLL (nats)", ("constant",)):
            x, values = mean_decay(records, f"{setting}-{name}"), of(setting, name)
            kept = np.isfinite(x)
            band(ax, x[kept], values[:, kept], SCHEDULES[name].title, place)
            best = Counter(index for _, index in chosen(records, [f"{setting}-{name}"])).most_common(1)[0][0]
            ring: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": palette[place], "markersize": 9}
            ax.plot(x[best], values[:, best].mean(), "o", linestyle="none", **ring)
            lowest = of(setting, "constant").mean(0).min()
            ax.set_ylim(0.9 * lowest, 1.5 * lowest)


def matched(records: Records) -> None:
    """NLL that a schedule saves over a constant of the same Σηλ, at every grid point."""
    alt = (
        "Test NLL of a constant L2 coefficient less that of a schedule with the same integrated shrink, start and batches, against the "
        "rate-weighted mean of the coefficient, without batch norm. Above zero the schedule is better. Rows: data sets. Columns: "
        "schedules set by the learning rate or time, by the loss, and controls."
    )
    with figure(alt, name="cgd-matched", width=7.6, height=_height(records, "plain")) as fig:
        for setting, name, ax, place in _panels(fig, records, "plain", "NLL saved (nats)", ()):
            condition = f"{setting}-{name}"
            twin = (condition, "twin_test_nll") if SCHEDULES[name].by_loss else (f"{setting}-constant", "test_nll")
            saved = np.array(records.arrays(*twin)) - np.array(records.arrays(condition, "test_nll"))
            x = mean_decay(records, condition)
            kept = np.isfinite(x)
            band(ax, x[kept], saved[:, kept], SCHEDULES[name].title, place)
            ax.axhline(0.0, linewidth=0.8, linestyle=":", color="grey")
            ax.set_yscale("symlog", linthresh=0.01)


def _height(records: Records, net: str) -> float:
    return 0.6 + 2.2 * len(_rows(records, net))


def _rows(records: Records, net: str) -> list[str]:
    return [setting for setting in recorded_settings(records) if setting.endswith(f"-{net}-sgd")]


def _panels(
    fig: Any, records: Records, net: str, label: str, always: tuple[str, ...]
) -> list[tuple[str, str, Axes, int]]:
    """Setting, schedule, axes and colour of every curve; legends are added when the figure is laid out."""
    rows = _rows(records, net)
    axes = fig.subplots(len(rows), len(GROUPS), sharex=True, sharey="row", squeeze=False)
    found = []
    for row, setting in enumerate(rows):
        for column, (title, names) in enumerate(GROUPS.items()):
            ax = axes[row, column]
            ax.set(xscale="log", title=f"{SETTINGS[setting].split(',')[0]}: {title}")
            shown = [name for name in (*always, *names) if f"{setting}-{name}" in records]
            # the constant keeps the first colour, whether or not it is drawn
            found += [(setting, name, ax, place + 1 - len(always)) for place, name in enumerate(shown)]
        axes[row, 0].set_ylabel(label)
    for ax in axes[-1]:
        ax.set_xlabel("mean L2 coefficient, Σηλ/Ση")
    for ax, names in zip(axes[0], GROUPS.values()):
        for place, name in enumerate((*always, *names)):
            line = palette.line(place + 1 - len(always))
            ax.plot([], [], label=SCHEDULES[name].title, **line)
        ax.legend(fontsize=6)
    return found


def gains(records: Records) -> None:
    """NLL saved over the best constant, each schedule at its own best λ_0, in every setting."""
    settings = recorded_settings(records)
    names = [name for name in SCHEDULES if name != "constant"]
    columns = min(3, len(settings))
    rows = -(-len(settings) // columns)
    alt = (
        "Test NLL saved over the best constant L2 coefficient by each schedule at its own best, a panel for each setting, with 95 % intervals "
        "over seeds. Right of zero the schedule is better."
    )
    with figure(alt, name="cgd-gains", width=7.6, height=0.6 + 2.3 * rows) as fig:
        axes = fig.subplots(rows, columns, sharey=True, squeeze=False).flatten()
        for ax, setting in zip(axes, settings):
            for name in recorded_schedules(records, setting)[1:]:
                values = gain(setting, [name], "nll")(records)
                y = names.index(name)
                group = next(k for k, members in enumerate(GROUPS.values()) if name in members)
                if len(values) > 1:
                    interval = t_interval(values)
                    ax.plot([interval.low, interval.high], [y, y], color=palette[group], linestyle="-")
                ax.plot([values.mean()], [y], "os^"[group], markersize=4, color=palette[group])
            ax.axvline(0.0, linewidth=0.8, linestyle=":", color="grey")
            ax.set_title(SETTINGS[setting], fontsize=7)
            ax.set_yticks(range(len(names)), [SCHEDULES[name].title for name in names], fontsize=6.5)
            ax.tick_params(axis="x", labelsize=7)
        axes[0].invert_yaxis()
        for ax in axes[len(settings) :]:
            ax.set_visible(False)
        for ax in axes[max(0, len(settings) - columns) : len(settings)]:
            ax.set_xlabel("NLL saved (nats)")
