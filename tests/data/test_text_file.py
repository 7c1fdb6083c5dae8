"""A user's own text8 and enwik8."""

import zipfile
from pathlib import Path

import pytest

from replications.data.text import decode
from replications.data.text_file import load_enwik8, load_text8
from replications.study.errors import UserError


def test_text8(cache: Path) -> None:
    cache.mkdir()
    (cache / "text8").write_text(" abcdefghij" * 100)
    text = load_text8()
    assert [len(part) for part in text] == [990, 55, 55]
    assert decode(text.train[:11]) == " abcdefghij"


def test_a_zip_and_a_path(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        archive.writestr("enwik8", bytes(range(200)))
    text = load_enwik8(tmp_path / "mine.zip")
    assert [len(part) for part in text] == [180, 10, 10]
    assert text.test.tolist() == list(range(190, 200))
    with pytest.raises(UserError, match="holds no file 'text8': it holds enwik8"):
        load_text8(tmp_path / "mine.zip")


def test_mistakes(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no enwik8 at .*enwik8 or .*enwik8.zip: get enwik8.zip from"):
        load_enwik8()
    (tmp_path / "upper").write_text("Not text8, but long enough")
    with pytest.raises(UserError, match=r"upper is not text8: byte 0 is b'N'"):
        load_text8(tmp_path / "upper")
    (tmp_path / "short").write_text("short")
    with pytest.raises(UserError, match="holds 5 characters: at least 20"):
        load_text8(tmp_path / "short")
