"""Forward and backward of one batch as a CUDA graph, which removes the cost of launching some thirty kernels a time step.

On the CPU, and for units whose loop the GPU library runs in one call, the function is simply called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


class Graphed:
    """Calls `objective(*batch)`, whose first entry is the loss, and leaves its gradients in the parameters.

    On a GPU the first call records a graph for the shapes of its batch; a later batch of other shapes is refused.
    Gradients are of this batch alone: there is no need to zero them.
    """

    WARM_UP = 3  # calls before recording, as libraries choose algorithms and allocate in their first calls

    def __init__(self, objective: Callable[..., Tensor], parameters: Sequence[Tensor], graph: bool = True) -> None:
        self.objective, self.parameters = objective, list(parameters)
        self.graph = graph
        self._recorded: torch.cuda.CUDAGraph | None = None
        self._inputs: list[Tensor | None] = []
        self._result = torch.empty(0)

    def __call__(self, *batch: Tensor | None) -> Tensor:
        """The objective's value, detached. ValueError: a batch of other shapes than the recorded one."""
        if not self.graph or not self.parameters[0].is_cuda:
            return self._compute(*batch)
        if self._recorded is None:
            self._record(batch)
        for place, value in zip(self._inputs, batch, strict=True):
            if place is not None and value is not None:
                if place.shape != value.shape:
                    raise ValueError(f"this graph was recorded for shape {tuple(place.shape)}, got {tuple(value.shape)}")
                place.copy_(value)
        assert self._recorded is not None
        self._recorded.replay()
        return self._result.clone()  # the next replay writes over it

    def _compute(self, *batch: Tensor | None) -> Tensor:
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.grad.zero_()
        found = self.objective(*batch)
        found[0].backward()
        return found.detach()

    def _record(self, batch: Sequence[Tensor | None]) -> None:
        self._inputs = [None if value is None else value.clone() for value in batch]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(self.WARM_UP):
                self._compute(*self._inputs)
        torch.cuda.current_stream().wait_stream(side)
        self._recorded = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._recorded):
            self._result = self._compute(*self._inputs)
