"""Where a record came from: source, data, environment, machine."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from replications.study.fingerprint import fingerprint
from replications.study.paths import project_root
from replications.study.study import Study

# A record is stale when one of these differs from what a run would use now; the rest is kept for the reader.
DECISIVE = ("source", "data", "torch", "numpy", "python")


@dataclass(frozen=True)
class Provenance:
    """What a record's numbers depend on (`DECISIVE`), and where they were made."""

    source: str  # fingerprint of the code that the run reaches
    data: dict[str, str]  # name → checksum of the decoded arrays
    torch: str
    numpy: str
    python: str
    device: str
    threads: int
    commit: str

    def differences(self, now: Provenance) -> list[str]:
        """Which decisive parts differ from `now`."""
        return [part for part in DECISIVE if getattr(self, part) != getattr(now, part)]


def source_of(study: Study, config: Any = None) -> str:
    """Fingerprint of everything that a run of `config` reaches; without one, of the study's main kind."""
    entries = [entry for entry in (study.run_of(config), study.together_of(config)) if entry is not None]
    return _fingerprint(tuple((entry.__module__, entry.__name__) for entry in entries))


_fingerprint = cache(fingerprint)


@cache
def _version(package: str) -> str:
    try:
        return version(package).split("+")[0]  # "+cpu" and "+cu130" builds of one release share their source
    except PackageNotFoundError:
        return "absent"


@cache
def commit() -> str:
    """The commit of the checkout, with '-dirty' where tracked source differs from it; '' outside a repository."""
    command = ["git", "-C", str(project_root()), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def current(study: Study, device: str = "", threads: int = 1, config: Any = None) -> Provenance:
    """The provenance that a run of `config` would have now; without one, a run of the study's main kind."""
    return Provenance(
        source=source_of(study, config),
        data={data.name: data.checksum() for data in study.data},
        torch=_version("torch"),
        numpy=_version("numpy"),
        python=".".join(platform.python_version_tuple()[:2]),
        device=device,
        threads=threads,
        commit=commit(),
    )
