import subprocess
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import toy_project
from replications.publish import execute, references
from replications.study import UserError


def notebook():
    """A staged notebook: prose, parameters, an unmarked cell with a picture, a marked one."""
    picture = new_output("display_data", {"image/png": "AAAA"})
    return new_notebook(
        cells=[
            new_markdown_cell("# Prose"),
            new_code_cell('profile = "smoke"', metadata={"tags": ["parameters", "remove-cell"]}),
            new_code_cell('profile = "smoke"', metadata={"tags": ["injected-parameters", "remove-cell"]}),
            new_code_cell("draw()", outputs=[picture], execution_count=3, metadata={"collapsed": True}),
            new_code_cell(
                "check()",
                outputs=[new_output("stream", name="stdout", text="C1   reproduced\n")],
                execution_count=4,
                metadata={"tags": ["nbval-check-output"], "scrolled": True},
            ),
        ],
        metadata={"language_info": {"name": "python", "version": "3.11.7"}},
    )


def test_a_reference_keeps_code_and_the_outputs_of_marked_cells_only():
    found = references.strip(notebook())
    assert [cell.source for cell in found.cells] == ['profile = "smoke"', 'profile = "smoke"', "draw()", "check()"]
    assert [bool(cell.outputs) for cell in found.cells] == [False, False, False, True]
    assert found.cells[3].outputs[0].text == "C1   reproduced\n"
    assert [cell.metadata for cell in found.cells] == [
        {"tags": ["parameters"]},
        {"tags": ["injected-parameters"]},
        {},
        {"tags": ["nbval-check-output"]},
    ]
    assert [cell.execution_count for cell in found.cells] == [None, None, None, 4]  # nbval wants one beside outputs
    assert "language_info" not in found.metadata
    nbformat.validate(found)


def test_stripping_twice_changes_nothing():
    once = references.strip(notebook())
    assert references.strip(nbformat.from_dict(once)) == once


def test_code_is_what_a_person_wrote():
    assert references.code_of(notebook()) == ['profile = "smoke"', "draw()", "check()"]


@pytest.fixture
def built(root):
    """The toy's page, staged as if it had been executed; a summary page beside it."""
    toy_project.page(root, "toy", "check()", tags="nbval-check-output")
    toy_project.page(root, "summary", "1")
    (page, _) = execute.pages(["toy"])
    staged = execute.read(page.source)
    staged.cells[-1].outputs = [new_output("stream", name="stdout", text="C1   reproduced\n")]
    page.staged.parent.mkdir(parents=True)
    nbformat.write(staged, page.staged)
    return page


def test_references_are_made_from_the_staged_chapters(root, built):
    assert references.update(["toy"]) == [root / "tests" / "reference" / "toy.ipynb"]
    assert references.outdated(["toy"]) == []
    found = nbformat.read(root / "tests" / "reference" / "toy.ipynb", 4)
    assert found.cells[-1].outputs[0].text == "C1   reproduced\n"


def test_a_chapter_that_is_not_built_has_no_reference(root, built):
    built.staged.unlink()
    with pytest.raises(UserError, match="toy is not built: run 'make book' first"):
        references.update(["toy"])
    assert not (root / "tests").exists()


def test_a_reference_is_outdated_when_the_code_changes_and_not_when_prose_does(root, built):
    assert references.outdated(["toy"]) == ["toy"]  # none yet
    references.update(["toy"])
    page = root / "book" / "toy.md"
    page.write_text(page.read_text() + "\nMore prose.\n")
    assert references.outdated(["toy"]) == []
    page.write_text(page.read_text().replace("check()", "check(strictly=True)"))
    assert references.outdated(["toy"]) == ["toy"]
    with pytest.raises(UserError, match=r"references of toy are not of this chapter: run 'make book', then"):
        references.check(["toy"])


def test_without_a_chapter_there_is_nothing_to_check(root):
    with pytest.raises(UserError, match="no chapter is built yet"):
        references.check([])


def test_the_check_is_nbvals_on_the_references_alone(root, built, monkeypatch):
    def run(command, cwd, env, check):
        asked.update(command=command, cwd=cwd, env=env)
        return SimpleNamespace(returncode=1)

    asked = {}
    references.update(["toy"])
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.delenv("REPLICATIONS_JOBS", raising=False)
    assert references.check(["toy"]) == 1
    assert "--nbval-lax" in asked["command"]
    assert asked["command"][-1] == str(root / "tests" / "reference" / "toy.ipynb")
    assert asked["cwd"] == root
    assert (asked["env"]["REPLICATIONS_QUIET"], asked["env"]["REPLICATIONS_JOBS"]) == ("1", "1")
