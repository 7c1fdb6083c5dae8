"""The paper's Figures 1 to 3 from our records, the ridge, and what the closed forms do to an eigenvalue."""

from __future__ import annotations

import math

import numpy as np
import torch
from matplotlib.axes import Axes

from replications.figures import band, figure, palette
from replications.papers.edge_of_orthogonality import predictors
from replications.papers.edge_of_orthogonality.method import rescaled
from replications.papers.edge_of_orthogonality.published import ALPHAS, LINEAR_2, ROWS, TABLE_2
from replications.papers.edge_of_orthogonality.study import RIDGES, named
from replications.study import Records

TAUS = {"linear": "τ = 0.99", "linear_tau_0.9": "τ = 0.9", "linear_tau_0.5": "τ = 0.5", "linear_tau_0": "τ = 0"}
STARTS = {"linear": "drawn as every layer", "linear_symmetric": "drawn symmetric"}
SEPARATED = {"newton_schulz_0.3": "Newton-Schulz, α = 0.3", "direct_copy_0.3": "DirectCopy, α = 0.3"}


def scale(records: Records) -> str:
    """The scale of a set of records in words, for captions."""
    main = records["linear"]
    config = main[0].config
    return (
        f"profile {records.profile}: CIFAR-10 at {config['size']} pixels, {main[0].cost.samples:,} images seen, "
        f"{len(main)} seed{'s' if len(main) > 1 else ''}"
    )


def over_seeds(records: Records, arm: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A curve (points,), (seeds, points), without points where a seed has diverged."""
    x, ys = records.curve(arm, name)
    shown = np.isfinite(ys).all(axis=0)
    return x[shown], ys[:, shown]


def _lines(ax: Axes, records: Records, arms: dict[str, str], name: str) -> None:
    for index, (arm, title) in enumerate(arms.items()):
        if arm in records:
            x, ys = over_seeds(records, arm, name)
            if len(x) > 0:
                band(ax, x, ys, title, index)


def rank(records: Records) -> None:
    """The paper's Figure 1: stable rank and trace of the trained linear predictor."""
    alt = (
        "Two panels against epochs for the trained linear predictor, one line a way of drawing its first weights: its "
        "stable rank, and its trace divided by its width and its norm."
    )
    with figure(alt, name="edge-rank", width=7.2, height=2.8) as fig:
        for ax, (name, label) in zip(fig.subplots(1, 2), {"srank": "stable rank of P", "trace": "tr P / f‖P‖"}.items()):
            _lines(ax, records, STARTS, name)
            ax.set(xlabel="epoch", ylabel=label)
        fig.axes[1].legend(fontsize=7.5)


def polar(records: Records) -> None:
    """The paper's Figure 2: distance of the trained linear predictor to its polar factor, a line a τ."""
    alt = (
        "Two panels against epochs, one line for each decay τ of the target network: the Frobenius distance of the trained "
        "linear predictor to its polar factor, as it is and after scaling it to norm one."
    )
    panels = {"polar": "‖P - U‖", "polar_scaled": "‖P - U‖, P of norm 1"}
    with figure(alt, name="edge-polar", width=7.2, height=2.8) as fig:
        for ax, (name, label) in zip(fig.subplots(1, 2), panels.items()):
            _lines(ax, records, TAUS, name)
            ax.set(xlabel="epoch", ylabel=label)
        fig.axes[1].legend(fontsize=7.5)


def spectra(records: Records) -> None:
    """The paper's Figure 3: rescaled eigenvalues of the latents' covariance over training, and their quartiles."""
    arms = {arm: title for arm, title in SEPARATED.items() if arm in records}
    alt = (
        "Three panels. The first two show the sorted eigenvalues of the covariance of online latents, divided by the "
        "largest, one line a moment of training, for Newton-Schulz and for DirectCopy. The third shows the quartiles of "
        "those of Newton-Schulz, and kNN accuracy, against epochs."
    )
    with figure(alt, name="edge-spectra", width=7.6, height=2.9) as fig:
        axes = fig.subplots(1, 3)
        for ax, (arm, title) in zip(axes, arms.items()):
            at = records.arrays(arm, "at")[0]
            snapshots = np.mean([array.astype(float) for array in records.arrays(arm, "latents")], axis=0)  # (looks, f)
            for index in np.unique(np.linspace(0, len(snapshots) - 1, 4).round().astype(int)):
                values = rescaled(torch.from_numpy(snapshots[index])).numpy()
                if np.isfinite(values).all():
                    share = index / max(1, len(snapshots) - 1)
                    ax.plot(
                        np.arange(1, len(values) + 1), values, color=palette["blue"], alpha=0.3 + 0.7 * share,
                        linewidth=0.8 + 1.4 * share, label=f"epoch {at[index]:.2g}",
                    )  # fmt: skip
            ax.set(title=title, xlabel="rank of eigenvalue", xscale="log", ylim=(0, 1))
            ax.title.set_fontsize(9)
            if ax.lines:
                ax.legend(fontsize=7)
        axes[0].set_ylabel("eigenvalue over the largest")
        first = next(iter(arms))
        quartiles = {"lower_quartile": "quartile", "median": "median", "upper_quartile": "quartile"}
        for name, label in {**quartiles, "knn": "kNN accuracy"}.items():
            x, ys = over_seeds(records, first, name)
            if len(x) > 0:
                band(axes[2], x, ys, label, 2 if name == "knn" else 0 if label == "median" else 4)
        axes[2].set(title=arms[first], xlabel="epoch", ylim=(0, None))
        axes[2].title.set_fontsize(9)
        axes[2].legend(fontsize=7)


def ridge(records: Records) -> None:
    """Tables 2 and ours as lines: accuracy against the ridge."""
    alt = (
        "Two panels of accuracy against the ridge α, one line a closed form. Left, ours: kNN on CIFAR-10, with the trained "
        "linear predictor as a level. Right, the paper's Table 2: DirectCopy falls to 20.9 at α = 0, the others hardly move."
    )
    with figure(alt, name="edge-ridge", width=7.4, height=3.1) as fig:
        ours, paper = fig.subplots(1, 2)
        for index, (name, title) in enumerate(ROWS.items()):
            style = palette.line(index)
            paper.plot(ALPHAS, TABLE_2[name], label=title, **style)
            found = [alpha for alpha in RIDGES[name] if named(name, alpha) in records]
            values = np.array([records.scalars(named(name, alpha), "knn").mean() for alpha in found])
            shown = np.isfinite(values)
            if shown.any():
                ours.plot(np.array(found)[shown], 100 * values[shown], label=title, **style)
        level = 100 * records.scalars("linear", "knn").mean()
        for ax, height, title in ((ours, level, "Ours: kNN, CIFAR-10"), (paper, LINEAR_2, "Table 2: linear, ImageNet")):
            if math.isfinite(height):
                ax.axhline(height, color=palette["grey"], linestyle="--", linewidth=1, label="trained linear")
            ax.set(title=title, xlabel="ridge α", ylabel="accuracy (%)")
        paper.legend(fontsize=7)


RESPONSES = {
    "direct_copy": "DirectCopy",
    "direct_pred": "DirectPred",
    "visser": "Visser",
    "newton_schulz": "NS",
    "newton_schulz_twice": "NS²",
    "stiefel": "Stiefel",
}


def responses() -> dict[str, np.ndarray]:
    """Eigenvalues λ of a covariance of trace one, over the largest, and what each closed form makes of them, likewise."""
    values = torch.logspace(0, -5, 64, dtype=torch.float64)
    sigma = torch.diag(values / values.sum())
    found = {name: predictors.closed_form(name, sigma, sigma).diagonal() for name in RESPONSES}
    return {"eigenvalue": values.numpy(), **{name: (gains / gains.max()).numpy() for name, gains in found.items()}}


def response() -> None:
    """What each closed form makes of the covariance's eigenvalues: exact, no record."""
    alt = (
        "Gain of each closed form against the eigenvalue of the covariance, both over their largest, on logarithmic axes. "
        "DirectCopy is the diagonal, DirectPred, Visser and Newton-Schulz are square roots until the last two level off or "
        "fall, NS² is flatter, and Stiefel is one down to a few hundredths and then falls: a soft threshold."
    )
    found = responses()
    with figure(alt, name="edge-response", width=5.2, height=3.2) as fig:
        ax = fig.subplots()
        for index, (name, title) in enumerate(RESPONSES.items()):
            ax.plot(found["eigenvalue"], found[name], label=title, markevery=8, **palette.line(index))
        ax.set(xlabel="eigenvalue of Σ over the largest", ylabel="gain over the largest", xscale="log", yscale="log")
        ax.set_ylim(1e-3, 1.5)
        ax.legend(fontsize=7.5)
