"""Recurrent networks on the bench's tokens (section 3.4, claim C7): RNN, LSTM and GRU of two layers."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from replications.papers.emergent_in_context_learning.bench import WIDTH

KINDS: dict[str, tuple[Callable[..., nn.RNNBase], int]] = {  # with the number of gates
    "rnn": (nn.RNN, 1),
    "gru": (nn.GRU, 3),
    "lstm": (nn.LSTM, 4),
}
LAYERS = 2


def parameter_count(kind: str, hidden: int, labels: int) -> int:
    """Weights and biases of a network: g(h·(in + h) + 2h) a layer with g gates, and the readout."""
    gates = KINDS[kind][1]
    layers = sum(gates * (hidden * (width + hidden) + 2 * hidden) for width in (WIDTH, *[hidden] * (LAYERS - 1)))
    return layers + labels * hidden


def matched_hidden(kind: str, labels: int, parameters: int) -> int:
    """The largest hidden size with at most `parameters` parameters.

    Raises:
        ValueError: an unknown kind, or fewer parameters than the smallest network has.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown network '{kind}': choose from {', '.join(KINDS)}")
    hidden = 0
    while parameter_count(kind, hidden + 1, labels) <= parameters:
        hidden += 1
    if hidden == 0:
        raise ValueError(f"{parameters} parameters: the smallest {kind} has {parameter_count(kind, 1, labels)}")
    return hidden


class Recurrent(nn.Module):
    """Reads tokens (R, T, 128) from first to last; the last state of the top layer gives the logits (R, L)."""

    def __init__(self, kind: str, labels: int, parameters: int, generator: torch.Generator) -> None:
        super().__init__()
        hidden = matched_hidden(kind, labels, parameters)
        self.layers = KINDS[kind][0](WIDTH, hidden, LAYERS, batch_first=True)
        self.readout = nn.Linear(hidden, labels, bias=False)
        self.to(generator.device)
        bound = 1 / math.sqrt(hidden)  # torch's own default, from a stream of the run
        with torch.no_grad():
            for weight in self.parameters():
                weight.uniform_(-bound, bound, generator=generator)

    def logits(self, x: Tensor, positions: Tensor) -> Tensor:
        """Logits (R, L); the positions stand in the tokens."""
        with torch.no_grad():
            return self._read(x)

    def step(self, x: Tensor, positions: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy at the last token, in nats, with its gradient in the parameters."""
        with torch.enable_grad():
            loss = functional.cross_entropy(self._read(x), labels)
            self.zero_grad()
            loss.backward()
        return loss.detach()

    def _read(self, x: Tensor) -> Tensor:
        states, _ = self.layers(x)
        logits: Tensor = self.readout(states[:, -1])
        return logits
