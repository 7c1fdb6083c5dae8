"""Which positions are given and which are to be generated (Section 3.3): 0 = given, 1 = to be generated.

At least one position is always generated: a sequence that is wholly given has no loss.
"""

from __future__ import annotations

import torch
from torch import Tensor

MASKS = ("none", "prefix", "random", "mixed")


def make_mask(kind: str, sequences: int, length: int, generator: torch.Generator) -> Tensor:
    """A mask (B, L) of floats. "mixed" is half prefix, half random, the paper's default.

    Raises:
        ValueError: an unknown kind, or an empty sequence.
    """
    if length < 1:
        raise ValueError(f"sequences of length {length}: at least one position is needed")
    device = generator.device
    given = torch.randint(length, (sequences, 1), generator=generator, device=device)  # clean positions, 0..L-1
    if kind == "none":
        return torch.ones(sequences, length, device=device)
    if kind == "prefix":
        return _after(given, length)
    if kind == "random":
        return _scattered(given, length, generator)
    if kind == "mixed":
        mask = _after(given, length)
        mask[sequences // 2 :] = _scattered(given[sequences // 2 :], length, generator)
        return mask
    raise ValueError(f"unknown masks '{kind}': choose from {', '.join(MASKS)}")


def _after(given: Tensor, length: int) -> Tensor:
    return (torch.arange(length, device=given.device) >= given).float()


def _scattered(given: Tensor, length: int, generator: torch.Generator) -> Tensor:
    """A random subset of `given` positions is clean: the ranks of uniform numbers are a random permutation."""
    ranks = torch.rand(len(given), length, generator=generator, device=given.device).argsort(1).argsort(1)
    return (ranks >= given).float()
