"""Commands that do what was asked; mistakes stand in test_mistakes.py."""

import json
from dataclasses import replace
from importlib import resources
from types import SimpleNamespace

import jsonschema
import pytest

import toy_project
from replications import data as datasets
from replications.cli import main
from replications.papers import registry
from replications.publish import build, references, template
from replications.study import Records, engine, judge_records
from toy_study import STUDY


def schema():
    return json.loads((resources.files("replications.cli") / "claims.schema.json").read_text())


def printed_json(capsys, *arguments):
    assert main([*arguments, "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return json.loads(said.out)


def test_list_counts_what_is_recorded_and_what_is_stale(root, capsys):
    toy_project.record("smoke", source="older")
    toy_project.record("laptop")
    toy, unbuilt = printed_json(capsys, "list")
    assert unbuilt == {
        "paper": "unbuilt", "title": "Not built", "year": 2025, "arxiv": "2501.00001", "chapter": False, "profiles": [],
    }  # fmt: skip
    assert toy["chapter"]
    assert [p["profile"] for p in toy["profiles"]] == ["smoke", "laptop", "gpu"]
    assert [(p["runs"], p["recorded"], p["stale"]) for p in toy["profiles"]] == [(4, 4, 4), (6, 6, 0), (1, 0, 0)]
    assert toy["profiles"][2] == {
        "profile": "gpu", "conditions": 1, "seeds": 1, "runs": 1, "minutes": 0.1, "hardware": "one GPU",
        "memory_gb": 2.0, "recorded": 0, "stale": 0,
    }  # fmt: skip


def test_list_is_readable(root, capsys):
    toy_project.record("smoke", torch="0.1")
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "toy  A toy & its noise (2026, arXiv 2601.00001)"
    assert " ".join(lines[1].split()) == "smoke 2 conditions × 2 seeds 6 s on 2 CPU cores 4/4 recorded, 4 stale"
    assert lines[-1] == "unbuilt  Not built (2025, arXiv 2501.00001)  not built yet"


@pytest.mark.parametrize("recorded", [(), ("smoke",), ("smoke", "laptop"), ("smoke", "laptop", "gpu")])
def test_claims_as_json_follow_the_schema(root, capsys, recorded):
    for profile in recorded:
        toy_project.record(profile)
    entries = printed_json(capsys, "claims", "toy")
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(entries, schema(), cls=jsonschema.Draft202012Validator)
    assert [entry["id"] for entry in entries] == [claim.id for claim in toy_project.CLAIMS]
    expected = {
        (): ["not run", "not run", "not testable at this scale"],
        ("smoke",): ["reproduced", "not run", "not testable at this scale"],
        ("smoke", "laptop"): ["reproduced", "reproduced", "not testable at this scale"],
        ("smoke", "laptop", "gpu"): ["reproduced", "reproduced", "not testable at this scale"],
    }
    assert [entry["verdict"] for entry in entries[:3]] == expected[recorded]


def test_the_schema_says_no(root, capsys):
    toy_project.record("laptop")
    entries = printed_json(capsys, "claims")
    validator = jsonschema.Draft202012Validator(schema())
    for change in (
        {"verdict": "confirmed"},
        {"verdict": "not run"},  # with an estimate beside it
        {"n": 0},
        {"estimate": "1.0"},
        {"interval": [0.0]},
        {"profile": "huge"},
        {"rule": None},
        {"id": "claim 1"},
        {"surprise": 1},
        {"published": {"value": 1.0}},
    ):
        assert not validator.is_valid([entries[1] | change, *entries[2:]]), change
    assert not validator.is_valid([{key: value for key, value in entries[1].items() if key != "p"}])
    assert validator.is_valid(entries)


def test_the_schema_describes_every_key_in_its_order(root, capsys):
    (entry, *_) = printed_json(capsys, "claims")
    described = schema()["$defs"]["entry"]
    assert list(entry) == list(described["properties"]) == described["required"]
    assert list(entry["published"]) == schema()["$defs"]["published"]["required"]


@pytest.mark.parametrize("slug", [paper.slug for paper in registry.chapters()])
def test_the_schema_fits_the_claims_of_every_chapter(slug):
    entries = judge_records(slug, registry.claims_of(slug), Records("smoke", []))
    jsonschema.validate([entry.to_json() for entry in entries], schema(), cls=jsonschema.Draft202012Validator)


def test_claims_at_a_profile_judge_only_there(root, capsys):
    toy_project.record("laptop")
    entries = printed_json(capsys, "claims", "--profile", "smoke")
    assert entries[0]["verdict"] == "not run"
    assert entries[1]["verdict"] == "not testable at this scale"
    assert entries[1]["reason"] == "needs profile laptop"


def test_claims_are_readable(root, capsys):
    toy_project.record("laptop", numpy="0.1")
    assert main(["claims"]) == 0
    said = capsys.readouterr().out
    assert "A toy & its noise" in said
    assert "  C3   not testable at this scale  (one size only)\n       It scales." in said
    (line,) = (line for line in said.splitlines() if line.startswith("  C2"))
    assert "reproduced" in line
    assert "loss, n=3, laptop; falsifier broke the claim; stale: numpy" in line
    (capped,) = (line for line in said.splitlines() if line.startswith("  C8"))
    assert "partly reproduced" in capped
    assert "(the falsifier did not break it)" in capped


def test_run_makes_records_once(root, capsys, monkeypatch):
    def execute(study, runs, store, **options):
        asked.append((len(runs), options))
        for run in runs:
            engine.run_unit(study, [run], store, "cpu", lambda fraction: None)

    asked = []
    monkeypatch.setattr(engine, "execute", execute)
    out = root / "elsewhere"
    command = ["run", "toy", "--only", "fast", "--seeds", "3", "--device", "cpu", "--jobs", "2", "--out", str(out)]
    assert main(command) == 0
    assert main(command) == 0
    assert main([*command, "--again"]) == 0
    assert [number for number, _ in asked] == [3, 0, 3]
    assert asked[0][1] == {"device": "cpu", "jobs": 2}
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == f"toy smoke: 3 run, 0 already recorded, in {out / 'toy' / 'smoke'}"
    assert "0 run, 3 already recorded" in second
    assert "3 run, 0 already recorded" in third
    assert sorted(path.name for path in out.rglob("*.json")) == ["fast-s0.json", "fast-s1.json", "fast-s2.json"]
    assert not (root / "results").exists()


def test_run_goes_through_real_processes(root, capsys):
    assert main(["run", "toy", "--only", "fast", "--seeds", "1", "--device", "cpu", "--jobs", "1"]) == 0
    assert "1 run, 0 already recorded" in capsys.readouterr().out
    (path,) = (root / "results" / "toy" / "smoke").glob("*.json")
    assert json.loads(path.read_text())["scalars"]["loss"]["value"] > 0


def test_one_paper_that_fails_leaves_the_others_their_turn(root, capsys, monkeypatch):
    from replications.study import UserError

    def execute(study, runs, store, **options):
        asked.append(study.paper)
        if study.paper == "toy":
            raise UserError("toy smoke fast seed 0: its process died")

    asked = []
    monkeypatch.setattr(engine, "execute", execute)
    monkeypatch.setattr(registry, "has_chapter", lambda slug: True)
    monkeypatch.setattr(registry, "study_of", lambda slug: replace(STUDY, paper=slug))
    assert main(["run", "toy", "unbuilt", "--device", "cpu"]) == 2
    assert asked == ["toy", "unbuilt"]
    said = capsys.readouterr()
    assert said.err == "replicate: toy smoke fast seed 0: its process died\n"
    assert said.out.startswith("unbuilt smoke: 4 run")


def test_dry_run_takes_the_first_condition_and_records_nothing(root, capsys, monkeypatch):
    def dry_run(config, context):
        return f"{config.steps} steps on {context.device}"

    monkeypatch.setattr(registry, "study_of", lambda slug: replace(STUDY, dry_run=dry_run))
    toy_project.without_gpu(monkeypatch)
    assert main(["run", "toy", "--profile", "gpu", "--dry-run"]) == 0  # needs no GPU
    assert capsys.readouterr().out == "toy gpu: 400 steps on cpu\n"
    assert not (root / "results").exists()


class FakeData:
    name, licence = "fake", "CC0"

    def fetch(self):
        return "/cache/fake.safetensors"

    def checksum(self):
        return 64 * "a"


@pytest.fixture
def fake_data(monkeypatch):
    monkeypatch.setattr(datasets, "NAMES", ("fake",))
    monkeypatch.setattr(datasets, "get", {"fake": FakeData()}.__getitem__)
    monkeypatch.setattr(registry, "study_of", lambda slug: replace(STUDY, data=(FakeData(), FakeData())))


@pytest.mark.parametrize("names", [(), ("fake",)])
def test_data_are_those_that_chapters_need_each_once(root, fake_data, capsys, names):
    assert printed_json(capsys, "data", *names) == [
        {"name": "fake", "path": "/cache/fake.safetensors", "sha256": 64 * "a", "licence": "CC0"}
    ]


def test_data_are_readable(root, fake_data, capsys):
    assert main(["data"]) == 0
    assert capsys.readouterr().out == "fake: verified, aaaaaaaaaaaa, in /cache/fake.safetensors\n"


def test_book_builds_and_prints_the_ledger(root, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(build, "build", lambda *arguments: asked.append(arguments) or "site/index.html")
    assert main(["book", "--jobs", "2"]) == 0
    assert asked == [(["toy"], "smoke", 2)]
    said = capsys.readouterr().out
    assert "C3   not testable at this scale" in said
    assert said.endswith("The book: site/index.html\n")


def test_check_passes_on_the_answer_of_nbval(root, capsys, monkeypatch):
    monkeypatch.setattr(references, "check", lambda slugs: 1 if slugs == ["toy"] else 0)
    assert main(["check"]) == 1
    monkeypatch.setattr(references, "update", lambda slugs: [root / "tests" / f"{slug}.ipynb" for slug in slugs])
    assert main(["check", "--update"]) == 0
    assert capsys.readouterr().out == "wrote tests/toy.ipynb\n"


def test_new_chapter_says_what_it_wrote_and_what_is_next(root, capsys, monkeypatch):
    monkeypatch.setattr(template, "new_chapter", lambda slug: [root / "book" / f"{slug}.md"])
    assert main(["new-chapter", "unbuilt"]) == 0
    wrote, following = capsys.readouterr().out.splitlines()
    assert wrote == "wrote book/unbuilt.md"
    assert "_toc.yml" in following


def test_an_interruption_is_said_and_has_its_code(monkeypatch, capsys):
    from replications.cli import commands

    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setitem(commands.COMMANDS, "list", interrupted)
    assert main(["list"]) == 130
    said = capsys.readouterr()
    assert "the same command goes on" in said.err
    assert "Traceback" not in said.err


def test_a_closed_pipe_is_no_failure(monkeypatch, tmp_path):
    from replications.cli import commands

    def closed(options):
        raise BrokenPipeError

    with open(tmp_path / "out", "w") as out:
        monkeypatch.setattr("sys.stdout", SimpleNamespace(fileno=out.fileno, flush=lambda: None, write=out.write))
        monkeypatch.setitem(commands.COMMANDS, "list", closed)
        assert main(["list"]) == 0
        out.write("lost")  # goes to the null device now
    assert (tmp_path / "out").read_text() == ""
