"""Text in text8 form (Mahoney 2006): 27 symbols, a to z and the space; digits spelled out, everything else a space."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import torch

ALPHABET = " abcdefghijklmnopqrstuvwxyz"  # symbol 0 is the space
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SPELLED = str.maketrans({str(digit): f" {word} " for digit, word in enumerate(DIGITS)})
_SYMBOLS = np.full(256, len(ALPHABET), dtype=np.uint8)
_SYMBOLS[np.frombuffer(ALPHABET.encode(), dtype=np.uint8)] = np.arange(len(ALPHABET), dtype=np.uint8)


class Text(NamedTuple):
    """One long sequence of symbols a split, uint8."""

    train: torch.Tensor  # (N,)
    valid: torch.Tensor  # (N,)
    test: torch.Tensor  # (N,)


def to_text8(text: str) -> str:
    """`text` in text8 form: lower case, digits spelled out, runs of all else one space; none at the ends.

    As in text8, a letter with an accent is not a letter: "café" becomes "caf".
    """
    return re.sub("[^a-z]+", " ", text.lower().translate(_SPELLED)).strip()


def encode(text: str | bytes) -> np.ndarray:
    """Symbols in [0, 27) of text in text8 form: uint8 (N,).

    Raises:
        ValueError: a character other than a to z and the space.
    """
    content = text.encode() if isinstance(text, str) else text
    symbols = _SYMBOLS[np.frombuffer(content, dtype=np.uint8)]
    if symbols.size and symbols.max() == len(ALPHABET):
        where = int(symbols.argmax())
        raise ValueError(f"byte {where} is {content[where : where + 1]!r}, not a to z or a space: use to_text8 first")
    return symbols


def decode(symbols: torch.Tensor) -> str:
    """The text of symbols in [0, 27), shape (N,)."""
    letters = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
    return letters[symbols.cpu().numpy()].tobytes().decode()
