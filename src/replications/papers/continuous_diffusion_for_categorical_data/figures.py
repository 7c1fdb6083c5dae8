"""The figures of the chapter, named after the paper's where they mirror one; each takes records and draws."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from replications.figures import band, figure, palette
from replications.papers.continuous_diffusion_for_categorical_data.published import TABLE_1, TABLE_2, ours
from replications.study import Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TOKEN_ARMS = (
    ("ce-sphere", "cross-entropy, normalised"), ("ce-free", "cross-entropy, free"),
    ("mse-sphere", "squared error, normalised"), ("mse-free", "squared error, free"),
)  # fmt: skip
SPACINGS = (
    ("uniform", "Euler, uniform in t"), ("rho8", "Euler, ρ = 8"), ("warped", "Euler, warped"), ("heun", "Heun, warped"),
)  # fmt: skip
RIVALS = (
    ("gaussian", "Gaussian, Euler"), ("simplex", "simplex, constant D"), ("gaussian_heun", "Gaussian, Heun"),
    ("simplex_heun", "simplex, Heun"),
)  # fmt: skip
TRADES = (
    ("score T", "score temperature"),
    ("softmax T", "softmax temperature"),
    ("initial σ", "initial noise"),
    ("nucleus", "nucleus"),
)


def warp(records: Records) -> None:
    """The paper's Figure 2: loss and fit, the implied weight of levels, and the loss over uniform time."""
    alt = (
        "Three panels on the chain of eight tokens. Left, against the noise level: the exact loss, the network's, and the fitted "
        "curve. Middle: the density from which levels are drawn. Right: the network's loss against uniform time, beside a line."
    )
    with figure(alt, name="cdcd-warp", width=7.6, height=3.0) as fig:
        left, middle, right = fig.subplots(1, 3)
        for index, (name, label) in enumerate(
            (("exact", "exact L(t)"), ("network", "network"), ("fitted", "fitted F̃(t)"))
        ):
            band(left, *records.curve("chain", f"{name} loss"), label, index)
        left.set(xscale="log", xlabel="t", ylabel="cross-entropy, nats", title="Loss and fit")
        left.legend(fontsize=7)
        band(middle, *records.curve("chain", "density"), "F′", 3)
        middle.set(xscale="log", yscale="log", xlabel="t", ylabel="density F′", title="Where levels are drawn")
        u, loss = records.curve("chain", "loss over u")
        band(right, u, loss, "network", 1)
        right.plot(
            u,
            u * records.scalars("chain", "data_entropy").mean(),
            ":",
            color=palette["grey"],
            label="line to the unigram entropy",
        )
        right.set(xlabel="uniform time u", ylabel="cross-entropy, nats", title="After warping")
        right.legend(fontsize=7)


def embeddings(records: Records) -> None:
    """What each loss does to learnt embeddings of a single token of eight."""
    alt = (
        "Smallest distance of two embeddings, left, and mean norm of the rows, right, against updates, for cross-entropy and "
        "squared error, with rows normalised or free."
    )
    with figure(alt, name="cdcd-embeddings", width=7.6, height=3.0) as fig:
        left, right = fig.subplots(1, 2)
        for index, (arm, label) in enumerate(TOKEN_ARMS):
            x, y = records.curve(f"token-{arm}", "min_distance")
            band(left, x, y, label, index)
            band(right, *records.curve(f"token-{arm}", "row_norm"), label, index)
        left.set(xlabel="update", ylabel="smallest distance / √d", title="Distance of embeddings")
        right.set(xlabel="update", ylabel="mean norm of rows W / √d", title="Norm of rows")
        fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=7)


def spacings(records: Records) -> None:
    """Score and entropy of samples against evaluations, with the exact posterior."""
    alt = (
        "Surprise of samples under the true chain, left, their unigram entropy, middle, and the distance of their bigrams, right, "
        "against the number of evaluations of the exact posterior, for three spacings of Euler steps and for Heun."
    )
    with figure(alt, name="cdcd-spacings", width=7.8, height=3.3) as fig:
        axes = fig.subplots(1, 3)
        for ax, kind, title in zip(axes, ("nll", "entropy", "tv"), ("Surprise", "Unigram entropy", "Bigrams")):
            for index, (arm, label) in enumerate(SPACINGS):
                x, y = records.curve("spacings", f"{arm} {kind}")
                band(ax, x, y, label, index)
            truth = {"nll": "data_nll", "entropy": "data_entropy", "tv": "fresh_tv"}[kind]
            ax.axhline(
                records.scalars("spacings", truth).mean(), color=palette["grey"], linestyle=":", label="the chain"
            )
            ax.set(title=title)
            _evaluations(ax, x)
        axes[0].set_ylabel("nats a token")
        axes[1].set_ylabel("nats")
        axes[2].set(ylabel="total variation", yscale="log")
        handles, labels = axes[0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=7)


def _evaluations(ax: Axes, n: np.ndarray) -> None:
    ax.set(xscale="log", xlabel="evaluations")
    ax.set_xticks(n, [f"{v:.0f}" for v in n])
    ax.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)


def knobs(records: Records) -> None:
    """The paper's Figures 4 and 5: surprise against entropy as each knob is turned."""
    alt = (
        "Surprise of samples against their unigram entropy along each knob: score temperature, softmax temperature, initial noise and "
        "nucleus with the exact posterior, left, and with a trained network, middle; score and softmax temperature and guidance on "
        "characters, right. Down and to the right is better; a cross marks the plain sampler."
    )
    with figure(alt, name="cdcd-knobs", width=7.8, height=3.4) as fig:
        axes = fig.subplots(1, 3)
        panels = (
            ("knobs", TRADES, "Chain, exact posterior"), ("chain", TRADES, "Chain, network"),
            ("text", (TRADES[0], TRADES[1], ("γ", "guidance")), "Characters"),
        )  # fmt: skip
        for ax, (condition, curves, title) in zip(axes, panels):
            for index, (name, label) in enumerate(curves):
                # the mean over seeds of both coordinates: entropies differ by seed
                points = np.mean([(r.curves[name].x, r.curves[name].y) for r in records[condition]], 0)
                index = index if label != "guidance" else 4
                ax.plot(*points, label=label, **palette.line(index))
                ax.plot(points[0, -1:], points[1, -1:], "x", color=palette["grey"], markersize=8)
            ax.set(xlabel="unigram entropy, nats", title=title)
            ax.ticklabel_format(useOffset=False)
        axes[0].set_ylabel("nats a token")
        named = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels())}
        fig.legend(named.values(), named.keys(), loc="outside lower center", ncols=5, fontsize=7)


def orders(records: Records) -> None:
    """Every group of Tables 1 and 2: the paper's score against ours, both as differences from the group's best."""
    alt = (
        "For each group of the paper's two tables, our score of a setting against the paper's, each as its distance from the best "
        "setting of the group over the group's range. Points on the diagonal would be the paper's order and proportions."
    )
    groups = {**TABLE_1, **TABLE_2}
    with figure(alt, name="cdcd-orders", width=7.8, height=6.6) as fig:
        for ax, (name, rows) in zip(fig.subplots(4, 5).flat, groups.items()):
            pairs = [(row.nll, found[0]) for row in rows if (found := ours(records, row))]
            if len(pairs) > 1:
                both = np.array(pairs)
                spread = np.ptp(both, axis=0)
                both = (both - both.min(0)) / np.where(spread > 0, spread, 1)
                ax.plot(both[:, 0], both[:, 1], "o", markersize=4, color=palette[0])
            ax.plot([0, 1], [0, 1], ":", color=palette["grey"], linewidth=1)
            ax.set(xlim=(-0.1, 1.1), ylim=(-0.1, 1.1), xticks=[0, 1], yticks=[0, 1])
            ax.set_title("\n".join(textwrap.wrap(name, 18)), fontsize=7)
        for ax in fig.axes[len(groups) :]:
            ax.set_axis_off()
        fig.supxlabel("paper: AR-NLL over the range of the group", fontsize=8)
        fig.supylabel("ours: NLL over the range of the group", fontsize=8)


def rivals(records: Records) -> None:
    """Two processes on one chain at equal evaluations."""
    alt = (
        "Surprise of samples, left, and distance of their bigrams, right, against evaluations of the exact posterior, for Gaussian "
        "embeddings and for the simplex process, each with a first-order step and with Heun's."
    )
    with figure(alt, name="cdcd-rivals", width=7.4, height=3.2) as fig:
        left, right = fig.subplots(1, 2)
        for index, (arm, label) in enumerate(RIVALS):
            for ax, kind in ((left, "nll"), (right, "tv")):
                x, y = records.curve("rivals", f"{arm} {kind}")
                band(ax, x, y, label, index)
        left.axhline(
            records.scalars("rivals", "data_nll").mean(), color=palette["grey"], linestyle=":", label="the chain"
        )
        right.axhline(
            records.scalars("rivals", "fresh_tv").mean(),
            color=palette["grey"],
            linestyle=":",
            label="as many fresh sequences",
        )
        for ax in (left, right):
            _evaluations(ax, x)
        left.set_ylabel("nats a token")
        right.set(ylabel="total variation", yscale="log")
        left.legend(fontsize=7)


def digits(records: Records) -> None:
    """Generated digits of 8×8 pixels, first seed."""
    samples = records.arrays("digits", "samples")[0]
    side = int(np.sqrt(samples.shape[1]))
    alt = f"{len(samples)} generated images of {side} by {side} pixels, ink or none, of the first seed."
    with figure(alt, name="cdcd-digits", width=7.4, height=1.9) as fig:
        axes = list(fig.subplots(2, 20).flat)
        for ax in axes:
            ax.set_axis_off()
        for ax, image in zip(axes, samples):
            ax.imshow(1 - image.reshape(side, side), cmap="gray", vmin=-0.2, vmax=1.1, interpolation="nearest")


def warping_rows(records: Records) -> list[dict[str, object]]:
    """Table of training law × sampling spacing × N, nll with its spread over seeds."""
    rows: list[dict[str, object]] = []
    names = (("chain-uniform", "uniform"), ("chain-log-uniform", "log-uniform"), ("chain", "warped"))
    steps = sorted({int(key.rsplit("_", 1)[1]) for key in records["chain"][0].scalars if key.startswith("nll_warped_")})
    for condition, law in names:
        for n in steps:
            row: dict[str, object] = {"levels in training": law, "N": str(n)}
            for arm, label in (("uniform", "uniform in t"), ("rho8", "ρ = 8"), ("warped", "warped")):
                nll, tv = (records.scalars(condition, f"{key}_{arm}_{n}").mean() for key in ("nll", "tv"))
                row[f"{label}: nats (TV)"] = f"{nll:.3f} ({tv:.3f})"
            rows.append(row)
    return rows


def exact_rows(records: Records) -> list[dict[str, object]]:
    """E1's table: nll (total variation) of each sampler at each number of evaluations."""
    steps = [int(n) for n in records["spacings"][0].curves["uniform nll"].x]
    rows: list[dict[str, object]] = []
    for arm, label in (*SPACINGS[:1], ("rho2", "Euler, ρ = 2"), ("rho4", "Euler, ρ = 4"), *SPACINGS[1:3],
                       ("warped_rho8", "Euler, warped and ρ = 8"), SPACINGS[3]):  # fmt: skip
        row: dict[str, object] = {"sampler": label}
        for n in steps:
            nll, tv = (records.scalars("spacings", f"{key}_{arm}_{n}").mean() for key in ("nll", "tv"))
            row[f"{n}"] = f"{nll:.3f} ({tv:.3f})"
        rows.append(row)
    return rows


def text_rows(records: Records) -> list[dict[str, object]]:
    """Characters: surprise under the judge, entropy, repeats, and the likelihood bound in bits a character."""
    rows: list[dict[str, object]] = []
    for label, condition, suffix in (
        ("text itself", "text", "_data"), ("the judge's own samples", "text", "_judge"), ("warped, self-conditioned", "text", ""),
        ("the same, more steps", "text", "_many"), ("trained and sampled uniform in t", "text-uniform", "_rho1"),
        ("trained uniform, sampled warped", "text-uniform", ""), ("without self-conditioning", "text-no-self", ""),
    ):  # fmt: skip
        nll, entropy = (records.scalars(condition, f"{key}{suffix}").mean() for key in ("nll", "entropy"))
        bits = {"_judge": "nats_judge", "": "nats"}.get(suffix)
        rows.append(
            {
                "samples": label,
                "AR-NLL, nats": f"{nll:.3f}",
                "unigram entropy, nats": f"{entropy:.3f}",
                "bits a character of test text": f"{records.scalars(condition, bits).mean() / np.log(2):.2f}"
                if bits
                else None,
            }
        )
    return rows
