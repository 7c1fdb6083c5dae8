"""Execute the book's notebooks: jupytext reads them, papermill runs them, results stand in `build/stage`.

A page is executed again only when its key changes: its text, the definitions that its code reaches, the data, the
environment, or the committed records that it shows.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replications.papers import registry
from replications.study import UserError, provenance
from replications.study.fingerprint import fingerprint, fingerprint_of_code
from replications.study.paths import build_folder, project_root, results_folder
from replications.study.progress import duration

SUMMARY_ENTRIES = ("study", "claims")  # modules of every paper that a summary page reads through the registry


@dataclass(frozen=True)
class Page:
    """A page of the book that has code; `paper` is None for pages that sum up all papers."""

    source: Path
    paper: str | None

    @property
    def name(self) -> str:
        return self.source.stem

    @property
    def staged(self) -> Path:
        return stage_folder() / self.source.relative_to(project_root()).with_suffix(".ipynb")

    @property
    def key_path(self) -> Path:
        return build_folder() / "keys" / f"{self.name}.json"


def stage_folder() -> Path:
    """The tree that jupyter-book builds: executed notebooks and plain pages."""
    return build_folder() / "stage"


def pages(slugs: Iterable[str]) -> list[Page]:
    """The executable pages of the chapters `slugs`, then those that sum up."""
    book = project_root() / "book"
    chapters = [Page(book / f"{slug}.md", slug) for slug in slugs]
    for page in chapters:
        if not page.source.exists():
            raise UserError(f"{page.source} is missing: write the chapter, or start one with 'replicate new-chapter'")
    summaries = [
        Page(path, None)
        for path in sorted(book.glob("*.md"))
        if path.stem not in registry.BY_SLUG and is_executable(path)
    ]
    return chapters + summaries


def is_executable(source: Path) -> bool:
    """Whether a page has code cells."""
    return "\n```{code-cell}" in source.read_text()


def read(source: Path) -> Any:
    """The notebook that a text page stands for."""
    import jupytext

    return jupytext.read(source)


def key(page: Page, profile: str) -> str:
    """What the executed page depends on.

    Raises:
        UserError: data that a paper needs cannot be known, or a code cell is not Python.
    """
    code = [cell.source for cell in read(page.source).cells if cell.cell_type == "code"]
    papers = [page.paper] if page.paper else [paper.slug for paper in registry.chapters()]
    studies = [registry.study_of(slug) for slug in papers]
    now = [provenance.current(study) for study in studies]
    summarised = [(f"replications.papers.{slug}.{room}", None) for slug in papers for room in SUMMARY_ENTRIES]
    try:
        reached = fingerprint_of_code(code)
    except SyntaxError as error:
        raise UserError(f"{page.source}: a code cell is not plain Python ({error.msg}: {error.text})") from error
    parts = {
        "text": hashlib.sha256(page.source.read_bytes()).hexdigest(),
        "code": reached,
        "papers": "" if page.paper else fingerprint(summarised),
        "data": [one.data for one in now],
        "environment": [now[0].torch, now[0].numpy, now[0].python, _lock()] if now else [],
        "records": _records_digest(papers),
        "profile": profile,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _lock() -> str:
    return hashlib.sha256((project_root() / "requirements.txt").read_bytes()).hexdigest()


def _records_digest(papers: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for slug in papers:
        for path in sorted((results_folder() / slug).glob("*/*.json")):
            if path.parent.name != "smoke":  # made by the page itself; its inputs are in the key
                digest.update(path.relative_to(results_folder()).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def execute(slugs: list[str], profile: str, jobs: int | None = None) -> list[str]:
    """Execute the pages whose key has changed; returns their names.

    Raises:
        UserError: a page failed; the others are finished first, and the failed notebook is kept.
    """
    everything = pages(slugs)
    executed = _execute_changed([page for page in everything if page.paper], profile, jobs)
    executed += _execute_changed([page for page in everything if not page.paper], profile, jobs)
    return executed


def _execute_changed(candidates: list[Page], profile: str, jobs: int | None) -> list[str]:
    changed = {page: key(page, profile) for page in candidates}
    changed = {page: value for page, value in changed.items() if not _is_current(page, value)}
    if not changed:
        return []
    cores = len(os.sched_getaffinity(0))
    side_by_side = min(jobs or cores, len(changed))
    environment = {
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "passive",
        "REPLICATIONS_JOBS": str(max(1, cores // side_by_side)),
        "REPLICATIONS_QUIET": "1",
    }
    failures = []
    started = time.monotonic()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        side_by_side, mp_context=spawn, initializer=_set_environment, initargs=(environment,)
    ) as pool:
        futures = {pool.submit(_execute_page, page, value, profile): page for page, value in changed.items()}
        print(f"executing {', '.join(page.name for page in changed)} at profile {profile}", flush=True)
        for future in as_completed(futures):
            failure = future.result()
            name = futures[future].name
            print(f"  {name}: {failure or 'done'} after {duration(time.monotonic() - started)}", flush=True)
            if failure:
                failures.append(f"{name}: {failure}")
    if failures:
        raise UserError(f"{'; '.join(failures)}; finished pages are kept, 'make book' goes on from there")
    return [page.name for page in changed]


def _set_environment(environment: dict[str, str]) -> None:
    os.environ.update(environment)


def _is_current(page: Page, value: str) -> bool:
    if not page.key_path.exists() or not page.staged.exists():
        return False
    return bool(json.loads(page.key_path.read_text())["key"] == value)


def _execute_page(page: Page, value: str, profile: str) -> str:
    """Execute one page in a kernel of its own; '' or one line that says what failed."""
    import nbformat
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    work = Path(tempfile.mkdtemp(prefix="replications-"))
    # a socket folder of its own: two kernels in one folder share socket files and die
    sockets = Config({"KernelManager": {"transport": "ipc", "ip": str(work / "k")}})
    source, raw = work / "source.ipynb", work / "executed.ipynb"
    failed = build_folder() / "failed" / f"{page.name}.ipynb"
    try:
        nbformat.write(read(page.source), source)
        papermill.execute_notebook(
            source, raw, parameters={"profile": profile}, kernel_name="python3", cwd=project_root(), progress_bar=False,
            config=sockets,
        )  # fmt: skip
        notebook = clean(nbformat.read(raw, 4))
        page.staged.parent.mkdir(parents=True, exist_ok=True)
        page.key_path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, work / "staged.ipynb")
        shutil.move(work / "staged.ipynb", page.staged)
        page.key_path.write_text(json.dumps({"key": value}))
        failed.unlink(missing_ok=True)
    except PapermillExecutionError as error:
        failed.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(raw, failed)
        what = error.evalue.splitlines()[0] if error.evalue else ""
        return f"{error.ename}: {what} (the notebook as far as it came: {failed})"
    except DeadKernelError:
        return "its kernel died (killed, or out of memory)"
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return ""


def clean(notebook: Any) -> Any:
    """Hide the injected parameters from readers, and drop what differs from one execution to the next."""
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata.tags.append("remove-cell")
    notebook.metadata.pop("papermill", None)
    return notebook
