"""What a run is given: its seed, its device, and somewhere to save its state."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replications.study import checkpoint, seeds

if TYPE_CHECKING:
    import torch


def _checkpoint_interval() -> float:
    """Seconds between checkpoints; tests shorten it through the environment."""
    return float(os.environ.get("REPLICATIONS_CHECKPOINT_SECONDS", "30"))


@dataclass
class Context:
    """The surroundings of one run; a run may read nothing else that changes its result."""

    seed: int
    device: torch.device
    report: Callable[[float], None] = lambda fraction: None
    checkpoint_path: Path | None = None
    checkpoint_key: dict[str, str] = field(default_factory=dict)  # identity and source: another run's state is ignored
    _last_save: float = field(default_factory=time.monotonic)

    def generator(self, name: str = "main", device: torch.device | str | None = None) -> torch.Generator:
        """A generator for stream `name` of this run's seed, on the run's device unless another is named."""
        return seeds.generator(self.seed, name, self.device if device is None else device)

    def progress(self, fraction: float) -> None:
        """Tell how much of the run is done, 0 to 1."""
        self.report(fraction)

    def due(self) -> bool:
        """Whether it is time to save."""
        return self.checkpoint_path is not None and time.monotonic() - self._last_save >= _checkpoint_interval()

    def save(self, tree: Any) -> None:
        """Save the state of the run; a killed run starts again from its last save."""
        if self.checkpoint_path is not None:
            checkpoint.write(self.checkpoint_path, tree, self.checkpoint_key)
            self._last_save = time.monotonic()

    def restore(self) -> Any | None:
        """The state saved by an interrupted run with the same config, seed and source, or None."""
        return None if self.checkpoint_path is None else checkpoint.read(self.checkpoint_path, self.checkpoint_key)
