"""A new chapter, and what it must pass: the house's checks, its own tests, a run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

from replications.papers import registry
from replications.publish import template
from replications.study import UserError
from replications.study.paths import project_root

SOURCE = Path(template.__file__).parents[2]  # src
HEADINGS = [
    "## What the paper claims",
    "## The method",
    "## The experiment",
    "## Results",
    "## When it breaks",
    "## What the paper leaves unsaid",
    "## Run it yourself",
]


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """An empty project in which no paper has a chapter."""
    monkeypatch.setattr(template, "project_root", lambda: tmp_path)
    monkeypatch.setattr(registry, "has_chapter", lambda slug: False)
    return tmp_path


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_chapter_has_four_rooms_a_page_and_tests(empty):
    written = template.new_chapter("semppl")
    assert sorted(written) == files(empty)
    names = [str(path.relative_to(empty)) for path in written]
    assert names == [
        *(f"src/replications/papers/semppl/{room}.py" for room in ("__init__", "method", "study", "claims", "figures")),
        "book/semppl.md",
        *(f"tests/papers/semppl/test_{room}.py" for room in ("method", "study", "claims", "figures")),
    ]


@pytest.mark.parametrize("slug", registry.BY_SLUG)
def test_no_placeholder_is_left(empty, slug):
    for path in template.new_chapter(slug):
        assert not any(word in path.read_text() for word in ("SLUG", "LABEL", "TITLE", "YEAR", "ARXIV")), path


def test_the_page_has_the_headings_of_every_chapter(empty):
    template.new_chapter("zipfian_environments")
    page = empty / "book" / "zipfian_environments.md"
    lines = page.read_text().splitlines()
    assert [line for line in lines if line.startswith("## ")] == HEADINGS
    assert [line for line in lines if line.startswith("# ")] == ["# Zipfian environments for reinforcement learning"]
    cells = [cell for cell in jupytext.read(page).cells if cell.cell_type == "code"]
    assert cells[0].source == 'profile = "smoke"'
    assert "parameters" in cells[0].metadata.tags
    assert cells[-1].metadata.tags == ["nbval-check-output"]
    for cell in cells:
        compile(cell.source, "cell", "exec")


def test_a_chapter_of_its_own_paper_only(empty, monkeypatch):
    with pytest.raises(UserError, match="unknown paper 'alphago': choose from byol, "):
        template.new_chapter("alphago")
    monkeypatch.setattr(registry, "has_chapter", lambda slug: slug == "byol")
    with pytest.raises(UserError, match=r"'byol' has a chapter already: edit book/byol\.md"):
        template.new_chapter("byol")
    with pytest.raises(UserError, match="choose from byol_without"):
        template.new_chapter("alphago")
    assert files(empty) == []


@pytest.mark.parametrize("name", ["book/semppl.md", "tests/papers/semppl/test_claims.py"])
def test_nothing_is_overwritten(empty, name):
    mine = empty / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(UserError, match=f"{mine} is in the way"):
        template.new_chapter("semppl")
    assert files(empty) == [mine]
    assert mine.read_text() == "mine"


def test_a_chapter_is_written_whole_or_not_at_all(empty):
    (empty / "tests").write_text("a file where a folder must be")
    with pytest.raises(UserError, match="cannot write"):
        template.new_chapter("semppl")
    assert files(empty) == [empty / "tests"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of this project without chapters."""
    shutil.copytree(SOURCE, tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", *registry.BY_SLUG))
    for name in ("pyproject.toml", "_toc.yml", "tests/conftest.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(project_root() / name, tmp_path / name)
    monkeypatch.setattr(template, "project_root", lambda: tmp_path)
    monkeypatch.setattr(registry, "has_chapter", lambda slug: False)
    return tmp_path


def run(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_every_chapter_is_in_the_house_style(project):
    for slug in registry.BY_SLUG:
        template.new_chapter(slug)
    for arguments in (["check"], ["format", "--check"]):
        done = run(project, "-m", "ruff", *arguments, "--no-cache", "src/replications/papers", "tests/papers")
        assert done.returncode == 0, done.stdout
    (project / "src" / "replications" / "papers" / "byol" / "method.py").write_text("import os")
    assert run(project, "-m", "ruff", "check", "--no-cache", "src/replications/papers").returncode == 1


LIFE = """
import sys
import jupytext
import pytest
from replications.cli import main
from replications.papers import registry

assert main(["new-chapter", "semppl"]) == 0
assert [paper.slug for paper in registry.chapters()] == ["semppl"]
assert pytest.main(["-q", "-p", "no:cacheprovider", "tests/papers/semppl"]) == 0
assert main(["run", "semppl", "--profile", "smoke", "--device", "cpu", "--jobs", "1"]) == 0
assert main(["claims", "semppl"]) == 0
page = {}
for cell in jupytext.read("book/semppl.md").cells:
    if cell.cell_type == "code":
        exec(cell.source, page)
"""


def test_a_chapter_passes_its_tests_and_runs_and_so_does_its_page(project):
    done = run(project, "-c", LIFE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "semppl smoke: 2 run, 0 already recorded" in done.stdout
    assert "C1   not testable at this scale  (not written yet)" in done.stdout
    assert done.stdout.splitlines()[-1] == "C1   not testable at this scale"
    assert len(list((project / "results" / "semppl" / "smoke").glob("*.json"))) == 2
    assert (project / "build" / "figures" / "semppl-gaps.svg").exists()


MYPY = """
[mypy]
mypy_path = src
disallow_untyped_defs = true
warn_unused_ignores = true
follow_imports = silent
cache_dir = cache
[mypy-torch.*,numpy.*,scipy.*,matplotlib.*,IPython.*,safetensors.*]
follow_imports = skip
ignore_missing_imports = true
"""


def test_a_chapter_passes_mypy(project):
    """Against this project's own types; other packages are skipped, since reading torch alone takes ten seconds."""
    template.new_chapter("semppl")
    (project / "mypy.ini").write_text(MYPY)
    package = "src/replications/papers/semppl"
    done = run(project, "-m", "mypy", package)
    assert done.returncode == 0, done.stdout
    study = project / package / "study.py"
    study.write_text(study.read_text().replace("seeds=1,", 'seeds="one",'))
    assert "arg-type" in run(project, "-m", "mypy", package).stdout
