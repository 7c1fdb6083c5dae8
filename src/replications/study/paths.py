"""Where things live: the project's root, its results and its build folder."""

from pathlib import Path


def project_root() -> Path:
    """The checkout that this package was imported from; the working directory where the package was installed alone."""
    for folder in Path(__file__).resolve().parents:
        if (folder / "_toc.yml").exists() and (folder / "pyproject.toml").exists():
            return folder
    return Path.cwd()


def results_folder() -> Path:
    """Records that the book shows; all but the `smoke` profile are committed."""
    return project_root() / "results"


def build_folder() -> Path:
    """Everything that can be deleted and made again."""
    return project_root() / "build"
