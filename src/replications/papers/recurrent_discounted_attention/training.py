"""One training on a task with labels at its steps: the loop behind every condition but characters and the lemma."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from replications.papers.recurrent_discounted_attention import tasks
from replications.papers.recurrent_discounted_attention.graphs import Graphed
from replications.papers.recurrent_discounted_attention.method import RECIPES, Recipe
from replications.papers.recurrent_discounted_attention.scan import backend
from replications.papers.recurrent_discounted_attention.units import Discounted, Model
from replications.study import Context, Curve, Outcome

if TYPE_CHECKING:
    from replications.papers.recurrent_discounted_attention.study import Config

BLOCK = 25  # steps whose mean is one point of a curve
LEVELS = {  # task → what is watched, and the levels whose first step is recorded
    "addition": ("loss", (0.1, 0.01, 0.001)),
    "length": ("accuracy", (0.9, 0.98)),
    "copy": ("accuracy", (0.9, 0.99, 0.999)),
    "multicopy": ("accuracy", (0.9, 0.99)),
    "mnist": ("accuracy", (0.5, 0.9)),
}
MEASURES = ("loss", "accuracy", "answers")  # columns of the history, in the order of tasks.score


def recipe_of(config: Config) -> str | Recipe:
    """What `Model` takes: the unit's name, or its recipe with the functions that the config replaces."""
    if config.unit not in RECIPES or not (config.attention or config.output or config.shape or config.discount_off):
        return config.unit
    base = RECIPES[config.unit]
    return Recipe(
        config.attention or base.attention,
        base.discount and not config.discount_off,
        config.shape or base.hidden,
        config.output or base.output,
    )


def generated(config: Config) -> tasks.Task:
    """The generator of a config's task.

    Raises:
        ValueError: an unknown task.
    """
    if config.task == "addition":
        return tasks.addition(config.length)
    if config.task == "length":
        return tasks.classify_length(config.length)
    if config.task == "copy":
        return tasks.copy(config.symbols, config.length)
    if config.task == "multicopy":
        return tasks.multicopy(config.length)
    raise ValueError(f"unknown task '{config.task}': choose from {', '.join(LEVELS)}")


def objective(model: Model, task: tasks.Task, x: Tensor, target: Tensor, where: Tensor | None) -> tuple[Tensor]:
    """Loss, accuracy and accuracy on answers of a batch: one tensor (3,)."""
    o, _ = model(x)
    if where is not None:
        o = o[where, torch.arange(len(where), device=o.device)]  # (B, H)
    return (tasks.score(task.loss, model.read(o), target, task.blank),)


def clip_(parameters: Sequence[Tensor], limit: float) -> None:
    """Cut every entry of every gradient to ±limit."""
    torch.nn.utils.clip_grad_value_(parameters, limit)


def first_step(values: Tensor, level: float, falling: bool) -> float:
    """Last step of the first block whose mean is at or beyond `level`; infinite where none is."""
    blocks = values[: len(values) // BLOCK * BLOCK].view(-1, BLOCK).mean(1)
    hit = torch.nonzero(blocks <= level if falling else blocks >= level)
    return float(BLOCK * (int(hit[0]) + 1)) if len(hit) else float("inf")


def train(config: Config, context: Context, task: tasks.Task) -> tuple[Model, Outcome]:
    """Train on fresh batches until the last level is reached (where the config says so), a NaN, or the last step.

    Every random number of step k comes from a generator named after k, so a resumed run needs no generator's state.
    """
    device = context.device
    model = Model(
        recipe_of(config), task.inputs, config.hidden, task.outputs, context.generator("weights", "cpu"),
        learn_start=config.learn_start,
    ).to(device)  # fmt: skip
    parameters = list(model.parameters())
    optimizer = torch.optim.Adam(parameters, lr=config.lr, fused=True)
    measure, levels = LEVELS[config.task]
    falling, column = measure == "loss", MEASURES.index(measure)
    history = torch.full((config.steps, 3), torch.nan, device=device)
    begin, diverged = 0, False

    saved = context.restore()
    if saved is not None:
        begin = saved["step"]
        history[:begin] = saved["history"].to(device)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])

    own = isinstance(model.unit, Discounted)
    gradients = Graphed(lambda *batch: objective(model, task, *batch), parameters, graph=own)
    step = begin
    while step < config.steps:
        batch = task.draw(config.batch, context.generator(f"step {step}"))
        (history[step],) = gradients(*batch)
        clip_(parameters, config.clip)
        optimizer.step()
        step += 1
        context.progress(step / config.steps)
        if step % BLOCK == 0:
            mean = history[step - BLOCK : step, column].mean().item()
            diverged = not torch.isfinite(history[step - BLOCK : step, 0]).all().item()
            if diverged or (config.stop and (mean <= levels[-1] if falling else mean >= levels[-1])):
                break
        if context.due():
            context.save(
                {
                    "step": step,
                    "history": history[:step],
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                }
            )
    found = history[:step].cpu()
    prefix = "steps_mse_" if task.loss == "square" else "steps_"
    scalars = {f"{prefix}{level:g}": first_step(found[:, column], level, falling) for level in levels}
    scalars["steps"] = float(step)
    scalars["diverged"] = float(diverged)
    tail = found[-4 * BLOCK :].mean(0)
    scalars["final_loss"] = tail[0].item()
    curves = {}
    for index, name in enumerate(MEASURES):
        if not found[:, index].isnan().all():
            curves[name] = block_curve(found[:, index], name if index else f"loss, {unit_of(task)}")
            if index:
                scalars[f"final_{name}"] = tail[index].item()
    scalars["linear_share"] = linear_share(model, task, config, context)
    scalars["compiled"] = float(own and backend(device) == "C++")
    return model, Outcome(scalars, curves, steps=step, samples=step * config.batch)


def unit_of(task: tasks.Task) -> str:
    """The unit of a task's loss."""
    return "squared error" if task.loss == "square" else "nats"


def block_curve(values: Tensor, label: str) -> Curve:
    """Means of blocks of steps, against the last step of each."""
    whole = max(1, len(values) // BLOCK)
    parts = values[: whole * BLOCK].tensor_split(whole)
    ends = torch.tensor([len(part) for part in parts]).cumsum(0)
    return Curve.thin(ends.tolist(), [part.mean().item() for part in parts], "step", label)


@torch.no_grad()
def linear_share(model: Model, task: tasks.Task, config: Config, context: Context) -> float:
    """Share of |n_t/d_t| below 1/2 on a fresh batch, where tanh differs from its argument by at most 8 %; NaN for others."""
    if not isinstance(model.unit, Discounted):
        return float("nan")
    x, _, where = task.draw(config.batch, context.generator("linear"))
    value, recipe = model.unit(x)[0], model.unit.recipe
    for shape in (recipe.output, recipe.hidden):  # undone from the outside in
        if shape == "tanh":
            value = torch.atanh(value.clamp(-1 + 1e-7, 1 - 1e-7))
    if where is not None:  # what follows a sequence's end is not part of it
        value = value[torch.arange(len(value), device=x.device)[:, None] <= where]
    return (value.abs() < 0.5).float().mean().item()
