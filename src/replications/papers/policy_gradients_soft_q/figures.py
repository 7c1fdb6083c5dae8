"""The figures of the chapter; the paper has none with data. Each takes records and draws."""

from __future__ import annotations

import numpy as np

from replications.figures import band, figure, palette
from replications.papers.policy_gradients_soft_q.experiments import BINS
from replications.papers.policy_gradients_soft_q.gradients import SLIPS
from replications.papers.policy_gradients_soft_q.walk import WALKERS
from replications.study import Records

NAMES = {
    "soft_q": "soft Q-learning",
    "policy_gradient": "policy gradient",
    "analytic_kl": "analytic KL",
    "wrong_kl": "KL weight τ, not τ²",
}
FLOOR = 1e-17  # below the spacing of float64 around θ: where an exact zero is drawn on a logarithmic axis


def gap(records: Records) -> None:
    """The gap identity: V - η(π) against τ KL(π‖π_q), one point a random case."""
    divergence, found = records.arrays("duality", "gap")[0]
    alt = "Every random case lies on the diagonal: the duality gap equals τ times the divergence, over many decades."
    with figure(alt, name="pgsq-gap", width=4.6, height=3.4) as fig:
        ax = fig.subplots()
        ax.scatter(divergence, found, s=7, alpha=0.6, linewidths=0, color=palette["blue"])
        ends = [float(divergence[divergence > 0].min()), float(divergence.max())]
        ax.plot(ends, ends, color=palette["orange"], linestyle="--", linewidth=1, label="equality")
        ax.set(
            xscale="log", yscale="log", xlabel="τ KL(π‖π_q) (units of reward)", ylabel="V(q) − η(π) (units of reward)"
        )
        ax.legend()


def ratios(records: Records) -> None:
    """Histograms of left/right for the inequalities whose constants are in question."""
    titles = {"i6": "I6: smoothness", "i7": "I7: policy map", "i8": "I8: transport"}
    alt = "In none of the three inequalities does the ratio of left to right exceed one; the mass reaches up to it."
    edges = np.linspace(0.0, 1.0, BINS + 1)
    with figure(alt, name="pgsq-ratios", width=7.2, height=2.4) as fig:
        for ax, (name, title) in zip(fig.subplots(1, 3, sharey=True), titles.items()):
            counts = np.sum(records.arrays("candidates", name), axis=0)
            ax.stairs(counts, edges, fill=True, color=palette["blue"], alpha=0.85)
            ax.axvline(1.0, color=palette["orange"], linestyle="--", linewidth=1)
            ax.set(title=title, xlabel="left / right", yscale="log", xlim=(0.0, 1.05))
        fig.axes[0].set_ylabel("random cases")


def walk(records: Records) -> None:
    """Where the agents go in the space of policies, and how far they part in that of weights."""
    alt = (
        "Left: soft Q-learning and the policy gradient draw one line through the space of policies towards the optimum; "
        "analytic KL stays near it, a wrong KL weight ends elsewhere. Right: the first two stay within rounding of each "
        "other over all updates, the others part in the first."
    )
    with figure(alt, name="pgsq-walk", width=7.4, height=3.4) as fig:
        plane, distance = fig.subplots(1, 2)
        paths, optima = records.arrays("learning", "path"), records.arrays("learning", "optimum")
        for index in (3, 2, 0, 1):  # the two that coincide on top, the second dashed over the first
            name, path = list(WALKERS)[index], paths[0][index]
            style = {"linewidth": 4.0, "alpha": 0.45, "linestyle": "-"} if name == "soft_q" else {"linewidth": 1.4}
            style = {"linestyle": (0, (2, 2)), **style} if name == "policy_gradient" else style
            plane.plot(path[:, 0], path[:, 1], color=palette[index], label=NAMES[name], **style)
        plane.plot(*paths[0][0][0], marker="o", color=palette["grey"], linestyle="none", label="start")
        plane.plot(*optima[0], marker="*", markersize=11, color=palette["grey"], linestyle="none", label="optimum")
        plane.set(title="Space of policies", xlabel="first principal direction", ylabel="second principal direction")
        plane.legend(fontsize=7.5)
        for index, name in list(enumerate(WALKERS))[1:]:
            updates, apart = records.curve("learning", f"distance_{name}")
            band(distance, updates, np.maximum(apart, FLOOR).max(0), NAMES[name], index)
        distance.axhline(1e-8, color=palette["grey"], linestyle=":", linewidth=1)
        distance.annotate("tolerance", (updates[0], 1e-8), ha="left", va="bottom", fontsize=8, xytext=(14, 2),
                          textcoords="offset points")  # fmt: skip
        distance.set(title="Distance from soft Q-learning", xlabel="update", ylabel="largest |θ − θ'|", yscale="log")
        distance.legend(fontsize=7.5, loc="center right", bbox_to_anchor=(1.0, 0.36))


def values(records: Records) -> None:
    """What the agents gain: the soft value of the start under each policy."""
    alt = "The soft value of the start rises alike for three agents; with the wrong KL weight it levels off below them."
    with figure(alt, name="pgsq-values", width=4.6, height=2.8) as fig:
        ax = fig.subplots()
        for index, name in enumerate(WALKERS):
            updates, found = records.curve("learning", f"value_{name}")
            band(ax, updates, found, NAMES[name], index)
        ax.set(xlabel="update", ylabel="V of the start (units of reward)")
        ax.legend(fontsize=8)


def cosine(records: Records) -> None:
    """1 - cosine between soft Q-learning's gradient and that of analytic-KL A2C, by batch size."""
    sizes, misses = records.curve("learning", "cosine")
    alt = "One minus the cosine of the two gradients falls as one over the batch size, along a line of slope -1."
    with figure(alt, name="pgsq-cosine", width=4.6, height=2.8) as fig:
        ax = fig.subplots()
        for seed, miss in enumerate(misses):
            ax.plot(sizes, miss, color=palette["blue"], marker="o", markersize=3, linestyle="-", linewidth=0.9,
                    label="one seed" if seed == 0 else None)  # fmt: skip
        guide = np.exp(np.log(misses[:, -1]).mean()) * sizes[-1] / sizes
        ax.plot(sizes, guide, color=palette["orange"], linestyle="--", label="1 / batch size")
        ax.set(xscale="log", yscale="log", xlabel="batch size (samples)", ylabel="mean of 1 − cosine")
        ax.legend()


def slips(records: Records) -> None:
    """The relative error of the gradient that each slip makes, against the temperature."""
    names = {
        "behaviour": "actions from μ",
        "through_sampling": "gradient through sampling",
        "wrong_kl": "KL coefficient doubled",
    }
    alt = "At temperatures of one and more each slip breaks the equality; at low ones a doubled KL weight hides."
    with figure(alt, name="pgsq-slips", width=7.2, height=2.8) as fig:
        axes = fig.subplots(1, 2, sharey=True)
        for ax, condition, title in zip(axes, ("duality", "random"), ("Bandits", "n-step, random processes")):
            for index, slip in enumerate(SLIPS):
                taus, errors = records.curve(condition, f"slip_{slip}")
                band(ax, taus, np.maximum(errors, FLOOR), names[slip], index)
            ax.axhline(1e-2, color=palette["grey"], linestyle=":", linewidth=1)
            ax.set(title=title, xlabel="temperature τ (units of reward)", xscale="log", yscale="log")
        axes[0].set_ylabel("relative error of the gradient")
        axes[1].legend(fontsize=8)


def limits(records: Records) -> None:
    """V_τ between its cold and its hot limit, and the price of an entropy bonus where episodes end."""
    alt = (
        "Left: the soft value falls with the temperature from the largest value to the mean, along both asymptotes. "
        "Right: with an entropy bonus the agent ceases to arrive at a temperature at which the KL penalty lets it."
    )
    with figure(alt, name="pgsq-limits", width=7.2, height=2.8) as fig:
        left, right = fig.subplots(1, 2)
        taus, found = records.curve("limits", "soft_value")
        left.plot(taus, found[0], color=palette["blue"], label="V(q)")
        span = float(np.ptp(found[0]))
        for index, (name, label) in enumerate((("cold", "max q + τ log μ(a*)"), ("hot", "mean + variance / 2τ"))):
            _, asymptote = records.curve("limits", name)
            near = np.abs(asymptote[0] - found[0]) < 0.5 * span
            left.plot(taus[near], asymptote[0][near], color=palette[1 + index], linestyle="--", label=label)
        left.set(xscale="log", xlabel="temperature τ (units of reward)", ylabel="soft value (units of reward)")
        left.legend(fontsize=8)
        for index, (name, label) in enumerate((("reach_kl", "KL to uniform"), ("reach_bonus", "entropy bonus"))):
            taus, reach = records.curve("limits", name)
            band(right, taus, reach[:1], label, index)
        right.set(xscale="log", xlabel="temperature τ (units of reward)", ylabel="discounted chance to arrive")
        right.legend(fontsize=8)
