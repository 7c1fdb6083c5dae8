"""The figures of the chapter; the paper has none. Each takes records and draws; the triangle needs none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replications.figures import band, figure, palette
from replications.papers.simplex_diffusion import cir, simplex
from replications.papers.simplex_diffusion.study import (
    BOUNDARY_ALPHAS,
    LAW_ALPHAS,
    ORDER_ALPHAS,
    REVERSAL_ALPHAS,
)
from replications.study import Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3) / 2]])  # of the triangle of three categories
FLOOR = 1e-6  # where a zero is drawn on a logarithmic axis


def laws(records: Records) -> None:
    """Sampled, exact and Euler densities of one coordinate at t = 0.7 from θ_0 = 1, with the p-values of the tests."""
    alt = (
        "Histograms of exact draws lie on the exact density for every α; four full-truncation Euler steps miss it, most of "
        "all near zero, where they pile up."
    )
    with figure(alt, name="simplex-laws", width=7.4, height=4.6) as fig:
        for ax, a in zip(fig.subplots(2, 2, sharex=True).flat, LAW_ALPHAS):
            name = f"law-{a:g}"
            for index, (curve, label) in enumerate(
                (("exact", "exact law"), ("sampled", "exact draws"), ("full truncation", "Euler, 4 steps"))
            ):
                x, y = records.curve(name, curve)
                style = {"marker": "o", "linestyle": "none", "markersize": 3} if index == 1 else {"marker": ""}
                ax.plot(x, np.maximum(y.mean(0), 1e-4), label=label, color=palette[index], **style)
            p = min(records.scalars(name, "poisson_gamma_p").min(), records.scalars(name, "chi_square_p").min())
            euler = records.scalars(name, "euler_p").max()
            ax.set(title=f"α = {a:g}: KS p ≥ {p:.2g} exact, ≤ {euler:.1g} Euler", yscale="log", ylim=(0.02, None))
            ax.title.set_fontsize(9)
        for ax in fig.axes[2:]:
            ax.set_xlabel("θ at t = 0.7 / b")
        for ax in fig.axes[::2]:
            ax.set_ylabel("density")
        fig.axes[0].legend(fontsize=8)


def orders(records: Records) -> None:
    """Weak and strong errors against the step, for an inaccessible, a reached and a sticky boundary."""
    alt = (
        "Weak errors of full truncation fall with slope one at α = 1 and 4 and stall at α = 0.1; strong errors fall with slope "
        "one half for Euler schemes and one for the implicit scheme and squared sums; at α = 0.1 they fall more slowly."
    )
    names = ("full truncation", "reflection", "clipping", "implicit", "quadratic-exponential", "squared OU")
    with figure(alt, name="simplex-orders", width=7.6, height=5.2) as fig:
        axes = fig.subplots(2, 3, sharex=True, sharey="row")
        for column, a in enumerate((0.1, 1.0, 4.0)):
            for row, kind in enumerate(("weak exp", "strong")):
                ax = axes[row, column]
                for index, name in enumerate(names):
                    _error_line(ax, records, f"orders-{a:g}", f"{kind} {name}", name, index)
                guide = np.array([2.0**-9, 2.0**-2])
                for slope, dash in ((0.5, ":"), (1.0, "--")):
                    ax.plot(
                        guide,
                        (0.1, 0.02)[row == 0] * (guide / 0.25) ** slope,
                        dash,
                        color=palette["grey"],
                        linewidth=0.9,
                    )
                ax.set(xscale="log", yscale="log")
            axes[0, column].set_title(f"α = {a:g}")
            axes[1, column].set_xlabel("step, 1/b")
        axes[0, 0].set_ylabel("weak error of E exp(−θ)")
        axes[1, 0].set_ylabel("strong error E|θ(h) − θ(h/2)|")
        axes[0, 0].set_ylim(1e-5, None)
        handles = {str(h.get_label()): h for ax in fig.axes for h in ax.get_lines()}
        named = [label for label in handles if not label.startswith("_")]
        fig.legend([handles[label] for label in named], named, loc="outside lower center", ncols=3, fontsize=8)


def _error_line(ax: Axes, records: Records, condition: str, curve: str, label: str, index: int) -> None:
    if curve in records[condition][0].curves:
        x, y = records.curve(condition, curve)
        ax.plot(x, np.maximum(np.exp(np.log(np.maximum(y, FLOOR)).mean(0)), FLOOR), color=palette[index], label=label,
                marker="osD^vP"[index], markersize=3, linewidth=1.1)  # fmt: skip


def boundary(records: Records) -> None:
    """What each scheme does to the stationary law, and how the score-matching target grows with the draws."""
    alt = (
        "Left: started in the stationary law, Euler schemes drift from it within 100 steps, the more the smaller α; exact "
        "sampling stays at the noise. Right: the mean squared score-matching target grows with the number of draws for α "
        "below one and is flat from one on."
    )
    schemes = (
        ("full_truncation", "full truncation"), ("reflection", "reflection"), ("clipping", "clipping"),
        ("epsilon", "ε in the root"), ("quadratic", "quadratic-exponential"), ("implicit", "implicit"), ("exact", "exact"),
    )  # fmt: skip
    with figure(alt, name="simplex-boundary", width=7.6, height=3.4) as fig:
        left, right = fig.subplots(1, 2)
        for index, (key, label) in enumerate(schemes):
            alphas = [a for a in BOUNDARY_ALPHAS if key != "implicit" or a > 0.5]
            distance = [records.scalars(f"boundary-{a:g}", f"drift_{key}").mean() for a in alphas]
            left.plot(alphas, distance, label=label, color=palette[index], marker="osD^vPX"[index], markersize=4)
        left.set(
            xscale="log", yscale="log", xlabel="α", ylabel="KS distance from Gamma(α)", title="After 100 steps of 1/8"
        )
        left.set_ylim(None, 20)  # room for the legend
        left.legend(fontsize=7, ncols=2, loc="upper right")
        for index, a in enumerate(BOUNDARY_ALPHAS[1:]):
            x, y = records.curve(f"boundary-{a:g}", "target")
            right.plot(
                x,
                np.exp(np.log(y).mean(0)),
                label=f"α = {a:g}",
                color=palette[index],
                marker="os^"[index],
                markersize=4,
            )
        right.set(
            xscale="log", yscale="log", xlabel="draws n", ylabel="mean of Y · target²", title="Score-matching target"
        )
        right.legend(fontsize=8)


def triangle(seed: int = 0) -> None:
    """The law of X for three categories from a vertex, and three paths, at α = 1/2 and 1."""
    alt = (
        "From one corner of the triangle, clouds of points spread as s grows: for α = 1 they end uniform, for α = 1/2 along the "
        "edges and corners. Paths of the process wander from the corner, and at α = 1/2 run along the edges."
    )
    rng = np.random.default_rng(seed)
    with figure(alt, name="simplex-triangle", width=7.6, height=3.6) as fig:
        axes = fig.subplots(2, 5)
        for row, alpha in enumerate((0.5, 1.0)):
            for ax, s in zip(axes[row], (0.05, 0.2, 0.5, 0.9)):
                x = simplex.project(simplex.noise_tokens(np.zeros(300, dtype=int), alpha, s, rng, n=3))
                points = x @ CORNERS
                ax.plot(points[:, 0], points[:, 1], ".", markersize=2, color=palette[row])
                ax.set_title(f"α = {alpha:g}, s = {s:g}", fontsize=8)
            for index in range(3):
                path = path_on_simplex(alpha, 120, 1, rng)[:, 0] @ CORNERS
                axes[row, 4].plot(path[:, 0], path[:, 1], "-", color=palette[index], linewidth=0.8)
            axes[row, 4].set_title(f"α = {alpha:g}, three paths", fontsize=8)
        for ax in axes.flat:
            outline = CORNERS[[0, 1, 2, 0]]
            ax.plot(outline[:, 0], outline[:, 1], color=palette["grey"], linewidth=0.8)
            ax.set_aspect("equal")
            ax.set_axis_off()


def path_on_simplex(alpha: float, frames: int, paths: int, rng: np.random.Generator, last: float = 0.97) -> np.ndarray:
    """Exact paths of X from the first corner, at levels s equally spaced up to `last`. (frames, paths, 3)."""
    s = np.linspace(0, last, frames)
    y = np.zeros((paths, 3))
    y[:, 0] = 1.0
    found = [y]
    for step in np.diff(-np.log1p(-s)):
        y = cir.sample(y, alpha, float(step), rng)
        found.append(y)
    states: np.ndarray = simplex.project(np.array(found))
    return states


def recovery(records: Records) -> None:
    """Total variation of the decoded law against the number of steps: every grid, and every α."""
    alt = (
        "The exact bridge is at the floor from five steps on; Heun and the exponential step reach it within ten to twenty; "
        "Euler and the reverse SDE stay above it, and Euler with steps uniform in time fails until fifty."
    )
    shown = (
        ("ODE Euler", "t"), ("ODE Euler", "s"), ("ODE exponential", "s"), ("ODE Heun", "log s"), ("reverse SDE", "s"),
        ("bridge", "s"),
    )  # fmt: skip
    with figure(alt, name="simplex-recovery", width=7.6, height=3.6) as fig:
        axes = fig.subplots(1, 3, sharey=True)
        for ax, a in zip(axes, (1.0, *(a for a in REVERSAL_ALPHAS if a != 1))):
            name = f"reversal-5-{a:g}"
            for index, (sampler, grid) in enumerate(shown):
                curve = f"{sampler}, {grid}"
                if curve in records[name][0].curves:
                    x, y = records.curve(name, curve)
                    ax.plot(x, y.mean(0), color=palette[index], marker="osD^vP"[index], markersize=4, label=curve)
            floor = records.scalars(name, "floor").mean()
            ax.axhline(floor, color=palette["grey"], linestyle=":", linewidth=1, label="floor of as many true draws")
            ax.set(yscale="log", title=f"α = {a:g}, V = 5")
            _steps_axis(ax, x)
        axes[0].set_ylabel("total variation")
        handles, labels = axes[0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)


def _steps_axis(ax: Axes, steps: np.ndarray) -> None:
    ax.set(xscale="log", xlabel="steps N")
    ax.set_xticks(steps, [f"{n:.0f}" for n in steps])
    ax.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)


def sequences(records: Records) -> None:
    """Likelihood and bigrams of generated sequences of the Markov chain against the number of steps."""
    alt = "Likelihood and bigrams of generated sequences approach those of the chain; the flow needs fewer steps than the bridge."
    with figure(alt, name="simplex-sequences", width=7.2, height=3.0) as fig:
        left, right = fig.subplots(1, 2)
        for index, name in enumerate(("ODE Heun", "ODE exponential", "bridge")):
            for ax, kind in ((left, "nll"), (right, "bigrams")):
                x, y = records.curve("sequences", f"{kind} {name}")
                band(ax, x, y, name, index)
        left.axhline(
            records.scalars("sequences", "chain_entropy").mean(), color=palette["grey"], linestyle=":", label="chain"
        )
        right.axhline(
            records.scalars("sequences", "data_bigram_tv").mean(), color=palette["grey"], linestyle=":", label="fresh"
        )
        left.set(ylabel="nats a token under the chain")
        right.set(yscale="log", ylabel="total variation of bigrams")
        for ax in (left, right):
            _steps_axis(ax, x)
        left.legend(fontsize=8)


def ranks(records: Records) -> None:
    """Share of ranks above r at equal top-1 accuracy."""
    alt = (
        "At equal top-1 accuracy the rank of the true token has a shelf that reaches to V for α = 1/V, while α = 1/2, α = 1 and "
        "Gaussian noise fall off together."
    )
    names = (("sparse", "α = 1/V"), ("half", "α = 1/2"), ("one", "α = 1"), ("gaussian", "Gaussian"))
    with figure(alt, name="simplex-ranks", width=7.4, height=3.2) as fig:
        for ax, v in zip(fig.subplots(1, 2, sharey=True), (1000, 32000)):
            for index, (key, label) in enumerate(names):
                x, y = records.curve(f"ranks-{v}", key)
                mean = y.mean(0)
                keep = mean > 0
                ax.plot(x[keep], mean[keep], color=palette[index], label=label, linewidth=1.4)
            lost = records.scalars(f"ranks-{v}", "lost_sparse").mean()
            ax.axhline(lost, color=palette["grey"], linestyle=":", linewidth=1, label="e^−λ of α = 1/V")
            ax.set(xscale="log", yscale="log", xlabel="rank r", title=f"V = {v}, top-1 accuracy 0.9", ylim=(1e-5, 0.2))
        fig.axes[0].set_ylabel("share of ranks above r")
        fig.axes[0].legend(fontsize=8, loc="lower left")


def training(records: Records) -> None:
    """Loss curves of the score-matching arms, and the score error of every arm."""
    alt = (
        "With a free output at α = 1/2 the loss jumps over many decades and the score error is far above that of the other arms; "
        "with the boundary term fixed, or with cross-entropy, training is steady for every α."
    )
    arms = (("ce", "cross-entropy"), ("fixed", "boundary fixed"), ("free", "free score"))
    with figure(alt, name="simplex-training", width=7.6, height=3.2) as fig:
        left, right = fig.subplots(1, 2)
        for index, (key, label) in enumerate(
            (("fixed-0.5", "fixed, α = 1/2"), ("free-0.5", "free, α = 1/2"), ("free-1", "free, α = 1"))
        ):
            x, y = records.curve(f"train-{key}", "loss")
            left.plot(x, y[0], color=palette[index], label=label, linewidth=0.9)
        left.set(yscale="log", xlabel="update", ylabel="loss of a batch, first seed", title="Score matching")
        left.legend(fontsize=8, loc="center", bbox_to_anchor=(0.6, 0.35))
        for index, (key, label) in enumerate(arms):
            errors = [records.scalars(f"train-{key}-{a:g}", "score_error").mean() for a in REVERSAL_ALPHAS]
            right.plot(REVERSAL_ALPHAS, errors, color=palette[index], marker="os^"[index], label=label)
        right.set(
            xscale="log", yscale="log", xlabel="α", ylabel="median score error", title="Error against the exact score"
        )
        right.set_xticks(REVERSAL_ALPHAS, [f"{a:g}" for a in REVERSAL_ALPHAS])
        right.minorticks_off()
        right.legend(fontsize=8)


def cost(records: Records) -> None:
    """CPU time a token against the number of categories."""
    alt = "Time a token grows in proportion to the number of categories for every part; noising and a step of a Gaussian state do not grow."
    with figure(alt, name="simplex-cost", width=7.4, height=3.2) as fig:
        left, right = fig.subplots(1, 2, sharey=True)
        for index, job in enumerate(("noising", "posterior", "step")):
            x, y = records.curve("cost", f"one {job}")
            left.plot(x, y.mean(0), color=palette[index], marker="os^"[index], markersize=4, label=job)
        for index, (key, label) in enumerate((("half", "α = 1/2"), ("one", "α = 1"), ("sparse", "α = 1/V"))):
            total = sum(records.curve("cost", f"{key} {job}")[1].mean(0) for job in ("noising", "posterior", "step"))
            right.plot(x, np.asarray(total), color=palette[index], marker="os^"[index], markersize=4, label=label)
        for index, (key, label) in enumerate(
            (("gaussian", "Gaussian, exact posterior"), ("gaussian state", "Gaussian, no posterior"))
        ):
            right.plot(
                x,
                records.curve("cost", key)[1].mean(0),
                color=palette[3 + index],
                marker="vP"[index],
                markersize=4,
                label=label,
            )
        left.set(xscale="log", yscale="log", xlabel="V", ylabel="CPU µs a token", title="Parts, α = 1")
        right.set(xscale="log", xlabel="V", title="All parts; Gaussian with d = 256")
        left.legend(fontsize=8)
        right.legend(fontsize=7)


def order_table(records: Records) -> list[dict[str, object]]:
    """Fitted orders by α: rows for a table."""
    keys = (
        ("full_truncation", "full truncation"), ("reflection", "reflection"), ("clipping", "clipping"),
        ("implicit", "implicit"), ("squared_ou", "squared OU"),
    )  # fmt: skip
    rows = []
    for a in ORDER_ALPHAS:
        row: dict[str, object] = {"α": f"{a:g}"}
        for kind in ("weak", "strong"):
            for key, label in keys:
                if kind == "weak" and key == "squared_ou":
                    continue
                metric = f"{kind}_order_{key}"
                seen = [r.scalars[metric] for r in records[f"orders-{a:g}"] if metric in r.scalars]
                row[f"{kind}, {label}"] = round(float(np.mean(seen)), 2) if seen else None
        rows.append(row)
    return rows
