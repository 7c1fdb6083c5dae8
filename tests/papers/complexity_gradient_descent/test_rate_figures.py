"""Norms, balance and maps are drawn as far as they were recorded."""

from replications.papers.complexity_gradient_descent import rate_figures


def test_norms_have_a_row_a_network_and_three_panels(recorded, few, drawn):
    for records in (recorded, few):
        rate_figures.norms(records)
        assert len(drawn("cgd-norms")["axes"]) == 6


def test_the_balance_is_drawn_against_its_diagonal(recorded, drawn):
    rate_figures.equilibrium(recorded)
    data = drawn("cgd-equilibrium")
    assert len(data["axes"]) == 3
    assert all(axes["series"] for axes in data["axes"])


def test_maps_have_a_panel_a_network_and_schedule(recorded, few, drawn):
    for records in (recorded, few):
        rate_figures.maps(records)
        assert len([axes for axes in drawn("cgd-maps")["axes"] if axes["title"] or axes["series"]]) >= 6
