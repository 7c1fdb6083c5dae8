"""The figures of the chapter; the paper has none with data. Each takes records and draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from replications.figures import band, figure, palette
from replications.papers.wasserstein_rl.animation import density as animation
from replications.statistics import t_interval
from replications.study import Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["animation", "arms", "density", "energy", "entropic", "order_rows", "orders", "particles"]

SHOWN = (0.0, 0.15, 1.0, 5.0, 30.0)  # times of the snapshots


def density(records: Records) -> None:
    """Snapshots of the policy of one bandit, and the reward it climbs."""
    actions, times = records.arrays("wells", "actions")[0], records.arrays("wells", "times")[0]
    frames, gibbs = records.arrays("wells", "frames")[0], records.arrays("wells", "gibbs")[0]
    reward = records.arrays("wells", "reward")[0]
    alt = (
        "Left: the policy starts as one hump at the worse action, widens, and its mass drifts over the barrier until it "
        "lies on the Gibbs density. Right: the reward, two hills of unequal height."
    )
    with figure(alt, name="wrl-density", width=7.2, height=3.0) as fig:
        left, right = fig.subplots(1, 2, width_ratios=(2, 1))
        for index, time in enumerate(SHOWN):
            nearest = int(np.abs(times - time).argmin())
            style = palette.line(index) | {"marker": ""}
            left.plot(actions, frames[nearest], label=f"t = {times[nearest]:.2g}", **style)
        left.plot(actions, gibbs, color=palette["grey"], linewidth=4, alpha=0.35, linestyle="-", label="e^(r/β)")
        left.set(title="Policy", xlabel="action", ylabel="density (1/action)")
        left.legend(fontsize=8)
        right.plot(actions, reward, color=palette["grey"], linestyle="-")
        right.set(title="Reward", xlabel="action", ylabel="r (units of reward)", ylim=(reward.max() - 1.0, None))


def _falling(ax: Axes, records: Records, lines: dict[tuple[str, str], str], x_label: str, title: str) -> None:
    """Errors of several methods against the step, log-log, each with all its seeds, and a line of slope one."""
    from matplotlib.ticker import NullFormatter

    highest = []
    for index, ((condition, name), label) in enumerate(lines.items()):
        sizes, errors = records.curve(condition, name)
        for seed, error in enumerate(errors):
            style = palette.line(index) | {"linewidth": 0.9, "markersize": 3}
            ax.plot(sizes, error, label=label if seed == 0 else None, **style)
        highest.append((float(sizes.max()), float(sizes.min()), float(errors.max())))
    right, left, top = max(h[0] for h in highest), min(h[1] for h in highest), max(h[2] for h in highest)
    ax.plot([left, right], [2 * top * left / right, 2 * top], color=palette["grey"], linestyle=":", label="slope 1")
    ax.set(xscale="log", yscale="log", xlabel=x_label, title=title)
    ax.xaxis.set_minor_formatter(NullFormatter())  # less than a decade would label every tenth
    ax.set_ylim(top=40 * top)  # room for the legend above the lines
    ax.legend(fontsize=7.5, ncols=2, loc="upper left")


def orders(records: Records) -> None:
    """Distance to the flow: against the step of the penalty form, and against the radius of the trust region."""
    alt = (
        "Left: the distance to the flow at time 1 falls in proportion to the step, for Gaussians, the double well and "
        "arms; with the penalty doubled it does not fall. Right: trust-region paths approach the flow curve in "
        "proportion to the radius."
    )
    penalty = {
        ("gaussian", "errors"): "Gaussian",
        ("wells", "errors"): "double well",
        ("arms", "jko"): "arms",
        ("wells", "doubled_penalty"): "double well, W₂²/h",
    }
    trust = {("gaussian", "trust"): "Gaussian", ("wells", "trust"): "double well", ("arms", "trust"): "arms"}
    with figure(alt, name="wrl-orders", width=7.4, height=3.4) as fig:
        left, right = fig.subplots(1, 2)
        _falling(left, records, penalty, "step h (time)", "Penalty form")
        _falling(right, records, trust, "radius ε", "Trust region")
        left.set_ylabel("distance to the flow")


ORDERS = {
    ("gaussian", "order"): ("Gaussian, penalty", "Ornstein-Uhlenbeck"),
    ("wells", "order"): ("double well, penalty", "Fokker-Planck solver"),
    ("arms", "jko_order"): ("arms, penalty in the metric of Maas", "matrix exponential"),
    ("arms", "implicit_order"): ("arms, implicit Euler", "matrix exponential"),
    ("gaussian", "trust_order"): ("Gaussian, trust region", "curve of the flow"),
    ("wells", "trust_order"): ("double well, trust region", "curve of the flow"),
    ("arms", "trust_order"): ("arms, trust region", "curve of the flow"),
    ("wells", "doubled_penalty_order"): ("double well, penalty W₂²/h (wrong)", "Fokker-Planck solver"),
}


def order_rows(records: Records) -> list[dict[str, Any]]:
    """One row an observed order: its mean over bandits, and its 95 % t interval where there are two or more."""
    rows = []
    for (condition, metric), (method, reference) in ORDERS.items():
        values = records.scalars(condition, metric)
        interval = t_interval(values) if len(values) > 1 else None
        rows.append(
            {
                "method": method,
                "against": reference,
                "order": _thousandths(float(values.mean())),
                "from": _thousandths(interval.low) if interval else None,
                "to": _thousandths(interval.high) if interval else None,
                "bandits": len(values),
            }
        )
    return rows


def _thousandths(value: float) -> float:
    return round(value, 3) + 0.0  # no minus before a zero


def energy(records: Records) -> None:
    """Free energy along the JKO steps, and KL along the Gaussian flow with its bound."""
    alt = (
        "Left: the free energy falls at every step of every seed. Right: KL to the stationary policy stays below the "
        "bound exp(−2kt) and becomes parallel to it or steeper."
    )
    with figure(alt, name="wrl-energy", width=7.2, height=2.9) as fig:
        left, right = fig.subplots(1, 2)
        times, energies = records.curve("wells", "energy")
        for row in energies:
            left.plot(times, row - row[-1], color=palette["blue"], linestyle="-", linewidth=1)
        left.set(title="Double well", xlabel="time", ylabel="F − F at time 1 (units of reward)")
        times, kl = records.curve("gaussian", "kl")
        for seed, row in enumerate(kl):
            right.plot(
                times, row, color=palette["blue"], linestyle="-", linewidth=1, label="flow" if not seed else None
            )
        right.plot(times, np.exp(-2 * times), color=palette["orange"], linestyle="--", label="bound exp(−2kt)")
        right.set(title="Gaussian policies", xlabel="time × k", ylabel="KL / KL at the start", yscale="log")
        right.legend(fontsize=8)


def particles(records: Records) -> None:
    """Histogram of Langevin particles on the Gibbs density."""
    actions, found = records.curve("particles", "histogram")
    _, gibbs = records.curve("particles", "gibbs")
    alt = "The histogram of the particles lies on the Gibbs density, two humps of unequal height."
    with figure(alt, name="wrl-particles", width=5.0, height=2.8) as fig:
        ax = fig.subplots()
        ax.bar(actions, found[0], width=actions[1] - actions[0], color=palette["blue"], alpha=0.5, label="particles")
        ax.plot(actions, gibbs[0], color=palette["orange"], linestyle="-", label="softmax(r/β)")
        ax.set(xlabel="action", ylabel="density (1/action)")
        ax.legend(fontsize=8)


def arms(records: Records) -> None:
    """The two geometries from one start, and the pinning of the static cost."""
    flow, contrast = records.arrays("arms", "wasserstein")[0], records.arrays("arms", "fisher_rao")[0]
    times = records.arrays("arms", "times")[0]
    alt = (
        "Left: from one start the shares of three arms move along different paths in the Wasserstein and in the KL "
        "geometry, and end at the same values. Right: with a static cost nothing moves below the predicted step, in "
        "any seed."
    )
    with figure(alt, name="wrl-arms", width=7.4, height=3.0) as fig:
        left, right = fig.subplots(1, 2)
        moving = np.argsort(-np.abs(flow - contrast).max(0))[:3]  # the arms on which the paths differ most
        late = times > 0
        for index, arm in enumerate(sorted(moving)):
            color = palette[index]
            left.plot(times[late], flow[late, arm], color=color, linestyle="-", label=f"arm {arm + 1}, W₂")
            left.plot(times[late], contrast[late, arm], color=color, linestyle="--", label=f"arm {arm + 1}, KL")
        left.set(title="Two geometries", xlabel="time", ylabel="probability", xscale="log")
        left.legend(fontsize=7, loc="upper left")
        steps, moved = records.curve("arms", "moved")
        for seed, row in enumerate(moved):
            right.plot(steps, row, **palette.line(seed) | {"linewidth": 1, "markersize": 3}, label=f"bandit {seed}")
        right.axvline(1.0, color=palette["grey"], linestyle=":")
        right.set(title="Static cost: pinning", xlabel="step h / predicted threshold", ylabel="share of mass moved")
        right.legend(fontsize=7, loc="lower right")


def entropic(records: Records) -> None:
    """The bias of the temperature that entropic transport makes, against ε, for both penalties."""
    alt = "The temperature bias grows as plus or minus half of ε, by the penalty's form, in every seed."
    with figure(alt, name="wrl-entropic", width=5.0, height=2.9) as fig:
        ax = fig.subplots()
        for index, (name, label) in enumerate((("entropy", "ε Σ Γ log Γ"), ("kl", "ε KL(Γ‖ρ ⊗ ρ')"))):
            epsilons, bias = records.curve("entropic", name)
            band(ax, epsilons, bias, label, index)
            half = epsilons / 2 * (1 if name == "entropy" else -1)
            ax.plot(epsilons, half, color=palette["grey"], linestyle=":", label=None if index else "±ε/2")
        ax.set(xlabel="ε (units of reward)", ylabel="k·variance − β (units of reward)")
        ax.legend(fontsize=8)
