import toy_project
from replications import data
from replications.publish.pages import data_table, ledgers, matrix, tally


def test_ledgers_are_those_of_the_chapters(root):
    toy_project.record("laptop")
    assert [(slug, len(entries)) for slug, entries in ledgers().items()] == [("toy", len(toy_project.CLAIMS))]


def test_the_tally_counts_every_verdict(root):
    toy_project.record("laptop")
    html = tally().html
    assert "1 of 2 papers have a chapter; of their 8 claims" in html
    assert ">1 not testable at this scale<" in html
    assert ">1 not run<" in html
    assert ">4 reproduced<" in html
    assert ">1 partly reproduced<" in html
    assert ">1 not reproduced<" in html


def test_the_matrix_has_a_row_a_paper_and_a_link_a_claim(root):
    html = matrix().html
    assert '<a href="toy.html">A toy &amp; its noise <small>(2026)</small></a>' in html
    assert "Not built <small>(2025)</small></td>" in html
    assert "no chapter yet" in html
    link = '<a class="verdict not-run" href="toy.html#claim-C1" title="not run: Zero is &lt;zero&gt;.">C1</a>'
    assert link in html


def test_every_data_set_is_listed_with_its_licence(root):
    html = data_table().html
    for name in data.NAMES:
        assert f">{name}</td>" in html
        assert data.get(name).licence.split()[0] in html
