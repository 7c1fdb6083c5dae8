"""Every mistake of a user: one line on stderr that says what to do, exit code 2, nothing written."""

import subprocess
import sys
from dataclasses import replace

import pytest

import toy_project
import toy_study
from replications import data as datasets
from replications.cli import main
from replications.papers import registry
from replications.study import Store, UserError, engine


def complaint(capsys, *arguments):
    """The line that a command fails with."""
    assert main(list(arguments)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("replicate: ")
    assert "Traceback" not in line
    return line


def files(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@pytest.fixture
def unchanged(root):
    """The project, which a mistake leaves as it was."""
    before = files(root)
    yield root
    assert files(root) == before
    assert not (root / "results").exists()


@pytest.mark.parametrize("command", ["run", "claims", "book", "check"])
def test_an_unknown_paper(unchanged, capsys, command):
    assert "unknown paper 'tyo': choose from toy, unbuilt" in complaint(capsys, command, "tyo")
    assert "'unbuilt' is not built yet: see 'replicate list'" in complaint(capsys, command, "unbuilt")


@pytest.mark.parametrize("command", [["run", "toy"], ["claims"], ["book"]])
def test_an_unknown_profile(unchanged, capsys, command):
    line = complaint(capsys, *command, "--profile", "large")
    assert "unknown profile 'large': choose one of smoke, laptop, gpu, paper" in line


@pytest.mark.parametrize("command", [["run", "toy"], ["claims", "toy"], ["run", "toy", "--dry-run"]])
def test_a_profile_that_the_paper_lacks(unchanged, capsys, command):
    assert "toy has no profile 'paper': choose one of smoke, laptop, gpu" in complaint(
        capsys, *command, "--profile", "paper"
    )


def test_an_unknown_condition(unchanged, capsys):
    line = complaint(capsys, "run", "toy", "--only", "fats")
    assert "toy has no condition 'fats' at profile smoke: choose from fast, slow" in line


def test_an_unknown_device(unchanged, capsys):
    line = complaint(capsys, "run", "toy", "--device", "gpu")
    assert "unknown device 'gpu': choose one of auto, cpu, cuda" in line


def test_a_missing_gpu(unchanged, capsys, monkeypatch):
    toy_project.without_gpu(monkeypatch)
    assert "no GPU found: use --device cpu" in complaint(capsys, "run", "toy", "--device", "cuda")
    assert "needs a GPU and none was found: use --profile laptop" in complaint(capsys, "run", "toy", "--profile", "gpu")


def test_a_study_without_dry_run(unchanged, capsys):
    assert "toy has no dry run" in complaint(capsys, "run", "toy", "--dry-run")


def test_a_mistake_about_one_paper_runs_none(unchanged, capsys, monkeypatch):
    monkeypatch.setattr(registry, "has_chapter", lambda slug: True)
    small = replace(toy_study.with_smoke(slow=toy_study.Config()), paper="unbuilt")
    monkeypatch.setattr(registry, "study_of", {"toy": toy_study.STUDY, "unbuilt": small}.__getitem__)
    assert "unbuilt has no condition 'fast'" in complaint(capsys, "run", "toy", "unbuilt", "--only", "fast")


def test_a_folder_that_cannot_be_written(unchanged, capsys, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    line = complaint(capsys, "run", "toy", "--out", str(tmp_path / "file" / "records"))
    assert f"cannot write records to {tmp_path / 'file' / 'records'}" in line
    assert "choose another --out" in line


def test_a_read_only_folder(unchanged, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write everywhere
    assert "it is read-only" in complaint(capsys, "run", "toy", "--out", str(tmp_path))


@pytest.mark.parametrize("damage", ["cut", "edited", "array"])
@pytest.mark.parametrize("command", [["list"], ["claims"], ["run", "toy"]])
def test_a_damaged_record_is_named_and_kept(root, capsys, command, damage):
    store = toy_project.record("smoke")
    path = store.root / "toy" / "smoke" / "fast-s1.json"
    if damage == "array":
        (array,) = path.parent.glob("fast-s1-*.npz")
        array.write_bytes(array.read_bytes()[:50])
    else:
        text = path.read_text()
        path.write_text(text[: len(text) // 2] if damage == "cut" else text.replace('"loss"', '"lost"'))
    before = {name: (root / name).read_bytes() for name in files(root)}
    line = complaint(capsys, *command)
    assert f"damaged record {path}" in line
    assert "delete it and run it again" in line
    assert {name: (root / name).read_bytes() for name in files(root)} == before


def test_an_unknown_data_set(unchanged, capsys):
    assert "unknown data set 'cifar': choose from cifar10" in complaint(capsys, "data", "cifar")


def test_data_that_cannot_be_had(unchanged, capsys, tmp_path, monkeypatch):
    from replications.data.dataset import Dataset, Source
    from replications.data.fetch import UnavailableError

    def fail(scratch):
        (scratch / "half").write_text("of an archive")
        raise UnavailableError("no network")

    cache = tmp_path / "cache"
    monkeypatch.setenv("REPLICATIONS_DATA", str(cache))
    dataset = Dataset("fake", "Fake data", "CC0", "nobody", (Source("a mirror", fail),), wrap=dict)
    monkeypatch.setattr(datasets, "NAMES", ("fake",))
    monkeypatch.setattr(datasets, "get", {"fake": dataset}.__getitem__)
    assert main(["data", "fake"]) == 2
    *progress, line = capsys.readouterr().err.splitlines()
    assert progress == ["Fake data: a mirror"]  # what was tried, as it is tried
    assert line.startswith("replicate: cannot get Fake data. Tried a mirror: no network. Connect to the network")
    assert [path for path in cache.rglob("*") if not path.name.startswith(".")] == []

    monkeypatch.setattr(registry, "study_of", lambda slug: replace(toy_study.STUDY, data=(dataset,)))
    assert "run `replicate data fake` first" in complaint(capsys, "run", "toy", "--device", "cpu")


def test_a_run_that_fails_keeps_the_finished_ones(root, capsys, monkeypatch):
    def execute(study, runs, store, **options):
        engine.run_unit(study, runs[:1], store, "cpu", lambda fraction: None)
        raise UserError("toy smoke slow seed 0: FloatingPointError:\n  the loss is not finite")

    monkeypatch.setattr(engine, "execute", execute)
    line = complaint(capsys, "run", "toy")
    assert line == "replicate: toy smoke slow seed 0: FloatingPointError: the loss is not finite"
    assert [record.condition for record in Store().recorded(toy_study.STUDY, "smoke")] == ["fast"]


@pytest.mark.parametrize("slug", ["toy", "nonsense"])
def test_a_chapter_that_cannot_be_started(unchanged, capsys, slug):
    assert f"'{slug}'" in complaint(capsys, "new-chapter", slug)


def test_a_page_that_is_missing(root, capsys):
    (root / "book" / "toy.md").unlink()
    line = complaint(capsys, "book")
    assert "toy.md is missing" in line
    assert "replicate new-chapter" in line


def test_references_that_are_missing(unchanged, capsys):
    assert "run 'make book', then 'replicate check --update'" in complaint(capsys, "check")
    assert "toy is not built: run 'make book' first" in complaint(capsys, "check", "--update")


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)


def test_help_and_mistakes_answer_at_once():
    """Within a second, and without torch: imports are counted, since clocks of a busy machine cannot be trusted."""
    timed = """
import resource, sys
from replications.cli import main
try:
    main({arguments})
except SystemExit:
    pass
used = resource.getrusage(resource.RUSAGE_SELF)
heavy = [name for name in ("torch", "scipy", "matplotlib", "nbformat", "jupytext", "papermill") if name in sys.modules]
print("heavy:", heavy, "quick:", used.ru_utime + used.ru_stime < 1.0)
"""
    for arguments in (["--help"], ["run", "--help"], ["fly"], ["run", "nonsense"], ["claims", "--profile", "x"]):
        said = python(timed.format(arguments=arguments))
        assert said.stdout.splitlines()[-1] == "heavy: [] quick: True", (arguments, said)


def test_the_module_runs_as_a_program():
    command = [sys.executable, "-m", "replications", "run", "nonsense"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert said.returncode == 2
    assert said.stderr.startswith("replicate: unknown paper 'nonsense'")


LONG = """
import sys
from replications.cli import commands, main
commands.COMMANDS["list"] = lambda options: print("x" * 200_000) or 0
sys.exit(main(["list"]))
"""


def test_a_pipe_that_closes_early_is_quiet(tmp_path):
    (tmp_path / "long.py").write_text(LONG)
    command = f"'{sys.executable}' '{tmp_path}/long.py' | head -c 10"
    said = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=120, check=False
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, "xxxxxxxxxx", "")
