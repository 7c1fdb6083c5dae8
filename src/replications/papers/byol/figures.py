"""BYOL's figures: collapse, the ladder of τ, and the spectrum of the embedding over training."""

from __future__ import annotations

import numpy as np

from replications.figures import band, figure, palette
from replications.statistics import mean_and_deviation
from replications.study import Records
from replications.study.rules import finite

ARMS = {
    "full": "BYOL",
    "no_predictor": "no predictor",
    "no_stop_gradient": "no target network",
    "tau_1": "τ = 1",
}
TITLES = {
    "resnet18": "BYOL, ResNet-18",
    "full": "BYOL, τ = 0.99",
    "no_predictor": ARMS["no_predictor"],
    "no_stop_gradient": ARMS["no_stop_gradient"],
    "tau_1": ARMS["tau_1"],
    "tau_0.999": "τ = 0.999",
    "tau_0.9": "τ = 0.9",
    "tau_0": "τ = 0, stop-gradient",
}
TAUS = {"tau_1": 1.0, "tau_0.999": 0.999, "full": 0.99, "tau_0.9": 0.9, "tau_0": 0.0}
TABLE_5A = {"tau_1": 18.8, "tau_0.999": 69.8, "full": 72.5, "tau_0.9": 68.4, "tau_0": 0.3}  # % top-1, ImageNet
TABLE_5B = {"no_predictor": 0.2, "no_stop_gradient": 0.3}  # likewise, without negatives
IMAGENET_CHANCE = 0.1  # %


def scale(records: Records) -> str:
    """The scale of a set of records in words, for captions."""
    main = records[_main(records)]
    return (
        f"profile {records.profile}: CIFAR-10, {main[0].cost.samples:,} images seen in "
        f"{main[0].config['epochs']:g} epochs, {len(main)} seed{'s' if len(main) > 1 else ''}"
    )


def _main(records: Records) -> str:
    return "full" if "full" in records else records.conditions[0]


def _over_seeds(records: Records, arm: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A curve (points,), (seeds, points) on the x of the seed that ran longest, up to where a seed diverged."""
    curves = [record.curves[name] for record in records[arm]]
    x = np.array(max((curve.x for curve in curves), key=lambda x: x[-1]), dtype=float)
    ys = np.array([np.interp(x, curve.x, curve.y, right=np.nan) for curve in curves])
    shown = np.isfinite(ys).all(axis=0)
    return x[shown], ys[:, shown]


def collapse(records: Records) -> None:
    """Loss, spread of the embedding and neighbours over training, one line a condition."""
    panels = {"loss": "loss, of 8", "std": "spread", "knn": "kNN accuracy, training split"}
    alt = (
        "Three panels against epochs. Without a predictor or without a target network the loss falls to zero, the "
        "spread of the embedding with it, and neighbours stay as poor as before training; BYOL keeps its spread and its "
        "neighbours improve."
    )
    with figure(alt, name="byol-collapse", width=7.4, height=2.8) as fig:
        for ax, (name, label) in zip(fig.subplots(1, len(panels)), panels.items()):
            for index, (arm, title) in enumerate(ARMS.items()):
                if arm in records:
                    epochs, values = _over_seeds(records, arm, name)
                    if len(epochs) > 0:
                        band(ax, epochs, values, title, index)
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
        "Sorted eigenvalues of the covariance of normalised embeddings, one line a look. Untrained, many directions carry "
        "variance. BYOL first gathers it in a few, whose number then grows slowly; without a predictor all eigenvalues "
        "fall by orders of magnitude."
    )
    with figure(alt, name="byol-spectrum", width=7.2, height=3.0) as fig:
        for ax, arm in zip(fig.subplots(1, len(arms), sharey=True, squeeze=False)[0], arms):
            epochs, _ = records.curve(arm, "std")  # cut to the seed that ended first
            spectra = [array[: len(epochs)] for array in records.arrays(arm, "spectrum")]
            looks = np.mean(spectra, axis=0)  # (looks, D)
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


def copied_target(records: Records) -> str:
    """How τ = 0 ends beside BYOL, in words for the prose."""
    if "tau_0" not in records:
        return f"not run at profile {records.profile}"
    ends = [
        f"{100 * records.scalars(arm, 'knn').mean():.1f} % with a spread of {records.scalars(arm, 'std').mean():.2f}"
        for arm in ("tau_0", "full")
    ]
    return f"{ends[0]}, where BYOL has {ends[1]}"


def table(records: Records) -> list[dict[str, object]]:
    """A row an arm: kNN, linear probe, loss, spread and effective rank at the end; means over seeds, "–" where diverged."""
    main = _main(records)
    rows: list[dict[str, object]] = [
        {
            "arm": "untrained encoder",
            "kNN %": mean_and_deviation(100 * records.scalars(main, "knn_random"), deviation=False),
            "linear %": mean_and_deviation(100 * records.scalars(main, "linear_random"), deviation=False),
            "loss, of 8": None,
            "spread": None,
            "effective rank": None,
            "epochs": 0.0,
            "paper, ImageNet linear %": None,
            "seeds": len(records[main]),
        }
    ]
    for arm in (arm for arm in TITLES if arm in records):
        loss, spread, rank = (finite(float(records.scalars(arm, m).mean())) for m in ("loss", "std", "effective_rank"))
        rows.append(
            {
                "arm": TITLES[arm],
                "kNN %": mean_and_deviation(100 * records.scalars(arm, "knn")),
                "linear %": mean_and_deviation(100 * records.scalars(arm, "linear"), deviation=False),
                "loss, of 8": loss,
                "spread": spread,
                "effective rank": rank,
                "epochs": records[arm][0].config["epochs"],
                "paper, ImageNet linear %": {**TABLE_5A, **TABLE_5B}.get(arm),
                "seeds": len(records[arm]),
            }
        )
    return rows
