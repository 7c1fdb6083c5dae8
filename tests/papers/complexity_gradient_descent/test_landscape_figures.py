"""Landscapes are drawn at any profile, with theory beside measurement."""

import pytest

from replications.papers.complexity_gradient_descent import landscape_figures, method


@pytest.mark.parametrize(
    ("draw", "name"),
    [
        (landscape_figures.counts, "cgd-counts"),
        (landscape_figures.levels, "cgd-levels"),
        (landscape_figures.index, "cgd-index"),
        (landscape_figures.anneal, "cgd-anneal"),
    ],
)
def test_every_figure_draws_the_laptops_and_the_smokes_conditions(recorded, few, drawn, draw, name):
    for records in (recorded, few):
        draw(records)
        data = drawn(name)
        assert data["alt"]
        assert any(axes["series"] for axes in data["axes"])


def test_the_limit_is_drawn_as_the_formula_has_it(recorded, drawn):
    landscape_figures.sigma(recorded)
    left, _ = drawn("cgd-sigma")["axes"]
    limit = next(series for series in left["series"] if series["label"] == "limit")
    assert limit["y"] == pytest.approx(method.sigma(limit["x"]).tolist(), abs=1e-4)


def test_the_scale_says_dimension_features_and_fields(recorded):
    assert landscape_figures.scale(recorded) == "profile laptop: N = 50, 4000 random features, 5 seeds of 16 fields"
