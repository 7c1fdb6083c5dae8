"""The records of one profile, as claims and figures read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from replications.study.record import Record


class MissingRecords(KeyError):
    """A claim asked for a condition, metric, curve or array that was not recorded."""

    def __str__(self) -> str:
        return str(self.args[0])


class Records:
    """Records of one profile by condition; values come one a seed, ordered by seed."""

    def __init__(self, profile: str, records: Iterable[Record]) -> None:
        self.profile = profile
        self._by_condition: dict[str, list[Record]] = {}
        for record in sorted(records, key=lambda record: record.seed):
            self._by_condition.setdefault(record.condition, []).append(record)

    def __iter__(self) -> Iterator[Record]:
        return (record for records in self._by_condition.values() for record in records)

    def __len__(self) -> int:
        return sum(len(records) for records in self._by_condition.values())

    def __contains__(self, condition: str) -> bool:
        return condition in self._by_condition

    def __getitem__(self, condition: str) -> list[Record]:
        if condition not in self._by_condition:
            raise MissingRecords(f"condition '{condition}' is not recorded at profile {self.profile}")
        return self._by_condition[condition]

    @property
    def conditions(self) -> list[str]:
        """Names of the recorded conditions."""
        return list(self._by_condition)

    def seeds(self, condition: str) -> list[int]:
        """Seeds recorded for `condition`."""
        return [record.seed for record in self[condition]]

    def scalars(self, condition: str, metric: str) -> np.ndarray:
        """Values of `metric`, one a seed. Shape (seeds,)."""
        return np.array([self._get(record, "scalars", metric) for record in self[condition]], dtype=float)

    def curve(self, condition: str, name: str) -> tuple[np.ndarray, np.ndarray]:
        """x of shape (points,) and y of shape (seeds, points); cut to the shortest where a run ended early."""
        curves = [self._get(record, "curves", name) for record in self[condition]]
        points = min(len(curve.x) for curve in curves)
        x = np.array(curves[0].x[:points], dtype=float)
        return x, np.array([curve.y[:points] for curve in curves], dtype=float)

    def arrays(self, condition: str, name: str) -> list[np.ndarray]:
        """Arrays called `name`, one a seed."""
        return [self._get(record, "arrays", name) for record in self[condition]]

    def paired(self, first: str, second: str, metric: str) -> np.ndarray:
        """`metric` of `first` minus that of `second` over the seeds that both have. Shape (seeds,)."""
        one = dict(zip(self.seeds(first), self.scalars(first, metric)))
        two = dict(zip(self.seeds(second), self.scalars(second, metric)))
        return np.array([one[seed] - two[seed] for seed in sorted(one.keys() & two.keys())])

    @staticmethod
    def _get(record: Record, kind: str, name: str):  # type: ignore[no-untyped-def]
        content = getattr(record, kind)
        if name not in content:
            raise MissingRecords(f"{record.condition} seed {record.seed} recorded no {kind} '{name}'")
        return content[name]
