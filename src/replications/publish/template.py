"""Start a chapter: the four rooms, a page and tests, around an example study that runs and is to be replaced."""

from __future__ import annotations

from pathlib import Path

from replications.papers import registry
from replications.study import UserError
from replications.study.paths import project_root

TEMPLATES = Path(__file__).parent / "templates"
FILES = {  # template → the file it becomes, below the project's root
    "package.py.txt": "src/replications/papers/SLUG/__init__.py",
    "method.py.txt": "src/replications/papers/SLUG/method.py",
    "study.py.txt": "src/replications/papers/SLUG/study.py",
    "claims.py.txt": "src/replications/papers/SLUG/claims.py",
    "figures.py.txt": "src/replications/papers/SLUG/figures.py",
    "page.md.txt": "book/SLUG.md",
    "test_method.py.txt": "tests/papers/SLUG/test_method.py",
    "test_study.py.txt": "tests/papers/SLUG/test_study.py",
    "test_claims.py.txt": "tests/papers/SLUG/test_claims.py",
    "test_figures.py.txt": "tests/papers/SLUG/test_figures.py",
}


def new_chapter(slug: str) -> list[Path]:
    """Write the files of a new chapter; returns their paths.

    Raises:
        UserError: the slug is unknown or has a chapter, a file is in the way, or one cannot be written; no file is
            left behind then.
    """
    if slug not in registry.BY_SLUG:
        free = ", ".join(known for known in registry.BY_SLUG if not registry.has_chapter(known))
        raise UserError(f"unknown paper '{slug}': choose from {free}")
    if registry.has_chapter(slug):
        raise UserError(f"'{slug}' has a chapter already: edit book/{slug}.md and src/replications/papers/{slug}")
    root, paper = project_root(), registry.BY_SLUG[slug]
    files = {
        root / target.replace("SLUG", slug): fill((TEMPLATES / name).read_text(), paper)
        for name, target in FILES.items()
    }
    for path in files:
        if path.exists():
            raise UserError(f"{path} is in the way: move it, then start the chapter again")
    written: list[Path] = []
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            written.append(path)
            path.write_text(text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise UserError(f"cannot write {written[-1] if written else root}: {error.strerror}") from error
    return written


def fill(text: str, paper: registry.Paper) -> str:
    """A template's text with what it says of the paper."""
    words = {
        "SLUG": paper.slug,
        "LABEL": paper.slug.replace("_", "-"),  # of figures, equations and numbers
        "TITLE": paper.title,
        "YEAR": str(paper.year),
        "ARXIV": paper.arxiv,
    }
    for word, value in words.items():
        text = text.replace(word, value)
    return text
