import io
import os
import platform
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import toy_study
from replications.study import Records, Store, UserError, engine
from replications.study.progress import Progress
from toy_study import STUDY, Config


def without_cost(record):
    return {key: value for key, value in record.document().items() if key not in ("cost", "checksum")}


def silent(total, what):
    return Progress(total, what, io.StringIO())


def execute(study, runs, store, **options):
    engine.execute(study, runs, store, device="cpu", progress=silent, **options)


def test_all_runs_are_recorded_and_a_second_time_nothing_is_missing(store):
    runs = STUDY.runs("smoke")
    execute(STUDY, runs, store, jobs=2)
    assert engine.missing(STUDY, runs, store) == []
    records = Records("smoke", store.recorded(STUDY, "smoke"))
    assert records.scalars("fast", "loss").shape == (2,)
    assert records.scalars("fast", "loss").max() < records.scalars("slow", "loss").min()
    execute(STUDY, [], store)  # nothing to do is fine


def test_the_same_seed_gives_the_same_record_whatever_runs_beside_it(tmp_path):
    one, two = Store(tmp_path / "one"), Store(tmp_path / "two")
    execute(STUDY, STUDY.runs("smoke"), one, jobs=2)
    execute(STUDY, STUDY.runs("smoke", seeds=1), two, jobs=1)
    for run in STUDY.runs("smoke", seeds=1):
        assert without_cost(one.load(run)) == without_cost(two.load(run))


def test_members_of_one_program_get_the_records_they_get_alone(tmp_path):
    together = replace(STUDY, together=toy_study.together, program=lambda config: config.steps, together_limit=3)
    alone, batched = Store(tmp_path / "alone"), Store(tmp_path / "batched")
    runs = STUDY.runs("smoke")
    assert [len(unit) for unit in engine._units(together, runs)] == [3, 1]
    for unit in engine._units(together, runs):
        engine.run_unit(together, unit, batched, "cpu", lambda fraction: None)
    execute(STUDY, runs, alone, jobs=2)
    for run in runs:
        one, two = without_cost(alone.load(run)), without_cost(batched.load(run))
        assert {**one, "provenance": None} == {**two, "provenance": None}


def test_runs_of_another_kind_stay_out_of_the_batched_program(store):
    conditions = {"fast": Config(), "slow": Config(rate=0.01), "exact": toy_study.Identity()}
    study = replace(
        toy_study.with_smoke(**conditions),
        together=toy_study.together,
        program=lambda config: config.steps,  # which the other kind has not
        kinds={toy_study.Identity: toy_study.check_identity},
    )
    units = engine._units(study, study.runs("smoke", seeds=2))
    assert [[run.condition for run in unit] for unit in units] == [["fast", "slow"] * 2, ["exact"], ["exact"]]
    for unit in units:
        engine.run_unit(study, unit, store, "cpu", lambda fraction: None)
    assert Records("smoke", store.recorded(study, "smoke")).scalars("exact", "zero").tolist() == [0.0, 0.0]


def test_a_failing_run_is_named_and_the_others_are_finished(store, monkeypatch, tmp_path):
    monkeypatch.setattr("replications.study.paths.build_folder", lambda: tmp_path)
    study = toy_study.with_smoke(bad=Config(fail="error"), good=Config())
    with pytest.raises(UserError, match="toy smoke bad seed 0: FloatingPointError: the loss is not finite at step 10"):
        execute(study, study.runs("smoke"), store, jobs=1)
    assert [record.condition for record in store.recorded(study, "smoke")] == ["good"]
    assert "FloatingPointError" in (tmp_path / "logs" / "toy-smoke-bad-s0.txt").read_text()


def test_a_dead_worker_is_reported(store):
    study = toy_study.with_smoke(bad=Config(fail="kill"))
    with pytest.raises(UserError, match="toy smoke bad seed 0: its process died"):
        execute(study, study.runs("smoke"), store, jobs=1)
    assert store.recorded(study, "smoke") == []


KILLED = """
import sys, toy_study
from replications.study import Store, engine
from pathlib import Path
study = toy_study.with_smoke(long=toy_study.Config(steps=400, pause_s=0.005))
engine.run_unit(study, study.runs("smoke"), Store(Path(sys.argv[1])), "cpu", lambda fraction: None)
"""


def test_a_run_killed_in_the_middle_ends_as_if_undisturbed(tmp_path):
    study = toy_study.with_smoke(long=Config(steps=400, pause_s=0.005))
    (run,) = study.runs("smoke")
    killed, undisturbed = Store(tmp_path / "killed"), Store(tmp_path / "undisturbed")
    environment = {
        **os.environ,
        "REPLICATIONS_CHECKPOINT_SECONDS": "0.05",
        "PYTHONPATH": str(Path(toy_study.__file__).parent),
        "OMP_NUM_THREADS": "1",
    }
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(killed.root)], env=environment)
    deadline = time.monotonic() + 60
    while not killed.checkpoint_path(run).exists():
        assert time.monotonic() < deadline, "no checkpoint was written"
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert killed.load(run) is None
    steps = []
    engine.run_unit(study, [run], killed, "cpu", steps.append)
    assert len(steps) < 400, "it went on from its checkpoint"
    engine.run_unit(study, [run], undisturbed, "cpu", lambda fraction: None)
    assert without_cost(killed.load(run)) == without_cost(undisturbed.load(run))
    assert not killed.checkpoint_path(run).exists()


def test_an_unfinished_state_of_other_code_is_ignored(store):
    study = toy_study.with_smoke(fast=Config())
    (run,) = study.runs("smoke")
    from replications.study import checkpoint

    checkpoint.write(store.checkpoint_path(run), {"step": 199}, {"identity": run.identity, "source": "older"})
    engine.run_unit(study, [run], store, "cpu", lambda fraction: None)
    assert store.load(run).cost.steps == 200


def test_jobs_follow_the_environment(monkeypatch):
    monkeypatch.setenv("REPLICATIONS_JOBS", "7")
    assert engine.default_jobs() == 7
    monkeypatch.delenv("REPLICATIONS_JOBS")
    assert engine.default_jobs() >= 1


PARENT = """
import signal, sys, toy_study
from pathlib import Path
from replications.study import Store, engine

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background inherits 'ignore'
    study = toy_study.with_smoke(long=toy_study.Config(steps=100_000, pause_s=0.005), next=toy_study.Config())
    engine.execute(study, study.runs("smoke"), Store(Path(sys.argv[1])), device="cpu", jobs=1)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_parent(tmp_path, how):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(toy_study.__file__).parent),
        "REPLICATIONS_CHECKPOINT_SECONDS": "0",
    }
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)], env=environment, stderr=subprocess.DEVNULL, start_new_session=True
    )
    study = toy_study.with_smoke(long=Config(steps=100_000, pause_s=0.005), next=Config())
    checkpoint = Store(tmp_path).checkpoint_path(study.runs("smoke")[0])
    wait_until(checkpoint.exists)
    os.killpg(process.pid, how) if how is signal.SIGINT else process.kill()
    process.wait(30)
    wait_until(lambda: not _alive(process.pid))
    assert Store(tmp_path).recorded(study, "smoke") == [], "no worker went on with the next run"


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _alive(group):
    """Whether a process of the group still runs."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


ALLOCATING = """
import sys
import torch
from replications.study import engine

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

if sys.argv[1] == "kept":
    engine._keep_freed_memory()
torch.ones(2**21)
before = resident()
tensors = [torch.ones(2**21) for _ in range(8)]  # 8 MB each
del tensors
print(resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep memory")
def test_a_worker_keeps_the_memory_that_a_step_frees():
    # glibc moves its own threshold as a program runs; one that is set stands still until the worker sets another
    fixed = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**16)}
    left = {
        how: int(
            subprocess.run([sys.executable, "-c", ALLOCATING, how], env=fixed, capture_output=True, check=True).stdout
        )
        for how in ("kept", "given back")
    }
    assert left["kept"] > 40 * 2**20
    assert left["given back"] < 20 * 2**20
