"""Groups of games played together: in this process (MinAtar), or in a process for each member (Atari).

A worker process that dies is reported with its game and seed. Workers import numpy and the emulator, no torch.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from replications.papers.bio_inspired_rl.games import make_game
from replications.study import UserError


@dataclass(frozen=True)
class Order:
    """The games of one member: as many as seeds."""

    game: str
    member: int  # the run's seed, for messages
    seeds: tuple[int, ...]
    limit: int  # steps of an episode
    full_actions: bool = False


@dataclass(frozen=True)
class Steps:
    """What a step of every game did, (M, E) each; frames (M, E, C, H, W)."""

    frames: np.ndarray
    rewards: np.ndarray
    terminal: np.ndarray
    over: np.ndarray


class Group:
    """Some games of one member in this process."""

    def __init__(self, order: Order) -> None:
        self._games = [make_game(order.game, seed, order.limit, order.full_actions) for seed in order.seeds]

    def reset(self) -> np.ndarray:
        """First frames (E, C, H, W)."""
        return np.stack([game.reset() for game in self._games])

    def step(self, actions: Sequence[int]) -> tuple[np.ndarray, ...]:
        """Frames, rewards, terminal and over of one step of every game."""
        played = [game.step(action) for game, action in zip(self._games, actions)]
        return (
            np.stack([one.frame for one in played]),
            np.array([one.reward for one in played], dtype=np.float32),
            np.array([one.terminal for one in played]),
            np.array([one.over for one in played]),
        )


def _serve(connection: Connection, order: Order) -> None:
    """A worker: answers with results, or with the text of a user's mistake."""
    try:
        group = Group(order)
        connection.send(group.reset())
        while (actions := connection.recv()) is not None:
            connection.send(group.step(actions))
    except UserError as error:
        connection.send(str(error))
    except (EOFError, KeyboardInterrupt):
        return  # the run has ended


class Worker:
    """A group in a process of its own; `ask` then `take`, so that several members step at once."""

    def __init__(self, order: Order) -> None:
        self.order = order
        spawn = multiprocessing.get_context("spawn")
        self._connection, theirs = spawn.Pipe()
        self.process = spawn.Process(target=_serve, args=(theirs, order), daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, actions: list[int]) -> None:
        """Have a step played.

        Raises:
            UserError: the worker died.
        """
        try:
            self._connection.send(actions)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise self._died() from error

    def take(self) -> Any:
        """The result.

        Raises:
            UserError: the worker died, or reports a mistake.
        """
        try:
            found = self._connection.recv()
        except (EOFError, ConnectionResetError) as error:
            raise self._died() from error
        if isinstance(found, str):
            raise UserError(found)
        return found

    def _died(self) -> UserError:
        self.process.join(timeout=5)
        return UserError(
            f"the environment of {self.order.game}, seed {self.order.member}, died (exit code {self.process.exitcode})"
        )

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self.process.join(timeout=5)
        if self.process.is_alive():
            self.process.kill()


class Environments:
    """The games of M members.

    Raises:
        UserError: a package, game or ROM is missing, or a worker died.
    """

    def __init__(self, orders: Sequence[Order]) -> None:
        self._groups: list[Group] = []
        self._workers: list[Worker] = []
        if orders[0].game.startswith("atari/"):
            self._workers = [Worker(order) for order in orders]
        else:
            self._groups = [Group(order) for order in orders]

    def __enter__(self) -> Environments:
        return self

    def __exit__(self, *exception: object) -> None:
        for worker in self._workers:
            worker.close()

    def reset(self) -> np.ndarray:
        """First frames (M, E, C, H, W); once."""
        first = [worker.take() for worker in self._workers] or [group.reset() for group in self._groups]
        return np.stack(first)

    def step(self, actions: np.ndarray) -> Steps:
        """Play actions (M, E)."""
        rows = actions.tolist()
        for worker, row in zip(self._workers, rows):
            worker.ask(row)
        found = [worker.take() for worker in self._workers] or [g.step(row) for g, row in zip(self._groups, rows)]
        frames, rewards, terminal, over = (np.stack(part) for part in zip(*found))
        return Steps(frames, rewards, terminal, over)
