from replications.study import paths


def test_the_root_is_the_checkout():
    assert (paths.project_root() / "pyproject.toml").exists()
    assert paths.results_folder().parent == paths.build_folder().parent == paths.project_root()


def test_installed_alone_the_root_is_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "site-packages" / "replications" / "study" / "paths.py"))
    monkeypatch.chdir(tmp_path)
    assert paths.project_root() == tmp_path
