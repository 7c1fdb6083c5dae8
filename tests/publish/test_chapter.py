import sys
from types import SimpleNamespace

import pytest
from myst_nb.core.variables import format_plain_text

import toy_project
from replications.publish import Chapter
from replications.publish.chapter import Shown, _progress
from replications.study import UserError, engine
from toy_study import STUDY


@pytest.fixture
def ran(monkeypatch):
    """Runs that a chapter asks for; they happen in this process."""

    def execute(study, runs, store, progress):
        asked.append([str(run) for run in runs])
        for run in runs:
            engine.run_unit(study, [run], store, "cpu", lambda fraction: None)

    asked = []
    monkeypatch.setattr(engine, "execute", execute)
    return asked


def chapter(profile="smoke"):
    return Chapter(STUDY, toy_project.CLAIMS, profile)


def test_a_chapter_runs_what_is_missing_and_the_second_time_nothing(root, ran):
    first, second = chapter(), chapter()
    assert [len(runs) for runs in ran] == [4, 0]
    assert (root / "results" / "toy" / "smoke" / "fast-s0.json").exists()
    assert first.live.scalars("fast", "loss").tolist() == second.live.scalars("fast", "loss").tolist()


def test_a_stale_record_is_run_again(root, ran):
    toy_project.record("smoke", source="older")
    chapter()
    chapter()
    assert [len(runs) for runs in ran] == [4, 0]


def test_the_largest_recorded_profile_stands_beside_the_live_one(root, ran):
    assert chapter().recorded.profile == "smoke"
    toy_project.record("laptop")
    found = chapter()
    assert (found.live.profile, found.recorded.profile, len(found.recorded)) == ("smoke", "laptop", 6)
    assert chapter("laptop").live.seeds("fast") == [0, 1, 2]


def test_records_of_another_config_are_not_the_largest(root, ran):
    toy_project.record("laptop")
    for path in (root / "results" / "toy" / "laptop").glob("*.json"):
        path.rename(path.with_name(f"former-{path.name}"))
    assert chapter().recorded.profile == "smoke"


def test_a_page_takes_the_largest_profile_that_holds_its_conditions(root, ran):
    assert chapter().holding("fast", "slow").profile == "smoke"
    toy_project.record("laptop")
    found = chapter()
    assert found.holding("fast", "slow").profile == "laptop"
    for path in (root / "results" / "toy" / "laptop").glob("slow*.json"):
        path.unlink()
    assert (found.holding("fast").profile, found.holding("fast", "slow").profile) == ("laptop", "smoke")
    assert found.holding("nowhere") is found.live


def test_an_unknown_profile_says_what_to_set(root, ran):
    with pytest.raises(UserError, match="unknown profile 'big': set profile to one of smoke, laptop, gpu, paper"):
        chapter("big")
    assert ran == []


def test_a_missing_gpu_is_said_before_anything_runs(root, monkeypatch):
    toy_project.without_gpu(monkeypatch)
    with pytest.raises(UserError, match="needs a GPU"):
        chapter("gpu")
    assert not (root / "results").exists()


def test_the_box_shows_budgets_and_what_was_recorded(root, ran):
    toy_project.record("laptop", device="A fast machine")
    html = chapter().box().html
    assert "6 s on 2 CPU cores, 2 GB" in html
    assert "4 of 4" in html
    assert "6 of 6" in html
    assert "A fast machine" in html
    assert "of CPU" in html
    assert "not yet" in html


def test_the_page_shows_ledger_and_glossary(root, ran):
    found = chapter()
    assert "verdict reproduced" in found.ledger().html
    assert "squared distance from the minimum" in found.glossary().html
    assert "<caption>c</caption>" in found.table([{"a": 1}], "c").html


def test_a_table_is_html_in_a_notebook_and_a_hint_in_a_terminal():
    shown = Shown("<p>x</p>")
    assert shown._repr_html_() == "<p>x</p>"
    assert "<p>" not in repr(shown)


@pytest.mark.parametrize(
    ("value", "fmt", "shown"),
    [(0.123456, ".2f", "0.12"), (0.9, ".2f", "0.90"), (132179, ",.0f", "132,179"), ("many", "", "many")],
)
def test_glue_gives_prose_the_digits_that_were_asked_for(root, ran, monkeypatch, value, fmt, shown):
    glued = {}

    def glue(name, content, display):
        glued[name] = repr(content)  # what a notebook keeps of it
        assert display is False

    monkeypatch.setitem(sys.modules, "myst_nb", SimpleNamespace(glue=glue))
    chapter().glue("toy", value, fmt)
    assert format_plain_text(glued["toy"], "") == shown


def test_check_prints_verdicts_of_the_live_profile_only(root, ran, capsys):
    toy_project.record("laptop")
    chapter().check()
    assert capsys.readouterr().out.splitlines() == [
        "C1   reproduced",
        "C2   not testable at this scale",
        "C3   not testable at this scale",
        "C4   not testable at this scale",
        "C5   not testable at this scale",
        "C6   not testable at this scale",
        "C7   not testable at this scale",
        "C8   not testable at this scale",
    ]


@pytest.mark.parametrize(("quiet", "shown"), [("1", False), ("", True)])
def test_progress_is_quiet_where_a_page_is_made(monkeypatch, capsys, quiet, shown):
    monkeypatch.setenv("REPLICATIONS_QUIET", quiet)
    _progress(2, "toy").show()
    assert bool(capsys.readouterr().err) == shown


def test_a_notebook_shows_a_mistake_in_one_line(capsys):
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shell.user_ns["chapter"] = chapter
    result = shell.run_cell("chapter('huge')")
    assert isinstance(result.error_in_exec, UserError)
    shown = capsys.readouterr().out
    assert "UserError: unknown profile 'huge': set profile to one of" in shown
    assert "Traceback" not in shown
