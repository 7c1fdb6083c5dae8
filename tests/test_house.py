"""The rules of the house, checked on every tracked file. Each check is a function of a folder that lists what breaks
it, and each is shown to say no to a folder that does.
"""

import ast
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SOURCE = Path("src/replications")
THIRD_PARTY = Path("book/assets/mathjax")  # published as it came
MEGABYTE = 1024 * 1024

# Modules without a test file of their own, and why that is enough.
WITHOUT_TEST = {
    "__main__.py": "one call of replications.cli.main",
    "cli/__init__.py": "tests/cli/test_mistakes.py and test_commands.py call main for every command and exit code",
    "study/errors.py": "an exception class without code of its own",
    "study/testing.py": "makes records for the tests of every claim, which exercise it",
}


def tracked(folder: Path) -> list[Path]:
    """Relative paths of the files that git tracks and that exist; of all files where the folder is no checkout."""
    if (folder / ".git").exists():
        names = subprocess.run(["git", "ls-files", "-z"], cwd=folder, capture_output=True, text=True, check=True).stdout
        return [Path(name) for name in names.split("\0") if name and (folder / name).is_file()]
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def texts(folder: Path) -> Iterator[tuple[Path, str]]:
    """Our own text files."""
    for path in tracked(folder):
        if THIRD_PARTY in path.parents:
            continue
        try:
            text = (folder / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            yield path, text


def modules(folder: Path, under: Path = SOURCE) -> Iterator[tuple[Path, ast.Module]]:
    """Parsed Python files below `under`."""
    for path, text in texts(folder):
        if path.suffix == ".py" and (under == Path() or under in path.parents):
            yield path, ast.parse(text)


def matching(folder: Path, pattern: re.Pattern[str], keep: Callable[[Path], bool] = lambda path: True) -> list[str]:
    """Every line of our text files that the pattern matches."""
    return [
        f"{path}:{number}: {line.strip()[:80]}"
        for path, text in texts(folder)
        if keep(path)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def bare_except(folder: Path) -> list[str]:
    """`except:` also swallows the interrupt that stops a run."""
    return [
        f"{path}:{node.lineno}: except without an exception"
        for path, tree in modules(folder, Path())
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]


def pickle(folder: Path) -> list[str]:
    """A pickle runs code when it is read, so nothing that is stored is one."""
    banned = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
    found = []
    for path, tree in modules(folder):
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
                if node.module == "torch":
                    names += [f"torch.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Attribute):
                names = [ast.unparse(node)]
            elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                names = ["pickle"] if ast.unparse(node.value) != "False" else []
            found += [
                f"{path}:{node.lineno}: {name}"
                for name in names
                if name.split(".")[0] in banned or name in ("torch.load", "torch.save")
            ]
    return found


def docstring(folder: Path) -> list[str]:
    """A module opens by saying what it holds."""
    return [f"{path}: no docstring" for path, tree in modules(folder) if not ast.get_docstring(tree)]


def registry_host(folder: Path) -> list[str]:
    """Where packages come from is the reader's own setting."""
    hosts = [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("yarnpkg", "com")]
    hosts += [
        ("anaconda", "org"),
        ("anaconda", "com"),
        ("crates", "io"),
        ("ghcr", "io"),
        ("docker", "io"),
        ("quay", "io"),
    ]
    hosts += [("download.pytorch", "org"), ("golang", "org"), ("rubygems", "org")]
    names = "|".join(re.escape(".".join(host)) for host in hosts)
    return matching(folder, re.compile(rf"(?<![\w-])(?:[\w-]+\.)*(?:{names})\b"))


def machine_path(folder: Path) -> list[str]:
    """A path of one machine works on no other."""
    folders = "|".join(("work", "root", "tmp", "mnt", "private", r"home/\w+", r"Users/\w+", "scratch"))
    return matching(folder, re.compile(rf"(?<![\w.:/~<*)}}-])/(?:{folders})(?:/|\b)"))


def unfinished(folder: Path) -> list[str]:
    """What is not done is not there."""
    marks = "|".join(("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error"))
    return matching(folder, re.compile(rf"\b(?:{marks})\b"), lambda path: path.parts[0] == "src")


def large_file(folder: Path) -> list[str]:
    """Two megabytes a file, but for what the site itself needs."""
    return [
        f"{path}: {size / MEGABYTE:.1f} MB"
        for path in tracked(folder)
        if Path("book/assets") not in path.parents and (size := (folder / path).stat().st_size) > 2 * MEGABYTE
    ]


def large_results(folder: Path) -> list[str]:
    """The records of the whole book stay below 40 MB."""
    size = sum((folder / path).stat().st_size for path in tracked(folder) if path.parts[0] == "results")
    return [f"results: {size / MEGABYTE:.1f} MB"] if size > 40 * MEGABYTE else []


def untested_module(folder: Path) -> list[str]:
    """src/replications/a/b.py is tested by tests/a/test_b.py; a package with code of its own by tests/a/test_a.py."""
    here = set(tracked(folder))
    found = []
    for path, tree in modules(folder):
        inside = path.relative_to(SOURCE)
        name = path.stem.lstrip("_")
        if path.name == "__init__.py":
            if not any(isinstance(node, ast.ClassDef) or _own_function(node) for node in tree.body):
                continue
            name = path.parent.name
        test = Path("tests") / inside.parent / f"test_{name}.py"
        if str(inside) not in WITHOUT_TEST and test not in here:
            found.append(f"{path}: no {test}")
    return found


def _own_function(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name not in ("__getattr__", "__dir__")


def missing_page(folder: Path) -> list[str]:
    """Every page that _toc.yml names is there."""
    contents = folder / "_toc.yml"
    if not contents.exists():
        return ["_toc.yml: missing"]
    pages = list(_pages(yaml.safe_load(contents.read_text(encoding="utf-8"))))
    return [
        f"_toc.yml: no {page}.md"
        for page in pages
        if not any((folder / f"{page}{e}").exists() for e in (".md", ".ipynb"))
    ]


def _pages(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (str(node[key]).removesuffix(".md") for key in ("root", "file") if key in node)
        for value in node.values():
            yield from _pages(value)
    elif isinstance(node, list):
        for value in node:
            yield from _pages(value)


CHECKS = (
    bare_except,
    pickle,
    docstring,
    registry_host,
    machine_path,
    unfinished,
    large_file,
    large_results,
    untested_module,
    missing_page,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_repository_keeps_the_rule(check):
    problems = check(ROOT)
    assert not problems, f"{check.__doc__}\n" + "\n".join(problems)


def test_no_exemption_outlives_its_module():
    assert all((ROOT / SOURCE / name).exists() for name in WITHOUT_TEST)


def write(folder: Path, files: dict[str, str | int]) -> None:
    """Files with a text, or of a size in bytes."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        else:
            path.touch()
            os.truncate(path, content)


GOOD: dict[str, str | int] = {
    "src/replications/__init__.py": '"""A package: `except:` and pickle in a text are no code."""\n',
    "src/replications/models/__init__.py": '"""Names alone."""\nfrom replications.models.net import net\n',
    "src/replications/models/net.py": '"""A net."""\n\n\ndef net():\n    try:\n        return 1\n    except ValueError:\n        raise\n',
    "tests/models/test_net.py": "def test_net():\n    assert 1\n",
    "README.md": "See https://example.org/home/page and build/site, ./work/notes, </root>; `pip install -e .`\n",
    "_toc.yml": "root: book/intro\nparts:\n  - chapters:\n      - file: book/one\n",
    "book/intro.md": "# Intro\n",
    "book/one.ipynb": "{}",
    "book/assets/large.js": 3 * MEGABYTE,
    "book/assets/mathjax/theirs.js": "fetch('https://registry.npm" + "js.org')",
    "results/a.npz": MEGABYTE,
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_good_folder_passes(check, tmp_path):
    write(tmp_path, GOOD)
    assert check(tmp_path) == []


MODULE = "src/replications/models/net.py"


@pytest.mark.parametrize(
    ("check", "name", "content"),
    [
        (bare_except, MODULE, '"""A."""\ntry:\n    x = 1\nexcept:\n    pass\n'),
        (bare_except, "tests/test_x.py", "try:\n    x = 1\nexcept:\n    pass\n"),
        (pickle, MODULE, '"""A."""\nimport pickle\n'),
        (pickle, MODULE, '"""A."""\ndef f():\n    from pickle import loads\n'),
        (pickle, MODULE, '"""A."""\nimport torch\nx = torch.load("a")\n'),
        (pickle, MODULE, '"""A."""\nfrom torch import load\n'),
        (pickle, MODULE, '"""A."""\nimport numpy as np\nx = np.load("a", allow_pickle=True)\n'),
        (docstring, MODULE, "x = 1\n"),
        (docstring, "src/replications/models/__init__.py", ""),
        (registry_host, "requirements.txt", "--index-url https://py" + "pi.org/simple\n"),
        (registry_host, "Makefile", "curl https://files.python" + "hosted.org/x\n"),
        (machine_path, "README.md", "cd " + "/wo" + "rk/main\n"),
        (machine_path, MODULE, '"""A."""\nx = "' + "/ho" + 'me/someone/data"\n'),
        (machine_path, "Makefile", "OUT=" + "/tm" + "p\n"),
        (unfinished, MODULE, '"""A."""\n# TO' + "DO later\n"),
        (unfinished, MODULE, '"""A."""\nraise NotImplemented' + "Error\n"),
        (large_file, "results/a.npz", 2 * MEGABYTE + 1),
        (large_results, "results/a.npz", 40 * MEGABYTE + 1),
        (untested_module, "src/replications/models/other.py", '"""A."""\n'),
        (untested_module, "src/replications/models/__init__.py", '"""A."""\ndef f():\n    return 1\n'),
        (missing_page, "_toc.yml", "root: book/intro\nchapters:\n  - file: book/two\n"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_bad_folder_fails(check, name, content, tmp_path):
    write(tmp_path, {**GOOD, name: content})
    problems = check(tmp_path)
    assert len(problems) == 1
    assert name.split("/")[0] in problems[0]


def test_a_folder_without_contents_fails(tmp_path):
    assert missing_page(tmp_path) == ["_toc.yml: missing"]


def test_only_tracked_files_count_in_a_checkout(tmp_path):
    write(tmp_path, {**GOOD, "src/replications/loose.py": "x = 1\n"})
    for command in (["init", "-q"], ["add", "README.md", "src/replications/models"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    assert Path("src/replications/models/net.py") in tracked(tmp_path)
    assert docstring(tmp_path) == []
    subprocess.run(["git", "add", "src/replications/loose.py"], cwd=tmp_path, check=True)
    assert docstring(tmp_path) == ["src/replications/loose.py: no docstring"]
