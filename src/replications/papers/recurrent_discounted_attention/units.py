"""Trainable units behind one interface, and their initialisation (section 6.2; the RWA's start from its own code).

`unit(x, state)` takes x (T, B, I) and gives o (T, B, H) and the state after the sequence, which a later call may start
from. Weights are Xavier uniform per gate with fan-in I + H and fan-out H; biases are 0, except those of forget gates
(LSTM) and discounts (RDA), which are 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from replications.papers.recurrent_discounted_attention.method import RECIPES, SHAPES, Recipe, Weights
from replications.papers.recurrent_discounted_attention.scan import EMPTY, scan

State = tuple[Tensor, ...]
LIBRARY = ("gru", "lstm")
UNITS = (*RECIPES, *LIBRARY)


def xavier(rows: int, columns: int, fan_in: int, fan_out: int, generator: torch.Generator) -> nn.Parameter:
    """Weights (rows, columns) uniform on ±√(6/(fan-in + fan-out))."""
    bound = math.sqrt(6 / (fan_in + fan_out))
    return nn.Parameter(torch.empty(rows, columns).uniform_(-bound, bound, generator=generator))


class Discounted(nn.Module):
    """A unit of the family: RWA, RDA and the ablations between.

    A learned start is h_0 = f_h(start), start ~ N(0, 1), as in the RWA's released code; else h_0 = 0. n_0 = d_0 = 0.
    """

    def __init__(
        self, recipe: Recipe, inputs: int, hidden: int, generator: torch.Generator, learn_start: bool = False
    ) -> None:
        super().__init__()
        self.recipe, gates = recipe, recipe.gates * hidden
        self.w_u = xavier(hidden, inputs, inputs, hidden, generator)
        self.w_x = xavier(gates, inputs, inputs + hidden, hidden, generator)
        self.w_h = xavier(gates, hidden, inputs + hidden, hidden, generator)
        self.b_u, self.b = nn.Parameter(torch.zeros(hidden)), nn.Parameter(torch.zeros(gates))
        if recipe.discount:
            nn.init.ones_(self.b[2 * hidden :])
        self.start = nn.Parameter(torch.randn(hidden, generator=generator)) if learn_start else None

    def initial(self, batch: int) -> State:
        """The state (r, s) before a sequence: (B, H) each."""
        zero = self.b_u.new_zeros(batch, len(self.b_u))
        return zero if self.start is None else zero + self.start, torch.full_like(zero, EMPTY)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """o (T, B, H) and the state (r, s). ValueError: a sequence of length 0, or shapes that do not fit."""
        r0, s0 = self.initial(x.shape[1]) if state is None else state
        h, r, s = scan(self.recipe, x, Weights(self.w_u, self.b_u, self.w_x, self.w_h, self.b), r0, s0)
        return SHAPES[self.recipe.output](h), (r, s)


class Library(nn.Module):
    """PyTorch's GRU or LSTM. A learned start is h_0 = tanh(start), and c_0 = start for the LSTM."""

    def __init__(
        self, kind: str, inputs: int, hidden: int, generator: torch.Generator, learn_start: bool = False
    ) -> None:
        super().__init__()
        self.rnn = (nn.LSTM if kind == "lstm" else nn.GRU)(inputs, hidden)
        rows = (4 if kind == "lstm" else 3) * hidden
        self.rnn.weight_ih_l0 = xavier(rows, inputs, inputs + hidden, hidden, generator)
        self.rnn.weight_hh_l0 = xavier(rows, hidden, inputs + hidden, hidden, generator)
        biases = torch.zeros(rows), torch.zeros(rows)  # PyTorch adds two to each gate
        if kind == "lstm":
            biases[0][hidden : 2 * hidden] = 1.0  # gates in the order i, f, g, o
        self.rnn.bias_ih_l0, self.rnn.bias_hh_l0 = map(nn.Parameter, biases)
        self.start = nn.Parameter(torch.randn(hidden, generator=generator)) if learn_start else None

    def initial(self, batch: int) -> State:
        """The state before a sequence, h or (h, c): (1, B, H) each."""
        zero = next(self.parameters()).new_zeros(1, batch, self.rnn.hidden_size)
        cell = zero if self.start is None else zero + self.start
        h = zero if self.start is None else torch.tanh(cell)
        return (h, cell) if isinstance(self.rnn, nn.LSTM) else (h,)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """h (T, B, H) and the state. ValueError: a sequence of length 0, or features that do not fit."""
        if x.dim() != 3 or len(x) == 0:
            raise ValueError(f"a sequence needs shape (T, B, I) with T ≥ 1, got {tuple(x.shape)}")
        if x.shape[2] != self.rnn.input_size:
            raise ValueError(f"the unit takes {self.rnn.input_size} features, got x {tuple(x.shape)}")
        state = self.initial(x.shape[1]) if state is None else state
        if isinstance(self.rnn, nn.LSTM):
            return self.rnn(x, state)
        h, last = self.rnn(x, state[0])
        return h, (last,)


class Model(nn.Module):
    """A unit and an affine readout, with an embedding before them where the input is symbols."""

    def __init__(
        self,
        unit: str | Recipe,
        inputs: int,
        hidden: int,
        outputs: int,
        generator: torch.Generator,
        *,
        learn_start: bool = False,
        symbols: int = 0,
    ) -> None:
        """Build with weights from `generator` (CPU), so that they are the same on every device.

        Args:
            unit: a name of `UNITS`, or a recipe of the family.
            symbols: size of the alphabet of an embedding into `inputs` features, U(±√(3/inputs)); 0 for none.

        Raises:
            ValueError: an unknown unit.
        """
        super().__init__()
        if isinstance(unit, str) and unit not in UNITS:
            raise ValueError(f"unknown unit '{unit}': choose from {', '.join(UNITS)}")
        # the variance of each feature is 1, as of a standardised input: ours, the paper names none
        self.embedding = xavier(symbols, inputs, 1, 1, generator) if symbols else None
        if isinstance(unit, str) and unit in LIBRARY:
            self.unit: Library | Discounted = Library(unit, inputs, hidden, generator, learn_start)
        else:
            recipe = RECIPES[unit] if isinstance(unit, str) else unit
            self.unit = Discounted(recipe, inputs, hidden, generator, learn_start)
        self.weight = xavier(outputs, hidden, hidden, outputs, generator)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """o (T, B, H) of x (T, B, I), or of symbols (T, B) where there is an embedding; and the state."""
        features = x if self.embedding is None else nn.functional.embedding(x, self.embedding)
        found: tuple[Tensor, State] = self.unit(features, state)
        return found

    def read(self, o: Tensor) -> Tensor:
        """Logits (…, outputs) of o (…, H)."""
        return nn.functional.linear(o, self.weight, self.bias)


def detach(state: Sequence[Tensor]) -> State:
    """The state without its past, for truncated backpropagation."""
    return tuple(part.detach() for part in state)
