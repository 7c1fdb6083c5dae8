"""Every figure draws from the records of the smoke profile."""

import pytest

from replications.papers.policy_gradients_soft_q import figures


@pytest.mark.parametrize("name", ["gap", "ratios", "walk", "values", "cosine", "slips", "limits"])
def test_figures_draw(name, records, monkeypatch, tmp_path):
    monkeypatch.setattr("replications.figures.drawing.build_folder", lambda: tmp_path)
    getattr(figures, name)(records)
    assert (tmp_path / "figures" / f"pgsq-{name}.svg").stat().st_size > 1000
