"""The paper's tables beside ours: the cells that matter, pairs in order, missing records."""

import pytest

from replications.papers.continuous_diffusion_for_categorical_data import published
from replications.papers.continuous_diffusion_for_categorical_data.published import Row
from replications.papers.continuous_diffusion_for_categorical_data.study import STUDY
from replications.study.testing import fake_records

TABLES = {**published.TABLE_1, **published.TABLE_2}
ROWS = (Row("a", 1.0, 0.0, "x", "_a"), Row("b", 2.0, 0.0, "x", "_b"), Row("c", 2.0, 0.0, "x", "_c"), Row("d", 3.0, 0.0))
RECORDS = fake_records(
    {"x": {"nll_a": [1.0], "entropy_a": [1.0], "nll_b": [3.0], "entropy_b": [1.0], "nll_c": [0.5], "entropy_c": [1.0]}}
)


def test_the_base_model_stands_in_every_group_that_holds_it():
    assert published.TABLE_1["time warping"][2][:3] == ("both", 4.392, 7.237)
    assert published.TABLE_2["ρ, no warp"][3][:3] == ("8", 4.509, 7.246)
    assert [row.nll for row in published.TABLE_2["guidance γ"]] == [4.392, 4.157, 3.927, 3.731, 3.580]


def test_rows_name_conditions_and_metrics_of_the_study():
    conditions = STUDY.plan("laptop").conditions
    for rows in TABLES.values():
        for row in rows:
            if row.condition is not None:
                assert row.condition in conditions
                assert (row.suffix if row.suffix == "nearest" else f"nll{row.suffix}") in STUDY.metrics


def test_pairs_in_the_same_order():
    assert published.same_order(RECORDS, ROWS) == (1, 2)  # a and b alike, a and c not, b and c tie in print, d not run


def test_lines_show_both_and_leave_out_what_is_missing():
    lines = list(published.lines(RECORDS, {"group": ROWS}))
    assert [line["group"] for line in lines] == ["group", "", "", ""]
    assert lines[0]["paper: AR-NLL"] == "1.000"
    assert lines[1]["ours: NLL"] == "3.000"
    assert lines[3]["ours: NLL"] is None
    assert lines[0]["pairs in the same order"] == "1 of 2"


@pytest.mark.parametrize("row", [ROWS[3], Row("e", 1.0, 1.0, "nowhere")])
def test_missing_records_are_none(row):
    assert published.ours(RECORDS, row) is None
