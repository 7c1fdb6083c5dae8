"""The paper's tables, against what its text says of them."""

from replications.papers.edge_of_orthogonality.published import ALPHAS, LINEAR_2, LINEAR_3, ROWS, TABLE_2, TABLE_3


def test_tables_have_a_row_a_form_and_a_column_a_ridge():
    assert set(TABLE_2) == set(TABLE_3) == set(ROWS)
    assert {len(row) for row in (*TABLE_2.values(), *TABLE_3.values())} == {len(ALPHAS)}


def test_the_best_closed_forms_gain_what_the_paper_says():
    assert round(max(max(row) for row in TABLE_2.values()) - LINEAR_2, 1) == 1.2
    assert round(max(max(row) for row in TABLE_3.values()) - LINEAR_3, 1) == 0.7
    assert max(TABLE_2["visser"]) - min(TABLE_2["visser"]) < 0.11
