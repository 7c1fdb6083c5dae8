"""Drawings of characters as the items of sequences (section 2.1), and one training run on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from replications.data import glyphs, omniglot
from replications.data.dataset import Dataset
from replications.data.drawings import DRAWERS, SIDE, Drawings, unpack
from replications.data.fonts import dejavu_letters, templates
from replications.papers.emergent_in_context_learning.method import Sampler, Sequences, Task
from replications.papers.emergent_in_context_learning.training import among
from replications.papers.emergent_in_context_learning.transformer import ImageLearner, learning_rate
from replications.study import Context, Curve, Outcome, UserError

ORIENTATIONS = 8  # flip or not, then 0 to 3 quarter turns
PORTION = 50  # steps whose sequences are drawn at once


@dataclass(frozen=True)
class ImageConfig:
    """One condition on drawings."""

    # data
    drawings: str = "omniglot"  # 242 characters; omniglot-full 1,623; glyphs: 1,500 synthetic; random: no data at all
    size: int = 28  # pixels a side
    orientations: int = ORIENTATIONS  # 8: every rotation and flip of a character is a class of its own; or 1
    exemplars: int = DRAWERS  # drawings of a class; 1 makes the query a copy of its context images
    held_out: int = 22  # characters kept from training, in all orientations
    classes: int = 0  # K; 0 is all that are left
    noise: float = 0.0  # deviation of Gaussian pixel noise, fresh for every occurrence
    # task
    labels: int = 32  # L, shared; 0 gives every class its own
    pairs: int = 8  # N
    bursty: float = 1.0  # share of sequences 3 + 3 + 2, p(bursty)
    alpha: float = 0.0  # Zipf exponent of the class law
    multiplicity: int = 1  # labels a class owns
    # network
    network: str = "transformer"
    depth: int = 2
    embedder: str = "conv"
    # optimisation: Adam (0.9, 0.999)
    lr: float = 1e-3  # peak
    warmup: int = 0  # steps to the peak, then 1/√step; 0 keeps the rate constant
    batch: int = 32  # sequences a step
    steps: int = 6000
    # measurement
    look: int = 300  # steps between points of a curve
    probe: int = 192  # sequences of each probe at such a point
    final: int = 2000  # and at the end


@dataclass(frozen=True)
class Pictures:
    """Drawings by class and exemplar: trained classes first, then those held out."""

    pixels: Tensor = field(repr=False)  # (K + h, E, S, S) uint8, 255 is ink
    classes: int  # K, trained
    synthetic: bool

    @property
    def held_out(self) -> int:
        return len(self.pixels) - self.classes

    def of(self, sequences: Sequences, noise: float, generator: torch.Generator) -> Tensor:
        """Images of the context and the query, (R, N + 1, 1, S, S) in [0, 1].

        Inside a sequence the images of a class differ as long as it has that many.
        """
        classes = torch.cat([sequences.classes, sequences.query[:, None]], 1)  # (R, N + 1)
        rows, items = classes.shape
        exemplars = self.pixels.shape[1]
        same = classes[:, :, None] == classes[:, None]
        earlier = same.tril(-1).sum(-1)  # how many of the class came before
        first = same.int().argmax(-1)  # where the class stands first
        device = classes.device
        order = torch.rand(rows, exemplars, generator=generator, device=device).argsort(1)
        start = torch.randint(exemplars, (rows, items), generator=generator, device=device).gather(1, first)
        chosen = order.gather(1, (start + earlier) % exemplars)
        images = self.pixels[classes, chosen].float().div_(255)[:, :, None]
        if noise:
            images += noise * torch.randn(images.shape, generator=generator, device=device)
        return images


def load(config: ImageConfig) -> tuple[Tensor, bool]:
    """Drawings of all characters (C, 20, S, S) uint8, and whether a program drew them.

    "best" takes the real ones at hand, all if possible, else the stand-in; "letters" draws 24 letters of it now.

    Raises:
        UserError: an unknown name, or data that are not here.
    """
    named: dict[str, Dataset[Drawings]] = {d.name: d for d in (omniglot.DATASET, omniglot.FULL, glyphs.DATASET)}
    if config.drawings == "letters":
        arrays = glyphs.drawings(templates(islice(dejavu_letters(), 24)))
        drawn = unpack({name: torch.from_numpy(array.copy()) for name, array in arrays.items()})
        return _shrunk(drawn, config.size), True
    if config.drawings not in (*named, "best"):
        raise UserError(f"no drawings '{config.drawings}': choose from {', '.join(named)}, best, letters")
    dataset = omniglot.best() if config.drawings == "best" else named[config.drawings]
    return _shrunk(dataset.load(), config.size), dataset.synthetic


def _shrunk(drawings: Drawings, size: int) -> Tensor:
    if size == SIDE:
        return drawings.images() * 255
    return drawings.resized(size).mul_(255).round_().to(torch.uint8)


def pictures(config: ImageConfig, drawings: Tensor, synthetic: bool, generator: torch.Generator) -> Pictures:
    """Classes in a random order of the run, those of the last characters held out.

    Raises:
        UserError: more classes asked for than the drawings give.
    """
    characters = drawings[torch.randperm(len(drawings), generator=generator)][:, : config.exemplars]
    if config.held_out >= len(characters):
        raise UserError(f"held_out = {config.held_out}: there are {len(characters)} characters in all")
    turned = oriented(characters, config.orientations)  # (C, O, E, S, S)
    known, unseen = turned[: -config.held_out].flatten(0, 1), turned[-config.held_out :].flatten(0, 1)
    classes = config.classes or len(known)
    if classes > len(known):
        raise UserError(f"classes = {classes}: the drawings give {len(known)} that are not held out")
    return Pictures(torch.cat([known[:classes], unseen]), classes, synthetic)


def oriented(characters: Tensor, orientations: int) -> Tensor:
    """Every character as it is, or flipped or not and turned by 0 to 3 quarters. (C, E, S, S) → (C, O, E, S, S)

    Raises:
        ValueError: neither 1 nor 8 orientations.
    """
    if orientations not in (1, ORIENTATIONS):
        raise ValueError(f"orientations = {orientations}: choose 1 or {ORIENTATIONS}")
    if orientations == 1:
        return characters[:, None]
    turns = [flipped.rot90(k, (-2, -1)) for flipped in (characters, characters.flip(-1)) for k in range(4)]
    return torch.stack(turns, 1)


def task_of(config: ImageConfig, classes: int) -> Task:
    """The task on so many trained classes; unique labels where the config asks for none in number."""
    labels = config.labels or classes * config.multiplicity
    return Task(classes, labels, config.pairs, 0, config.bursty, config.alpha, config.multiplicity)


def build(config: ImageConfig, labels: int, generator: torch.Generator) -> ImageLearner:
    """The network of a condition."""
    return ImageLearner(labels, generator, config.network, config.depth, config.embedder, config.size)


def update(
    model: ImageLearner, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor, asked: Tensor
) -> Tensor:
    """One step on the cross-entropy of the query's label, in nats before the step."""
    loss = functional.cross_entropy(model(images, labels), asked)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def make_probes(sampler: Sampler, held_out: int, rows: int) -> dict[str, Sequences]:
    """In-context: two held-out classes, drawn without replacement, called 0 and 1; in-weights as on the bench."""
    made = {"ic": sampler.in_context(rows, held_out, labels=(0, 1))}
    return made | {name: sampler.in_weights(rows, query) for query, name in (("all", "iw"), ("top", "iw_top"))}


@torch.no_grad()
def measure(
    model: ImageLearner, pictures: Pictures, probes: dict[str, Sequences], noise: float, generator: torch.Generator
) -> dict[str, float]:
    """Accuracies over all labels, with the running statistics of batch norm; `ic_closed` among the two in context."""
    model.eval()
    found: dict[str, float] = {}
    for name, probe in probes.items():
        right, closed = 0, 0
        for low in range(0, len(probe), 64):
            part = probe[low : low + 64]
            logits = model(pictures.of(part, noise, generator), part.labels)
            right += int(part.right(logits.argmax(1)).sum())
            closed += int(part.right(among(logits, part.labels)).sum())
        found[name] = right / len(probe)
        if name == "ic":
            found["ic_closed"] = closed / len(probe)
    model.train()
    return found


def train(config: ImageConfig, context: Context) -> Outcome:
    """Train one network on drawings and probe it on characters held out.

    Raises:
        UserError: data that are not here, or too few.
        ValueError: a task that cannot be, see `Task`.
        FloatingPointError: the loss is not finite.
    """
    shown = pictures(config, *load(config), context.generator("classes", "cpu"))
    shown = Pictures(shown.pixels.to(context.device), shown.classes, shown.synthetic)
    task = task_of(config, shown.classes)
    probes = make_probes(Sampler(task, context.generator("probes")), shown.held_out, config.probe)
    model = build(config, task.labels, context.generator("weights"))
    optimizer = torch.optim.Adam(model.parameters(), config.lr, fused=True)
    begin, losses = 0, torch.zeros(config.steps, device=context.device)
    curves: dict[str, list[float]] = {}
    if (saved := context.restore()) is not None:
        begin, losses, curves = saved["step"], saved["losses"].to(context.device), saved["curves"]
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])

    def look(step: int) -> None:
        found = measure(model, shown, probes, config.noise, context.generator("images of probes"))
        found["loss"] = losses[max(0, step - config.look) : max(step, 1)].mean().item()
        if not np.isfinite(found["loss"]):
            raise FloatingPointError(f"the loss is not finite before step {step}: lower lr = {config.lr:g}")
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
        part = sequences[rows]
        optimizer.param_groups[0]["lr"] = learning_rate(step, config.lr, config.warmup)
        losses[step] = update(model, optimizer, shown.of(part, config.noise, draw), part.labels, asked[rows])
        if step % 10 == 9:
            context.progress((step + 1) / config.steps)
        if (step + 1) % PORTION == 0 and context.due():
            context.save(
                {
                    "step": step + 1,
                    "losses": losses,
                    "curves": curves,
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                }
            )
    look(config.steps)

    final = context.generator("final probes")
    scalars = measure(
        model, shown, make_probes(Sampler(task, final), shown.held_out, config.final), config.noise, final
    )
    scalars |= {"loss": curves["loss"][-1], "ic_peak": max(curves["ic"]), "synthetic": float(shown.synthetic)}
    scalars |= {"trained_classes": float(shown.classes), "held_out_classes": float(shown.held_out)}
    names = [name for name in curves if name != "step"]
    return Outcome(
        scalars,
        {name: Curve.thin(curves["step"], curves[name], "step", name.replace("_", " ")) for name in names},
        steps=config.steps,
        samples=config.steps * config.batch,
    )
