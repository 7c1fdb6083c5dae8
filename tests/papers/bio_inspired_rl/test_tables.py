"""Tables: what a reader sees follows from counts, records and published scores."""

import pytest

from replications.papers.bio_inspired_rl import tables
from replications.study.testing import fake_records


@pytest.fixture
def records(good):
    """A laptop profile, with the short Krull protocol."""
    _, laptop, _ = good
    krull = {"krull-dense": {"score": [2665.5] * 5, "coefficients": [598_953.0] * 5}}
    return fake_records(laptop() | krull)


def test_counts_are_exact_and_relative_to_rainbow():
    rows = {row["network"]: row for row in tables.counts()}
    assert rows["Rainbow"]["coefficients"] == "3,473,413"
    assert rows["Rainbow"]["Rainbow over it"] == "1.00"
    assert rows["Rainbow, noisy"]["Rainbow over it"] == "0.51"
    assert rows["Rainbow, tucker, 1/10"]["rank of the outputs"] == 64
    assert float(rows["Rainbow, narrow, 1/10"]["Rainbow over it"]) >= 10


def test_scores_hold_every_network_with_its_control(records):
    rows = {row["network"]: row for row in tables.scores(records)}
    assert rows["dense"]["IQM"] == "1.00"
    assert rows["narrow dense, 1/10"]["P(better than narrow, 1/10)"] == "0.50"
    assert rows["Tucker, 1/10"]["P(better than narrow, 1/10)"] == "1.00"
    assert rows["dense"]["Breakout"] == "10.0 ± 0.2"
    assert float(rows["narrow dense, 1/10"]["gap to dense"]) > 0.5


def test_second_order_rows_pair_adam_and_kfac(records):
    rows = tables.second_order(records)
    assert [row["optimiser"] for row in rows] == ["Adam", "K-FAC"] * 2
    assert rows[0]["updates to the fixed score"] == "4,000"
    assert rows[1]["seeds that reached it"] == "5 of 5"


def test_krull_stands_beside_published_play(records):
    rows = {row["network"]: row for row in tables.krull(records)}
    assert rows["dense"]["HNS"] == rows["human, published"]["HNS"] == "1.00"
    assert rows["random, published"]["HNS"] == "0.00"


def test_the_published_table_stands_as_printed():
    rows = {row["game"]: row for row in tables.atari()}
    assert len(rows) == 28
    assert rows["krull"]["DER"] == 2851.5
    assert rows["mean, human-normalised"]["SPR"] == 0.704
    assert rows["median, human-normalised"]["Human"] is None


def test_detectable_differences_are_signed_and_have_a_width(records):
    rows = {row["difference"]: row for row in tables.detectable(records)}
    assert rows["narrow dense, 1/10 − dense"]["IQM"].startswith("−0.6")
    assert rows["Tucker, 1/10 − narrow dense, 1/10"]["IQM"].startswith("+0.6")
    assert rows["Tucker, 1/10 − dense"]["seeds × games"] == "5 × 2"
