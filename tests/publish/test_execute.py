import importlib
import json
from concurrent.futures import Future
from dataclasses import replace
from typing import ClassVar

import nbformat
import pytest

import toy_project
from replications.papers import registry
from replications.publish import execute
from replications.study import UserError, fingerprint
from toy_study import STUDY


@pytest.fixture(autouse=True)
def fresh_sources():
    """Sources are parsed once a process; these tests change them."""
    fingerprint._path.cache_clear()
    fingerprint._parse.cache_clear()
    yield
    fingerprint._path.cache_clear()
    fingerprint._parse.cache_clear()


@pytest.fixture
def code(root, monkeypatch):
    """The file of a module of the package, 'replications.reached', that exists only here."""
    path = root / "reached.py"
    path.write_text("def used():\n    return 1\n\n\ndef unused():\n    return 2\n")
    real = fingerprint._path
    monkeypatch.setattr(fingerprint, "_path", lambda m: (path, False) if m == "replications.reached" else real(m))
    toy_project.page(root, "toy", "from replications import reached\nreached.used()")
    return path


def key(profile="smoke"):
    fingerprint._parse.cache_clear()
    (page,) = execute.pages(["toy"])
    return execute.key(page, profile)


def test_pages_are_the_chapters_then_what_sums_up(root):
    toy_project.page(root, "summary", "1 + 1")
    chapter, summary = execute.pages(["toy"])
    assert (chapter.name, chapter.paper) == ("toy", "toy")
    assert (summary.name, summary.paper) == ("summary", None)
    assert chapter.staged == root / "build" / "stage" / "book" / "toy.ipynb"
    with pytest.raises(UserError, match=r"unbuilt\.md is missing: write the chapter"):
        execute.pages(["toy", "unbuilt"])


def test_the_key_stays_while_nothing_changes(code):
    assert key() == key()


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("return 1", "return 3", True),
        ("return 1", "return 1  # a comment", False),
        ("def used():\n", 'def used():\n    """A docstring."""\n', False),
        ("    return 1", "\n    return (1)", False),
        ("return 2", "return 4", False),  # not reached
    ],
)
def test_the_key_changes_with_code_that_is_reached_and_not_with_its_comments(code, old, new, changes):
    before = key()
    code.write_text(code.read_text().replace(old, new))
    assert (key() != before) is changes


def test_the_key_changes_with_the_text_and_the_profile(root, code):
    before = key()
    assert key("laptop") != before
    page = root / "book" / "toy.md"
    page.write_text(page.read_text() + "\nOne more sentence.\n")
    assert key() != before


def test_the_key_changes_with_the_locked_versions(root, code):
    before = key()
    (root / "requirements.txt").write_text("torch==9\n")
    assert key() != before


def test_the_key_changes_with_the_data(code, monkeypatch):
    class Data:
        name = "fake"

        def __init__(self, content):
            self.checksum = lambda: content

    keys = set()
    for content in ("one", "two", "two"):
        monkeypatch.setattr(registry, "study_of", lambda slug, c=content: replace(STUDY, data=(Data(c),)))
        keys.add(key())
    assert len(keys) == 2


def test_the_key_changes_with_committed_records_and_not_with_its_own(code):
    before = key()
    toy_project.record("smoke")
    assert key() == before
    toy_project.record("laptop")
    assert key() != before


def test_a_summary_depends_on_every_paper(root, monkeypatch):
    toy_project.page(root, "summary", "1 + 1")
    _, summary = execute.pages(["toy"])
    before = execute.key(summary, "smoke")
    rooms = root / "claims.py"
    rooms.write_text("CLAIMS = ()\n")
    real = fingerprint._path
    monkeypatch.setattr(
        fingerprint, "_path", lambda m: (rooms, False) if m == "replications.papers.toy.claims" else real(m)
    )
    fingerprint._parse.cache_clear()
    assert execute.key(summary, "smoke") != before


def test_code_that_is_not_python_is_named(root):
    toy_project.page(root, "toy", "!ls")
    with pytest.raises(UserError, match=r"toy\.md: a code cell is not plain Python .*!ls"):
        key()


def test_a_real_page_is_executed_with_the_profile_and_cleaned(root):
    source = toy_project.page(root, "toy", "import os\nprint(profile, os.getcwd())", "1 / 1")
    page = execute.Page(source, "toy")
    assert execute._execute_page(page, "the key", "laptop") == ""
    notebook = nbformat.read(page.staged, 4)
    title, parameters, injected, printed, last = notebook.cells
    assert printed.outputs[0].text == f"laptop {root}\n"
    assert last.outputs[0].data["text/plain"] == "1.0"
    assert parameters.metadata.tags == ["parameters", "remove-cell"]
    assert "remove-cell" in injected.metadata.tags
    assert title.source == "# toy"
    assert "papermill" not in notebook.metadata
    assert all("papermill" not in cell.metadata and "execution" not in cell.metadata for cell in notebook.cells)
    assert [cell.id for cell in notebook.cells] == [f"cell-{number}" for number in range(5)]
    assert json.loads(page.key_path.read_text()) == {"key": "the key"}
    assert execute._is_current(page, "the key")
    assert not execute._is_current(page, "another key")


def test_a_page_that_fails_is_kept_named_and_has_no_key(root):
    source = toy_project.page(root, "toy", "print('so far')", "raise ValueError('first line\\nsecond line')")
    page = execute.Page(source, "toy")
    said = execute._execute_page(page, "key", "smoke")
    kept = root / "build" / "failed" / "toy.ipynb"
    assert said == f"ValueError: first line (the notebook as far as it came: {kept})"
    assert "so far" in kept.read_text()
    assert not page.staged.exists()
    assert not page.key_path.exists()


def test_a_kernel_that_dies_is_said(root):
    source = toy_project.page(root, "toy", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert execute._execute_page(execute.Page(source, "toy"), "key", "smoke").startswith("its kernel died")


class InThisProcess:
    """An executor whose work is done when it is asked for."""

    jobs: ClassVar[list] = []

    def __init__(self, jobs, mp_context, initializer, initargs):
        self.jobs.append((jobs, initargs[0]["REPLICATIONS_JOBS"]))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def submit(self, function, *arguments):
        future = Future()
        future.set_result(function(*arguments))
        return future


@pytest.fixture
def executed(root, monkeypatch):
    """Pages that were executed; page 'bad' fails."""

    def page(page, value, profile):
        asked.append(page.name)
        if page.name == "bad":
            return "ValueError: no"
        for path in (page.staged, page.key_path):
            path.parent.mkdir(parents=True, exist_ok=True)
        page.staged.write_text("{}")
        page.key_path.write_text(json.dumps({"key": value}))
        return ""

    asked = []
    monkeypatch.setattr(InThisProcess, "jobs", [])
    monkeypatch.setattr(execute, "_execute_page", page)
    monkeypatch.setattr(execute, "ProcessPoolExecutor", InThisProcess)
    toy_project.page(root, "summary", "1 + 1")
    return asked


def test_only_what_has_changed_is_executed_and_summaries_come_last(root, executed, capsys):
    assert execute.execute(["toy"], "smoke") == ["toy", "summary"]
    assert execute.execute(["toy"], "smoke") == []
    (root / "book" / "toy.md").write_text((root / "book" / "toy.md").read_text() + "\nmore\n")
    assert execute.execute(["toy"], "smoke") == ["toy"]
    (root / "build" / "stage" / "book" / "toy.ipynb").unlink()
    assert execute.execute(["toy"], "smoke") == ["toy"]
    assert executed == ["toy", "summary", "toy", "toy"]
    assert "executing toy at profile smoke\n  toy: done after" in capsys.readouterr().out


def test_a_failure_is_reported_after_the_other_pages_are_finished(root, executed, capsys):
    toy_project.page(root, "bad", "1 / 0")
    with pytest.raises(UserError, match=r"^bad: ValueError: no; finished pages are kept, 'make book' goes on"):
        execute.execute(["toy"], "smoke")
    assert executed == ["toy", "bad", "summary"]
    executed.clear()
    with pytest.raises(UserError, match="bad: ValueError"):
        execute.execute(["toy"], "smoke")
    assert executed == ["bad"]


def test_cores_are_shared_out_among_pages(root, executed, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)))
    execute.execute(["toy"], "smoke")  # one page at a time
    toy_project.page(root, "another", "1")
    toy_project.page(root, "summary", "2")
    execute.execute(["toy"], "smoke", jobs=2)
    assert InThisProcess.jobs == [(1, "8"), (1, "8"), (2, "4")]


def test_pages_are_executed_in_spawned_processes(root, monkeypatch):
    """The pool, its environment and the pickling are real; the page, outside a checkout, is not."""
    (root / "worker.py").write_text(
        "import os\n\n\ndef work(page, value, profile):\n"
        "    return ' '.join([page.name, profile, os.environ['REPLICATIONS_QUIET'], os.environ['OMP_NUM_THREADS']])\n"
    )
    monkeypatch.syspath_prepend(root)
    monkeypatch.setattr(execute, "_execute_page", importlib.import_module("worker").work)
    with pytest.raises(UserError, match="toy: toy smoke 1 1;"):
        execute.execute(["toy"], "smoke", jobs=1)
