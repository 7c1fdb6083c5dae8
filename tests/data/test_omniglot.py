"""Omniglot: tiny archives of the same form, where they are looked for, and the real drawings where they are at hand."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from replications.data import glyphs, omniglot
from replications.data.drawings import DRAWERS, SIDE, unpack
from replications.data.fetch import UnavailableError
from replications.study.errors import UserError


def _png(shade: int, side: int = SIDE) -> bytes:
    """A white drawing with one black row, number `shade`."""
    page = np.full((side, side), 255, dtype=np.uint8)
    page[shade] = 0
    content = io.BytesIO()
    Image.fromarray(page).convert("1").save(content, format="png")
    return content.getvalue()


def _archive(path: Path, alphabets: dict[str, int], drawers: int = DRAWERS, side: int = SIDE) -> Path:
    """A zip with this number of characters of each alphabet; drawing of character c by drawer d has ink in row 20 c + d."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for alphabet, characters in alphabets.items():
            for character in range(characters):
                archive.writestr(f"{path.stem}/{alphabet}/character{character + 1:02}/", "")
                for drawer in range(1, drawers + 1):
                    name = f"{path.stem}/{alphabet}/character{character + 1:02}/0001_{drawer:02}.png"
                    archive.writestr(name, _png(20 * character + drawer, side))
    return path


def _decode(*paths: Path, only: tuple[str, ...] = ()) -> omniglot.Drawings:
    arrays = omniglot.decode_archives(paths, only)
    return unpack({name: torch.from_numpy(array.copy()) for name, array in arrays.items()})


def test_a_character_in_two_archives_is_kept_once(tmp_path: Path) -> None:
    first = _archive(tmp_path / "one.zip", {"Greek": 2, "Latin": 1})
    second = _archive(tmp_path / "two.zip", {"Balinese": 1, "Greek": 2, "Latin": 2})
    drawings = _decode(first, second)
    assert drawings.alphabets == ("Balinese", "Greek", "Latin")
    assert drawings.alphabet.tolist() == [0, 1, 1, 2, 2]


def test_ink_is_one_and_drawers_are_in_order(tmp_path: Path) -> None:
    images = _decode(_archive(tmp_path / "one.zip", {"Greek": 2})).images()
    assert images.sum() == 2 * DRAWERS * SIDE
    rows = images[..., 0].argmax(dim=-1)  # (2, 20)
    assert rows[1].tolist() == list(range(21, 41))


def test_some_alphabets_only(tmp_path: Path) -> None:
    path = _archive(tmp_path / "one.zip", {"Greek": 1, "Latin": 1})
    assert _decode(path, only=("Latin",)).alphabets == ("Latin",)


def test_damaged_archives(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"Greek/character01 has drawers \[1, 2\], not 1 to 20"):
        _decode(_archive(tmp_path / "few.zip", {"Greek": 1}, drawers=2))
    with pytest.raises(UnavailableError, match=r"small.zip cannot be decoded: a drawing has shape \(50, 50\)"):
        _decode(_archive(tmp_path / "small.zip", {"Greek": 1}, side=50))
    with pytest.raises(UnavailableError, match="hold no drawings"):
        _decode(_archive(tmp_path / "none.zip", {}))
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    with pytest.raises(UnavailableError, match=r"bad.zip cannot be decoded"):
        _decode(tmp_path / "bad.zip")


@pytest.fixture
def nothing_at_hand(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No archives beside the project; an empty cache."""
    monkeypatch.setattr(omniglot, "project_root", lambda: cache / "away" / "project")
    return cache


def test_nothing_at_hand(nothing_at_hand: Path) -> None:
    assert omniglot.best() is glyphs.DATASET
    assert omniglot.best().synthetic
    with pytest.raises(UserError, match=r"no images_background_small1.zip and images_background_small2.zip in"):
        omniglot.load()


def test_other_archives_than_the_pinned_ones_are_refused(nothing_at_hand: Path) -> None:
    for name in omniglot.SMALL:
        _archive(nothing_at_hand / "omniglot" / name, {"Greek": 1})
    assert omniglot.best() is omniglot.DATASET
    with pytest.raises(UserError, match=r"images_background_small1.zip has sha256 .*, not the pinned f38eb80f801"):
        omniglot.load()


def test_the_full_set_must_be_complete(nothing_at_hand: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, alphabet in zip(omniglot.FULL_ARCHIVES, ("Greek", "Atlantean")):
        _archive(nothing_at_hand / "omniglot" / name, {alphabet: 1})
    with pytest.raises(UserError, match="the archives hold 2 characters, not 1623"):
        omniglot.load_full()
    monkeypatch.setattr(omniglot, "FULL_CHARACTERS", 2)
    assert omniglot.load_full().alphabets == ("Atlantean", "Greek")
    assert omniglot.best() is omniglot.FULL


def test_archives_beside_the_project(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(omniglot, "project_root", lambda: tmp_path / "project")
    monkeypatch.setattr(omniglot, "FULL_CHARACTERS", 2)
    for name, alphabet in zip(omniglot.FULL_ARCHIVES, ("Greek", "Atlantean")):
        _archive(tmp_path / "shared/data/omniglot" / name, {alphabet: 1})
    assert len(omniglot.load_full()) == 2


@pytest.mark.skipif(omniglot.best().synthetic, reason="no real drawings: replicate data omniglot")
def test_the_real_drawings() -> None:
    drawings = omniglot.load()
    assert drawings.alphabets == omniglot.ALPHABETS
    assert drawings.alphabet.bincount().tolist() == [24, 22, 24, 47, 40, 26, 42, 17]
    assert drawings.images(slice(0, 1)).shape == (1, DRAWERS, SIDE, SIDE)
    assert not omniglot.DATASET.synthetic
