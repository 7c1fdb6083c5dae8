"""Characters of Wikipedia (section 6.6, the paper's enwik8): truncated backpropagation, the state carried over.

The text is cut into as many streams as the batch is wide, which are read side by side; at their end they start again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from replications.data import wikipedia
from replications.data.text import ALPHABET, Text
from replications.papers.recurrent_discounted_attention.graphs import Graphed
from replications.papers.recurrent_discounted_attention.scan import backend
from replications.papers.recurrent_discounted_attention.tasks import check_classes
from replications.papers.recurrent_discounted_attention.training import block_curve, clip_, recipe_of
from replications.papers.recurrent_discounted_attention.units import Discounted, Model, State, detach
from replications.study import Context, Curve, Outcome

if TYPE_CHECKING:
    from replications.papers.recurrent_discounted_attention.study import Config

EMBEDDING = 64  # features of a character
LOOKS = 6  # times that validation text is read
READ = 50  # streams in which validation and test text are read
NATS = math.log(2)  # in a bit


def streams(text: Tensor, count: int) -> Tensor:
    """The symbols of `text` (N,) as `count` streams: (N // count, count) int64.

    Raises:
        ValueError: less than two symbols a stream, or a symbol outside the alphabet.
    """
    if len(text) < 2 * count:
        raise ValueError(f"{len(text)} characters are too few for {count} streams")
    check_classes(text, len(ALPHABET))
    length = len(text) // count
    return text[: length * count].view(count, length).t().long().contiguous()


def objective(model: Model, x: Tensor, target: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
    """Mean nats a character (1,), and the state after the window."""
    o, after = model(x, state or None)
    loss = torch.nn.functional.cross_entropy(model.read(o).flatten(0, 1), target.flatten())
    return (loss[None], *after)


@torch.no_grad()
def bits(model: Model, text: Tensor, window: int) -> float:
    """Bits a character on `text` (N, count), the state carried from the first character to the last."""
    state: State | None = None
    total = 0.0
    for start in range(0, len(text) - 1, window):
        x = text[start : start + window + 1]
        o, state = model(x[:-1], state)
        total += torch.nn.functional.cross_entropy(model.read(o).flatten(0, 1), x[1:].flatten(), reduction="sum").item()
    return total / (len(text) - 1) / text.shape[1] / NATS


def run(config: Config, context: Context, text: Text | None = None) -> Outcome:
    """Train one unit and read the test text once, at the end.

    Raises:
        UserError: the text is not here. ValueError: it is shorter than a window, or has symbols of no alphabet.
    """
    text = wikipedia.load() if text is None else text
    device = context.device
    data = streams(text.train, config.batch).to(device)
    valid, test = (streams(part[: config.evaluated], READ).to(device) for part in (text.valid, text.test))
    if len(data) <= config.length:
        raise ValueError(f"streams of {len(data)} characters are too short for windows of {config.length}")
    model = Model(
        recipe_of(config), EMBEDDING, config.hidden, len(ALPHABET), context.generator("weights", "cpu"),
        learn_start=config.learn_start, symbols=len(ALPHABET),
    ).to(device)  # fmt: skip
    parameters = list(model.parameters())
    optimizer = torch.optim.Adam(parameters, lr=config.lr, fused=True)
    windows = (len(data) - 1) // config.length
    looks = {round(k * config.steps / LOOKS) for k in range(1, LOOKS + 1)}
    losses = torch.full((config.steps,), torch.nan, device=device)
    state = detach(model.unit.initial(config.batch))
    begin = 0
    looked: list[int] = []  # steps
    found: list[float] = []  # bits a character of the validation text, there

    saved = context.restore()
    if saved is not None:
        begin, looked, found = saved["step"], saved["looked"], saved["found"]
        state = tuple(part.to(device) for part in saved["state"])
        losses[:begin] = saved["losses"].to(device)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])

    own = isinstance(model.unit, Discounted)
    gradients = Graphed(lambda *batch: objective(model, *batch), parameters, graph=own)
    for step in range(begin, config.steps):
        start = step % windows * config.length
        window = data[start : start + config.length + 1]
        loss, *after = gradients(window[:-1], window[1:], *state)
        losses[step], state = loss[0], tuple(after)
        clip_(parameters, config.clip)
        optimizer.step()
        context.progress((step + 1) / config.steps)
        if step + 1 in looks:
            looked.append(step + 1)
            found.append(bits(model, valid, config.length))
        if context.due():
            context.save(
                {
                    "step": step + 1,
                    "looked": looked,
                    "found": found,
                    "state": list(state),
                    "losses": losses[: step + 1],
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                }
            )
    return Outcome(
        {
            "valid_bits": found[-1],
            "test_bits": bits(model, test, config.length),
            "steps": float(config.steps),
            "compiled": float(own and backend(device) == "C++"),
        },
        {
            "bits": Curve(looked, found, "step", "bits a character, validation"),
            "loss": block_curve(losses.cpu() / NATS, "bits a character, training"),
        },
        steps=config.steps,
        samples=config.steps * config.batch * config.length,
    )
