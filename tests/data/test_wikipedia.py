"""Wikipedia text: tiny wheels of the same form, the split by article, and the real text where the cache holds it."""

import bz2
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from replications.data import wikipedia
from replications.data.fetch import UnavailableError
from replications.data.text import decode, to_text8

PAGE = "<page><title>{}</title><ns>{}</ns>{}<revision><text>{}</text></revision></page>"
DUMP = (
    '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/">'
    + PAGE.format("Cat", 0, "", "'''Cat''' is an [[animal]].{{stub}}")
    + PAGE.format("Tom", 0, '<redirect title="Cat" />', "#REDIRECT [[Cat]]")
    + PAGE.format("Talk:Cat", 1, "", "chatter")
    + "</mediawiki>"
)
LEADS = {"CAT": {"extract": "A lead that is also a full article."}, "Dog": {"extract": "Dogs bark."}}


def _wheels(folder: Path, dump: str = DUMP, leads: object = LEADS) -> tuple[Path, Path]:
    with zipfile.ZipFile(folder / "leads.whl", "w") as archive:
        archive.writestr(wikipedia.LEADS_FILE, json.dumps(leads))
    with zipfile.ZipFile(folder / "full.whl", "w") as archive:
        archive.writestr(wikipedia.FULL_FILE, bz2.compress(dump.encode()))
    return folder / "leads.whl", folder / "full.whl"


def test_redirects_and_other_namespaces_are_left_out() -> None:
    assert wikipedia.full_articles(bz2.compress(DUMP.encode())) == {"Cat": "'''Cat''' is an animal."}


def test_a_lead_of_a_full_article_is_left_out(tmp_path: Path) -> None:
    arrays = wikipedia.decode_wheels(*_wheels(tmp_path))
    text = decode(torch.from_numpy(np.concatenate([arrays[name] for name in wikipedia.SPLITS])))
    assert sorted(text.split()) == ["an", "animal", "bark", "cat", "dogs", "is"]


@pytest.mark.parametrize("damage", [{"dump": "<mediawiki><page>"}, {"leads": {"Dog": {}}}, {"leads": ["Dog"]}])
def test_damaged_wheels(tmp_path: Path, damage: dict[str, object]) -> None:
    with pytest.raises(UnavailableError, match="the wheels cannot be decoded"):
        wikipedia.decode_wheels(*_wheels(tmp_path, **damage))  # type: ignore[arg-type]


def test_a_wheel_without_its_text(tmp_path: Path) -> None:
    leads, _ = _wheels(tmp_path)
    with pytest.raises(UnavailableError, match="the wheels cannot be decoded"):
        wikipedia.decode_wheels(leads, leads)
    leads.write_bytes(b"no zip")
    with pytest.raises(UnavailableError, match="the wheels cannot be decoded"):
        wikipedia.decode_wheels(leads, leads)


def test_splits_hold_whole_articles_in_the_shares_asked_for() -> None:
    articles = {f"title {number}": f"start {'word ' * (number % 50)} end" for number in range(2000)}
    splits = wikipedia.split(articles)
    total = sum(map(len, splits.values()))
    for name, share in wikipedia.SPLITS.items():
        assert len(splits[name]) / total == pytest.approx(share, abs=0.005)
        assert splits[name].startswith("start ")
        assert splits[name].endswith("end ")
    assert sum(text.count("start") for text in splits.values()) == 2000
    assert splits == wikipedia.split(dict(reversed(articles.items())))  # the order of the input does not count


def test_an_article_without_letters_is_left_out() -> None:
    assert "".join(wikipedia.split({"a": "…", "b": "word"}).values()).split() == ["word"]


@pytest.mark.skipif(not wikipedia.DATASET.cached(), reason="not in the cache: replicate data wikipedia")
def test_the_real_text() -> None:
    text = wikipedia.load()
    total = sum(map(len, text))
    assert 7_000_000 < total < 8_500_000
    assert [len(part) / total for part in text] == pytest.approx([0.90, 0.05, 0.05], abs=0.002)
    assert all(int(part.max()) == 26 for part in text)
    start = decode(text.train[:10000])
    assert start.strip() == to_text8(start)
    assert " the " in start
    shares = text.train.bincount(minlength=27).double() / len(text.train)
    entropy = -(shares * shares.log2()).sum()  # about 4.1 bits for English in this form
    assert 4.0 < float(entropy) < 4.2
