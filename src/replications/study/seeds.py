"""Random streams: every use of randomness in a run has a name, and a stream of its own."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def stream_seed(seed: int, name: str) -> int:
    """A 63-bit seed for stream `name` of run `seed`: neighbouring seeds and names share nothing."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, name: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A `torch.Generator` for stream `name` of run `seed` on `device`."""
    import torch

    return torch.Generator(device).manual_seed(stream_seed(seed, name))
