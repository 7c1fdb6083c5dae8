"""Fetching: every way in which a tool, a network or a disk can fail ends in one line that says so."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from replications.data import fetch
from replications.study.errors import UserError

HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"  # sha256 of "hello"


def _tool(monkeypatch: pytest.MonkeyPatch, file: str = "", stderr: str = "", returncode: int = 0) -> list[list[str]]:
    """Replace every tool by one that leaves `file` with the content "hello"; returns the commands as they come."""
    commands = []

    def run(command: list[str], cwd: Path, **options: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        if file:
            (cwd / file).write_text("hello")
        return subprocess.CompletedProcess(command, returncode, "", stderr)

    monkeypatch.setattr(fetch.subprocess, "run", run)
    monkeypatch.setattr(fetch.shutil, "which", lambda tool: f"/usr/bin/{tool}")
    return commands


def test_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REPLICATIONS_DATA", str(tmp_path))
    assert fetch.cache_folder() == tmp_path
    for unset in (None, ""):
        if unset is None:
            monkeypatch.delenv("REPLICATIONS_DATA")
        else:
            monkeypatch.setenv("REPLICATIONS_DATA", unset)
        assert fetch.cache_folder() == Path.home() / ".cache/replications"


def test_npm_archive_is_packed_and_never_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands = _tool(monkeypatch, "thing-1.0.0.tgz")
    assert fetch.npm_archive("thing@1.0.0", HELLO, tmp_path) == tmp_path / "thing-1.0.0.tgz"
    assert commands[0][:3] == ["npm", "pack", "thing@1.0.0"]


def test_missing_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fetch.shutil, "which", lambda tool: None)
    monkeypatch.setattr(fetch.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(fetch.UnavailableError, match=r"^npm is not installed$"):
        fetch.npm_archive("thing@1", HELLO, tmp_path)
    with pytest.raises(fetch.UnavailableError, match=r"^apt-get is not installed$"):
        fetch.debian_package("thing", HELLO, tmp_path)
    with pytest.raises(fetch.UnavailableError, match=r"^pip is not installed$"):
        fetch.wheel("thing==1", HELLO, tmp_path)
    with pytest.raises(fetch.UnavailableError, match=r"^no-such-tool is not installed$"):
        fetch.run_tool(["no-such-tool"], tmp_path)


def test_debian_package_is_unpacked_without_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands = _tool(monkeypatch, "thing_1_all.deb")
    tree = fetch.debian_package("thing", HELLO, tmp_path)
    assert commands[1] == ["dpkg-deb", "-x", str(tmp_path / "thing_1_all.deb"), str(tree)]


@pytest.mark.parametrize(("inside", "start"), [(True, [sys.executable, "-m", "pip"]), (False, ["/usr/bin/pip"])])
def test_wheel_is_downloaded_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, inside: bool, start: list[str]
) -> None:
    commands = _tool(monkeypatch, "thing-1-py3-none-any.whl")
    monkeypatch.setattr(fetch.importlib.util, "find_spec", lambda name: object() if inside else None)
    assert fetch.wheel("thing==1", HELLO, tmp_path, ("--platform=any",)).suffix == ".whl"
    assert commands[0][: len(start) + 1] == [*start, "download"]
    assert {"--no-deps", "--platform=any"} < set(commands[0])


def test_another_content_than_the_pinned_one_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _tool(monkeypatch, "thing-1.0.0.tgz")
    with pytest.raises(fetch.UnavailableError, match=r"thing-1.0.0.tgz has sha256 2cf24dba5fb0…, not the pinned 0000"):
        fetch.npm_archive("thing@1.0.0", "0" * 64, tmp_path)


def test_a_tool_that_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _tool(monkeypatch)
    with pytest.raises(fetch.UnavailableError, match=r"expected one \*.tgz file, found 0"):
        fetch.npm_archive("thing@1.0.0", HELLO, tmp_path)


def test_a_failing_tool_is_quoted_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _tool(monkeypatch, stderr="a notice\nnpm error network down\nmore " + "x" * 500, returncode=1)
    with pytest.raises(fetch.UnavailableError) as caught:
        fetch.npm_archive("thing@1", HELLO, tmp_path)
    assert str(caught.value) == "npm failed: npm error network down"
    _tool(monkeypatch, stderr="WARNING: Retrying after an error\nERROR: No matching distribution", returncode=1)
    with pytest.raises(fetch.UnavailableError, match=r"^pip failed: ERROR: No matching distribution$"):
        fetch.wheel("thing==1", HELLO, tmp_path)
    _tool(monkeypatch, stderr="y" * 500, returncode=1)
    with pytest.raises(fetch.UnavailableError) as caught:
        fetch.npm_archive("thing@1", HELLO, tmp_path)
    assert len(str(caught.value)) < 200


def test_a_tool_that_does_not_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fetch, "SECONDS", 0.05)
    with pytest.raises(fetch.UnavailableError, match=r"did not end within 0.05 s"):
        fetch.run_tool([sys.executable, "-c", "import time; time.sleep(5)"], tmp_path)


@pytest.mark.parametrize("stderr", ["npm error code ENOSPC", "E: write (28: No space left on device)"])
def test_a_tool_that_finds_the_disk_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stderr: str) -> None:
    _tool(monkeypatch, stderr=stderr, returncode=1)
    with pytest.raises(UserError, match="no space left for data in") as caught:
        fetch.npm_archive("thing@1", HELLO, tmp_path / "scratch")
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("number", "message"),
    [(errno.ENOSPC, "no space left"), (errno.EACCES, "cannot write"), (errno.EROFS, "cannot write")],
)
def test_writing_to_names_the_folder(tmp_path: Path, number: int, message: str) -> None:
    with pytest.raises(UserError, match=f"{message}.*REPLICATIONS_DATA") as caught, fetch.writing_to(tmp_path):
        raise OSError(number, "refused")
    assert str(tmp_path) in str(caught.value)


def test_writing_to_lets_other_errors_through(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="odd"), fetch.writing_to(tmp_path):
        raise OSError(errno.EIO, "odd")


def test_a_lock_is_given_back_when_its_holder_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), fetch.locked(tmp_path / ".lock"):
        raise RuntimeError
    with fetch.locked(tmp_path / ".lock"):
        pass
