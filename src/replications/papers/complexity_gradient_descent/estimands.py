"""Comparisons of schedules, each at its own best λ_0, which validation images of the other seeds choose.

The rule, fixed before the recorded runs: the grid value (and, among several schedules, the schedule) of a seed is the one with
the smallest validation NLL averaged over the other seeds. Test images take no part in it. A single seed chooses for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from replications.papers.complexity_gradient_descent.schedules import SCHEDULES
from replications.study import MissingRecords, Records

Estimand = Callable[[Records], np.ndarray]


def chosen(records: Records, conditions: Sequence[str]) -> list[tuple[str, int]]:
    """Condition and grid index of every seed, by the validation NLL of the other seeds."""
    for name in conditions:
        if records.seeds(name) != records.seeds(conditions[0]):
            raise MissingRecords(f"'{name}' and '{conditions[0]}' are not recorded for the same seeds")
    nll = np.array([records.arrays(name, "validation_nll") for name in conditions])  # (conditions, seeds, grid)
    seeds = nll.shape[1]
    found = []
    for seed in range(seeds):
        others = [k for k in range(seeds) if k != seed] or [seed]
        which, index = np.unravel_index(nll[:, others].mean(1).argmin(), (nll.shape[0], nll.shape[2]))
        found.append((conditions[which], int(index)))
    return found


def at_best(conditions: Sequence[str], what: str) -> Estimand:
    """Test `what` (nll or accuracy) of the chosen condition and coefficient, seed by seed."""
    return lambda records: np.array(
        [
            records.arrays(name, f"test_{what}")[seed][index]
            for seed, (name, index) in enumerate(chosen(records, conditions))
        ],
        dtype=float,
    )


def gain(setting: str, names: Sequence[str], what: str, baseline: str = "constant") -> Estimand:
    """By how much the best of the schedules `names` beats the best constant: NLL saved, or accuracy won."""
    ours = at_best([f"{setting}-{name}" for name in names], what)
    theirs = at_best([f"{setting}-{baseline}"], what)
    sign = -1.0 if what == "nll" else 1.0
    return lambda records: sign * (ours(records) - theirs(records))


def mean_gain(settings: Sequence[str], names: Sequence[str], what: str) -> Estimand:
    """The gain averaged over settings."""
    gains = [gain(setting, names, what) for setting in settings]
    return lambda records: np.mean([each(records) for each in gains], axis=0)


def matched_gain(setting: str, names: Sequence[str], what: str) -> Estimand:
    """The chosen schedule and coefficient against a constant of the same Σηλ, same start and same batches.

    The constant schedule at the same grid value is that for schedules known before the training; those that follow the loss
    bring their twin.
    """
    sign = -1.0 if what == "nll" else 1.0

    def of(records: Records) -> np.ndarray:
        found = []
        for seed, (name, index) in enumerate(chosen(records, [f"{setting}-{name}" for name in names])):
            by_loss = SCHEDULES[name.removeprefix(f"{setting}-")].by_loss
            twin = (name, f"twin_test_{what}") if by_loss else (f"{setting}-constant", f"test_{what}")
            ours, theirs = records.arrays(name, f"test_{what}"), records.arrays(*twin)
            found.append(sign * float(ours[seed][index] - theirs[seed][index]))
        return np.array(found)

    return of
