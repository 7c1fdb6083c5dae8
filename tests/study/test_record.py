import json
import math

import numpy as np
import pytest

from replications.study import Curve
from replications.study.record import Cost, DamagedRecord, Record, from_document
from replications.study.testing import NOWHERE

COST = Cost(1.0, 1.0, 10.0, 5, 50, "2026-01-01T00:00:00+00:00")


@pytest.fixture
def record():
    return Record(
        "toy", "smoke", "fast", 0, "abc", {"rate": 0.1},
        scalars={"loss": 0.25, "diverged": math.nan, "top": math.inf},
        units={"loss": "1", "diverged": "1", "top": "1"},
        curves={"loss": Curve([0, 1], [1.0, math.nan], "step", "loss")},
        arrays={"w": np.arange(4, dtype=np.float32)},
        provenance=NOWHERE,
        cost=COST,
    )  # fmt: skip


def test_json_and_back(record):
    document = json.loads(json.dumps(record.document(), allow_nan=False))
    again = from_document(document, record.arrays)
    assert again.document() == record.document()
    assert math.isnan(again.scalars["diverged"])
    assert again.scalars["top"] == math.inf
    assert math.isnan(again.curves["loss"].y[1])
    assert again.cost == COST


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["scalars"]["loss"].update(value=0.3), "checksum"),
        (lambda d: d.update(seed=1), "checksum"),
        (lambda d: d.update(format=2), "its format is 2, this version reads 1"),
        (lambda d: d.pop("checksum"), "not a record"),
        (lambda d: d.pop("cost"), "checksum"),
    ],
)
def test_an_edited_record_is_refused(record, change, message):
    document = record.document()
    change(document)
    with pytest.raises(DamagedRecord, match=message):
        from_document(document, record.arrays)


def test_changed_or_missing_arrays_are_refused(record):
    for arrays in ({"w": np.ones(4, dtype=np.float32)}, {}):
        with pytest.raises(DamagedRecord, match="arrays"):
            from_document(record.document(), arrays)


def test_a_document_with_a_right_checksum_and_wrong_fields_is_refused(record):
    from replications.study.record import checksum

    body = {key: value for key, value in record.document().items() if key not in ("checksum", "cost")}
    with pytest.raises(DamagedRecord, match="field is missing"):
        from_document({**body, "checksum": checksum(body)}, record.arrays)
    with pytest.raises(DamagedRecord, match="not a record"):
        from_document([1, 2], {})
