"""nbval references: the chapters' notebooks with the outputs of their marked cells only."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from replications.publish import execute
from replications.study import UserError
from replications.study.paths import project_root

CHECKED = "nbval-check-output"


def folder() -> Path:
    """Where the committed references stand."""
    return project_root() / "tests" / "reference"


def update(slugs: Iterable[str]) -> list[Path]:
    """Make references from the staged notebooks of the last book build.

    Raises:
        UserError: a chapter has not been built.
    """
    import nbformat

    written = []
    for page in execute.pages(slugs):
        if page.paper is None:
            continue
        if not page.staged.exists():
            raise UserError(f"{page.name} is not built: run 'make book' first")
        path = folder() / f"{page.name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(strip(nbformat.read(page.staged, 4)), path)
        written.append(path)
    return written


def strip(notebook: Any) -> Any:
    """Keep code, tags, and the outputs of marked cells; a reference is small and its diff is readable."""
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(notebook.cells):
        tags = [tag for tag in cell.metadata.get("tags", []) if tag != "remove-cell"]
        cell["id"] = f"cell-{number}"
        cell.metadata = {"tags": tags} if tags else {}
        cell.outputs = cell.outputs if CHECKED in tags else []
        cell.execution_count = number + 1 if cell.outputs else None  # nbval wants one beside outputs
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return notebook


def code_of(notebook: Any) -> list[str]:
    """The code cells that a person wrote: all but papermill's."""
    return [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", [])
    ]


def outdated(slugs: Iterable[str]) -> list[str]:
    """Chapters whose code differs from their reference's, or that have none."""
    import nbformat

    names = []
    for page in execute.pages(slugs):
        path = folder() / f"{page.name}.ipynb"
        if page.paper and (not path.exists() or code_of(nbformat.read(path, 4)) != code_of(execute.read(page.source))):
            names.append(page.name)
    return names


def check(slugs: list[str]) -> int:
    """Re-execute the chapters against their references with nbval; 0 where all agree.

    Raises:
        UserError: no chapter is built, or a reference is missing or older than its chapter.
    """
    if not slugs:  # without a path pytest would run whatever it finds
        raise UserError("no chapter is built yet: there is nothing to check")
    old = outdated(slugs)
    if old:
        raise UserError(
            f"references of {', '.join(old)} are not of this chapter: run 'make book', then 'replicate check --update'"
        )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--nbval-lax",
        "--noconftest",
        "-p",
        "no:cacheprovider",
        "-n",
        "2",
        "--dist",
        "loadfile",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive", "REPLICATIONS_QUIET": "1"}
    environment.setdefault("REPLICATIONS_JOBS", "1")
    paths = [str(folder() / f"{slug}.ipynb") for slug in slugs]
    return subprocess.run([*command, *paths], cwd=project_root(), env=environment, check=False).returncode
