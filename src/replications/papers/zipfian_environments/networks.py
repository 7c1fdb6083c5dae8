"""The agents' networks: an encoder of views, a memory (none, LSTM, gated Transformer-XL), and heads (appendix A).

Differ from the paper: tiles in place of pixels, so a linear layer of each tile's colour and shape for the ResNet; sizes; in
the transformer a learned bias per distance for the sinusoidal one, and one layer by default. A table of logits is the control
that shares nothing between situations.
"""

from __future__ import annotations

import math
import warnings

import torch
from torch import nn
from torch.nn import functional

from replications.models.heads import mlp_head
from replications.papers.zipfian_environments.gridworld import ACTIONS, VIEW_CELLS, Tables, tile_features
from replications.papers.zipfian_environments.maps import COLORS, SHAPES
from replications.study import UserError

MEMORIES = ("mlp", "lstm", "transformer")
CUE = 3  # where the features of colour and shape begin
State = tuple[torch.Tensor, ...]


class Encoder(nn.Module):
    """Views and cues to features. Each is coded once and looked up, since they are few and steps many.

    A product of two codes between -1 and 1 gives each pair of a view and a cue nearly its own direction. With rectified codes, in
    which all pairs overlap, agents hardly learnt the uniform law.
    """

    features: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("features", tile_features(), persistent=False)
        self.view = nn.Linear((VIEW_CELLS - 1) * self.features.shape[1], width)
        self.cue = nn.Linear(len(COLORS) + len(SHAPES), width)

    def shown(self, views: torch.Tensor) -> torch.Tensor:
        """What views (V, 49) show, whose corner the cue hides and whose floor is nothing: sparse (V, 48 × 33)."""
        features = self.features[views[:, 1:].long()]
        features[..., 0] = 0
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "Sparse CSR tensor support is in beta"
            )  # twice as fast as the other layout
            return features.flatten(1).to_sparse_csr()

    def codes(self, shown: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Codes of views as `shown` gives them, and of all cues: (V, width) and (225, width)."""
        return torch.tanh(shown @ self.view.weight.T + self.view.bias), torch.tanh(self.cue(self.features[CUE:, CUE:]))

    def join(self, codes: tuple[torch.Tensor, torch.Tensor], view: torch.Tensor, cue: torch.Tensor) -> torch.Tensor:
        """Features (..., width) of the view and cue at the given rows of the codes: the product of the two."""
        views, cues = codes
        return functional.embedding(view, views) * functional.embedding(cue, cues)


class NoMemory(nn.Module):
    """A layer that sees the present alone: the paper's MLP memory."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, width)

    def begin(self, count: int, device: torch.device) -> State:
        return ()

    def forward(self, x: torch.Tensor, fresh: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        return torch.relu(self.layer(x)), state


class LSTM(nn.Module):
    """An LSTM over (T, B, width) that forgets where `fresh` says that an episode begins."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.input = nn.Linear(width, 4 * width)
        self.hidden = nn.Linear(width, 4 * width, bias=False)
        self.width = width

    def begin(self, count: int, device: torch.device) -> State:
        return (torch.zeros(count, self.width, device=device), torch.zeros(count, self.width, device=device))

    def forward(self, x: torch.Tensor, fresh: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        h, c = state
        outputs = []
        for inputs, kept in zip(self.input(x), (~fresh).float()[..., None]):
            enter, forget, candidate, out = (inputs + self.hidden(h * kept)).chunk(4, -1)
            c = torch.sigmoid(forget + 1) * c * kept + torch.sigmoid(enter) * torch.tanh(candidate)
            h = torch.sigmoid(out) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs), (h, c)


class Gate(nn.Module):
    """The GRU-style gate of the gated Transformer-XL (Parisotto et al. 2020), biased towards passing its input on."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.of_y = nn.Linear(width, 3 * width, bias=False)
        self.of_x = nn.Linear(width, 2 * width, bias=False)
        self.of_reset = nn.Linear(width, width, bias=False)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        y_reset, y_update, y_new = self.of_y(y).chunk(3, -1)
        x_reset, x_update = self.of_x(x).chunk(2, -1)
        update = torch.sigmoid(y_update + x_update - 2)
        return (1 - update) * x + update * torch.tanh(y_new + self.of_reset(torch.sigmoid(y_reset + x_reset) * x))


class Block(nn.Module):
    """One gated layer: attention over the last `window` steps of the episode, then a feed-forward layer."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.query, self.keys = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out, self.feed = (
            nn.Linear(width, width),
            nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width)),
        )
        self.norm, self.feed_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.gate, self.feed_gate = Gate(width), Gate(width)
        self.distance = nn.Parameter(torch.zeros(heads, window + 1))

    def forward(self, x: torch.Tensor, before: torch.Tensor, age: torch.Tensor) -> torch.Tensor:
        """x (T, B, width) after `before` (window, B, width); age (T, B): steps since the episode began."""
        steps, count, width = x.shape
        seen = self.norm(torch.cat([before, x]))
        q = self.query(seen[self.window :]).view(steps, count, self.heads, -1)
        k, v = self.keys(seen).view(self.window + steps, count, 2, self.heads, -1).unbind(2)
        back = (
            torch.arange(steps, device=x.device)[:, None]
            + self.window
            - torch.arange(self.window + steps, device=x.device)
        )
        near = (back >= 0) & (back <= self.window)
        score = torch.einsum("ibhd,jbhd->bhij", q, k) / math.sqrt(q.shape[-1])
        score = score + self.distance[:, back.clamp(0, self.window)]
        visible = near & (back <= age.T[:, :, None])  # (B, i, j)
        weights = score.masked_fill(~visible[:, None], -torch.inf).softmax(-1)
        x = self.gate(x, torch.relu(self.out(torch.einsum("bhij,jbhd->ibhd", weights, v).reshape(steps, count, width))))
        return self.feed_gate(x, torch.relu(self.feed(self.feed_norm(x))))


class Transformer(nn.Module):
    """Gated blocks, each with the last `window` inputs of its own as memory; no gradient crosses segments."""

    def __init__(self, width: int, layers: int, heads: int, window: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads, window) for _ in range(layers))
        self.width, self.window = width, window

    def begin(self, count: int, device: torch.device) -> State:
        memory = [torch.zeros(self.window, count, self.width, device=device) for _ in self.blocks]
        return (torch.zeros(count, dtype=torch.int64, device=device), *memory)  # age of the next step, memories

    def forward(self, x: torch.Tensor, fresh: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        age, *memories = state
        ages = []
        for begins in fresh:
            age = torch.where(begins, 0, age)
            ages.append(age)
            age = age + 1
        kept = []
        for block, memory in zip(self.blocks, memories):
            kept.append(torch.cat([memory, x])[-self.window :].detach())
            x = block(x, memory, torch.stack(ages))
        return x, (age, *kept)


class Agent(nn.Module):
    """Policy and value over a memory over an encoder, with the heads of the two auxiliary losses.

    Raises:
        UserError: no such memory.
    """

    def __init__(self, memory: str, width: int, layers: int = 1, heads: int = 4, window: int = 16) -> None:
        super().__init__()
        if memory not in MEMORIES:
            raise UserError(f"no memory '{memory}': choose one of {', '.join(MEMORIES)}")
        self.encoder = Encoder(width)
        self.memory: NoMemory | LSTM | Transformer
        if memory == "lstm":
            self.memory = LSTM(width)
        elif memory == "transformer":
            self.memory = Transformer(width, layers, heads, window)
        else:
            self.memory = NoMemory(width)
        self.policy, self.value = nn.Linear(width, ACTIONS), nn.Linear(width, 1)
        self.decoder = nn.Linear(width, (VIEW_CELLS - 1) * self.encoder.features.shape[1] + len(COLORS) + len(SHAPES))
        self.projector, self.predictor = mlp_head(width, 200, 50), mlp_head(50, 100, 50)

    def heads(self, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (..., 8) and value (...,) of memory states."""
        return self.policy(h), self.value(h).squeeze(-1)


def observed(table: Tables, features: torch.Tensor, place: torch.Tensor, cue: torch.Tensor) -> torch.Tensor:
    """What reconstruction predicts: the features of the 48 tiles beside the cue, then the cue's, (N, 48 × 33 + 30)."""
    tiles = features[table.views[place][:, 1:].long()].flatten(1)
    return torch.cat([tiles, features[CUE + cue, CUE:]], 1)
