"""Figures and tables of BYOL's variants: robustness, heads and losses, norms, few labels, and the exact problem."""

from __future__ import annotations

from typing import Any

import numpy as np

from replications.figures import band, figure, palette
from replications.papers.byol.claims import copied
from replications.statistics import mean_and_deviation
from replications.study import Records
from replications.study.rules import finite

METHODS = {"BYOL": "", "SimCLR's form": "simclr_"}  # and the prefix of its variants
FIGURE_3A = {  # % top-1 by batch size, Table 16
    "BYOL": {4096: 72.5, 2048: 72.4, 1024: 72.2, 512: 72.2, 256: 71.8, 128: 69.6},
    "SimCLR's form": {4096: 67.9, 2048: 67.8, 1024: 67.4, 512: 66.5, 256: 64.3, 128: 63.6},
}
FIGURE_3B = {  # % top-1 by set of views, Table 17
    "BYOL": {"all": 72.5, "no grey": 70.3, "no colour": 63.4, "crop, blur": 61.1, "crop only": 59.4},
    "SimCLR's form": {"all": 67.9, "no grey": 61.9, "no colour": 45.7, "crop, blur": 41.7, "crop only": 40.3},
}
# variant → its name, what it is compared with, the paper's % for both, and where
VARIANTS: dict[str, tuple[str, str, float, float, str]] = {
    "linear_predictor": ("linear predictor", "watch", 71.5, 72.5, "Table 14a"),
    "negatives": ("negatives added, α = 0.1", "watch", 70.9, 72.5, "Table 18"),
    "loss_none": ("no normalisation in the loss", "watch", 67.4, 72.5, "Table 20"),
    "lambda_10": ("τ = 0, λ = 10", "tau_0", 66.6, 5.5, "Table 21"),
    "fitted_predictor": ("τ = 0, predictor fitted to each batch", "tau_0", 52.5, 5.5, "section 5, Table 21"),
    "batch_64": ("a quarter of the batch at a time", "watch", 72.2, 72.5, "Table 16, 1024"),
    "no_colour": ("no colour", "watch", 63.4, 72.5, "Table 17"),
    "crop": ("crop only", "watch", 59.4, 72.5, "Table 17"),
    "simclr_batch_64": ("SimCLR's form, a quarter of the batch at a time", "simclr", 67.4, 67.9, "Table 16, 1024"),
    "simclr_no_colour": ("SimCLR's form, no colour", "simclr", 45.7, 67.9, "Table 17"),
    "simclr_crop": ("SimCLR's form, crop only", "simclr", 40.3, 67.9, "Table 17"),
}
OURS = ({"256": "", "64": "batch_64"}, {"all": "", "no colour": "no_colour", "crop only": "crop"})  # tick → variant
BASES = {
    "watch": ("BYOL", 72.5, "Table 5a"),
    "tau_0": ("τ = 0, λ = 1", 5.5, "Table 21"),
    "simclr": ("SimCLR's form", 67.9, "Table 16"),
}
DECAY = {
    "watch": "BYOL",
    "no_decay": "BYOL, no decay",
    "simclr": "SimCLR's form",
    "simclr_no_decay": "SimCLR's form, no decay",
}
TABLE_2A = {"watch": (53.2, 68.8), "simclr": (48.3, 65.6)}  # % top-1, fine-tuned on 1 % and on 10 % of the labels


def recorded(records: Records) -> bool:
    """Whether the arms of `robustness` are all there."""
    wanted = [f"{prefix}{name}" for prefix in METHODS.values() for name in ("batch_64", "no_colour", "crop")]
    return all(name in records for name in ("watch", "simclr", *wanted))


def scale(records: Records, name: str) -> str:
    """The scale of one condition in words, for captions."""
    if name not in records:
        return "not recorded yet"
    runs = records[name]
    seeds = f"{len(runs)} seed{'s' if len(runs) > 1 else ''}"
    return (
        f"profile {records.profile}: CIFAR-10, {runs[0].cost.samples:,} images seen in "
        f"{runs[0].config['epochs']:g} epochs, {seeds}"
    )


def said(records: Records, name: str, base: str, metric: str = "knn") -> str:
    """By how many points one condition is above another, in words for the prose."""
    if name not in records or base not in records:
        return "(not recorded yet)"
    return f"{100 * records.paired(name, base, metric).mean():.1f}".replace("-", "−")


def robustness(records: Records) -> None:
    """Accuracy lost with smaller batches and fewer augmentations; ours, where recorded, above the paper's Figure 3."""
    ours = recorded(records)
    alt = (
        "Points of accuracy lost against the method's own baseline. In the paper, BYOL loses less than SimCLR with smaller "
        "batches and far less with fewer augmentations." + (" Above, ours, a point a seed." if ours else "")
    )
    with figure(alt, name="byol-robustness", width=7.4, height=5.0 if ours else 2.7) as fig:
        axes = fig.subplots(2 if ours else 1, 2, squeeze=False)
        for index, (method, prefix) in enumerate(METHODS.items()):
            color = (palette["blue"], palette["orange"])[index]
            if ours:
                before = "simclr" if prefix else "watch"
                for ax, names in zip(axes[0], OURS):
                    losses = [
                        100 * records.paired(before, f"{prefix}{name}" if name else before, "knn")
                        for name in names.values()
                    ]
                    ax.plot(range(len(names)), [lost.mean() for lost in losses], color=color, label=method)
                    for place, lost in enumerate(losses):
                        ax.plot([place] * len(lost), lost, "o", color=color, markersize=3.5)
                    ax.set_xticks(range(len(names)), list(names))
            _published(axes[-1, 0], {str(size): value for size, value in FIGURE_3A[method].items()}, method, color)
            _published(axes[-1, 1], FIGURE_3B[method], method, color)
        for row, (source, unit) in zip(axes, ([("ours", "kNN")] if ours else []) + [("paper", "linear, ImageNet")]):
            row[0].set(xlabel="batch that norms see", ylabel="points lost", title=f"Batch, {source} ({unit})")
            row[1].set(xlabel="augmentation", title=f"Augmentation, {source} ({unit})")
        for ax in axes.flat:
            ax.tick_params(axis="x", labelsize=7.5)
        axes[0, 0].legend(fontsize=7.5)


def _published(ax: Any, values: dict[str, float], method: str, color: str) -> None:
    best = next(iter(values.values()))
    ax.plot(
        range(len(values)),
        [best - value for value in values.values()],
        "s-" if method == "BYOL" else "D--",
        color=color,
        label=method,
        markersize=4,
    )
    ax.set_xticks(range(len(values)), list(values))


def table(records: Records) -> list[dict[str, Any]]:
    """A row a variant: kNN accuracy, the difference from the arm it is compared with, and the paper's; "–" where not recorded."""
    arm = {"tau_0": copied(records)}
    rows = []
    for name, (title, paper, where) in BASES.items():
        rows.append(_row(records, arm.get(name, name), title, None, paper, None, where))
    for name, (title, base, paper, paper_base, where) in VARIANTS.items():
        rows.append(_row(records, name, title, arm.get(base, base), paper, round(paper - paper_base, 1), where))
    return rows


def _row(
    records: Records, name: str, title: str, base: str | None, paper: float, paper_change: float | None, where: str
) -> dict[str, Any]:
    here = name in records
    knn = 100 * records.scalars(name, "knn") if here else np.array([np.nan])
    change = 100 * records.paired(name, base, "knn") if here and base is not None and base in records else np.array([])
    return {
        "variant": title,
        "kNN %": mean_and_deviation(knn, deviation=False),
        "change, points": mean_and_deviation(change) if len(change) else None,
        "spread": finite(float(records.scalars(name, "std").mean())) if here else None,
        "seeds": len(records[name]) if here else 0,
        "paper, %": paper,
        "paper, change": paper_change,
        "where": where,
    }


def norms(records: Records) -> None:
    """Norms of weights with and without decay, and of projections with and without normalisation in the loss (Figure 7)."""
    alt = (
        "Left, the Euclidean norm of all weights against epochs for BYOL and SimCLR's form, with and without weight decay. "
        "Right, the mean norm of a projection, with and without normalisation inside the loss, on a logarithmic scale."
    )
    with figure(alt, name="byol-norms", width=7.2, height=3.0) as fig:
        weights, projections = fig.subplots(1, 2)
        for index, (name, title) in enumerate(DECAY.items()):
            if name in records:
                band(weights, *_finite(records, name, "weight_norm"), title, index)
        for index, (name, title) in enumerate({"watch": "normalised", "loss_none": "not normalised"}.items()):
            if name in records:
                band(projections, *_finite(records, name, "projection_norm"), title, index)
        weights.set(xlabel="epoch", ylabel="norm of all weights")
        projections.set(xlabel="epoch", ylabel="mean norm of a projection", yscale="log")
        for ax in fig.axes:
            ax.legend(fontsize=7.5)


def _finite(records: Records, name: str, curve: str) -> tuple[np.ndarray, np.ndarray]:
    """A curve over seeds, up to where a seed diverged."""
    x, ys = records.curve(name, curve)
    shown = np.isfinite(ys).all(axis=0)
    return x[shown], ys[:, shown]


def few_labels(records: Records) -> list[dict[str, Any]]:
    """Linear probes on a share of the labels, beside the paper's fine-tuned networks of Table 2a."""
    names = [name for name in TABLE_2A if name in records]
    shares = {"1 % of labels": "linear_1", "10 %": "linear_10", "all": "linear"}
    rows: list[dict[str, Any]] = []
    for name in names:
        paper = TABLE_2A[name]
        values = {share: mean_and_deviation(100 * records.scalars(name, metric)) for share, metric in shares.items()}
        rows.append({"features": DECAY[name], **values, "paper, 1 %": paper[0], "paper, 10 %": paper[1]})
    for name in names[:1]:
        untrained = {
            share: mean_and_deviation(100 * records.scalars(name, f"{m}_random")) for share, m in shares.items()
        }
        rows.append({"features": "untrained encoder", **untrained, "paper, 1 %": None, "paper, 10 %": None})
    return rows


def equilibrium(records: Records) -> list[dict[str, Any]]:
    """What was found on the exact problem: the largest value over seeds, and what it should be."""
    wanted = {
        "gradient_gap": ("equation (5), optimal predictor: difference of both sides", "0"),
        "gradient_gap_other": ("the same, another predictor", "not 0"),
        "constant_gradient": ("constant projection: gradient", "0"),
        "constant_curvature": ("constant projection: smallest eigenvalue of the Hessian", "below 0"),
        "constant_curvature_top": ("constant projection: largest eigenvalue", "0"),
        "dead_gradient": ("constant BYOL network: gradient below its zero scales", "0"),
        "dead_scale_gradient": ("constant BYOL network: gradient of those scales", "not 0"),
    }
    return [
        {
            "quantity": title,
            "must be": target,
            "found": f"{max(records.scalars('equilibrium', name), key=abs):.1e}",
            "seeds": len(records["equilibrium"]),
        }
        for name, (title, target) in wanted.items()
    ]
