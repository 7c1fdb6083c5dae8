"""One run of the bench: fresh data at every step, probes along the way, the last weights count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from replications.papers.emergent_in_context_learning import bench
from replications.papers.emergent_in_context_learning.fast import Network
from replications.papers.emergent_in_context_learning.method import Sampler, Sequences, Task
from replications.papers.emergent_in_context_learning.recurrent import Recurrent
from replications.study import Context, Curve, Outcome

PORTION = 50  # steps whose sequences are drawn at once, from a stream of their own
PROBES = ("ic", "ic2", "iw", "iw_top", "iw_rest")
SHOWN = 8  # sequences whose last attention is kept for the picture


@dataclass(frozen=True)
class BenchConfig:
    """One condition on Gaussian items."""

    # task
    classes: int = 1024  # K
    labels: int = 32  # L, shared: class k has label k mod L
    pairs: int = 8  # N, in a context
    copies: int = 2  # B, of each class of a bursty context
    bursty: float = 1.0  # share of bursty sequences, p_B
    alpha: float = 0.0  # Zipf exponent of the class law
    multiplicity: int = 1  # labels a class owns
    noise: float = 0.1  # ε, within a class
    # network
    network: str = "transformer"  # or rnn, gru, lstm
    parameters: int = 151_555  # of the transformer; the recurrent networks come as close as they can from below
    # optimisation: Adam (0.9, 0.999)
    lr: float = 1e-3
    weight_decay: float = 0.0  # decoupled, a step multiplies weights by 1 - lr·decay
    batch: int = 128  # sequences a step
    steps: int = 2500
    # measurement
    look: int = 100  # steps between points of a curve
    probe: int = 500  # sequences of each probe at such a point
    final: int = 4000  # and at the end

    def task(self) -> Task:
        """The part that says what sequences are made of."""
        return Task(
            self.classes, self.labels, self.pairs, self.copies, self.bursty, self.alpha, self.multiplicity
        )  # fmt: skip


class Model(Protocol):
    """What the loop needs of a network."""

    def logits(self, x: Tensor, positions: Tensor) -> Tensor: ...

    def step(self, x: Tensor, positions: Tensor, labels: Tensor) -> Tensor: ...


class Attention:
    """The bench's transformer; its parameters are one vector, whose gradient is written by hand."""

    def __init__(self, config: BenchConfig, generator: torch.Generator) -> None:
        self.network = Network(bench.initial(config.labels, generator), 2 * config.pairs + 1)
        self.flat = self.network.p.flat
        self.flat.grad = self.network.g.flat

    def logits(self, x: Tensor, positions: Tensor) -> Tensor:
        return self.network.forward(x, positions)[0]

    def step(self, x: Tensor, positions: Tensor, labels: Tensor) -> Tensor:
        return self.network.step(x, positions, labels)


@dataclass(frozen=True)
class Probe:
    """One probe: its sequences and the world that they live in."""

    sequences: Sequences
    world: bench.World


def make_probes(task: Task, world: bench.World, rows: int, generator: torch.Generator) -> dict[str, Probe]:
    """In-context on new classes and on shifted labels; in-weights on all, the ten most common and the other classes."""
    sampler = Sampler(task, generator)
    made = {"ic": sampler.in_context(rows), "ic2": sampler.shifted(rows)}
    for query, name in (("all", "iw"), ("top", "iw_top"), ("rest", "iw_rest")):
        made[name] = sampler.in_weights(rows, query)
    new = world.with_new_classes(rows * task.in_context, generator)
    return {name: Probe(sequences, new if name == "ic" else world) for name, sequences in made.items()}


def measure(model: Model, probes: dict[str, Probe], generator: torch.Generator, batch: int = 128) -> dict[str, float]:
    """Accuracies over all labels; on new classes also among the labels in context, and the share of copied labels."""
    found: dict[str, float] = {}
    for name, probe in probes.items():
        right, closed, copied, rows = 0, 0, 0, len(probe.sequences)
        for low in range(0, rows, batch):
            part = probe.sequences[low : low + batch]
            logits = model.logits(*probe.world.tokens(part, generator))
            predicted = logits.argmax(1)
            right += int(part.right(predicted).sum())
            if name == "ic":
                closed += int(part.right(among(logits, part.labels)).sum())
                copied += int((part.labels == predicted[:, None]).any(1).sum())
        found[name] = right / rows
        if name == "ic":
            found |= {"ic_closed": closed / rows, "ic_copied": copied / rows}
    return found


def among(logits: Tensor, labels: Tensor) -> Tensor:
    """The most likely of the labels (R, n) that stand in the context: the closed prediction. (R,)"""
    return labels.gather(1, logits.gather(1, labels).argmax(1, keepdim=True))[:, 0]


def circuits(network: Network, probe: Probe, generator: torch.Generator) -> tuple[dict[str, float], list[Tensor]]:
    """The induction head's two halves on new classes, and what a picture needs.

    `previous`: what label tokens of layer 1 give to the item before them. `match`: what the last token gives in layer 2
    to labels of its own class. The picture: layer 1 averaged over sequences (T, T), layer 2 of the first few (8, T), and
    which of their pairs are of the query's class (8, N).
    """
    part = probe.sequences[:128]
    trace = network.forward(*probe.world.tokens(part, generator))[1]
    same = part.classes == part.query[:, None]  # (R, N)
    previous = trace.first.diagonal(-1, 1, 2)[:, 0::2].mean()
    match = (trace.second[:, 1::2] * same).sum(1).mean()
    return {"previous": previous.item(), "match": match.item()}, [
        trace.first.mean(0),
        trace.second[:SHOWN].clone(),
        same[:SHOWN].float(),
    ]


@torch.no_grad()
def train(config: BenchConfig, context: Context) -> Outcome:
    """Train one network and probe it.

    Raises:
        ValueError: a task that cannot be, see `Task`.
        FloatingPointError: the loss is not finite.
    """
    task = config.task()
    world = bench.World.drawn(task, config.noise, context.generator("world"))
    probes = make_probes(task, world, config.probe, context.generator("probes"))
    if config.network == "transformer":
        attention = Attention(config, context.generator("weights"))
        model: Model = attention
        weights, network = [attention.flat], attention.network
    else:
        recurrent = Recurrent(config.network, config.labels, config.parameters, context.generator("weights"))
        model, weights, network = recurrent, list(recurrent.parameters()), None
    optimizer = torch.optim.AdamW(weights, config.lr, weight_decay=config.weight_decay, fused=True)

    curves: dict[str, list[float]] = {}
    pictures: dict[str, list[Tensor]] = {}
    begin, losses = 0, torch.zeros(config.steps, device=context.device)
    if (saved := context.restore()) is not None:
        begin, losses = saved["step"], saved["losses"].to(context.device)
        curves, pictures = saved["curves"], saved["pictures"]
        for weight, value in zip(weights, saved["weights"]):
            weight.copy_(value)
        optimizer.load_state_dict(saved["optimizer"])

    def look(step: int) -> None:
        draw = context.generator("noise of probes")
        found = measure(model, probes, draw)
        found["loss"] = losses[max(0, step - config.look) : max(step, 1)].mean().item()
        if not np.isfinite(found["loss"]):
            raise FloatingPointError(f"the loss is not finite before step {step}: lower lr = {config.lr:g}")
        if network is not None:
            halves, picture = circuits(network, probes["ic"], draw)
            found |= halves
            pictures["after"] = picture
            if found["ic"] < 0.5:  # the last look before the jump
                pictures["before"] = picture
        for name, value in {"step": float(step), **found}.items():
            curves.setdefault(name, []).append(value)

    sequences, asked, draw = None, torch.empty(0), context.generator("unused")
    for step in range(begin, config.steps):
        if step % config.look == 0:
            look(step)
        place = step % PORTION
        if sequences is None or place == 0:
            draw = context.generator(f"steps {step - place}")
            sequences, asked = Sampler(task, draw).train(PORTION * config.batch)
        rows = slice(place * config.batch, (place + 1) * config.batch)
        losses[step] = model.step(*world.tokens(sequences[rows], draw), asked[rows])
        optimizer.step()
        if step % 10 == 9:
            context.progress((step + 1) / config.steps)
        if (step + 1) % PORTION == 0 and context.due():
            context.save(
                {
                    "step": step + 1,
                    "losses": losses,
                    "curves": curves,
                    "pictures": pictures,
                    "weights": weights,
                    "optimizer": optimizer.state_dict(),
                }
            )
    look(config.steps)
    return outcome(config, context, model, task, world, curves, pictures)


def outcome(
    config: BenchConfig,
    context: Context,
    model: Model,
    task: Task,
    world: bench.World,
    curves: dict[str, list[float]],
    pictures: dict[str, list[Tensor]],
) -> Outcome:
    """Final accuracies on fresh, larger probes; peaks and curves along the way."""
    draw = context.generator("final probes")
    scalars = measure(model, make_probes(task, world, config.final, draw), draw)
    scalars |= {name: curves[name][-1] for name in ("loss", "previous", "match") if name in curves}
    best = int(np.argmax(curves["ic"]))
    scalars |= {
        "ic_peak": curves["ic"][best],
        "ic_drop": curves["ic"][best] - scalars["ic"],
        "loss_since_peak": curves["loss"][-1] - curves["loss"][best],
        "iw_since_peak": scalars["iw"] - curves["iw"][best],
    }
    labels = {name: name.replace("_", " ") for name in curves if name != "step"}
    arrays = {
        f"{kind}_{when}": tensor.float().cpu().numpy()
        for when, picture in pictures.items()
        for kind, tensor in zip(("first", "second", "same"), picture)
    }
    return Outcome(
        scalars,
        {name: Curve.thin(curves["step"], curves[name], "step", label) for name, label in labels.items()},
        arrays,
        steps=config.steps,
        samples=config.steps * config.batch,
    )
