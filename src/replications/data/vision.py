"""Data sets through torchvision, the last source: it downloads from the authors' sites."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np

from replications.data.dataset import Arrays
from replications.data.fetch import UnavailableError

SECONDS = 30  # without a byte before a download is given up


@contextmanager
def torchvision_download(name: str) -> Iterator[None]:
    """Turn what torchvision raises when it cannot download into UnavailableError."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS)
    try:
        with redirect_stdout(StringIO()):
            yield
    except ImportError as error:
        raise UnavailableError("torchvision is not installed") from error
    except (RuntimeError, EOFError, ConnectionError, TimeoutError) as error:
        raise UnavailableError(_one_line(name, error)) from error
    except OSError as error:
        if error.errno is not None:  # a full or read-only disk, not the network: see fetch.writing_to
            raise
        raise UnavailableError(_one_line(name, error)) from error  # URLError is an OSError without a number
    finally:
        socket.setdefaulttimeout(before)


def torchvision_arrays(name: str, folder: Path) -> Arrays:
    """Both splits of the torchvision class `name`: images as they stand there, labels int64.

    Raises:
        UnavailableError: no torchvision, or no network.
    """
    arrays: Arrays = {}
    with torchvision_download(name):
        import torchvision.datasets

        for split, train in (("train", True), ("test", False)):
            data = getattr(torchvision.datasets, name)(str(folder), train=train, download=True)
            arrays[f"{split}_images"] = np.asarray(data.data)
            arrays[f"{split}_labels"] = np.asarray(data.targets, dtype=np.int64)
    return arrays


def _one_line(name: str, error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return f"download of {name} failed: {lines[0][:160]}"
