"""Aggregates of scores over runs and games, by rliable's definitions (Agarwal et al. 2021), and the rule that uses them.

rliable itself does not run beside pandas 3, and these are a few lines: the interquartile mean is the mean of the middle
half of all runs × games, and its interval resamples runs within each game.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from replications.papers.bio_inspired_rl.published import human_normalised
from replications.study import Judgement, MissingRecords, Records

RESAMPLES = 4_000
LEVEL = 0.95


def iqm(scores: np.ndarray) -> np.ndarray:
    """Mean of the middle half of the values, over the last two axes (runs, games)."""
    flat = np.sort(scores.reshape(*scores.shape[:-2], -1), axis=-1)
    cut = flat.shape[-1] // 4
    return flat[..., cut : flat.shape[-1] - cut].mean(-1)


def optimality_gap(scores: np.ndarray, gamma: float = 1.0) -> np.ndarray:
    """Mean amount by which runs miss the score γ."""
    return gamma - np.minimum(scores, gamma).mean((-2, -1))


def probability_of_improvement(first: np.ndarray, second: np.ndarray) -> float:
    """P(X > Y), ties counted half, averaged over games; both (runs, games)."""
    above = (first[:, None] > second[None]) + 0.5 * (first[:, None] == second[None])
    return float(above.mean())


def resampled(runs: int, games: int, seed: int = 0) -> np.ndarray:
    """Run indices (RESAMPLES, runs, games), drawn anew within every game: the stratified bootstrap."""
    return np.random.default_rng(seed).integers(runs, size=(RESAMPLES, runs, games))


def interval(
    statistic: Callable[[np.ndarray], np.ndarray], scores: np.ndarray, other: np.ndarray | None = None
) -> tuple[float, float]:
    """Percentile interval of a statistic of scores (runs, games), or of its difference to that of `other`.

    Scores and `other` are resampled with the same runs: seeds are paired.
    """
    rows, columns = resampled(*scores.shape), np.arange(scores.shape[1])
    values = statistic(scores[rows, columns])
    if other is not None:
        values = values - statistic(other[rows, columns])
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def matrix(records: Records, net: str, games: Sequence[str], human: bool = False) -> np.ndarray:
    """Normalised scores (seeds, games) of a net: 0 is random play, 1 the dense net's mean, or a human's (Atari).

    Raises:
        MissingRecords: a game, a net or some of its seeds are not recorded.
    """
    columns = []
    for game in games:
        scores = records.scalars(f"{game}-{net}", "score")
        if records.seeds(f"{game}-{net}") != records.seeds(f"{game}-dense"):
            raise MissingRecords(f"'{game}-{net}' and '{game}-dense' are not recorded for the same seeds")
        if human:
            columns.append(np.asarray(human_normalised(game, scores)))
        else:
            low = records.scalars(f"{game}-dense", "random_score").mean()
            columns.append((scores - low) / (records.scalars(f"{game}-dense", "score").mean() - low))
    if len({len(column) for column in columns}) > 1:
        raise MissingRecords(f"'{net}' is not recorded for the same seeds in all games")
    return np.stack(columns, 1)


@dataclass(frozen=True)
class IQMAbove:
    """The interval of IQM(first) - IQM(second), paired by seed, lies above a margin; partly where it straddles it."""

    first: str
    second: str
    games: tuple[str, ...]
    margin: float = 0.0
    human: bool = False  # human-normalised scores in place of shares of the dense net's gain
    note: str = ""
    name = "better_than"

    @property
    def unit(self) -> str:
        return "HNS" if self.human else "of dense's gain"

    def condition(self) -> str:
        text = (
            f"IQM of {self.first} less IQM of {self.second}: 95 % stratified-bootstrap interval above {self.margin:g}"
        )
        return f"{text} ({self.note})" if self.note else text

    def judge(self, records: Records) -> Judgement:
        one, two = (matrix(records, net, self.games, self.human) for net in (self.first, self.second))
        if not (np.isfinite(one).all() and np.isfinite(two).all()):
            return Judgement(float("nan"), None, len(one), holds=False)
        low, high = interval(iqm, one, two)
        estimate = float(iqm(one) - iqm(two))
        return Judgement(estimate, (low, high), len(one), holds=low > self.margin, partly=high > self.margin)
