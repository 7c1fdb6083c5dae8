"""The local engine: a pool of spawned processes, one torch thread each, every run saved as it finishes."""

from __future__ import annotations

import ctypes
import errno
import importlib
import multiprocessing
import os
import queue
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from multiprocessing.queues import Queue
from pathlib import Path

from replications.study import device as devices
from replications.study import provenance
from replications.study.context import Context
from replications.study.errors import UserError
from replications.study.outcome import Outcome
from replications.study.progress import Progress
from replications.study.record import Cost, Record
from replications.study.store import Store
from replications.study.study import Run, Study, config_fields

THREADS = (
    1  # torch threads a process: two processes beat one with two threads, and results do not depend on the machine
)


def missing(study: Study, runs: Sequence[Run], store: Store) -> list[Run]:
    """The runs that have no record, or a stale one."""
    wanted = []
    for run in runs:
        record = store.load(run)
        if record is None or store.stale(study, record):
            wanted.append(run)
    return wanted


def default_jobs() -> int:
    """Processes to use: one a core, unless $REPLICATIONS_JOBS says otherwise."""
    return int(os.environ.get("REPLICATIONS_JOBS") or len(os.sched_getaffinity(0)))


def execute(
    study: Study,
    runs: Sequence[Run],
    store: Store,
    *,
    device: str = "auto",
    jobs: int | None = None,
    progress: Callable[[int, str], Progress] = Progress,
) -> None:
    """Run `runs` and save their records; what was finished survives any interruption.

    Raises:
        UserError: no such device, data that cannot be had, a run that failed or a process that died; the message
            says which, and the other runs are finished first.
    """
    if not runs:
        return
    resolved = devices.resolve(device, needs_gpu=study.plan(runs[0].profile).needs_gpu)
    provenance.current(study)  # data that cannot be had is said here, before any process starts
    units = _units(study, runs)
    if resolved.type == "cuda":
        jobs = 1  # one GPU program at a time: side by side they race for its memory
    jobs = min(jobs or default_jobs(), len(units))
    spawn = multiprocessing.get_context("spawn")
    messages: Queue[tuple[int, float]] = spawn.Queue()
    bar = progress(len(units), f"{study.paper} {runs[0].profile}")
    failures: list[str] = []
    module = f"{study.run.__module__}"
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # idle threads must not burn the cores that others need
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_start_worker, initargs=(messages,)) as pool:
        pending: dict[Future[None], list[Run]] = {
            pool.submit(_work, module, unit, index, str(store.root), resolved.type): unit
            for index, unit in enumerate(units)
        }
        try:
            while pending:
                done, _ = wait(pending, timeout=0.1, return_when=FIRST_COMPLETED)
                _drain(messages, bar)
                for future in done:
                    unit = pending.pop(future)
                    failure = _failure(future, unit)
                    if failure:
                        failures.append(failure)
            _drain(messages, bar)
        except BaseException:
            workers = list((pool._processes or {}).values())  # shutdown forgets them
            pool.shutdown(wait=False, cancel_futures=True)
            for process in workers:
                process.terminate()
            raise
        finally:
            bar.close()
    if failures:
        raise UserError(_summary(failures))


def _units(study: Study, runs: Sequence[Run]) -> list[list[Run]]:
    """Runs that train as one batched program; single runs where the study has none."""
    groups: dict[object, list[Run]] = {}
    for run in runs:
        alone = study.together_of(run.config) is None
        groups.setdefault(("alone", run.identity) if alone else study.program(run.config), []).append(run)
    limit = study.together_limit
    return [group[i : i + limit] for group in groups.values() for i in range(0, len(group), limit)]


def _drain(messages: Queue[tuple[int, float]], bar: Progress) -> None:
    while True:
        try:
            bar.update(*messages.get_nowait())
        except queue.Empty:
            return


def _failure(future: Future[None], unit: list[Run]) -> str:
    error = future.exception()
    if error is None:
        return ""
    if isinstance(error, BrokenProcessPool):
        return f"{unit[0]}: its process died (killed, or out of memory)"
    if isinstance(error, UserError):
        return f"{unit[0]}: {error}"
    log = _log_failure(error, unit[0])
    return f"{unit[0]}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''} (details in {log})"


def _log_failure(error: BaseException, run: Run) -> Path:
    from replications.study.paths import build_folder

    log = build_folder() / "logs" / f"{run.paper}-{run.profile}-{run.condition}-s{run.seed}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("".join(traceback.format_exception(error)))
    return log


def _summary(failures: list[str]) -> str:
    more = f", and {len(failures) - 1} more" if len(failures) > 1 else ""
    return f"{failures[0]}{more}; finished runs are kept, the same command goes on from there"


# In a worker process

_messages: Queue[tuple[int, float]] | None = None
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of <malloc.h>


def _start_worker(messages: Queue[tuple[int, float]]) -> None:
    global _messages
    _messages = messages
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; a worker would go on with the next run
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _keep_freed_memory()
    import torch

    torch.set_num_threads(THREADS)
    torch.set_flush_denormal(True)


def _keep_freed_memory() -> None:
    """Have the C library keep what a step frees for the next one: to give it back and fetch it again page by page takes
    a tenth of a BYOL step. A library other than glibc is left alone."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)  # the largest that it takes
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def _end_with_parent() -> None:
    """End this worker when its parent was killed: nobody would take its results."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(module: str, unit: list[Run], index: int, root: str, device: str) -> None:
    """Run one unit and save its records."""
    study: Study = importlib.import_module(module).STUDY
    store = Store(Path(root))

    def report(fraction: float) -> None:
        if _messages is not None:
            _messages.put((index, fraction))

    run_unit(study, unit, store, device, report)
    report(1.0)


def run_unit(study: Study, unit: list[Run], store: Store, device: str, report: Callable[[float], None]) -> None:
    """Run one unit in this process and save its records."""
    import torch

    torch_device = torch.device(device)
    config, together = unit[0].config, study.together_of(unit[0].config)  # a unit is of one kind
    now = provenance.current(study, devices.describe(torch_device), torch.get_num_threads(), config)
    contexts = [
        Context(
            seed=run.seed,
            device=torch_device,
            report=report,
            checkpoint_path=store.checkpoint_path(run),
            checkpoint_key={"identity": run.identity, "source": now.source},
        )
        for run in unit
    ]
    if torch_device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        if together is not None and len(unit) > 1:
            outcomes = together([run.config for run in unit], contexts)
        else:
            outcomes = [study.run_of(run.config)(run.config, context) for run, context in zip(unit, contexts)]
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise UserError("the disk is full: free some space, the same command goes on from there") from error
        raise
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    for run, outcome in zip(unit, outcomes, strict=True):
        study.validate(outcome)
        cost = Cost(
            wall_s=round(wall / len(unit), 3),
            cpu_s=round(cpu / len(unit), 3),
            peak_memory_mb=_peak_memory_mb(torch_device),
            steps=outcome.steps,
            samples=outcome.samples,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        store.save(run, _record(study, run, outcome, now, cost))


def _record(study: Study, run: Run, outcome: Outcome, now: provenance.Provenance, cost: Cost) -> Record:
    return Record(
        paper=run.paper,
        profile=run.profile,
        condition=run.condition,
        seed=run.seed,
        identity=run.identity,
        config=config_fields(run.config),
        scalars=outcome.scalars,
        units={name: study.metrics[name].unit for name in outcome.scalars},
        curves=outcome.curves,
        arrays=outcome.arrays,
        provenance=now,
        cost=cost,
    )


def _peak_memory_mb(device: object) -> float:
    import torch

    if isinstance(device, torch.device) and device.type == "cuda":
        return round(torch.cuda.max_memory_allocated() / 2**20, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)
