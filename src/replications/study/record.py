"""A record: what a run leaves. One JSON file, with its arrays in a `.npz` beside it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from replications.study.outcome import Curve
from replications.study.provenance import Provenance

FORMAT = 1


class DamagedRecord(ValueError):
    """A record that is truncated, edited or of an unknown version; the message says which."""


@dataclass(frozen=True)
class Cost:
    """What a run cost; the only part of a record that two runs with the same seed may disagree on."""

    wall_s: float  # of the process that finished the run: what one that was killed had spent is not in it
    cpu_s: float  # likewise
    peak_memory_mb: float
    steps: int
    samples: int
    date: str  # UTC, ISO 8601


@dataclass(frozen=True)
class Record:
    """The result of one run with its identity, provenance and cost."""

    paper: str
    profile: str
    condition: str
    seed: int
    identity: str
    config: Mapping[str, Any]
    scalars: Mapping[str, float]
    units: Mapping[str, str]
    curves: Mapping[str, Curve]
    arrays: Mapping[str, np.ndarray]
    provenance: Provenance
    cost: Cost

    def document(self) -> dict[str, Any]:
        """The JSON document of this record, checksum included; arrays stand in it by shape, type and checksum."""
        body: dict[str, Any] = {
            "format": FORMAT,
            "paper": self.paper,
            "profile": self.profile,
            "condition": self.condition,
            "seed": self.seed,
            "identity": self.identity,
            "config": dict(self.config),
            "scalars": {
                name: {"value": _to_json(float(value)), "unit": self.units[name]}
                for name, value in self.scalars.items()
            },
            "curves": {
                name: {
                    "x": [_to_json(float(x)) for x in curve.x],
                    "y": [_to_json(float(y)) for y in curve.y],
                    "x_label": curve.x_label,
                    "y_label": curve.y_label,
                }
                for name, curve in self.curves.items()
            },
            "arrays": {name: describe_array(array) for name, array in self.arrays.items()},
            "provenance": dataclasses.asdict(self.provenance),
            "cost": dataclasses.asdict(self.cost),
        }
        return {**body, "checksum": checksum(body)}


def from_document(document: Any, arrays: Mapping[str, np.ndarray]) -> Record:
    """The record of a JSON document and its arrays.

    Raises:
        DamagedRecord: the document is not a record of this format, or it, or an array, was changed.
    """
    if not isinstance(document, dict) or "checksum" not in document:
        raise DamagedRecord("it is not a record")
    if document.get("format") != FORMAT:
        raise DamagedRecord(f"its format is {document.get('format')!r}, this version reads {FORMAT}")
    body = {key: value for key, value in document.items() if key != "checksum"}
    if checksum(body) != document["checksum"]:
        raise DamagedRecord("its content does not match its checksum")
    if {name: describe_array(array) for name, array in arrays.items()} != body["arrays"]:
        raise DamagedRecord("its arrays do not match their checksums")
    try:
        return Record(
            **{key: body[key] for key in ("paper", "profile", "condition", "seed", "identity", "config")},
            scalars={name: _from_json(scalar["value"]) for name, scalar in body["scalars"].items()},
            units={name: scalar["unit"] for name, scalar in body["scalars"].items()},
            curves={
                name: Curve(
                    [_from_json(x) for x in curve["x"]],
                    [_from_json(y) for y in curve["y"]],
                    curve["x_label"],
                    curve["y_label"],
                )
                for name, curve in body["curves"].items()
            },
            arrays=dict(arrays),
            provenance=Provenance(**body["provenance"]),
            cost=Cost(**body["cost"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedRecord(f"a field is missing or of the wrong type ({error})") from error


def checksum(body: Mapping[str, Any]) -> str:
    """Checksum of a document, independent of the order of its keys."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def describe_array(array: np.ndarray) -> dict[str, Any]:
    """Shape, type and checksum of an array."""
    content = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return {"shape": list(array.shape), "dtype": str(array.dtype), "sha256": content}


def _to_json(value: float) -> float | str:
    # JSON has no NaN or infinity, and a diverged run is a result
    return value if math.isfinite(value) else str(value)


def _from_json(value: float | str) -> float:
    return float(value)
