"""The paper's two ridge tables with our numbers beside, every arm, and the propositions' errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from replications.papers.edge_of_orthogonality.algebra import ALGEBRA_METRICS
from replications.papers.edge_of_orthogonality.predictors import CLOSED_FORMS
from replications.papers.edge_of_orthogonality.published import (
    ALPHAS,
    LINEAR_2,
    LINEAR_3,
    ROWS,
    TABLE_2,
    TABLE_3,
)
from replications.papers.edge_of_orthogonality.study import named
from replications.statistics import mean_and_deviation
from replications.study import Records
from replications.study.rules import finite

FREE = ("predictor_projection", "oja_radial")  # need not vanish
TITLES = {
    "linear": "trained linear",
    "mlp": "trained, two layers",
    "none": "no predictor",
    "regression": "regression",
    "direct_pred": "DirectPred",
    **ROWS,
    "linear_tau": "trained linear, τ =",
    "linear_symmetric": "trained linear, symmetric start",
    "linear_fast": "trained linear, ten times the rate",
    "through_gradient": "NS², α = 0.3, gradient through P",
    "other_norm_linear": "trained linear, no norm on projections",
    "other_norm_ns2": "NS², α = 0.3, no norm on projections",
}


def title(condition: str) -> str:
    """A condition in words."""
    if condition in TITLES:
        return TITLES[condition]
    name, value = condition.rsplit("_", 1)
    return f"{TITLES[name]} {value}" if name == "linear_tau" else f"{TITLES[name]}, α = {value}"


def ridges(records: Records) -> list[dict[str, Any]]:
    """Tables 2 and 3 of the paper, and under each predictor ours: kNN %, "–" where a cell was not run."""
    rows: list[dict[str, Any]] = []

    def add(predictor: str, what: str, cells: list[Any]) -> None:
        rows.append({"predictor": predictor, "number": what, **{f"α = {a:g}": c for a, c in zip(ALPHAS, cells)}})

    def ours(condition: str) -> str | None:
        return mean_and_deviation(100 * records.scalars(condition, "knn")) if condition in records else None

    for name, words in ROWS.items():
        add(words, "paper, 100 epochs", [f"{value:.1f}" for value in TABLE_2[name]])
        add("", "paper, 300 epochs", [f"{value:.1f}" for value in TABLE_3[name]])
        add("", "ours, kNN", [ours(named(name, alpha)) for alpha in ALPHAS])
    add("trained linear", "paper, 100 epochs", [f"{LINEAR_2:.1f}"] + [None] * 6)
    add("", "paper, 300 epochs", [f"{LINEAR_3:.1f}"] + [None] * 6)
    add("", "ours, kNN", [ours("linear")] + [None] * 6)
    add("", "ours, ten times its rate", [ours("linear_fast")] + [None] * 6)
    return rows


def best_closed_form(records: Records) -> str:
    """The condition whose closed form ends with the best neighbours, mean over seeds; one that diverged is not it."""
    closed = [condition for condition in records.conditions if condition.rsplit("_", 1)[0] in CLOSED_FORMS]
    return max(closed, key=lambda condition: np.nan_to_num(records.scalars(condition, "knn").mean(), nan=0.0))


def arms(records: Records) -> list[dict[str, Any]]:
    """A row an arm at the end of training; means over seeds, "–" where a seed diverged or P is no matrix."""

    def mean(condition: str, metric: str) -> float | None:
        if any(metric not in record.scalars for record in records[condition]):
            return None
        return finite(float(records.scalars(condition, metric).mean()))

    columns = {
        "spread": "std",
        "effective rank": "effective_rank",
        "stable rank of P": "srank",
        "tr P / f‖P‖": "trace",
        "asymmetry": "asymmetry",
        "‖P² - P‖": "projection",
        "‖P - U‖": "polar",
        "‖P - U‖, norm 1": "polar_scaled",
        "at 0 or 1": "ends",
        "uncentred": "ends_uncentred",
    }
    rows: list[dict[str, Any]] = [
        {
            "arm": "untrained encoder",
            "kNN %": mean_and_deviation(100 * records.scalars("linear", "knn_random")),
            "linear %": mean_and_deviation(100 * records.scalars("linear", "linear_random")),
            **dict.fromkeys(columns),
            "seeds": len(records["linear"]),
        }
    ]
    for condition in (c for c in records.conditions if c != "algebra"):
        rows.append(
            {
                "arm": title(condition),
                "kNN %": mean_and_deviation(100 * records.scalars(condition, "knn")),
                "linear %": mean_and_deviation(100 * records.scalars(condition, "linear")),
                **{words: mean(condition, metric) for words, metric in columns.items()},
                "seeds": len(records[condition]),
            }
        )
    return rows


def propositions(records: Records) -> list[dict[str, Any]]:
    """A row a statement: what was measured, the largest over seeds, and whether it must vanish."""
    return [
        {
            "check": name,
            "measured": metric.meaning,
            "largest": f"{np.abs(records.scalars('algebra', name)).max():.1e}",
            "must vanish": "no" if name in FREE else "yes",
        }
        for name, metric in ALGEBRA_METRICS.items()
    ]
