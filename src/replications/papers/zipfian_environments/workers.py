"""Processes that step environments; one that dies is reported with its seed.

Copies keep their own streams, so the numbers do not depend on how many processes step them.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from multiprocessing.connection import Connection
from types import TracebackType

import numpy as np

from replications.papers.zipfian_environments.levels import Copies, Seen
from replications.study import UserError


def serve(connection: Connection, law: np.ndarray, numbers: range) -> None:
    """Step copies for the other end of `connection` until it closes; a mistake ends this process."""
    copies = Copies(law, numbers)
    while True:
        try:
            name, arguments = connection.recv()
        except EOFError:
            return
        connection.send(tuple(getattr(copies, name)(*arguments)))


class Workers:
    """`count` copies of the levels, stepped by `processes` processes, or in this one where that is 0.

    Raises:
        UserError: fewer copies than processes, or MiniGrid is not installed.
    """

    def __init__(self, law: np.ndarray, count: int, processes: int = 0) -> None:
        if processes < 0 or count < max(1, processes):
            raise UserError(f"{count} copies cannot be shared by {processes} processes")
        self.count, self.seed = count, -1
        bounds = np.linspace(0, count, max(processes, 1) + 1).astype(int)
        self.shares = [range(low, high) for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist())]
        self._here = Copies(law, self.shares[0]) if processes == 0 else None
        self._connections: list[Connection] = []
        self.processes: list[multiprocessing.process.BaseProcess] = []
        spawn = multiprocessing.get_context("spawn")
        for share in self.shares if processes else ():
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=serve, args=(theirs, law, share), daemon=True)
            process.start()
            theirs.close()
            self._connections.append(ours)
            self.processes.append(process)

    def begin(self, seed: int, levels: Sequence[int] | None = None) -> Seen:
        """As `Copies.begin`, over all copies."""
        self.seed = seed
        chosen = [None if levels is None else [levels[i] for i in share] for share in self.shares]
        return self._all("begin", [(seed, part) for part in chosen])

    def step(self, actions: np.ndarray) -> Seen:
        """As `Copies.step`, over all copies.

        Raises:
            UserError: a process died; the message names its copies and their seed.
        """
        return self._all("step", [(actions[share.start : share.stop],) for share in self.shares])

    def _all(self, name: str, arguments: Sequence[tuple[object, ...]]) -> Seen:
        if self._here is not None:
            found: Seen = getattr(self._here, name)(*arguments[0])
            return found
        parts = []
        try:
            index = 0
            for index, connection in enumerate(self._connections):
                connection.send((name, arguments[index]))
            for index, connection in enumerate(self._connections):  # noqa: B007 - the handler names it
                parts.append(connection.recv())
        except (EOFError, BrokenPipeError, ConnectionResetError) as error:
            process, share = self.processes[index], self.shares[index]
            process.join(5)
            self.close()
            raise UserError(
                f"the environment worker of copies {share.start} to {share.stop - 1} died with exit code "
                f"{process.exitcode}; its seed was {self.seed}"
            ) from error
        return Seen(*(np.concatenate(columns) for columns in zip(*parts)))

    def close(self) -> None:
        """End the processes."""
        for connection in self._connections:
            connection.close()
        for process in self.processes:
            process.join(5)
            if process.is_alive():
                process.terminate()

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
