"""The figures of the chapter, after the paper's Figures 2 to 7; each takes records and draws.

Alternative texts say what is plotted; what came out is read off the records, never assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from replications.figures import band, figure, palette
from replications.papers.emergent_in_context_learning.study import EXPONENTS, LAPTOP, architectures
from replications.study import Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAMILIES: dict[str, dict[str, str]] = {  # title → condition → label
    "share of bursts p (Figure 2)": {f"bursty-{p}": f"p = {p}" for p in ("0", "0.5", "0.9", "1")},
    "number of classes K (Figure 3)": {
        **{f"classes-{k}": f"{k:,}" for k in (128, 256, 512)},
        "bursty-1": "1,024",
        "classes-2048": "2,048",
    },
    "labels a class (Figure 4)": {"classes-512": "1", "labels-2": "2", "labels-4": "4"},
    "noise within a class ε (Figure 5)": {f"noise-{e}": f"ε = {e}" for e in ("0", "0.1", "0.5", "0.75", "3.2")},
}
NAMES = {"transformer": "transformer", "lstm": "LSTM", "rnn": "RNN", "gru": "GRU"}
PLATEAU = 2 / 8  # a random label of the context is right for two copies among eight pairs


def _present(records: Records, conditions: dict[str, str]) -> dict[str, str]:
    """Those of `conditions` that were recorded: a smaller profile holds a few."""
    return {name: label for name, label in conditions.items() if name in records}


def _accuracy(ax: Axes, title: str = "") -> None:
    ax.set(ylim=(-0.03, 1.03), title=title)


def curves(records: Records) -> None:
    """The paper's Figures 2 to 5: both abilities over training, a row for each property of the data."""
    alt = (
        "Four rows, one for each property of the data: share of bursts, number of classes, labels a class, noise within a "
        "class. Left column: accuracy on new classes, named in context alone, against the training step. Right column: "
        "accuracy on trained classes that the context lacks. One line a condition, bands over seeds; a dotted line marks "
        "one quarter, what copying a random label of the context gives."
    )
    with figure(alt, name="eicl-curves", width=8.2, height=9.0) as fig:
        rows = fig.subplots(len(FAMILIES), 2, sharey=True)
        for (left, right), (title, conditions) in zip(rows, FAMILIES.items()):
            for ax, metric, head in ((left, "ic", "in context"), (right, "iw", "in weights")):
                for index, (condition, label) in enumerate(_present(records, conditions).items()):
                    steps, values = records.curve(condition, metric)
                    band(ax, steps, values, label, index)
                _accuracy(ax, f"{head}: {title}")
            left.axhline(PLATEAU, color=palette["grey"], linestyle=":", linewidth=1)
            left.set_ylabel("accuracy")
            if right.lines:
                right.legend(fontsize=7.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
        for ax in rows[-1]:
            ax.set_xlabel("training step of 128 sequences")


def tradeoff(records: Records) -> None:
    """Every transformer on a uniform class law at the end of its training: one ability against the other."""
    alt = (
        "Accuracy in weights against accuracy in context at the end of training, one point a network, for all "
        "transformers on a uniform class law and, marked apart, those on a Zipfian law with exponent 1. Dashed lines at "
        "0.7 fence off the corner where both abilities are held."
    )
    families = {
        "share of bursts": ("bursty-",),
        "classes": ("classes-",),
        "labels a class": ("labels-",),
        "noise": ("noise-",),
        "8,000 steps": ("long",),
        "other": ("copies-", "transformer-", "zipf-0"),
        "Zipf, α = 1": ("zipf-1",),
    }
    with figure(alt, name="eicl-tradeoff", width=5.2, height=4.2) as fig:
        ax = fig.subplots()
        for index, (label, prefixes) in enumerate(families.items()):
            names = [n for n in records.conditions if n.startswith(prefixes) and n not in ("zipf-0.5", "zipf-1.5")]
            if names:
                x, y = (np.concatenate([records.scalars(name, metric) for name in names]) for metric in ("ic", "iw"))
                style = palette.line(index)
                ax.scatter(x, y, s=26, color=style["color"], marker=style["marker"], alpha=0.8, label=label)
        ax.axvline(0.7, color=palette["grey"], linestyle="--", linewidth=1)
        ax.axhline(0.7, color=palette["grey"], linestyle="--", linewidth=1)
        ax.set(xlabel="accuracy in context (new classes)", ylabel="accuracy in weights", xlim=(-0.03, 1.03))
        _accuracy(ax)
        if ax.collections:
            ax.legend(fontsize=7.5, loc="center left", bbox_to_anchor=(1.0, 0.5))


def zipf(records: Records) -> None:
    """The paper's Figure 6: both abilities at the end against the exponent of the class law."""
    alt = (
        "Accuracy at the end of training against the Zipf exponent from 0 to 2, with 8,192 classes and 90 % bursts. Lines "
        "for new classes in context, the ten most common classes in weights, all other classes in weights, and the "
        "smaller of the first two; bands over seeds."
    )
    lines = {"ic": "in context", "iw_top": "in weights, ten most common", "iw_rest": "in weights, the rest"}
    at = [a for a in EXPONENTS if f"zipf-{a:g}" in records]
    with figure(alt, name="eicl-zipf", width=7.2, height=3.4) as fig:
        ax = fig.subplots()
        if at:
            found = {
                m: np.stack([records.scalars(f"zipf-{a:g}", m) for a in at], 1) for m in lines
            }  # (seeds, exponents)
            for index, (metric, label) in enumerate(lines.items()):
                band(ax, at, found[metric], label, index)
            band(ax, at, np.minimum(found["ic"], found["iw_top"]), "smaller of the first two", 3)
            ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
        ax.set(xlabel="Zipf exponent α", ylabel="accuracy at the end")
        _accuracy(ax)


def recurrence(records: Records) -> None:
    """The paper's Figures 7 and 8: every run of every architecture over four learning rates."""
    alt = (
        "Two panels over the training step: accuracy in context (left, with a dotted line at one quarter) and in weights "
        "(right). One thin line a run: transformers, LSTMs, RNNs and GRUs of the same number of parameters, four learning "
        "rates and every seed each."
    )
    with figure(alt, name="eicl-architectures", width=7.2, height=3.2) as fig:
        left, right = fig.subplots(1, 2, sharey=True)
        for index, (kind, names) in enumerate(architectures(LAPTOP).items()):
            for ax, metric in ((left, "ic"), (right, "iw")):
                style = palette.line(index) | {"marker": "", "linewidth": 0.9, "alpha": 0.8}
                label: str | None = NAMES[kind]
                for name in _present(records, dict.fromkeys(names, "")):
                    steps, values = records.curve(name, metric)
                    for run in values:
                        ax.plot(steps, run, label=label, **style)
                        label = None
        left.axhline(PLATEAU, color=palette["grey"], linestyle=":", linewidth=1)
        left.set(xlabel="training step", ylabel="accuracy")
        right.set(xlabel="training step")
        _accuracy(left, "in context (Figure 7)")
        _accuracy(right, "in weights (Figure 8)")
        if right.lines:
            right.legend(fontsize=8)


def transience(records: Records) -> None:
    """A long training with and without weight decay: both abilities and the loss."""
    alt = (
        "Three panels over 8,000 training steps with 90 % bursts: accuracy in context, accuracy in weights, and the "
        "training loss in nats. One line without weight decay and one with decay 0.1, bands over seeds."
    )
    arms = _present(records, {"long": "no decay", "long-decay": "decay 0.1"})
    with figure(alt, name="eicl-transience", width=7.2, height=2.8) as fig:
        for ax, metric, title in zip(
            fig.subplots(1, 3), ("ic", "iw", "loss"), ("in context", "in weights", "training loss (nats)")
        ):
            for index, (condition, label) in enumerate(arms.items()):
                steps, values = records.curve(condition, metric)
                first = 1 if metric == "loss" else 0  # before the first step there is no loss
                band(ax, steps[first:], values[:, first:], label, index)
            ax.set(title=title, xlabel="training step")
            if metric != "loss":
                _accuracy(ax, title)
            if ax.lines:
                ax.legend(fontsize=8)


def head(records: Records) -> None:
    """Attention of one run before and after the jump, and both halves of the induction head over training."""
    arrays, seed = {}, 0
    for name in ("first", "second", "same"):
        for when in ("before", "after"):
            arrays[name, when] = records.arrays("bursty-1", f"{name}_{when}")[seed]
    steps, previous = records.curve("bursty-1", "previous")
    match, ic = records.curve("bursty-1", "match")[1], records.curve("bursty-1", "ic")[1]
    alt = (
        "Top: attention of layer 1, averaged over sequences of new classes, 17 tokens by 17, at the last look before "
        "accuracy in context is one half and at the end. Middle: attention of the query in layer 2 for eight such "
        "sequences, pairs of the query's class moved to the left. Bottom: over training, what label tokens give to the "
        "item before them, what the query gives to labels of its class, and accuracy in context; bands over seeds."
    )
    with figure(alt, name="eicl-head", width=7.2, height=7.6) as fig:
        grid = fig.add_gridspec(3, 2, height_ratios=(3.2, 1.6, 2.2))
        for column, (when, title) in enumerate((("before", "before the jump"), ("after", "at the end"))):
            ax = fig.add_subplot(grid[0, column])
            ax.imshow(arrays["first", when], vmin=0, vmax=1)
            ax.set(title=f"layer 1, {title}", xlabel="token read", ylabel="token that reads")
            ax.grid(visible=False)
            ax = fig.add_subplot(grid[1, column])
            ax.imshow(_sorted(arrays["second", when], arrays["same", when]), vmin=0, vmax=1, aspect="auto")
            ax.set(title=f"layer 2, {title}", xlabel="token, pairs of the query's class first", ylabel="sequence")
            ax.set_xticks(range(0, arrays["second", when].shape[1], 4))
            ax.grid(visible=False)
        ax = fig.add_subplot(grid[2, :])
        for index, (values, label) in enumerate(
            (
                (previous, "layer 1: label to item before"),
                (match, "layer 2: query to labels of its class"),
                (ic, "accuracy"),
            )
        ):
            band(ax, steps, values, label, index)
        ax.set(xlabel="training step")
        _accuracy(ax, "both halves of the induction head, and accuracy in context")
        ax.legend(fontsize=8)


def _sorted(second: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Tokens of each sequence with the pairs of the query's class first. (S, T)"""
    moved = second.copy()
    for row, marks in enumerate(same):
        pairs = np.argsort(-marks, kind="stable")
        tokens = np.stack([2 * pairs, 2 * pairs + 1], 1).ravel()
        moved[row, : len(tokens)] = second[row, tokens]
    return moved


def drawings(records: Records) -> None:
    """The paper's Figure 2 on drawings, small: both abilities over training with and without bursts."""
    conditions = {"image-bursty-0": "p = 0", "image-bursty-1": "p = 1"}
    alt = (
        "Two panels over the training step on drawings of characters. Left: closed accuracy in context on held-out "
        "characters, with a dotted line at one half, which is chance. Right: accuracy in weights on trained classes. One "
        "line without bursts and one with nothing but bursts, bands over seeds."
    )
    with figure(alt, name="eicl-images", width=7.2, height=3.0) as fig:
        left, right = fig.subplots(1, 2, sharey=True)
        for index, (condition, label) in enumerate(_present(records, conditions).items()):
            for ax, metric in ((left, "ic_closed"), (right, "iw")):
                steps, values = records.curve(condition, metric)
                band(ax, steps, values, label, index)
        left.axhline(0.5, color=palette["grey"], linestyle=":", linewidth=1)
        left.set(xlabel="training step", ylabel="accuracy")
        right.set(xlabel="training step")
        _accuracy(left, "in context, among two labels")
        _accuracy(right, "in weights")
        if right.lines:
            right.legend(fontsize=8)


def rows(records: Records, conditions: Sequence[str], metrics: Sequence[str]) -> list[dict[str, Any]]:
    """One row a recorded condition: the mean of each metric over seeds."""
    return [
        {
            "condition": name,
            **{metric: round(float(records.scalars(name, metric).mean()), 3) for metric in metrics},
            "seeds": len(records.seeds(name)),
        }
        for name in conditions
        if name in records
    ]
