import pytest

import toy_project


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A project of its own whose only chapter is the toy."""
    return toy_project.install(monkeypatch, tmp_path / "project")
