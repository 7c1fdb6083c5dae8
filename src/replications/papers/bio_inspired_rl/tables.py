"""The tables of the chapter: coefficients, scores, published numbers, second-order steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from replications.papers.bio_inspired_rl import published
from replications.papers.bio_inspired_rl.aggregates import (
    interval,
    iqm,
    matrix,
    optimality_gap,
    probability_of_improvement,
)
from replications.papers.bio_inspired_rl.exact import count_table
from replications.papers.bio_inspired_rl.figures import GAME_TITLES, NAMES, games
from replications.statistics import mean_and_deviation
from replications.study import Records

Row = dict[str, Any]


def counts() -> list[Row]:
    """Learned coefficients of whole networks, six actions; the ratio is to Rainbow without noise."""
    reference = next(count for name, count, _ in count_table() if name == "Rainbow")
    return [
        {
            "network": name,
            "hidden units": shape.hidden,
            "ranks": ", ".join(map(str, shape.ranks)) or None,
            "rank of the outputs": shape.output_rank or None,
            "coefficients": f"{count:,}",
            "Rainbow over it": f"{reference / count:.2f}",
        }
        for name, count, shape in count_table()
    ]


def scores(records: Records) -> list[Row]:
    """A row a network: coefficients, mean scores by game, IQM with its interval, and P(better than narrow dense)."""
    played, rows = games(records), []
    for net, title in NAMES.items():
        if not all(f"{game}-{net}" in records for game in played):
            continue
        values = matrix(records, net, played)
        low, high = interval(iqm, values)
        row: Row = {
            "network": title,
            "coefficients": f"{records.scalars(f'{played[0]}-{net}', 'coefficients')[0]:,.0f}",
        }
        row |= {GAME_TITLES[game]: mean_and_deviation(records.scalars(f"{game}-{net}", "score")) for game in played}
        row |= {
            "IQM": f"{iqm(values):.2f}",
            "95 %": f"{low:.2f} to {high:.2f}",
            "gap to dense": f"{optimality_gap(values):.2f}",
            "P(better than narrow, 1/10)": f"{probability_of_improvement(values, matrix(records, 'narrow-10', played)):.2f}",
            "CPU seconds a run": f"{np.mean([r.cost.cpu_s for game in played for r in records[f'{game}-{net}']]):.0f}",
        }
        rows.append(row)
    return rows


def second_order(records: Records) -> list[Row]:
    """Adam against K-FAC on one network: updates and CPU seconds to the fixed score."""
    rows = []
    for game in games(records):
        for net in ("tucker-10", "kfac-tucker-10"):
            name = f"{game}-{net}"
            if name not in records:
                continue
            updates = records.scalars(name, "updates_to_threshold")
            seconds = np.array([record.cost.cpu_s for record in records[name]])
            rows.append(
                {
                    "game": GAME_TITLES[game],
                    "optimiser": "K-FAC" if "kfac" in net else "Adam",
                    "updates to the fixed score": f"{updates.mean():,.0f}",
                    "seeds that reached it": f"{int(records.scalars(name, 'reached').sum())} of {len(updates)}",
                    "score after training": mean_and_deviation(records.scalars(name, "score")),
                    "CPU seconds a run": f"{seconds.mean():.0f}",
                }
            )
    return rows


def krull(records: Records) -> list[Row]:
    """The short Krull protocol: coefficients and scores; random play and a human as published."""
    rows = [
        {
            "network": NAMES[name.removeprefix("krull-")],
            "coefficients": f"{records.scalars(name, 'coefficients')[0]:,.0f}",
            "score": mean_and_deviation(records.scalars(name, "score")),
            "HNS": f"{np.mean(published.human_normalised('krull', records.scalars(name, 'score'))):.2f}",
        }
        for name in records.conditions
        if name.startswith("krull-") and name.removeprefix("krull-") in NAMES
    ]
    for agent in ("Random", "Human"):
        score = published.SCORES["krull"][agent]
        hns = f"{float(published.human_normalised('krull', score)):.2f}"
        rows.append(
            {"network": f"{agent.lower()}, published", "coefficients": "–", "score": f"{score:,.1f}", "HNS": hns}
        )
    return rows


def atari() -> list[Row]:
    """Published scores at 100,000 steps, as printed, with their mean and median."""
    rows: list[Row] = [{"game": game.replace("_", " "), **scores} for game, scores in published.SCORES.items()]
    none = {"Random": None, "Human": None}
    rows.append({"game": "mean, human-normalised", **none, **published.MEANS})
    rows.append({"game": "median, human-normalised", **none, **published.MEDIANS})
    return rows


def detectable(records: Records) -> list[Row]:
    """Half-widths of the intervals on which C1 and its control rest: what the seeds could have seen."""
    played, rows = games(records), []
    for first, second in (
        ("tucker-2", "dense"),
        ("tucker-10", "dense"),
        ("narrow-10", "dense"),
        ("tucker-10", "narrow-10"),
    ):
        if all(f"{game}-{net}" in records for game in played for net in (first, second)):
            one, two = matrix(records, first, played), matrix(records, second, played)
            low, high = interval(iqm, one, two)
            rows.append(
                {
                    "difference": f"{NAMES[first]} − {NAMES[second]}",
                    "IQM": f"{iqm(one) - iqm(two):+.2f}".replace("-", "−"),
                    "95 %": f"{low:+.2f} to {high:+.2f}".replace("-", "−"),
                    "half-width": f"{(high - low) / 2:.2f}",
                    "seeds × games": f"{one.shape[0]} × {one.shape[1]}",
                }
            )
    return rows
