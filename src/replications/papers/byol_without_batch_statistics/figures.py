"""The chapter's figures; which figures the paper has is not known to us. Each takes records and draws."""

from __future__ import annotations

import numpy as np

from replications.figures import band, figure, palette
from replications.papers.byol_without_batch_statistics.claims import gain
from replications.papers.byol_without_batch_statistics.identities import METRICS, NORM_NAMES, SHOWN
from replications.papers.byol_without_batch_statistics.study import short
from replications.statistics import mean_and_deviation
from replications.study import Records
from replications.study.rules import finite

BYOL_ARMS = {
    "bn": "batch norm",
    "encoder_bn": "in the encoder only",
    "none": "none",
    "affine": "affine, from data",
    "gn_ws": "group norm + WS",
}
SIMCLR_ARMS = {"simclr_bn": "SimCLR, batch norm", "simclr_none": "SimCLR, none"}
ARMS = {**BYOL_ARMS, **SIMCLR_ARMS}
PUBLISHED = {
    "bn": "74.3 after 1000 epochs",
    "encoder_bn": "72.1 after 300 (recalled)",
    "none": "0.1 after 300 (recalled)",
    "affine": "65.7 (recalled)",
    "gn_ws": "73.9 after 1000 epochs",
}
PAIRS = {  # differences that the claims are about
    "in the encoder only − batch norm": ("encoder_bn", "bn"),
    "group norm + WS − batch norm": ("gn_ws", "bn"),
    "affine − none": ("affine", "none"),
    "group norm + WS − none": ("gn_ws", "none"),
}
FLOOR = 1e-4  # of the logarithmic axis


def scale(records: Records) -> str:
    """The scale of a set of records in words, for captions."""
    main = records["bn"]
    config = main[0].config
    return (
        f"profile {records.profile}: CIFAR-10 at {config['size']} pixels, {main[0].cost.samples:,} images seen in "
        f"{config['epochs']:g} epoch{'s' if config['epochs'] != 1 else ''}, {len(main)} seed{'s' if len(main) > 1 else ''}"
    )


def layouts(records: Records) -> None:
    """kNN accuracy by layout, a point a seed, over the untrained encoder's (the paper's ablation table as a picture)."""
    arms = [arm for arm in ARMS if arm in records]
    alt = (
        "Test accuracy of nearest neighbours for each layout of norms, a dot a seed, with a bar at the accuracy of the same "
        "encoder before training. What a layout has learnt is the distance of its dots from its bar."
    )
    with figure(alt, name="bs-layouts", width=7.2, height=3.2) as fig:
        ax = fig.subplots()
        for place, arm in enumerate(arms):
            trained, untrained = (100 * records.scalars(arm, name) for name in ("knn", "knn_random"))
            after, before = ("after training", "before its first step") if place == 0 else (None, None)
            ax.plot([place] * len(trained), trained, "o", color=palette["blue"], markersize=5, label=after)
            bar = [place - 0.3, place + 0.3], [untrained.mean()] * 2
            ax.plot(*bar, color=palette["orange"], linestyle="-", label=before)
        ax.set_xticks(
            range(len(arms)),
            [ARMS[arm].replace(", ", ",\n").replace(" + ", "\n+ ").replace(" encoder ", "\nencoder ") for arm in arms],
        )
        ax.tick_params(axis="x", labelsize=8)
        ax.set(ylabel="kNN accuracy (%)", xlim=(-0.5, len(arms) - 0.5))
        ax.legend(fontsize=7.5)


def _over_seeds(records: Records, arm: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A curve (points,), (seeds, points), up to where the first seed diverged."""
    x, ys = records.curve(arm, name)
    shown = np.logical_and.accumulate(np.isfinite(ys).all(axis=0))
    return x[shown], ys[:, shown]


def spread(records: Records) -> None:
    """Spread of the embedding, its effective rank and neighbours over training, a line a layout of BYOL."""
    panels = {"std": "spread", "effective_rank": "effective rank", "knn": "kNN accuracy, training split"}
    alt = (
        "Three panels against epochs, a line a layout: the spread of the embedding on a logarithmic axis, its effective "
        "rank, and the accuracy of neighbours. With batch norm everywhere the spread stays near where it starts."
    )
    with figure(alt, name="bs-spread", width=7.4, height=3.0) as fig:
        axes = fig.subplots(1, len(panels))
        for ax, (name, label) in zip(axes, panels.items()):
            for index, (arm, title) in enumerate(BYOL_ARMS.items()):
                if arm in records:
                    epochs, values = _over_seeds(records, arm, name)
                    if len(epochs) > 0:
                        band(ax, epochs, np.maximum(values, FLOOR) if name == "std" else values, title, index)
            ax.set(xlabel="epoch", ylabel=label)
        axes[0].set(yscale="log", ylim=(FLOOR, 2))
        axes[1].legend(fontsize=7)


def depth(records: Records) -> None:
    """How activations spread through the layers of the four untrained networks."""
    alt = (
        "Deviation of activations after each norm, by layer, at initialisation. With batch norm it is one everywhere, and "
        "affine layers set from data lie on the same line. Group norm with standardised weights stays near one. Without "
        "norms activations fade with depth."
    )
    with figure(alt, name="bs-depth", width=7.2, height=3.2) as fig:
        ax = fig.subplots()
        values = np.stack(records.arrays("identities", "deviations"))  # (seeds, layouts, norms)
        for row, name in enumerate(SHOWN):
            band(ax, range(values.shape[2]), values[:, row], BYOL_ARMS[name], list(BYOL_ARMS).index(name))
        ax.set_xticks(range(len(NORM_NAMES)), NORM_NAMES, rotation=30, ha="right", fontsize=7.5)
        ax.set(xlabel="norm: group and place", ylabel="deviation by channel", yscale="log")
        ax.legend(fontsize=7.5)


def exact_rows(records: Records) -> list[dict[str, object]]:
    """A row an exact fact: its largest error over seeds."""
    return [
        {
            "what": metric.meaning,
            "largest": f"{records.scalars('identities', name).max():.1e}",
            "smallest": f"{records.scalars('identities', name).min():.1e}",
        }
        for name, metric in METRICS.items()
    ]


def table(records: Records) -> list[dict[str, object]]:
    """A row an arm: neighbours, probe, spread and rank at the end; means over seeds, "–" where a seed diverged."""
    rows: list[dict[str, object]] = []
    for arm in (arm for arm in ARMS if arm in records):
        mean = {name: records.scalars(arm, name).mean() for name in ("loss", "std", "effective_rank")}
        rows.append(
            {
                "norm": ARMS[arm],
                "kNN %": mean_and_deviation(100 * records.scalars(arm, "knn")),
                "before training": mean_and_deviation(100 * records.scalars(arm, "knn_random"), deviation=False),
                "linear %": mean_and_deviation(100 * records.scalars(arm, "linear"), deviation=False),
                "spread": finite(float(mean["std"])),
                "effective rank": finite(float(mean["effective_rank"])),
                "loss": finite(float(mean["loss"])),
                "rate": records[arm][0].config["lr"],
                "paper, ImageNet linear %": PUBLISHED.get(arm),
                "seeds": len(records[arm]),
            }
        )
    return rows


def told(records: Records, arm: str) -> str:
    """How an arm ends, in words for the prose."""
    if arm not in records:
        return f"not run at profile {records.profile}"
    values = {name: records.scalars(arm, name) for name in ("knn", "knn_random", "std")}
    if not np.isfinite(np.concatenate(list(values.values()))).all():
        return "diverged in some seed"
    after, before, spread = (values[name].mean() for name in values)
    return f"{100 * after:.1f} % after training, {100 * before:.1f} % before it, with a spread of {spread:.2g}"


def gained(records: Records, arm: str) -> str:
    """What an arm has learnt, in points of kNN accuracy over its untrained encoder, for the prose."""
    if arm not in records:
        return f"(not run at profile {records.profile})"
    points = 100 * gain(arm)(records)
    return f"{points.mean():.1f}".replace("-", "−") if np.isfinite(points).all() else "(diverged)"


def lengths(records: Records) -> list[dict[str, object]]:
    """A row a layout: what it gained in the first, shorter trainings and in those that are judged."""
    rows: list[dict[str, object]] = []
    for arm in (arm for arm in BYOL_ARMS if arm in records and short(arm) in records):
        rows.append({"norm": BYOL_ARMS[arm]})
        for name in (short(arm), arm):
            epochs = f"{records[name][0].config['epochs']:g} epochs"
            rows[-1][f"points gained, {epochs}"] = mean_and_deviation(100 * gain(name)(records))
            rows[-1][f"spread, {epochs}"] = finite(float(records.scalars(name, "std").mean()))
    return rows
