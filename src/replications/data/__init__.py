"""Real and synthetic data: a lazy registry of data sets by name. Importing it imports neither torch nor any data set."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from replications.data.dataset import Dataset

_WHERE = {  # name → module, attribute
    "cifar10": ("cifar10", "DATASET"),
    "mnist": ("mnist", "DATASET"),
    "fashion-mnist": ("mnist", "FASHION"),
    "wikipedia": ("wikipedia", "DATASET"),
    "omniglot": ("omniglot", "DATASET"),
    "omniglot-full": ("omniglot", "FULL"),
    "glyphs": ("glyphs", "DATASET"),
    "glyphs-noto": ("glyphs", "NOTO"),
}
NAMES: tuple[str, ...] = tuple(_WHERE)


def get(name: str) -> Dataset[Any]:
    """The data set called `name`.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in _WHERE:
        raise ValueError(f"unknown data set '{name}': choose one of {', '.join(NAMES)}")
    module, attribute = _WHERE[name]
    dataset: Dataset[Any] = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    return dataset
