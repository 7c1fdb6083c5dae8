"""torchvision as a source: what it gives, and each way in which it cannot."""

import errno
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pytest

from replications.data import vision
from replications.data.fetch import UnavailableError


def test_both_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision.datasets

    def toy(root: str, train: bool, download: bool) -> SimpleNamespace:
        assert (root, download) == (str(tmp_path), True)
        print("a download bar that must not reach the user")
        return SimpleNamespace(data=np.full((2, 4, 4), 9 if train else 1, dtype=np.uint8), targets=[3, 4])

    monkeypatch.setattr(torchvision.datasets, "Toy", toy, raising=False)
    arrays = vision.torchvision_arrays("Toy", tmp_path)
    assert [int(arrays[f"{split}_images"][0, 0, 0]) for split in ("train", "test")] == [9, 1]
    assert arrays["test_labels"].dtype == np.int64


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (URLError("Name or service not known"), "download of Toy failed: .*Name or service not known"),
        (RuntimeError("File not found or corrupted.\nmore"), r"download of Toy failed: File not found or corrupted\.$"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "download of Toy failed"),
        (TimeoutError(), "download of Toy failed: TimeoutError"),
        (ImportError(), "torchvision is not installed"),
    ],
)
def test_each_failure_is_one_line(error: Exception, message: str) -> None:
    before = socket.getdefaulttimeout()
    waits = []

    def fail() -> None:
        waits.append(socket.getdefaulttimeout())
        raise error

    with pytest.raises(UnavailableError, match=message), vision.torchvision_download("Toy"):
        fail()
    assert waits == [vision.SECONDS]
    assert socket.getdefaulttimeout() == before


def test_a_full_disk_is_not_a_network_failure() -> None:
    with pytest.raises(OSError, match="full") as caught, vision.torchvision_download("Toy"):
        raise OSError(errno.ENOSPC, "full")
    assert caught.value.errno == errno.ENOSPC


def test_without_torchvision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(UnavailableError, match="torchvision is not installed"):
        vision.torchvision_arrays("CIFAR10", tmp_path)
