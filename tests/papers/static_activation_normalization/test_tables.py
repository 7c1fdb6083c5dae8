"""Controls stand beside the run of the sweep whose one choice they change."""

from replications.papers.static_activation_normalization import tables
from replications.study.testing import fake_records


def test_controls() -> None:
    records = fake_records({"mnist-20-sanf-a": {"accuracy": [0.8, 0.6]}, "adam-20-sanf-a": {"accuracy": [0.9, 0.9]}})
    (row,) = tables.controls(records)
    assert row["choice"] == "adam"
    assert (row["sweep"], row["changed"]) == (0.7, 0.9)
