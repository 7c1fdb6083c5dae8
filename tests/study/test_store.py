import errno
import json
import os
from dataclasses import replace

import pytest

import toy_study
from replications.study import Plan, Run, UserError, engine
from toy_study import STUDY, Config


@pytest.fixture
def recorded(store):
    """A store with one record, and its run."""
    run = STUDY.runs("smoke", seeds=1, only=["fast"])[0]
    engine.run_unit(STUDY, [run], store, "cpu", lambda fraction: None)
    return store, run


def test_what_was_saved_is_read(recorded):
    store, run = recorded
    record = store.load(run)
    assert record is not None
    assert record.identity == run.identity
    assert record.arrays["position"].shape == (4,)
    assert record.config == {"steps": 200, "rate": 0.1, "fail": "", "pause_s": 0.0}
    assert [r.seed for r in store.recorded(STUDY, "smoke")] == [0]
    assert store.profiles(STUDY) == ["smoke"]
    assert not [path for path in store.path(run).parent.iterdir() if path.name.endswith(".tmp")]


def test_a_record_of_another_config_is_no_answer(recorded):
    store, _ = recorded
    assert store.load(Run("toy", "smoke", "fast", Config(rate=0.3), 0)) is None


@pytest.mark.parametrize("damage", ["truncate", "edit", "format", "arrays", "no arrays", "garbage"])
def test_a_damaged_record_is_named_and_refused(recorded, damage):
    store, run = recorded
    path = store.path(run)
    arrays = next(path.parent.glob("*.npz"))
    text = path.read_text()
    document = json.loads(text)
    if damage == "truncate":
        path.write_text(text[: len(text) // 2])
    elif damage == "edit":
        document["scalars"]["loss"]["value"] *= 2
        path.write_text(json.dumps(document))
    elif damage == "format":
        path.write_text(json.dumps({**document, "format": 99}))
    elif damage == "arrays":
        arrays.write_bytes(arrays.read_bytes()[:-30])
    elif damage == "no arrays":
        arrays.unlink()
    else:
        path.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"damaged record .*fast-s0.json: .*delete it and run it again"):
        store.load(run)
    with pytest.raises(UserError, match="damaged record"):
        store.recorded(STUDY, "smoke")


def test_saving_again_replaces_and_leaves_nothing_behind(recorded):
    store, run = recorded
    first = sorted(path.name for path in store.path(run).parent.iterdir())
    engine.run_unit(STUDY, [run], store, "cpu", lambda fraction: None)
    assert sorted(path.name for path in store.path(run).parent.iterdir()) == first


def test_a_full_disk_is_said_and_the_old_record_stays(recorded, monkeypatch):
    store, run = recorded
    record = store.load(run)

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device; free some space"):
        store.save(run, record)
    monkeypatch.undo()
    assert store.load(run).document() == record.document()
    assert not [path for path in store.path(run).parent.iterdir() if path.name.endswith(".tmp")]


def test_changed_source_makes_a_record_stale(recorded, monkeypatch):
    from replications.study import provenance

    store, run = recorded
    record = store.load(run)
    assert store.stale(STUDY, record) == []
    monkeypatch.setattr(provenance, "_fingerprint", lambda start: "changed")
    monkeypatch.setattr(provenance, "_version", lambda package: "9.9")
    assert store.stale(STUDY, record) == ["source", "torch", "numpy"]


def test_a_record_of_another_kind_is_stale_when_its_own_function_changes_and_no_other(store, monkeypatch):
    from replications.study import provenance

    plan = Plan({"fast": Config(), "exact": toy_study.Identity()}, seeds=1, minutes=0.1)
    study = replace(STUDY, kinds={toy_study.Identity: toy_study.check_identity}, profiles={"smoke": plan})
    monkeypatch.setattr(provenance, "_fingerprint", lambda start: " ".join(name for _, name in start))
    for run in study.runs("smoke"):
        engine.run_unit(study, [run], store, "cpu", lambda fraction: None)
    fast, exact = store.recorded(study, "smoke")
    assert (fast.provenance.source, exact.provenance.source) == ("run", "check_identity")
    assert store.stale(study, fast) == store.stale(study, exact) == []
    changed = replace(study, kinds={toy_study.Identity: toy_study.run})
    assert store.stale(changed, fast) == []
    assert store.stale(changed, exact) == ["source"]
