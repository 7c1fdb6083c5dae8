"""Letters of the world's scripts as thin lines: rendered from a font, thresholded, thinned to their skeleton.

Fonts: DejaVu, which matplotlib ships, always; Noto (fonts-noto-core), one font a script, where it is at hand.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from replications.data.fetch import UnavailableError

if TYPE_CHECKING:
    from PIL import ImageFont

BOX = 81  # pixels of a template's longer side
SIMILAR = 0.97  # cosine of two blurred templates above which the second is dropped
BLUR = 2.5  # pixels: standard deviation of the blur
SMALLEST = 10  # letters of an alphabet that is kept
NOT_SCRIPTS = ("Math", "Symbols", "Symbols2")
SCRIPT_SIZES = (14, 100)  # letters of a Noto script that is an alphabet like Omniglot's


@dataclass(frozen=True)
class Template:
    """One letter as a set of points."""

    alphabet: str
    letter: str
    points: np.ndarray  # (P, 2) float: y, x in units of the longer side of its box, centre at 0


def dejavu_letters() -> Iterator[tuple[str, str, Path]]:
    """Alphabet, letter, font file of each letter of DejaVu Sans that is no variant of another: no accents, no ligatures.

    Raises:
        UnavailableError: matplotlib or fontTools is not installed.
    """
    package = find_spec("matplotlib")
    if package is None or package.submodule_search_locations is None:
        raise UnavailableError("matplotlib, which ships the DejaVu fonts, is not installed")
    font = Path(package.submodule_search_locations[0]) / "mpl-data/fonts/ttf/DejaVuSans.ttf"
    for letter in _letters(font):
        yield _script(letter), letter, font


def noto_letters(folder: Path) -> Iterator[tuple[str, str, Path]]:
    """Alphabet, letter, font file of the scripts that have 14 to 100 letters in a Noto font below `folder`.

    Raises:
        UnavailableError: no Noto fonts are there.
    """
    fonts = {}
    for family in ("NotoSerif", "NotoSans"):  # where a script has both, sans
        for path in sorted(folder.rglob(f"{family}*-Regular.ttf")):
            fonts[path.stem.removeprefix(family).removesuffix("-Regular")] = path
    if not fonts:
        raise UnavailableError(f"no Noto fonts in {folder}")
    seen: set[str] = set()  # a second font of a script, as "TamilSlanted", adds nothing
    for script, path in sorted(fonts.items()):
        letters = [letter for letter in _letters(path) if letter not in seen]
        if script not in NOT_SCRIPTS and SCRIPT_SIZES[0] <= len(letters) <= SCRIPT_SIZES[1]:
            seen.update(letters)
            for letter in letters:
                yield script, letter, path


def templates(letters: Iterator[tuple[str, str, Path]]) -> list[Template]:
    """The letters as thin lines, alphabet by alphabet, without blank ones and those that look like an earlier one.

    Alphabets with fewer than `SMALLEST` letters left are dropped.
    """
    entries = sorted(letters, key=lambda entry: entry[:2])
    fonts = {path: _open(path) for path in {path for _, _, path in entries}}
    found: list[Template] = []
    looks = np.zeros((len(entries), len(_look(np.ones((1, 1), dtype=bool)))), dtype=np.float32)
    for alphabet, letter, path in entries:
        shape = _render(letter, fonts[path])
        if shape is None:
            continue
        skeleton = thin(shape)
        look = _look(skeleton)
        if (looks[: len(found)] @ look).max(initial=0.0) >= SIMILAR:
            continue
        looks[len(found)] = look
        points = np.argwhere(skeleton) - (np.array(shape.shape) - 1) / 2
        found.append(Template(alphabet, letter, points / BOX))
    sizes = Counter(template.alphabet for template in found)
    return [template for template in found if sizes[template.alphabet] >= SMALLEST]


def thin(shape: np.ndarray) -> np.ndarray:
    """The skeleton of a binary shape, one pixel wide (Zhang and Suen 1984); a part that would vanish keeps its centre.

    Args:
        shape: (H, W) bool.
    """
    ink = np.pad(shape, 1).astype(bool)
    changed = True
    while changed:
        changed = False
        for side in (0, 1):
            # Neighbours clockwise from north: N, NE, E, SE, S, SW, W, NW.
            shifts = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
            around = np.stack([np.roll(ink, (-dy, -dx), axis=(0, 1)) for dy, dx in shifts])
            count = around.sum(axis=0)
            edges = (~around & np.roll(around, -1, axis=0)).sum(axis=0)  # steps from paper to ink on the way round
            north, east, south, west = around[0], around[2], around[4], around[6]
            if side == 0:
                open_side = ~(north & east & south) & ~(east & south & west)
            else:
                open_side = ~(north & east & west) & ~(north & south & west)
            peel = ink & (count >= 2) & (count <= 6) & (edges == 1) & open_side
            if peel.any():
                ink &= ~peel
                changed = True
    thinned = ink[1:-1, 1:-1]
    parts, number = ndimage.label(shape, structure=np.ones((3, 3)))
    for part in range(1, number + 1):
        if not thinned[parts == part].any():
            middle = np.argwhere(parts == part).mean(axis=0).round().astype(int)
            thinned[tuple(middle)] = True
    return thinned


def _letters(font: Path) -> list[str]:
    """Letters of a font that have no decomposition into others, in the order of their code points."""
    try:
        from fontTools.ttLib import TTFont
    except ImportError as error:
        raise UnavailableError("fontTools is not installed") from error
    with TTFont(font, lazy=True) as opened:
        known = sorted(opened.getBestCmap())
    letters = map(chr, known)
    return [
        letter
        for letter in letters
        if unicodedata.category(letter) in ("Lo", "Ll", "Lu") and not unicodedata.decomposition(letter)
    ]


def _script(letter: str) -> str:
    """The script of a letter, from the start of its Unicode name: "GREEK SMALL LETTER BETA" → "Greek"."""
    words = unicodedata.name(letter).title().split()
    return " ".join(words[:2]) if words[0] == "Old" else words[0]


def _open(path: Path) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.truetype(str(path), 2 * BOX, layout_engine=ImageFont.Layout.BASIC)


def _render(letter: str, font: ImageFont.FreeTypeFont) -> np.ndarray | None:
    """The letter as a bool array whose longer side is `BOX` pixels; None where it is blank."""
    from PIL import Image, ImageDraw

    side = 8 * BOX
    page = Image.new("L", (side, side))
    ImageDraw.Draw(page).text((side // 4, side // 4), letter, fill=255, font=font)
    bounds = page.getbbox()
    if bounds is None:
        return None
    glyph = page.crop(bounds)
    scale = BOX / max(glyph.size)
    size = (max(1, round(glyph.width * scale)), max(1, round(glyph.height * scale)))
    return np.asarray(glyph.resize(size, Image.Resampling.LANCZOS)) >= 128


def _look(skeleton: np.ndarray) -> np.ndarray:
    """The skeleton in the middle of a square, blurred: a unit vector, float32."""
    side = BOX + 8
    page = np.zeros((side, side), dtype=np.float32)
    top, left = ((side - length) // 2 for length in skeleton.shape)
    page[top : top + skeleton.shape[0], left : left + skeleton.shape[1]] = skeleton
    look = ndimage.gaussian_filter(page, BLUR)[::3, ::3].ravel()
    return look / np.linalg.norm(look)
