"""A user's own text8 or enwik8 (Mahoney 2006), in a file or a zip: 90 % train, 5 % valid, 5 % test, in order.

For the original files of 100,000,000 bytes this is the split of the literature: 90 M, 5 M, 5 M.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np

from replications.data.fetch import cache_folder
from replications.data.text import Text, encode
from replications.study.errors import UserError

ADDRESS = "mattmahoney.net/dc"  # where both files come from


def load_text8(path: str | os.PathLike[str] | None = None) -> Text:
    """text8 as symbols in [0, 27): uint8 (90 M), (5 M), (5 M).

    Args:
        path: the file, or a zip that holds it; by default `text8` or `text8.zip` in `$REPLICATIONS_DATA`.

    Raises:
        UserError: the file is not there, or it holds other characters than a to z and the space.
    """
    file, content = _read("text8", path)
    try:
        symbols = encode(content.rstrip(b"\n"))
    except ValueError as error:
        raise UserError(f"{file} is not text8: {error}") from error
    return _split(file, symbols)


def load_enwik8(path: str | os.PathLike[str] | None = None) -> Text:
    """enwik8 as bytes: uint8 (90 M), (5 M), (5 M).

    Args:
        path: the file, or a zip that holds it; by default `enwik8` or `enwik8.zip` in `$REPLICATIONS_DATA`.

    Raises:
        UserError: the file is not there.
    """
    file, content = _read("enwik8", path)
    return _split(file, np.frombuffer(content, dtype=np.uint8))


def _read(name: str, path: str | os.PathLike[str] | None) -> tuple[Path, bytes]:
    places = [cache_folder() / name, cache_folder() / f"{name}.zip"] if path is None else [Path(path)]
    for place in places:
        if not place.is_file():
            continue
        if not zipfile.is_zipfile(place):
            return place, place.read_bytes()
        with zipfile.ZipFile(place) as archive:
            if name not in archive.namelist():
                raise UserError(f"{place} holds no file '{name}': it holds {', '.join(archive.namelist()[:3])}")
            return place, archive.read(name)
    looked = " or ".join(map(str, places))
    raise UserError(f"no {name} at {looked}: get {name}.zip from {ADDRESS} and put it there")


def _split(file: Path, symbols: np.ndarray) -> Text:
    import torch

    if len(symbols) < 20:
        raise UserError(f"{file} holds {len(symbols)} characters: at least 20 are needed to split it")
    low, high = len(symbols) * 90 // 100, len(symbols) * 95 // 100
    train, valid, test = (torch.from_numpy(part.copy()) for part in np.split(symbols, [low, high]))
    return Text(train, valid, test)
