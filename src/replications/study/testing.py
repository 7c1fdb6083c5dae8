"""Records made by hand, for tests of claims and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from replications.study.outcome import Curve
from replications.study.provenance import Provenance
from replications.study.record import Cost, Record
from replications.study.records import Records

NOWHERE = Provenance("source", {}, "0", "0", "0", "test", 1, "")
FREE = Cost(0.0, 0.0, 0.0, 0, 0, "2000-01-01T00:00:00+00:00")


def fake_records(
    scalars: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    profile: str = "laptop",
    curves: Mapping[str, Mapping[str, Sequence[Curve]]] | None = None,
    arrays: Mapping[str, Mapping[str, Sequence[np.ndarray]]] | None = None,
) -> Records:
    """Records with the given values: condition → metric → one value a seed (curves and arrays alike)."""
    records = []
    for condition, metrics in scalars.items():
        seeds = max(len(values) for values in metrics.values())
        for seed in range(seeds):
            records.append(
                Record(
                    paper="test",
                    profile=profile,
                    condition=condition,
                    seed=seed,
                    identity=f"{condition}-{seed}",
                    config={},
                    scalars={name: float(values[seed]) for name, values in metrics.items() if seed < len(values)},
                    units=dict.fromkeys(metrics, ""),
                    curves={name: values[seed] for name, values in (curves or {}).get(condition, {}).items()},
                    arrays={name: values[seed] for name, values in (arrays or {}).get(condition, {}).items()},
                    provenance=NOWHERE,
                    cost=FREE,
                )
            )
    return Records(profile, records)
