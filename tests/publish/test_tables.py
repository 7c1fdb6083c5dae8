from dataclasses import replace

import numpy as np
import pytest

import toy_project
from replications.publish.tables import (
    CLASS,
    Html,
    badge,
    cell,
    html_table,
    ledger_table,
    measured,
    published,
    smallest_effects,
)
from replications.study import Claim, Published, Verdict, ledger
from replications.study.testing import fake_records
from toy_study import STUDY


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (1 / 3, "0.3333"),
        (-0.5, "−0.5"),  # the minus sign, not a hyphen
        (-1e-7, "−1e−07"),
        (np.float32(-2.5), "−2.5"),
        (np.int64(123456), "123456"),
        (-12, "−12"),
        (True, "True"),
        (float("nan"), "nan"),
        ("well-known", "well-known"),
        ("<b> & \"q\"", "&lt;b&gt; &amp; &quot;q&quot;"),
        (Html("<b>bold</b>"), "<b>bold</b>"),
        ("0.31 ± 0.02", "0.31\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.02"),  # stays on one line
    ],
)  # fmt: skip
def test_a_cell_is_escaped_and_rounded(value, text):
    assert cell(value) == text


def test_numbers_align_and_words_do_not():
    table = html_table([{"a<b": 1.5, "name": "x"}, {"a<b": None, "name": True}, {"name": "y", "left out": 1}])
    assert '<th scope="col">a&lt;b</th>' in table
    assert '<td class="number">1.5</td><td class="text">x</td>' in table
    assert '<td class="text">–</td><td class="text">True</td>' in table
    assert '<td class="text">–</td><td class="text">y</td>' in table
    assert "left out" not in table


def test_a_table_has_a_name_and_can_be_scrolled_by_keyboard():
    table = html_table([{"a": 1}], 'Loss "after" <10> steps', "box")
    assert "<caption>Loss &quot;after&quot; &lt;10&gt; steps</caption>" in table
    assert 'tabindex="0" role="region" aria-label="Loss &quot;after&quot; &lt;10&gt; steps"' in table
    assert 'class="table replication box"' in table
    assert 'aria-label="table"' in html_table([])


def test_effects_are_paired_and_left_out_where_nothing_can_be_said():
    accuracies = {
        "base": [0.3, 0.4, 0.5],
        "better": [0.4, 0.52, 0.58],
        "diverged": [0.4, 0.5, float("nan")],
        "alike": [0.2, 0.3, 0.4],
    }
    records = fake_records({**{name: {"knn": values} for name, values in accuracies.items()}, "once": {"knn": [0.9]}})
    pairs = {name: (name, "base") for name in (*accuracies, "once", "missing")}
    (row,) = smallest_effects(records, pairs, "knn", 100, "points")
    assert row["difference"] == "better"
    assert row["mean, points"] == pytest.approx(10)
    assert row["seeds"] == 3
    assert row["detectable with 80 % power"] > np.std([10, 12, 8], ddof=1)
    assert "mean" in smallest_effects(records, pairs, "knn")[0]


def test_every_verdict_has_a_colour_and_its_word():
    assert set(CLASS) == set(Verdict)
    assert len(set(CLASS.values())) == len(Verdict)
    assert badge(Verdict.PARTLY) == '<span class="verdict partly">partly reproduced</span>'


def entries(profile="laptop", **changes):
    return ledger(STUDY, toy_project.CLAIMS, toy_project.record(profile, **changes))


def test_a_recalled_number_is_marked(root):
    entry = entries()[0]
    assert published(entry) == "−1.5 % top-1<br><small>Table 1 &amp; 2</small>"
    recalled = replace(entry, claim=replace(entry.claim, published=Published(80.0, "%", "Figure 1", read=False)))
    assert published(recalled).startswith("80 %<br><small>Figure 1 <abbr")
    assert ">recalled</abbr>" in published(recalled)
    assert "<br>" not in published(entries()[2])  # no number


def test_a_measured_number_comes_with_interval_n_and_profile(root):
    exact, better, untestable, *_ = entries()
    assert measured(exact) == "0 <br><small>n = 3, laptop</small>"
    assert "[" in measured(better)
    assert " loss<br><small>n = 3, laptop</small>" in measured(better)
    assert measured(untestable) == "<small>one size only</small>"


def test_a_stale_number_says_what_changed(root):
    assert "stale: numpy, python" in measured(entries(numpy="0", python="2.7")[0])


def test_the_ledger_links_claims_to_evidence_and_shows_rules(root):
    table = ledger_table(entries())
    assert table.count("<tr>") == len(toy_project.CLAIMS) + 1
    assert '<span id="claim-C1">C1</span>' in table
    assert 'Zero is &lt;zero&gt;. <a href="#fig-toy-zero">evidence</a>' in table
    assert "Rule: largest absolute error at most 0." in table
    assert "paired by seed" in table
    assert "the rates swapped: broke the claim" in table
    assert '<span class="verdict reproduced">reproduced</span>' in table


def test_a_falsifier_without_judgement_is_not_run():
    claim = Claim(
        "C1", "x", Published(None, "", "", True), toy_project.CLAIMS[1].rule, falsifier=toy_project.CLAIMS[1].falsifier
    )
    from replications.study import judge_records
    from replications.study.testing import fake_records

    (entry,) = judge_records("toy", [claim], fake_records({"other": {"loss": [1.0]}}))
    assert "the rates swapped: not run" in ledger_table([entry])
