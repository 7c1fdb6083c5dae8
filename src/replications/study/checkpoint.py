"""Checkpoints: a nested tree of tensors and plain values in one safetensors file (never pickle)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def write(path: Path, tree: Any, metadata: dict[str, str]) -> None:
    """Save `tree` (dicts with string or integer keys, lists, tuples, tensors, numbers, strings, None) atomically."""
    import torch
    from safetensors.torch import save_file

    tensors: dict[str, torch.Tensor] = {}

    def encode(node: Any) -> Any:
        if isinstance(node, torch.Tensor):
            name = f"t{len(tensors)}"
            # clone(): safetensors refuses tensors that share memory, and views of a larger buffer
            tensors[name] = node.detach().clone().contiguous().cpu()
            return {"tensor": name}
        if isinstance(node, dict):
            return {"dict": [[key, encode(value)] for key, value in node.items()]}
        if isinstance(node, (list, tuple)):
            return {"list" if isinstance(node, list) else "tuple": [encode(value) for value in node]}
        if node is None or isinstance(node, (bool, int, float, str)):
            return {"value": node}
        raise TypeError(f"cannot checkpoint a {type(node).__name__}: use tensors, numbers, strings, lists and dicts")

    structure = json.dumps(encode(tree))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    save_file(tensors, temporary, metadata={**metadata, "tree": structure})
    os.replace(temporary, path)


def read(path: Path, metadata: dict[str, str]) -> Any | None:
    """The tree saved at `path`, or None where there is none or it was saved under other `metadata`."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            found = file.metadata()
            if any(found.get(key) != value for key, value in metadata.items()):
                return None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except SafetensorError:
        return None  # truncated by a crash of the machine: start again

    def decode(node: dict[str, Any]) -> Any:
        (kind, content), *_ = node.items()
        if kind == "tensor":
            return tensors[content]
        if kind == "dict":
            return {key: decode(value) for key, value in content}
        if kind in ("list", "tuple"):
            values = [decode(value) for value in content]
            return values if kind == "list" else tuple(values)
        return content

    return decode(json.loads(found["tree"]))
