"""Choosing the device of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from replications.study.errors import UserError

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda")


def resolve(name: str, *, needs_gpu: bool = False) -> torch.device:
    """The device called `name`; `auto` takes a GPU where there is one.

    Raises:
        UserError: unknown name, no GPU where one was asked for, or a profile that needs one on a machine without.
    """
    if name not in DEVICES:
        raise UserError(f"unknown device '{name}': choose one of {', '.join(DEVICES)}")
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("no GPU found: use --device cpu, or run on a machine with a CUDA GPU and driver")
    device = torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
    if needs_gpu and name == "auto" and device.type != "cuda":
        raise UserError("this profile needs a GPU and none was found: use --profile laptop, or force --device cpu")
    return device


def describe(device: torch.device) -> str:
    """The name of the hardware, as a reader would know it."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        with open("/proc/cpuinfo") as lines:
            names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    import platform

    return names[0] if names and names[0] else platform.machine()
