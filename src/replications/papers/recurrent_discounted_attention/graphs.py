"""Forward and backward of one batch as a CUDA graph, which removes the cost of launching some thirty kernels a time step.

On the CPU, and for units whose loop the GPU's own library runs in one call, the function is simply called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Batch = Sequence[Tensor | None]
Found = tuple[Tensor, ...]


class Graphed:
    """Calls `objective(*batch)` and leaves the gradients of its loss in the parameters; they need no zeroing.

    The objective gives a tuple of tensors; the first entry of the first is the loss. On a GPU the first call records a
    graph for the shapes of its batch, and a batch of other shapes is refused.
    """

    WARM_UP = 3  # calls before recording: libraries choose algorithms and allocate in their first calls

    def __init__(self, objective: Callable[..., Found], parameters: Sequence[Tensor], graph: bool) -> None:
        self.objective, self.parameters = objective, list(parameters)
        self.graph = graph and self.parameters[0].is_cuda
        self._recorded: torch.cuda.CUDAGraph | None = None
        self._inputs: list[Tensor | None] = []
        self._found: Found = ()

    def __call__(self, *batch: Tensor | None) -> Found:
        """What the objective gives, detached. ValueError: a batch of other shapes than the recorded one."""
        if not self.graph:
            return self._compute(*batch)
        if self._recorded is None:
            self._record(batch)
        copy_into(self._inputs, batch)
        assert self._recorded is not None
        self._recorded.replay()
        return tuple(part.clone() for part in self._found)  # the next replay writes over them

    def _compute(self, *batch: Tensor | None) -> Found:
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.grad.zero_()
        found = self.objective(*batch)
        found[0][0].backward()
        return tuple(part.detach() for part in found)

    def _record(self, batch: Batch) -> None:
        self._inputs = [None if value is None else value.clone() for value in batch]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(self.WARM_UP):
                self._compute(*self._inputs)
        torch.cuda.current_stream().wait_stream(side)
        self._recorded = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._recorded):
            self._found = self._compute(*self._inputs)


def copy_into(places: Batch, values: Batch) -> None:
    """Copy a batch into the tensors that a graph was recorded on.

    Raises:
        ValueError: another number of tensors, or another shape.
    """
    if len(places) != len(values):
        raise ValueError(f"this graph was recorded for {len(places)} inputs, got {len(values)}")
    for place, value in zip(places, values):
        shape = None if place is None else tuple(place.shape)
        if shape != (None if value is None else tuple(value.shape)):
            raise ValueError(
                f"this graph was recorded for shape {shape}, got {value if value is None else value.shape}"
            )
        if place is not None and value is not None:
            place.copy_(value)
