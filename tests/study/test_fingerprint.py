import importlib
import sys
import textwrap

import pytest

from replications.study import fingerprint as fp


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package 'sample'; returns a function that writes its modules and gives the fingerprint of sample.study.run."""
    monkeypatch.setattr(fp, "PACKAGE", "sample")
    monkeypatch.setattr(fp, "ALWAYS", ())
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "__init__.py").write_text("")
    importlib.invalidate_caches()

    def write(**modules: str) -> str:
        for name, text in modules.items():
            (tmp_path / "sample" / f"{name}.py").write_text(textwrap.dedent(text))
        fp._path.cache_clear()
        fp._parse.cache_clear()
        return fp.fingerprint([("sample.study", "run")])

    yield write
    fp._path.cache_clear()
    fp._parse.cache_clear()
    sys.modules.pop("sample", None)


STUDY = """
    from sample.method import loss
    from sample import models

    RATE = 0.1

    def run(config):
        net = models.build(3)
        return loss(net) * RATE

    def unused():
        return 1
"""
METHOD = """
    def loss(net):
        return helper(net)

    def helper(net):
        return net + 1

    def other(net):
        return net + 2
"""
MODELS = "def build(n):\n    return n\n"


def test_what_is_reached_counts(package):
    before = package(study=STUDY, method=METHOD, models=MODELS)
    assert package(study=STUDY.replace("0.1", "0.2")) != before, "a constant that is read"
    assert package(study=STUDY, method=METHOD.replace("net + 1", "net - 1")) != before, "a helper of a helper"
    assert package(method=METHOD, models="def build(n):\n    return n + 1\n") != before, (
        "a function reached through its module"
    )
    assert package(models=MODELS) == before


def test_what_is_not_reached_does_not(package):
    before = package(study=STUDY, method=METHOD, models=MODELS)
    assert package(study=STUDY.replace("return 1", "return 2")) == before
    assert package(study=STUDY, method=METHOD.replace("net + 2", "net - 2")) == before
    assert package(method=METHOD + "\n    def new():\n        return 0\n") == before


def test_comments_docstrings_and_format_do_not_count(package):
    before = package(study=STUDY, method=METHOD, models=MODELS)
    assert package(models='"""A module."""\ndef build( n ):\n    """Build."""\n    return n  # the same\n') == before


def test_statements_that_run_on_import_count(package):
    before = package(study=STUDY, method=METHOD, models=MODELS)
    assert package(models=MODELS + "\nprint(1)\n") != before


def test_imports_inside_functions_and_reexports_are_followed(package):
    study = "def run(config):\n    from sample.front import f\n    return f()\n"
    front = "from sample.back import f\n"
    before = package(study=study, front=front, back="def f():\n    return 1\n")
    assert package(back="def f():\n    return 2\n") != before


def test_a_class_is_one_piece_and_annotations_are_not_followed(package):
    study = "from sample.net import Net, Other\n\ndef run(x: Other):\n    return Net().forward()\n"
    net = "class Net:\n    def forward(self):\n        return 1\n\nclass Other:\n    a = 1\n"
    before = package(study=study, net=net)
    assert package(net=net.replace("a = 1", "a = 2")) == before
    assert package(net=net.replace("return 1", "return 2")) != before


def test_code_cells_reach_like_functions(package):
    package(study=STUDY, method=METHOD, models=MODELS)
    cells = ["from sample import study", "study.run(None)"]
    before = fp.fingerprint_of_code(cells)
    assert fp.fingerprint_of_code([*cells, "1 + 1"]) != before
    package(method=METHOD.replace("net + 1", "net * 2"))
    assert fp.fingerprint_of_code(cells) != before


def test_this_package_is_parsed():
    found = fp.reachable([("replications.study.engine", "execute")])
    assert ("replications.study.engine", "_work") in found
    assert ("replications.study.seeds", "stream_seed") in found
