"""Sequences of tokens to train on: characters of Wikipedia, a user's token file, or digits of 8×8 pixels."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from replications.data import mnist, text, wikipedia
from replications.data.fetch import cache_folder
from replications.papers.continuous_diffusion_for_categorical_data import method
from replications.papers.continuous_diffusion_for_categorical_data.config import Config
from replications.study import UserError


class Corpus(NamedTuple):
    """One long sequence of tokens a split, integers in [0, V)."""

    train: Tensor  # (N,)
    test: Tensor  # (N,)

    def windows(self, split: Tensor, count: int, length: int, generator: torch.Generator) -> Tensor:
        """`count` windows of `length` tokens at random places. (B, L) int64."""
        start = torch.randint(len(split) - length, (count, 1), generator=generator, device=generator.device)
        return split[(start + torch.arange(length, device=start.device)).to(split.device)].long().to(start.device)


def corpus_of(config: Config) -> Corpus:
    """The user's token file that the config names, or the characters of Wikipedia."""
    return token_file(config.tokens, config.categories) if config.tokens else characters()


def characters() -> Corpus:
    """The text of Wikipedia, 27 symbols. Raises UserError where it is not in the cache."""
    found = wikipedia.DATASET.load()
    return Corpus(found.train, found.test)


def token_file(name: str, categories: int) -> Corpus:
    """A user's .npy file of token numbers (N,), 95 % to train on; looked for in $REPLICATIONS_DATA.

    Raises:
        UserError: it is not there, is no array of integers in one dimension, or holds a token outside [0, V).
    """
    import numpy as np

    path = cache_folder() / name
    if not path.is_file():
        raise UserError(f"no token file at {path}: save token numbers there with numpy.save, as uint16 or int32 (N,)")
    try:
        tokens = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise UserError(f"{path} is not a .npy file of numbers: {error}") from error
    if tokens.ndim != 1 or tokens.dtype.kind not in "iu" or len(tokens) == 0:
        raise UserError(f"{path} holds {tokens.dtype} of shape {tokens.shape}: integers of shape (N,) are needed")
    if int(tokens.max()) >= method.check_alphabet(categories) or int(tokens.min()) < 0:
        raise UserError(f"{path} holds tokens {tokens.min()} to {tokens.max()}: they must lie in 0..{categories - 1}")
    cut = len(tokens) * 95 // 100
    return Corpus(*(torch.from_numpy(part.astype(np.int32)) for part in (tokens[:cut], tokens[cut:])))


def digits(images: Tensor) -> Tensor:
    """Images (N, 1, 28, 28) uint8 as 64 tokens, ink or none: padded to 32, averaged over 4×4, cut at a quarter. (N, 64)."""
    small = F.avg_pool2d(F.pad(images.float(), (2, 2, 2, 2)), 4)
    return (small > 64).long().flatten(1)


def digit_sets() -> tuple[Tensor, Tensor]:
    """Training and test digits of MNIST as tokens. (60000, 64) and (10000, 64)."""
    found = mnist.DATASET.load()
    return digits(found.train_images), digits(found.test_images)


def shown(tokens: Tensor) -> str:
    """A sequence as a reader sees it: text of 27 symbols, or token numbers."""
    if int(tokens.max()) < len(text.ALPHABET):
        return text.decode(tokens.to(torch.uint8))
    return " ".join(str(int(t)) for t in tokens)


def repeated(tokens: Tensor, span: int = 4) -> float:
    """Share of runs of `span` tokens that stand in their own sequence more than once. (B, L) → 0 to 1."""
    runs = tokens.unfold(1, span, 1)  # (B, R, span)
    equal = (runs[:, :, None] == runs[:, None]).all(-1)
    return float((equal.sum(-1) > 1).float().mean())
