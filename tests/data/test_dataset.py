"""The cache: filled once, checked, shared; damage and full disks are named."""

import errno
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from replications.data import dataset as module
from replications.data.dataset import Arrays, Dataset, Source, checksum_of
from replications.data.fetch import UnavailableError
from replications.study.errors import UserError

ARRAYS = {"a": np.arange(6, dtype=np.uint8).reshape(2, 3), "b": np.array([1, -1], dtype=np.int64)}
SHA256 = checksum_of(ARRAYS)


def _broken(folder: Path) -> Arrays:
    raise UnavailableError("out of order")


def _make(*sources: Source, **changes: Any) -> Dataset[dict[str, torch.Tensor]]:
    sources = sources or (Source("good", lambda folder: ARRAYS),)
    made: Dataset[dict[str, torch.Tensor]] = Dataset(
        name="toy", title="Toy", licence="none", source="us", sources=sources, wrap=lambda x: x, sha256=SHA256
    )
    return replace(made, **changes)


def test_checksum_depends_on_names_types_shapes_and_bytes() -> None:
    a = ARRAYS["a"]
    others: list[Arrays] = [{"c": a}, {"a": a.astype(np.int8)}, {"a": a.reshape(3, 2)}, {"a": a + 1}, {}]
    assert len({checksum_of(arrays) for arrays in [{"a": a}, *others]}) == 6
    assert checksum_of({"a": a, "b": a}) == checksum_of({"b": a, "a": a.T.copy().T})  # order and strides do not count


def test_fetch_then_load(cache: Path) -> None:
    toy = _make()
    assert not toy.cached()
    assert toy.fetch(quiet=True) == cache / "toy.safetensors" == toy.path
    assert toy.cached()
    loaded = toy.load()
    assert {name: tensor.dtype for name, tensor in loaded.items()} == {"a": torch.uint8, "b": torch.int64}
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(loaded[name].numpy(), array)
    assert toy.checksum() == SHA256
    assert sorted(path.name for path in cache.iterdir()) == [".toy.lock", "toy.safetensors"]


def test_a_second_fetch_decodes_nothing(cache: Path) -> None:
    _make().fetch(quiet=True)
    assert _make(Source("broken", _broken)).fetch() == cache / "toy.safetensors"


def test_writing_to_a_loaded_tensor_leaves_the_cache_alone(cache: Path) -> None:
    toy = _make()
    toy.fetch(quiet=True)
    toy.load()["a"].zero_()
    assert toy.load()["a"].sum() == 15


def test_sources_are_tried_in_order(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _make(Source("first", _broken), Source("second", lambda folder: ARRAYS)).fetch()
    assert capsys.readouterr().err == "Toy: first\nToy: second\n"
    assert module._header(cache / "toy.safetensors")["source"] == "second"


def test_when_no_source_delivers_the_error_says_what_was_tried(cache: Path) -> None:
    def missing(folder: Path) -> Arrays:
        raise ImportError("no module", name="torchvision")

    wrong = Source("wrong", lambda folder: {"a": ARRAYS["a"]})
    toy = _make(Source("first", _broken), wrong, Source("third", missing))
    with pytest.raises(UserError) as caught:
        toy.fetch(quiet=True)
    message = str(caught.value)
    assert "\n" not in message
    assert "first: out of order; wrong: its arrays have sha256 " in message
    assert "third: torchvision is not installed" in message
    assert "`replicate data toy`" in message
    assert str(cache) in message
    assert not toy.cached()
    assert [path.name for path in cache.iterdir()] == [".toy.lock"]


def test_load_does_not_fetch(cache: Path) -> None:
    with pytest.raises(UserError, match=r"Toy is not in .*run `replicate data toy` first"):
        _make().load()
    assert not cache.exists()


def test_load_uses_a_source_that_needs_no_network(cache: Path) -> None:
    toy = _make(Source("far", _broken), Source("here", lambda folder: ARRAYS, local=True))
    assert toy.load()["b"].tolist() == [1, -1]


def test_checksum_of_content_that_is_not_fixed_is_read_from_the_cache(cache: Path) -> None:
    changed = {"a": ARRAYS["a"] + 1}
    loose = _make(Source("here", lambda folder: changed), exact=False)
    assert loose.checksum() == SHA256  # what it is expected to be
    loose.fetch(quiet=True)
    assert loose.checksum() == checksum_of(changed)
    assert loose.load()["a"].sum() == 21
    unknown = _make(sha256="")
    assert unknown.checksum() == checksum_of(changed)
    unknown.path.unlink()
    with pytest.raises(UserError, match="run `replicate data toy` first"):
        unknown.checksum()


def test_a_data_set_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        _make().name = "other"  # type: ignore[misc]


def _flip_last(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(_flip_last, id="one bit"),
        pytest.param(lambda content: content[:-1], id="cut short"),
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: content[:8] + b"x" + content[9:], id="header"),
        pytest.param(lambda content: content.replace(b"checksum", b"chucksum"), id="metadata"),
    ],
)
def test_a_damaged_cache_is_named_and_never_used(cache: Path, damage: Any) -> None:
    toy = _make(exact=False)
    toy.fetch(quiet=True)
    toy.path.write_bytes(damage(toy.path.read_bytes()))
    with pytest.raises(
        UserError, match="does not match its checksum: delete it and run `replicate data toy`"
    ) as caught:
        toy.load()
    assert str(toy.path) in str(caught.value)
    with pytest.raises(UserError, match="does not match its checksum"):
        toy.fetch()


def test_a_whole_file_with_other_content_than_the_pinned_one_is_refused(cache: Path) -> None:
    other = _make(Source("other", lambda folder: {"a": ARRAYS["a"] + 1}), sha256="")
    other.fetch(quiet=True)
    other.load()
    os.utime(other.path, (1, 1))  # a file that this process has not verified
    with pytest.raises(UserError, match="does not match its checksum"):
        _make().load()


def test_a_cached_file_is_verified_again_once_it_changes(cache: Path) -> None:
    toy = _make()
    toy.fetch(quiet=True)
    toy.load()
    toy.path.write_bytes(_flip_last(toy.path.read_bytes()))
    os.utime(toy.path, (1, 1))
    with pytest.raises(UserError, match="does not match its checksum"):
        toy.load()


def test_full_disk_while_decoding(cache: Path) -> None:
    def full(folder: Path) -> Arrays:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(UserError, match=r"no space left for data in .*REPLICATIONS_DATA") as caught:
        _make(Source("full", full)).fetch(quiet=True)
    assert str(cache) in str(caught.value)


def test_full_disk_while_writing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(UserError, match=r"no space left for data in"):
        _make().fetch(quiet=True)
    assert [path.name for path in cache.iterdir()] == [".toy.lock"]  # nothing half-written


def test_a_cache_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setenv("REPLICATIONS_DATA", str(tmp_path / "locked"))
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError, match=r"cannot write data to .*Permission denied"):
        _make().fetch(quiet=True)


def test_what_a_killed_process_left_behind_is_removed(cache: Path) -> None:
    left_over = cache / ".toy-abc123"
    left_over.mkdir(parents=True)
    (left_over / "half.tgz").write_text("half")
    _make().fetch(quiet=True)
    assert not left_over.exists()


def test_two_processes_fetch_once(cache: Path, tmp_path: Path) -> None:
    program = f"""
import time
from pathlib import Path
import numpy as np
from replications.data.dataset import Dataset, Source
def decode(folder):
    with open({str(tmp_path / "count")!r}, "a") as file:
        file.write("x")
    time.sleep(0.5)
    return {{"a": np.arange(3)}}
Dataset("toy", "Toy", "none", "us", (Source("slow", decode),), lambda x: x).fetch(quiet=True)
"""
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert (tmp_path / "count").read_text() == "x"
