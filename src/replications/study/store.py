"""The store: records on disk, `<root>/<paper>/<profile>/<condition>-s<seed>.json`."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from replications.study import provenance
from replications.study.errors import UserError
from replications.study.paths import results_folder
from replications.study.record import DamagedRecord, Record, describe_array, from_document
from replications.study.study import PROFILES, Run, Study


class Store:
    """Reads and writes records below `root`; a damaged record is named and refused, never used."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = results_folder() if root is None else Path(root)

    def path(self, run: Run) -> Path:
        """Where the record of `run` stands."""
        return self._folder(run.paper, run.profile) / f"{run.condition}-s{run.seed}.json"

    def checkpoint_path(self, run: Run) -> Path:
        """Where an unfinished `run` saves its state."""
        return self._folder(run.paper, run.profile) / ".checkpoints" / f"{run.condition}-s{run.seed}.safetensors"

    def save(self, run: Run, record: Record) -> None:
        """Write `record` so that a reader finds the old one or the new one, never half of one.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        path = self.path(run)
        document = record.document()
        old_arrays = set(path.parent.glob(f"{path.stem}-*.npz"))
        arrays_path = self._arrays_path(path, document)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if arrays_path is not None:
                _write(arrays_path, lambda file: np.savez_compressed(file, **record.arrays))  # type: ignore[arg-type]
            text = json.dumps(document, indent=1, allow_nan=False).replace("\n     ", " ")  # short lists on one line
            _write(path, lambda file: file.write((text + "\n").encode()))
        except OSError as error:
            raise UserError(
                f"cannot write {path}: {error.strerror}; free some space or choose another --out"
            ) from error
        for stale in old_arrays - {arrays_path}:
            stale.unlink(missing_ok=True)
        self.checkpoint_path(run).unlink(missing_ok=True)

    def load(self, run: Run) -> Record | None:
        """The record of `run`; None where there is none, or where it answers another config.

        Raises:
            UserError: the record is damaged.
        """
        path = self.path(run)
        if not path.exists():
            return None
        record = self.read(path)
        return record if record.identity == run.identity else None

    def read(self, path: Path) -> Record:
        """The record at `path`.

        Raises:
            UserError: the record is damaged.
        """
        try:
            document = json.loads(path.read_text())
            arrays_path = self._arrays_path(path, document) if isinstance(document, dict) else None
            return from_document(document, {} if arrays_path is None else _read_arrays(arrays_path))
        except (DamagedRecord, OSError, ValueError, zipfile.BadZipFile) as error:
            what = str(error) if isinstance(error, DamagedRecord) else "it, or its arrays, cannot be read"
            raise UserError(f"damaged record {path}: {what}; delete it and run it again") from error

    def recorded(self, study: Study, profile: str) -> list[Record]:
        """All records that answer the current configs of `profile`, by condition and seed."""
        records = []
        for condition, config in study.plan(profile).conditions.items():
            for path in sorted(self._folder(study.paper, profile).glob(f"{condition}-s*.json"), key=_seed_of):
                run = Run(study.paper, profile, condition, config, _seed_of(path))
                record = self.load(run) if self.path(run) == path else None
                if record is not None:
                    records.append(record)
        return records

    def profiles(self, study: Study) -> list[str]:
        """Profiles with at least one record, from small to large."""
        return [
            name for name in PROFILES if name in study.profiles and next(self._paths(study, name), None) is not None
        ]

    def stale(self, study: Study, record: Record) -> list[str]:
        """What has changed since `record` was made: parts of its provenance, or nothing."""
        config = study.plan(record.profile).conditions.get(record.condition)
        return record.provenance.differences(provenance.current(study, config=config))

    def _paths(self, study: Study, profile: str) -> Iterator[Path]:
        return self._folder(study.paper, profile).glob("*.json")

    def _folder(self, paper: str, profile: str) -> Path:
        return self.root / paper / profile

    @staticmethod
    def _arrays_path(path: Path, document: dict[str, Any]) -> Path | None:
        """The `.npz` of a record; its name holds a hash of its content, so that a new one never replaces an old one."""
        described = document.get("arrays")
        if not described:
            return None
        content = np.frombuffer(json.dumps(described, sort_keys=True).encode(), dtype=np.uint8)
        return path.with_name(f"{path.stem}-{describe_array(content)['sha256'][:12]}.npz")


def _seed_of(path: Path) -> int:
    return int(path.stem.rpartition("-s")[2])


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _write(path: Path, write: Any) -> None:
    """Let `write` fill a temporary file, then move it to `path`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
