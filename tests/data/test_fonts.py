"""Letters as thin lines."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from replications.data import fonts
from replications.data.fetch import UnavailableError

DEJAVU = next(fonts.dejavu_letters())[2]


def _bar(height: int, width: int) -> np.ndarray:
    page = np.zeros((40, 40), dtype=bool)
    page[10 : 10 + height, 8 : 8 + width] = True
    return page


def test_thin_keeps_a_line_and_thins_a_bar() -> None:
    np.testing.assert_array_equal(fonts.thin(_bar(1, 20)), _bar(1, 20))
    skeleton = fonts.thin(_bar(7, 24))
    assert skeleton.sum(axis=0).max() == 1
    assert 15 <= skeleton.sum() <= 24
    assert set(np.nonzero(skeleton)[0].tolist()) <= {12, 13, 14}


def test_thin_keeps_parts_and_holes() -> None:
    ring = _bar(20, 20)
    ring[16:24, 14:22] = False
    page = ring.copy()
    page[34:38, 30:34] = True  # and a dot
    skeleton = fonts.thin(page)
    assert not (skeleton & ~page).any()
    assert ndimage.label(skeleton, np.ones((3, 3)))[1] == 2
    assert ndimage.label(~skeleton)[1] == 2  # inside and outside


def test_thin_does_not_lose_small_dots() -> None:
    for size in (1, 2, 3):
        assert fonts.thin(_bar(size, size)).sum() >= 1


def test_thin_reaches_the_border() -> None:
    np.testing.assert_array_equal(fonts.thin(np.ones((1, 5), dtype=bool)), np.ones((1, 5), dtype=bool))


def test_dejavu_letters() -> None:
    letters = {letter: alphabet for alphabet, letter, _ in fonts.dejavu_letters()}
    assert len(letters) > 1500
    assert letters["a"] == "Latin"
    assert letters["ω"] == "Greek"
    assert letters["Ж"] == "Cyrillic"
    assert letters["𐌀"] == "Old Italic"
    assert not {"é", "ﬁ", "1", "."} & set(letters)


def test_templates_are_centred_and_without_twins() -> None:
    latin, greek = "abcdefghijkTABE", "ΑΒΕΓΔΘΛΞΠΣΦΨΩ"  # Greek Α, Β, Ε look like the Latin letters
    entries = [("Latin", letter, DEJAVU) for letter in latin] + [("Greek", letter, DEJAVU) for letter in greek]
    found = {(template.alphabet, template.letter): template for template in fonts.templates(iter(entries))}
    assert {letter for alphabet, letter in found if alphabet == "Greek"} == set(greek)  # sorted first
    assert not {("Latin", letter) for letter in "ABE"} & set(found)
    for template in found.values():
        assert np.abs(template.points).max() <= 0.5
        assert 0.8 < np.ptp(template.points, axis=0).max() <= 1.0


def test_small_alphabets_and_blanks_are_dropped() -> None:
    assert fonts.templates(iter([("Latin", "a", DEJAVU), ("Latin", " ", DEJAVU)])) == []


def test_noto_letters(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no Noto fonts in"):
        list(fonts.noto_letters(tmp_path))


def test_noto_scripts_by_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = {
        "NotoSerifOld-Regular.ttf": "xyzxyzxyzxyzxyz",  # the sans of the same script comes first
        "NotoSansOld-Regular.ttf": "abcdefghijklmno",
        "NotoSansOldSlanted-Regular.ttf": "abcdefghijklmno",
        "NotoSansTiny-Regular.ttf": "ΑΒ",
        "NotoSansMath-Regular.ttf": "ABCDEFGHIJKLMNO",
    }
    for name in letters:
        (tmp_path / name).touch()
    monkeypatch.setattr(fonts, "_letters", lambda path: list(letters[path.name]))
    found = list(fonts.noto_letters(tmp_path))
    assert {(script, path.name) for script, _, path in found} == {("Old", "NotoSansOld-Regular.ttf")}
    assert len(found) == 15


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match="matplotlib, which ships the DejaVu fonts, is not installed"):
        list(fonts.dejavu_letters())
