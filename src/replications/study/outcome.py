"""What a run returns: scalars, curves and small arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

LONGEST_CURVE = 200


@dataclass(frozen=True)
class Metric:
    """A scalar that a study reports: its unit, and what it is, with its formula."""

    unit: str
    meaning: str


@dataclass(frozen=True)
class Curve:
    """y against x, at most 200 points; the labels carry the units."""

    x: Sequence[float]
    y: Sequence[float]
    x_label: str
    y_label: str

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise ValueError(f"a curve needs as many x as y, got {len(self.x)} and {len(self.y)}")
        if len(self.x) > LONGEST_CURVE:
            raise ValueError(f"a curve holds at most {LONGEST_CURVE} points, got {len(self.x)}: use Curve.thin")

    @classmethod
    def thin(cls, x: Sequence[float], y: Sequence[float], x_label: str, y_label: str) -> Curve:
        """A curve of at most 200 evenly chosen points, first and last included."""
        points = np.linspace(0, len(x) - 1, min(len(x), LONGEST_CURVE)) if len(x) else np.empty(0)
        keep = np.unique(points.round().astype(int))
        return cls([float(x[i]) for i in keep], [float(y[i]) for i in keep], x_label, y_label)


@dataclass(frozen=True)
class Outcome:
    """The result of one run. Every scalar is declared in the study's metrics; arrays are float32 or smaller."""

    scalars: Mapping[str, float]
    curves: Mapping[str, Curve] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    steps: int = 0  # training steps, for the record's cost
    samples: int = 0  # training samples seen, for the record's cost
