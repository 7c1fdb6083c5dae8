"""Progress of long work: a bar on a terminal, otherwise one line every 30 seconds."""

from __future__ import annotations

import sys
import time
from typing import TextIO

LINE_EVERY_S = 30.0
BAR_EVERY_S = 0.2
BAR_WIDTH = 30


class Progress:
    """Shows the done fraction of `total` equal pieces of work, with the time left."""

    def __init__(self, total: int, what: str, stream: TextIO | None = None) -> None:
        self.total = total
        self.what = what
        self.stream = sys.stderr if stream is None else stream
        self.terminal = self.stream.isatty()
        self.fractions: dict[int, float] = {}  # piece → done fraction
        self.started = self.last_shown = time.monotonic()

    def update(self, piece: int, fraction: float) -> None:
        """Piece number `piece` is done to `fraction`."""
        self.fractions[piece] = max(fraction, self.fractions.get(piece, 0.0))
        every = BAR_EVERY_S if self.terminal else LINE_EVERY_S
        if time.monotonic() - self.last_shown >= every:
            self.show()

    def show(self) -> None:
        """Write the current state."""
        self.last_shown = time.monotonic()
        done = sum(self.fractions.values()) / self.total
        text = f"{self.what}: {done:4.0%}, {_left(self.last_shown - self.started, done)}"
        if self.terminal:
            filled = round(done * BAR_WIDTH)
            text = f"\r[{'█' * filled}{' ' * (BAR_WIDTH - filled)}] {text}\x1b[K"
        self.stream.write(text if self.terminal else text + "\n")
        self.stream.flush()

    def close(self) -> None:
        """End the bar's line."""
        if self.terminal:
            self.show()
            self.stream.write("\n")


def _left(elapsed_s: float, done: float) -> str:
    return f"{duration(elapsed_s * (1 - done) / done)} left" if done > 0 else "estimating the time left"


def duration(seconds: float) -> str:
    """'12 s', '3 min 05 s' or '1 h 20 min'."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
