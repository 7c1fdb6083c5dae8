"""Networks that two or more papers share, and how they are initialised."""

from __future__ import annotations

import math

import torch
from torch import nn


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draw every weight from a normal of deviation 1/√fan-in cut at two deviations; zero biases; unit norms.

    This is the default of the library that the papers' authors used. The draws come from `generator` alone, so that
    the weights of a run depend on its seed and on nothing else. `generator` lives on the parameters' device.
    """
    for child in module.modules():
        if isinstance(child, (nn.Conv2d, nn.Linear)):
            deviation = 1 / math.sqrt(child.weight[0].numel())
            nn.init.trunc_normal_(child.weight, 0.0, deviation, -2 * deviation, 2 * deviation, generator=generator)
            if child.bias is not None:
                nn.init.zeros_(child.bias)
        elif isinstance(child, (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm)) and child.affine:
            nn.init.ones_(child.weight)
            nn.init.zeros_(child.bias)
