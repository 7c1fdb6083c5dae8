"""BYOL's figures: collapse, the ladder of τ, and the spectrum of the embedding over training."""

from __future__ import annotations

import numpy as np

from replications.figures import band, figure, palette
from replications.study import Records
from replications.study.rules import finite

ARMS = {
    "full": "BYOL",
    "no_predictor": "no predictor",
    "no_stop_gradient": "no target network",
    "tau_1": "τ = 1",
}
TAUS = {"tau_1": 1.0, "tau_0.999": 0.999, "full": 0.99, "tau_0.9": 0.9, "tau_0": 0.0}
TABLE_5A = {"tau_1": 18.8, "tau_0.999": 69.8, "full": 72.5, "tau_0.9": 68.4, "tau_0": 0.3}  # % top-1, ImageNet
IMAGENET_CHANCE = 0.1  # %


def scale(records: Records) -> str:
    """The scale of a set of records in words, for captions."""
    record = records["full"][0]
    images = record.cost.samples
    return (
        f"profile {records.profile}: CIFAR-10, {images:,} images seen in {record.config['epochs']:g} epochs, "
        f"{len(records['full'])} seed{'s' if len(records['full']) > 1 else ''}"
    )


def collapse(records: Records) -> None:
    """Loss, spread of the embedding and neighbours over training, one line a condition."""
    panels = {"loss": "loss, of 8", "std": "embedding deviation", "knn": "kNN accuracy, training split"}
    alt = (
        "Three panels against epochs. Without a predictor or without a target network the loss falls to zero, the "
        "embedding's deviation with it, and neighbours stay as poor as before training; BYOL keeps its spread and its "
        "neighbours improve."
    )
    with figure(alt, name="byol-collapse", width=7.4, height=2.8) as fig:
        for ax, (name, label) in zip(fig.subplots(1, len(panels)), panels.items()):
            for index, (arm, title) in enumerate(ARMS.items()):
                if arm in records:
                    epochs, values = records.curve(arm, name)
                    shown = np.isfinite(values).all(axis=0)  # a control may diverge, which is where its line ends
                    band(ax, epochs[shown], values[:, shown], title, index)
            ax.set(xlabel="epoch", ylabel=label)
        fig.axes[0].legend(fontsize=7.5)


def ladder(records: Records) -> None:
    """kNN accuracy against τ beside the paper's Table 5a."""
    arms = [arm for arm in TAUS if arm in records]
    alt = (
        "Two panels over the target's decay τ. Left, ours on CIFAR-10: a point a seed, with the accuracy of the untrained "
        "encoder as a line. Right, the paper's linear accuracy on ImageNet: highest at 0.99, near chance at 0."
    )
    with figure(alt, name="byol-tau", width=7.2, height=2.9) as fig:
        ours, paper = fig.subplots(1, 2)
        for place, arm in enumerate(arms):
            values = 100 * records.scalars(arm, "knn")
            ours.plot([place] * len(values), values, "o", color=palette["blue"], markersize=4)
        untrained = 100 * records.scalars("full", "knn_random").mean()
        ours.axhline(untrained, color=palette["orange"], linestyle="--", linewidth=1, label="untrained encoder")
        paper.plot(range(len(arms)), [TABLE_5A[arm] for arm in arms], "s", color=palette["green"], markersize=5)
        paper.axhline(IMAGENET_CHANCE, color=palette["orange"], linestyle="--", linewidth=1, label="chance")
        for ax, title in ((ours, "Ours: kNN, CIFAR-10"), (paper, "Table 5a: linear, ImageNet")):
            ax.set(title=title, xlabel="τ of the target", ylabel="accuracy (%)", xlim=(-0.5, len(arms) - 0.5))
            ax.set_xticks(range(len(arms)), [f"{TAUS[arm]:g}" for arm in arms])
            ax.legend(fontsize=7.5)


def spectrum(records: Records) -> None:
    """Eigenvalues of the embedding's covariance, early to late, for BYOL and for an arm that collapses."""
    arms = [arm for arm in ("full", "no_predictor") if arm in records]
    alt = (
        "Sorted eigenvalues of the covariance of normalised embeddings, one line a look. BYOL's spectrum becomes flatter "
        "over training: more directions carry variance. Without a predictor all eigenvalues fall by orders of magnitude."
    )
    with figure(alt, name="byol-spectrum", width=7.2, height=3.0) as fig:
        for ax, arm in zip(fig.subplots(1, len(arms), sharey=True, squeeze=False)[0], arms):
            looks = np.mean(records.arrays(arm, "spectrum"), axis=0)  # (looks, D)
            epochs, _ = records.curve(arm, "std")
            for index in np.unique(np.linspace(0, len(looks) - 1, 4).round().astype(int)):
                values = np.maximum(looks[index], 1e-12)
                share = index / max(1, len(looks) - 1)
                ax.plot(
                    np.arange(1, len(values) + 1), values, color=palette["blue"], alpha=0.3 + 0.7 * share,
                    linewidth=0.8 + 1.4 * share, label=f"epoch {epochs[index]:.2g}",
                )  # fmt: skip
            ax.set(title=ARMS[arm], xlabel="rank of eigenvalue", xscale="log", yscale="log")
            ax.legend(fontsize=7.5)
        fig.axes[0].set_ylabel("eigenvalue")


def table(records: Records) -> list[dict[str, object]]:
    """A row an arm: kNN, linear probe, spread, effective rank and loss at the end; means over seeds."""
    titles = {
        **ARMS,
        "tau_0.999": "τ = 0.999",
        "tau_0.9": "τ = 0.9",
        "tau_0": "τ = 0, stop-gradient",
        "full": "BYOL, τ = 0.99",
    }
    rows: list[dict[str, object]] = [
        {
            "arm": "untrained encoder",
            "kNN %": f"{100 * records.scalars('full', 'knn_random').mean():.1f}",
            "linear %": f"{100 * records.scalars('full', 'linear_random').mean():.1f}",
            "loss, of 8": None,
            "embedding deviation": None,
            "effective rank": None,
            "epochs": 0.0,
            "paper, ImageNet linear %": None,
            "seeds": len(records["full"]),
        }
    ]
    for arm, title in titles.items():
        if arm not in records:
            continue

        def mean(metric: str, arm: str = arm) -> float | None:
            return finite(float(records.scalars(arm, metric).mean()))

        knn, linear = records.scalars(arm, "knn"), records.scalars(arm, "linear")
        spread = f" ± {100 * knn.std(ddof=1):.1f}" if len(knn) > 1 else ""
        rows.append(
            {
                "arm": title,
                "kNN %": f"{100 * knn.mean():.1f}{spread}",
                "linear %": f"{100 * linear.mean():.1f}",
                "loss, of 8": mean("loss"),
                "embedding deviation": mean("std"),
                "effective rank": mean("effective_rank"),
                "epochs": records[arm][0].config["epochs"],
                "paper, ImageNet linear %": TABLE_5A.get(arm) or {"no_predictor": 0.2, "no_stop_gradient": 0.3}[arm],
                "seeds": len(knn),
            }
        )
    return rows
