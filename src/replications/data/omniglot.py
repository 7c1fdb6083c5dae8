"""Omniglot (Lake, Salakhutdinov, Tenenbaum 2015): characters of real alphabets, drawn online by 20 people each.

Two data sets. `omniglot` holds the 242 characters of the eight alphabets in the authors' two small background archives
(Greek and Latin stand in both and are kept once). `omniglot-full` holds all 1,623 characters of 50 alphabets, for those
who can reach the authors' site. `replications.data.glyphs` is the synthetic stand-in, always available.

Archives that a user already has are read from `$REPLICATIONS_DATA/omniglot` or `../shared/data/omniglot`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from replications.data import glyphs
from replications.data.dataset import Arrays, Dataset, Source
from replications.data.drawings import DRAWERS, SIDE, Drawings, pack, unpack
from replications.data.fetch import UnavailableError, cache_folder, check_archive
from replications.data.vision import torchvision_download
from replications.study.paths import project_root

SMALL = {  # archive → sha256
    "images_background_small1.zip": "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4",
    "images_background_small2.zip": "3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f",
}
FULL_ARCHIVES = ("images_background.zip", "images_evaluation.zip")  # torchvision knows their checksums
FULL_CHARACTERS = 1623
ALPHABETS = (
    "Balinese",
    "Early_Aramaic",
    "Greek",
    "Japanese_(katakana)",
    "Korean",
    "Latin",
    "Sanskrit",
    "Tagalog",
)


def folders() -> list[Path]:
    """Where archives that a user already has are looked for, in order."""
    return [cache_folder() / "omniglot", project_root().parent / "shared" / "data" / "omniglot"]


def decode_archives(archives: Iterable[Path], only: Collection[str] = ()) -> Arrays:
    """The drawings of zip files with entries `<archive>/<alphabet>/<character>/<number>_<drawer>.png`, ink black.

    A character that stands in several archives is kept once. Alphabets and their characters come in order of name.

    Args:
        only: the alphabets to keep; all if empty.

    Raises:
        UnavailableError: an archive is damaged, or a character lacks a drawer.
    """
    characters: dict[tuple[str, str], dict[int, np.ndarray]] = {}
    for path in archives:
        try:
            with zipfile.ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    parts = name.split("/")
                    if not name.endswith(".png") or len(parts) != 4 or (only and parts[1] not in only):
                        continue
                    drawer = int(parts[3].removesuffix(".png").rpartition("_")[2])
                    drawings = characters.setdefault((parts[1], parts[2]), {})
                    if drawer not in drawings:
                        drawings[drawer] = _ink(archive.read(name))
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise UnavailableError(f"{path.name} cannot be decoded: {error}") from error
    for (alphabet, character), drawings in characters.items():
        if sorted(drawings) != list(range(1, DRAWERS + 1)):
            raise UnavailableError(f"{alphabet}/{character} has drawers {sorted(drawings)}, not 1 to {DRAWERS}")
    if not characters:
        raise UnavailableError("the archives hold no drawings")
    order = sorted(characters)
    alphabets = sorted({alphabet for alphabet, _ in order})
    images = (np.stack([characters[key][drawer + 1] for drawer in range(DRAWERS)]) for key in order)
    return pack(images, [alphabets.index(alphabet) for alphabet, _ in order], alphabets)


def _ink(content: bytes) -> np.ndarray:
    """A drawing as bool (105, 105), true where there is ink."""
    from PIL import Image

    drawing = np.asarray(Image.open(io.BytesIO(content)).convert("L")) < 128
    if drawing.shape != (SIDE, SIDE):
        raise ValueError(f"a drawing has shape {drawing.shape}, not {SIDE} × {SIDE}")
    return drawing


def _found(names: Collection[str]) -> list[Path]:
    """These archives, in the first folder that holds them all."""
    for folder in folders():
        if all((folder / name).exists() for name in names):
            return [folder / name for name in names]
    raise UnavailableError(f"no {' and '.join(names)} in {' or '.join(map(str, folders()))}")


def _small_from_archives(_: Path) -> Arrays:
    return decode_archives([check_archive(path, SMALL[path.name]) for path in _found(SMALL)])


def _full_from_archives(_: Path) -> Arrays:
    return _complete(decode_archives(_found(FULL_ARCHIVES)))


def _download(folder: Path, background: bool) -> Path:
    with torchvision_download("Omniglot"):
        from torchvision.datasets import Omniglot

        Omniglot(str(folder), background=background, download=True)
    return folder / "omniglot-py" / FULL_ARCHIVES[0 if background else 1]


def _complete(arrays: Arrays) -> Arrays:
    found = len(arrays["alphabet"])
    if found != FULL_CHARACTERS:
        raise UnavailableError(f"the archives hold {found} characters, not {FULL_CHARACTERS}")
    return arrays


_ABOUT: dict[str, Any] = {
    "licence": "MIT",
    "source": "B. M. Lake, R. Salakhutdinov, J. B. Tenenbaum, Human-level concept learning, Science 350, 2015",
    "wrap": unpack,
}

DATASET: Dataset[Drawings] = Dataset(
    name="omniglot",
    title="Omniglot (242 characters of 8 alphabets)",
    sources=(
        Source("archives at hand", _small_from_archives, local=True),
        Source("torchvision Omniglot", lambda folder: decode_archives([_download(folder, True)], ALPHABETS)),
    ),
    sha256="863c180474fe9d2d60a3cb41ad836fd80bb80d20d25fc49b8a932dd12799e311",
    **_ABOUT,
)

FULL: Dataset[Drawings] = Dataset(
    name="omniglot-full",
    title="Omniglot (1,623 characters of 50 alphabets)",
    sources=(
        Source("archives at hand", _full_from_archives, local=True),
        Source(
            "torchvision Omniglot",
            lambda folder: _complete(decode_archives([_download(folder, True), _download(folder, False)])),
        ),
    ),
    **_ABOUT,
)


def load() -> Drawings:
    """The 242 characters of eight alphabets, real drawings.

    Raises:
        UserError: neither cached nor at hand (run `replicate data omniglot`), or the cache file is damaged.
    """
    return DATASET.load()


def load_full() -> Drawings:
    """All 1,623 characters of 50 alphabets, real drawings.

    Raises:
        UserError: neither cached nor at hand (run `replicate data omniglot-full`), or the cache file is damaged.
    """
    return FULL.load()


def best() -> Dataset[Drawings]:
    """The real drawings where they are cached or at hand, all of them if possible; else the synthetic stand-in.

    Whoever shows numbers on it looks at `.synthetic` and says so.
    """
    for dataset, archives in ((FULL, FULL_ARCHIVES), (DATASET, tuple(SMALL))):
        if dataset.cached() or any(all((folder / name).exists() for name in archives) for folder in folders()):
            return dataset
    return glyphs.DATASET
