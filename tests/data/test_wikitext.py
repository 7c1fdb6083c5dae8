"""MediaWiki markup: what a reader sees stays, the rest goes."""

import re

import pytest

from replications.data.wikitext import plain


@pytest.mark.parametrize(
    ("markup", "prose"),
    [
        ("a [[cat]] and a [[dog|hound]]", "a cat and a hound"),
        ("x{{a|{{b|{{c}}}}}}y", "xy"),
        ('one<ref name="x">hidden</ref> two<ref name="x" /> three<ref>also {{cite}}</ref>', "one two three"),
        ("before {| class=wikitable\n| cell {| inner |} |}after", "before after"),
        ("a<!-- note [[ -->b", "ab"),
        ("<math>x^2</math>is", "is"),
        ("[[File:x.jpg|thumb|left|A [[red]] fox]] runs", "A red fox runs"),
        ("[[Image:x.png|thumb|200px]] runs", "runs"),
        ("text [[Category:Animals]] [[fr:Chat]] [[simple:Cat]]", "text"),
        ("see [[:Category:Animals]]", "see Category:Animals"),
        ("see [http://example.org the site] or http://example.org/x", "see the site or"),
        ("fish &amp; chips <br/> 5 &lt; 6 <small>tiny</small>", "fish & chips 5 < 6 tiny"),
        ("== History ==\nlong\n== See also ==\n* other\n== References ==", "== History == long"),
        ("long\n==Notes and References==\n* other", "long"),
        ("== Sources of law ==\nkept", "== Sources of law == kept"),
    ],
)
def test_markup(markup: str, prose: str) -> None:
    assert re.sub(r"\s+", " ", plain(markup)).strip() == prose


def test_unbalanced_markup_ends() -> None:
    assert plain("{{ open [[ forever <ref> never closed") != ""
