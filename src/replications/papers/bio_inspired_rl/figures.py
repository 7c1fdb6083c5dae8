"""The figures of the chapter; the paper's could not be read. Each takes records and draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replications.figures import band, figure, palette
from replications.papers.bio_inspired_rl.aggregates import interval, iqm, matrix
from replications.papers.bio_inspired_rl.study import GPU_GAMES, MINATAR
from replications.study import Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GAME_TITLES = {
    "breakout": "Breakout", "space_invaders": "Space Invaders", "road_runner": "Road Runner", "krull": "Krull",
    "kung_fu_master": "Kung Fu Master", "freeway": "Freeway",
}  # fmt: skip
FAMILIES = {
    "Tucker": ("dense", "tucker-2", "tucker-5", "tucker-10"),
    "narrow dense": ("dense", "narrow-2", "narrow-5", "narrow-10"),
    "CP": ("cp-10",),
    "low-rank matrix": ("low-rank-10",),
    "scattering + Tucker": ("scattering-tucker-10",),
}
NAMES = {
    "dense": "dense", "tucker-2": "Tucker, 1/2", "tucker-5": "Tucker, 1/5", "tucker-10": "Tucker, 1/10",
    "narrow-2": "narrow dense, 1/2", "narrow-5": "narrow dense, 1/5", "narrow-10": "narrow dense, 1/10",
    "cp-10": "CP, 1/10", "low-rank-10": "low-rank matrix, 1/10",
    "scattering-tucker-10": "scattering + Tucker, 1/10", "kfac-tucker-10": "Tucker, 1/10, K-FAC",
    "tucker-3": "Tucker, 1/3", "narrow-3": "narrow dense, 1/3", "scattering-tucker-3": "scattering + Tucker, 1/3",
}  # fmt: skip


def games(records: Records) -> tuple[str, ...]:
    """MinAtar games of a set of records."""
    return tuple(game for game in MINATAR if f"{game}-dense" in records)


def scale(records: Records) -> str:
    """The scale of a set of records in words, for captions."""
    main = records["breakout-dense"]
    played = ", ".join(GAME_TITLES[game] for game in games(records))
    seeds = f"{len(main)} seed{'s' if len(main) > 1 else ''}"
    return f"profile {records.profile}: MinAtar ({played}), {main[0].config['steps']:,} steps, {seeds}"


def compression(records: Records, human: bool = False) -> None:
    """IQM of normalised scores against the coefficients of the whole network, one line a family."""
    played = tuple(game for game in GPU_GAMES if f"{game}-dense" in records) if human else games(records)
    alt = (
        "Normalised score against learned coefficients on a logarithmic axis: Tucker networks and narrow dense networks "
        "of equal size, with CP, plain low rank and scattering as single points; bars are bootstrap intervals."
    )
    with figure(alt, name="bio-compression-atari" if human else "bio-compression", width=6.4, height=3.6) as fig:
        ax = fig.subplots()
        for index, (family, nets) in enumerate(FAMILIES.items()):
            present = [net for net in nets if all(f"{game}-{net}" in records for game in played)]
            if not set(present) - {"dense"}:
                continue
            counts, middles, bars = [], [], []
            for net in present:
                scores = matrix(records, net, played, human)
                counts.append(np.mean([records.scalars(f"{game}-{net}", "coefficients").mean() for game in played]))
                middles.append(float(iqm(scores)))
                bars.append(interval(iqm, scores))
            shifted = np.array(counts) * (1 + 0.02 * (index - 1))  # bars side by side
            ax.plot(shifted, middles, **palette.line(index), label=family)
            ax.vlines(shifted, *np.array(bars).T, color=palette[index], linewidth=1)
        ax.axhline(1.0 if not human else 0.0, color=palette["grey"], linestyle=":", linewidth=1)
        ax.set(
            xscale="log",
            xlabel="learned coefficients of the network",
            ylabel="IQM, human-normalised" if human else "IQM, share of dense's gain",
        )
        ax.legend(fontsize=8)


def curves(records: Records) -> None:
    """Training scores of dense, Tucker and narrow networks, game by game."""
    nets = ("dense", "tucker-2", "tucker-10", "narrow-10")
    alt = "Mean score of the last twenty training episodes against steps, for dense, Tucker and narrow dense networks."
    _by_game(records, nets, "bio-curves", alt, "score", 1.0)


def kfac(records: Records) -> None:
    """Training scores of the same Tucker network under Adam and K-FAC, against updates."""
    alt = (
        "Training score against updates for one Tucker network under Adam and under K-FAC, with the fixed score dotted."
    )
    _by_game(records, ("tucker-10", "kfac-tucker-10"), "bio-kfac", alt, "score", 4.0, threshold=True)


def _by_game(
    records: Records, nets: tuple[str, ...], name: str, alt: str, curve: str, per: float, threshold: bool = False
) -> None:
    played = games(records)
    with figure(alt, name=name, width=7.2, height=3.0) as fig:
        axes = fig.subplots(1, len(played), squeeze=False)[0]
        for ax, game in zip(axes, played):
            for index, net in enumerate(net for net in nets if f"{game}-{net}" in records):
                x, y = records.curve(f"{game}-{net}", curve)
                band(ax, _updates(records, game, x) if per > 1 else x, y, NAMES[net], index)
            if threshold:
                level = records[f"{game}-dense"][0].config.get("threshold", MINATAR[game][2])
                ax.axhline(level, color=palette["grey"], linestyle=":", linewidth=1)
            ax.set(title=GAME_TITLES[game], xlabel="updates" if per > 1 else "steps")
        axes[0].set_ylabel("score, 20 training episodes")
        axes[0].legend(fontsize=7.5)


def _updates(records: Records, game: str, steps: np.ndarray) -> np.ndarray:
    """Updates done after so many steps."""
    config = records[f"{game}-tucker-10"][0].config
    starts, period = config.get("learning_starts", 0), config.get("period", 1)
    return np.maximum(0, -(-(steps - starts) // period))


def scattering(records: Records) -> None:
    """Score by seed with a learned first layer and with a fixed one, beside narrow dense."""
    nets = ("dense", "tucker-10", "scattering-tucker-10", "narrow-10")
    alt = (
        "Scores after training, a point a seed: dense, Tucker with learned filters, Tucker on fixed scattering "
        "coefficients, narrow dense; random play as a dotted line."
    )
    with figure(alt, name="bio-scattering", width=7.2, height=2.9) as fig:
        axes = fig.subplots(1, len(games(records)), squeeze=False)[0]
        for ax, game in zip(axes, games(records)):
            present = [net for net in nets if f"{game}-{net}" in records]
            for place, net in enumerate(present):
                scores = records.scalars(f"{game}-{net}", "score")
                ax.plot([place] * len(scores), scores, "o", color=palette[place], markersize=4)
                ax.plot([place - 0.2, place + 0.2], [scores.mean()] * 2, color=palette[place], linestyle="-")
            random = records.scalars(f"{game}-dense", "random_score").mean()
            ax.axhline(random, color=palette["grey"], linestyle=":", linewidth=1)
            ax.set_xticks(range(len(present)), ["\n".join(NAMES[net].split(", 1/")[0].split(" + ")) for net in present])
            ax.set(title=GAME_TITLES[game], xlim=(-0.5, len(present) - 0.5))
        axes[0].set_ylabel("score after training")


def krull(records: Records) -> None:
    """The short Krull protocol: training curves, no verdict."""
    alt = "Training scores on Atari's Krull over four thousand steps for four small networks: a protocol without a verdict."
    with figure(alt, name="bio-krull", width=5.4, height=2.9) as fig:
        ax = fig.subplots()
        _krull(ax, records)


def _krull(ax: Axes, records: Records) -> None:
    nets = ("dense", "tucker-3", "narrow-3", "scattering-tucker-3")
    for index, net in enumerate(nets):
        if f"krull-{net}" in records:
            x, y = records.curve(f"krull-{net}", "score")
            band(ax, x, y, NAMES[net], index)
    ax.set(xlabel="steps", ylabel="score, 20 training episodes")
    ax.legend(fontsize=7.5)
