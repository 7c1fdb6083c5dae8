"""Building the C++ steps: once, whole, in the cache; and doing without."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from replications.papers.recurrent_discounted_attention import kernel

from .conftest import HAVE_COMPILER

needs_compiler = pytest.mark.skipif(not HAVE_COMPILER, reason="no C++ compiler on this machine")


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """A cache of its own, and no library loaded."""
    monkeypatch.setenv("REPLICATIONS_DATA", str(tmp_path))
    kernel.library.cache_clear()
    yield tmp_path
    kernel.library.cache_clear()


@needs_compiler
def test_is_built_once_by_two_at_once_and_found_again(empty_cache):
    program = kernel.compiler()
    target = kernel.library_path(program)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: kernel.build(program, target), range(2)))
    made = target.stat().st_mtime_ns
    assert kernel.library() is not None
    assert target.stat().st_mtime_ns == made
    assert {path.suffix for path in (empty_cache / "kernels").iterdir()} == {".so", ".lock"}


@needs_compiler
def test_the_path_depends_on_source_and_flags(monkeypatch):
    program = kernel.compiler()
    first = kernel.library_path(program)
    monkeypatch.setattr(kernel, "SOURCE", kernel.SOURCE + "\n// changed")
    second = kernel.library_path(program)
    monkeypatch.setattr(kernel, "FLAGS", (*kernel.FLAGS, "-g"))
    assert len({first, second, kernel.library_path(program)}) == 3


def test_without_a_compiler_one_line_says_so(empty_cache, monkeypatch, capsys):
    monkeypatch.setattr(kernel.shutil, "which", lambda name: None)
    assert kernel.library() is None
    assert kernel.library() is None
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "no C++ compiler found" in said


@needs_compiler
def test_a_compiler_that_fails_is_named(empty_cache, monkeypatch, capsys):
    monkeypatch.setattr(kernel, "SOURCE", "this is not C++")
    assert kernel.library() is None
    assert "failed" in capsys.readouterr().err
    assert not list(empty_cache.glob("kernels/*.so"))


@needs_compiler
def test_a_cache_that_cannot_be_written_is_no_error(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REPLICATIONS_DATA", str(tmp_path / "file"))
    kernel.library.cache_clear()
    assert kernel.library() is None
    assert capsys.readouterr().err.count("\n") == 1
    kernel.library.cache_clear()


def test_nothing_is_built_at_import():
    script = (
        "import subprocess\nsubprocess.run = None\n"
        "import replications.papers.recurrent_discounted_attention.study as s\n"
        "from replications.papers.recurrent_discounted_attention import kernel\n"
        "assert kernel.library.cache_info().currsize == 0"
    )
    import sys

    subprocess.run([sys.executable, "-c", script], check=True)
