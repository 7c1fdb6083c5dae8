"""Binary drawings of characters, by alphabet, character and drawer: the form that Omniglot and its stand-in share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from replications.data.dataset import Arrays

if TYPE_CHECKING:
    import torch

SIDE = 105  # pixels
DRAWERS = 20  # of each character


@dataclass(frozen=True)
class Drawings:
    """Drawings of C characters by 20 drawers each; one drawer drew all characters of an alphabet.

    They stay packed, one bit a pixel: all 97,080 of the largest set would fill a gigabyte.
    """

    bits: torch.Tensor = field(repr=False)  # (C, 20, 105, 14) uint8, the first pixel is the highest bit
    alphabet: torch.Tensor = field(repr=False)  # (C,) int64, index into `alphabets`; one alphabet is consecutive
    alphabets: tuple[str, ...]

    def __len__(self) -> int:
        """The number of characters C."""
        return len(self.bits)

    def images(self, which: slice | torch.Tensor = slice(None)) -> torch.Tensor:
        """The drawings of the characters `which`: uint8 (C, 20, 105, 105), 1 is ink."""
        import torch

        return torch.from_numpy(np.unpackbits(self.bits[which].numpy(), axis=-1, count=SIDE))

    def resized(self, side: int = 28) -> torch.Tensor:
        """All drawings at `side` × `side` pixels, each the share of ink in its area: float32 (C, 20, side, side)."""
        import torch
        from torch.nn import functional as F

        some = range(0, len(self), 64)  # at a time, to keep memory low
        return torch.cat([F.adaptive_avg_pool2d(self.images(slice(low, low + 64)).float(), side) for low in some])


def pack(images: Iterable[np.ndarray], alphabet: Sequence[int], alphabets: Sequence[str]) -> Arrays:
    """The arrays of a data set of drawings: one bit a pixel, names as text, one a line.

    Args:
        images: C times (20, 105, 105), bool or uint8, 1 is ink.
        alphabet: index into `alphabets` of each character.
    """
    return {
        "bits": np.stack([np.packbits(character, axis=-1) for character in images]),  # (C, 20, 105, 14)
        "alphabet": np.asarray(alphabet, dtype=np.int64),
        "alphabets": np.frombuffer("\n".join(alphabets).encode(), dtype=np.uint8),
    }


def unpack(tensors: dict[str, torch.Tensor]) -> Drawings:
    """The inverse of `pack`."""
    names = tensors["alphabets"].numpy().tobytes().decode().split("\n")
    return Drawings(tensors["bits"], tensors["alphabet"], tuple(names))
