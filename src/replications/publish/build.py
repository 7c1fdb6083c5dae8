"""Build the site: execute what has changed, stage every page, render with jupyter-book, check the result."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

from replications.papers import registry
from replications.publish import execute
from replications.study import UserError
from replications.study.paths import build_folder, project_root

ADDRESS = r"(?:https?:)?//[^\s\"')]+"
LOADERS = "script|link|img|iframe|source|audio|video|track|embed|object"
TAG = re.compile(rf"<(?:{LOADERS})\b(?:[^>\"']|\"[^\"]*\"|'[^']*')*>", re.IGNORECASE)
LOADED = re.compile(rf"\b(?:src|href|data|poster|srcset)\s*=\s*[\"']\s*({ADDRESS})", re.IGNORECASE)
LOADS_NOTHING = re.compile(r"\brel=[\"'](?:canonical|license|author)[\"']", re.IGNORECASE)
STYLE = re.compile(r"<style\b[^>]*>.*?</style>|\bstyle=\"[^\"]*\"", re.IGNORECASE | re.DOTALL)
LOADED_CSS = re.compile(rf"(?:@import\s+|url\()\s*(?:['\"]|&quot;)?({ADDRESS})", re.IGNORECASE)


def build(slugs: list[str], profile: str, jobs: int | None = None) -> Path:
    """Build the book with the chapters `slugs` executed live at `profile`; returns the path of its first page.

    Other chapters appear as they were built last; one that never was is executed too.

    Raises:
        UserError: a page failed, jupyter-book warned, or a page would load something from another host.
    """
    built = [paper.slug for paper in registry.chapters()]
    unseen = [page.name for page in execute.pages(built) if page.paper and not page.staged.exists()]
    executed = execute.execute([slug for slug in built if slug in slugs or slug in unseen], profile, jobs)
    print(f"executed: {', '.join(executed) or 'nothing, all pages are up to date'}", flush=True)
    stage_plain_pages()
    html = build_folder() / "_build" / "html"
    digest_path = build_folder() / "site.key"
    digest = tree_digest(execute.stage_folder())
    if not (digest_path.exists() and digest_path.read_text() == digest and (html / "index.html").exists()):
        render(html)
        digest_path.write_text(digest)
    return html / "index.html"


def stage_plain_pages() -> None:
    """Copy pages without code, configuration, bibliography and assets into the stage; drop what has left the book."""
    root, stage = project_root(), execute.stage_folder()
    keep = {stage / "_config.yml", stage / "_toc.yml"}
    for name in ("_config.yml", "_toc.yml"):
        _copy(root / name, stage / name)
    for path in sorted((root / "book").rglob("*")):
        target = stage / path.relative_to(root)
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.is_dir() or hidden or path.suffix == ".ipynb":  # a reader's own notebook never replaces ours
            continue
        if path.suffix == ".md" and execute.is_executable(path):
            keep.add(target.with_suffix(".ipynb"))
            continue
        _copy(path, target)
        keep.add(target)
    for path in stage.rglob("*"):
        if path.is_file() and path not in keep:
            path.unlink()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def tree_digest(folder: Path) -> str:
    """Hash of all files of a folder, by path and content."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def render(html: Path) -> None:
    """Run jupyter-book on the stage, from nothing (an incremental build keeps stale cross-page numbers)."""
    shutil.rmtree(html.parent, ignore_errors=True)
    log = build_folder() / "jupyter-book.log"
    program = "from jupyter_book.cli.main import main; main()"  # the package cannot be run with -m
    command = [sys.executable, "-c", program, "build", str(execute.stage_folder()), "--path-output"]
    with open(log, "w") as output:
        result = subprocess.run(
            [*command, str(build_folder()), "-W", "-n", "--keep-going"],
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if result.returncode:
        said = re.sub(r"\x1b\[[0-9;]*m", "", log.read_text())  # jupyter-book colours even a file
        lines = [line for line in said.splitlines() if re.search(r"WARNING|ERROR|error:", line)]
        raise UserError(f"jupyter-book: {lines[0] if lines else 'failed'} ({len(lines)} warnings in {log})")
    for page in html.rglob("*.html"):
        text = page.read_text()
        # a list role without list items is an error to screen readers
        page.write_text(text.replace('<div role="list" class="citation-list">', '<div class="citation-list">'))
    found = foreign_hosts(html)
    if found:
        raise UserError(f"the site would ask another host: {found[0]} (and {len(found) - 1} more)")


def foreign_hosts(html: Path) -> list[str]:
    """What scripts, styles, fonts and images of a built site would load from other hosts: 'page: address'."""
    found = []
    for page in sorted(html.rglob("*.html")):
        text = page.read_text()
        tags = [tag for tag in TAG.findall(text) if not LOADS_NOTHING.search(tag)]
        addresses = [address for tag in tags for address in LOADED.findall(tag)]
        addresses += [address for style in STYLE.findall(text) for address in LOADED_CSS.findall(style)]
        found += [f"{page.relative_to(html)}: {address}" for address in addresses]
    for style in sorted(html.rglob("*.css")):
        found += [f"{style.relative_to(html)}: {address}" for address in LOADED_CSS.findall(style.read_text())]
    return found
