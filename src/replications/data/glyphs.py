"""A synthetic stand-in for Omniglot: letters of fonts as thin lines, drawn by synthetic drawers.

A drawer has a size, a slant, an aspect and a pen; each drawing adds its own rotation, placement, a smooth elastic field
and a finer wobble. All drawings of a character come from one template: there are no allographs, so captions say
"synthetic drawers". The amplitudes are those of the 4,840 real drawings of the small Omniglot archives (size, aspect,
placement, share of ink); the elastic one is set so that nearest neighbours in pixels do as well as on those
(`tests/data/test_glyphs.py` measures both).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from replications.data.dataset import Arrays, Dataset, Source
from replications.data.drawings import DRAWERS, SIDE, Drawings, pack, unpack
from replications.data.fetch import debian_package
from replications.data.fonts import Template, dejavu_letters, noto_letters, templates

SEED = 0
SIZE = 70.0  # pixels of the longer side of a drawing, before it is distorted
SIZE_SPREAD = (0.07, 0.07)  # standard deviation of its logarithm: between drawers, within a drawer
ASPECT_SPREAD = (0.05, 0.08)  # the same for height over width
SLANT_SPREAD = (0.12, 0.08)  # horizontal shift a unit of height
ROTATION_SPREAD = 0.09  # radians
PLACE_SPREAD = 5.3  # pixels
PEN = (4.8, 5.2)  # pixels: width of the line, uniform between drawers
ELASTIC = 0.04  # root mean square of the smooth field, in units of the longer side
ELASTIC_CYCLES = (0.4, 1.1)  # spatial frequency, in cycles a longer side
WOBBLE = 0.008  # the same for the finer field
WOBBLE_CYCLES = (2.0, 4.0)
WAVES = 6  # plane waves that a field is the sum of

NOTO_PACKAGE = "fonts-noto-core"
NOTO_SHA256 = "58f4f0bb6720f919f92096b3508e1412a0f1544424ade6c5b5bf1eb694dd64ba"
NOTO_FOLDER = "usr/share/fonts/truetype/noto"


def draw(template: Template, drawers: int = DRAWERS, seed: int = SEED) -> np.ndarray:
    """One drawing of a letter by each of `drawers` people: bool (drawers, 105, 105), true where there is ink.

    Deterministic in the template and the seed; the same drawer of an alphabet keeps size, slant, aspect and pen.
    """
    style = np.random.default_rng([seed, zlib.crc32(template.alphabet.encode())])
    hand = style.standard_normal((drawers, 3))
    pen = style.uniform(*PEN, drawers)
    random = np.random.default_rng([seed, zlib.crc32(f"{template.alphabet} {template.letter}".encode())])
    own = random.standard_normal((drawers, 6))

    points = np.broadcast_to(template.points, (drawers, *template.points.shape))  # (D, P, 2): y, x
    points = points + _field(points, ELASTIC, ELASTIC_CYCLES, random) + _field(points, WOBBLE, WOBBLE_CYCLES, random)
    size = SIZE * np.exp(hand[:, 0] * SIZE_SPREAD[0] + own[:, 0] * SIZE_SPREAD[1])
    aspect = np.exp(hand[:, 1] * ASPECT_SPREAD[0] + own[:, 1] * ASPECT_SPREAD[1])
    slant = hand[:, 2] * SLANT_SPREAD[0] + own[:, 2] * SLANT_SPREAD[1]
    cosine, sine = np.cos(own[:, 3] * ROTATION_SPREAD), np.sin(own[:, 3] * ROTATION_SPREAD)
    zero = np.zeros(drawers)
    turn = np.stack([cosine, -sine, sine, cosine], axis=-1).reshape(-1, 2, 2)
    shape = np.stack([np.sqrt(aspect), zero, -slant, 1 / np.sqrt(aspect)], axis=-1).reshape(-1, 2, 2)
    points = np.einsum("dij,djk,dpk->dpi", turn * size[:, None, None], shape, points)
    points = points + SIDE / 2 + own[:, None, 4:] * PLACE_SPREAD
    return _ink(points.round(3), pen.round(3) / 2)  # rounded: the last bit of a cosine differs between machines


def _field(
    points: np.ndarray, amplitude: float, cycles: tuple[float, float], random: np.random.Generator
) -> np.ndarray:
    """A smooth random displacement of each point, (D, P, 2): a sum of plane waves of random direction and phase."""
    drawers = len(points)
    angle, length, phase = random.uniform(size=(3, drawers, 2, WAVES))
    wave = 2 * np.pi * (cycles[0] + (cycles[1] - cycles[0]) * length) * np.exp(2j * np.pi * angle)  # (D, 2, W)
    along = np.einsum("dp,dcw->dpcw", points[..., 0], wave.imag) + np.einsum("dp,dcw->dpcw", points[..., 1], wave.real)
    return amplitude * np.sqrt(2 / WAVES) * np.cos(along + 2 * np.pi * phase[:, None]).sum(axis=-1)


def _ink(points: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Pixels whose centre is within `radius` (D,) of a point (D, P, 2): bool (D, 105, 105)."""
    reach = int(np.ceil(radius.max()))
    around = np.stack(np.meshgrid(*2 * [np.arange(-reach, reach + 1)], indexing="ij"), axis=-1).reshape(-1, 2)
    pixels = np.floor(points)[:, :, None] + around  # (D, P, K, 2)
    near = ((pixels + 0.5 - points[:, :, None]) ** 2).sum(axis=-1) <= radius[:, None, None] ** 2
    near &= ((pixels >= 0) & (pixels < SIDE)).all(axis=-1)
    drawer = np.broadcast_to(np.arange(len(points))[:, None, None], near.shape)
    y, x = pixels[near].astype(int).T
    page = np.zeros((len(points), SIDE, SIDE), dtype=bool)
    page[drawer[near], y, x] = True
    return page


def drawings(letters: Sequence[Template], seed: int = SEED) -> Arrays:
    """The arrays of a data set: 20 drawings of each letter; letters of one alphabet are consecutive."""
    alphabets = sorted({letter.alphabet for letter in letters})
    images = (draw(letter, seed=seed) for letter in letters)
    return pack(images, [alphabets.index(letter.alphabet) for letter in letters], alphabets)


def _from_dejavu(_: Path) -> Arrays:
    return drawings(templates(dejavu_letters()))


def _from_installed_noto(_: Path) -> Arrays:
    return drawings(templates(noto_letters(Path("/") / NOTO_FOLDER)))


def _from_debian_noto(folder: Path) -> Arrays:
    return drawings(templates(noto_letters(debian_package(NOTO_PACKAGE, NOTO_SHA256, folder) / NOTO_FOLDER)))


_ABOUT: dict[str, Any] = {
    "wrap": unpack,
    "synthetic": True,
    "exact": False,  # another version of the fonts or of Pillow draws other letters
}

DATASET: Dataset[Drawings] = Dataset(
    name="glyphs",
    title="Glyphs (synthetic drawings of 1,500 letters of 15 scripts)",
    licence="drawn by this project (MIT) from DejaVu fonts (Bitstream Vera licence)",
    source="letters of DejaVu Sans, drawn by synthetic drawers",
    sources=(Source("drawing letters of DejaVu Sans, half a minute", _from_dejavu, local=True),),
    sha256="a6411a926ff0b5961eac3c48289e23caae84979269ac649cb4265f5aaeda79b0",
    **_ABOUT,
)

NOTO: Dataset[Drawings] = Dataset(
    name="glyphs-noto",
    title="Glyphs (synthetic drawings of 4,800 letters of 117 scripts)",
    licence="drawn by this project (MIT) from Noto fonts (OFL 1.1)",
    source="letters of the Noto fonts, drawn by synthetic drawers",
    sources=(
        Source(f"drawing letters of {NOTO_PACKAGE}, two minutes", _from_installed_noto, local=True),
        Source(f"the Debian package {NOTO_PACKAGE}, drawing its letters, two minutes", _from_debian_noto),
    ),
    sha256="fde7ea31c4644e9f40f25e4d51611157852fd79872b2a90a67d796d81280cc78",
    **_ABOUT,
)


def load() -> Drawings:
    """Synthetic drawings of the letters of DejaVu Sans; drawn now, in half a minute, where the cache lacks them.

    Raises:
        UserError: matplotlib, Pillow or fontTools is missing, or the cache file is damaged.
    """
    return DATASET.load()


def load_noto() -> Drawings:
    """Synthetic drawings of the letters of the Noto fonts.

    Raises:
        UserError: neither cached nor are the fonts installed (run `replicate data glyphs-noto`), or the cache file is
            damaged.
    """
    return NOTO.load()
