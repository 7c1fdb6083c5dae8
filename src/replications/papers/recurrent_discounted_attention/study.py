"""The study of the Recurrent Discounted Attention unit: which unit runs which task, how large and how long.

One optimiser for every unit and task, the paper's: Adam at 0.001, gradients cut to ±1. Nothing was tuned for any arm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from replications.data import mnist as mnist_data
from replications.data import wikipedia
from replications.papers.recurrent_discounted_attention import characters, mnist, oscillation, training
from replications.papers.recurrent_discounted_attention.method import ATTENTION
from replications.papers.recurrent_discounted_attention.units import LIBRARY, Model
from replications.study import Context, Metric, Outcome, Plan, Study

RDA = ("rda-exp-tanh", "rda-sigmoid-id")
UNITS = (*RDA, "rwa", *LIBRARY)
OUTPUTS = ("id", "tanh")


@dataclass(frozen=True)
class Config:
    """One training."""

    task: str  # addition, length, copy, multicopy, mnist, characters or oscillation
    unit: str = "rda-exp-tanh"  # rda-exp-tanh, rda-sigmoid-id, rwa, gru or lstm
    # the task's size
    length: int = (
        5  # steps (addition), longest (length), wait (copy), copies (multicopy), side (mnist), window (characters)
    )
    symbols: int = 10  # of a copy
    permuted: bool = False  # pixels in a random order
    evaluated: int = 10_000  # test images; characters each of validation and test text
    # the unit
    hidden: int = 64  # units
    learn_start: bool = False  # h_0 = f_h(start), start ~ N(0, 1) at first; else 0
    attention: str = ""  # f_a in place of the unit's
    output: str = ""  # f_o in place of the unit's
    shape: str = ""  # f_h in place of the unit's
    discount_off: bool = False  # γ_t = 1
    # optimisation
    steps: int = 1000  # updates at most
    stop: bool = False  # at the last level of accuracy or error
    batch: int = 32  # sequences of one update
    lr: float = 0.001  # of Adam
    clip: float = 1.0  # every entry of a gradient is cut to ±clip


def run(config: Config, context: Context) -> Outcome:
    """Run one condition.

    Raises:
        UserError: data that are not here. ValueError: an unknown task, unit or function, or sizes that do not fit.
    """
    if config.task == "mnist":
        return mnist.run(config, context)
    if config.task == "characters":
        return characters.run(config, context)
    if config.task == "oscillation":
        return oscillation.run(config, context)
    return training.train(config, context, training.generated(config))[1]


@dataclass(frozen=True)
class Sizes:
    """What tells the profiles apart; a task's config holds for every unit."""

    addition: Config
    length: Config
    copy: Config
    multicopy: Config
    mnist: Config
    characters: Config
    ablation_steps: int
    oscillation: Config


def conditions(sizes: Sizes, units: tuple[str, ...] = UNITS) -> dict[str, Config]:
    """Every condition of a profile, the flagship's first."""
    found: dict[str, Config] = {}
    for task in (sizes.multicopy, sizes.addition, sizes.length, sizes.copy, sizes.mnist, sizes.characters):
        for unit in units:
            found[f"{task.task}-{unit}"] = replace(task, unit=unit, learn_start=task.learn_start or unit == "rwa")
    off = replace(sizes.multicopy, stop=False, steps=sizes.ablation_steps)
    found |= {f"ablation-{a}-{o}": replace(off, attention=a, output=o) for a in ATTENTION for o in OUTPUTS}
    found["multicopy-inner-tanh"] = replace(sizes.multicopy, shape="tanh")
    # C1 says that the RWA is not there in 2.5 times the steps of the RDAs: it needs room to show the opposite
    found["multicopy-rwa"] = replace(found["multicopy-rwa"], steps=sizes.multicopy.steps * 13 // 10)
    found["multicopy-discount-off"] = replace(sizes.multicopy, steps=sizes.multicopy.steps // 2, discount_off=True)
    found |= {f"length-{unit}-zero": replace(sizes.length, unit=unit, learn_start=False) for unit in units}
    found["oscillation"] = sizes.oscillation
    return found


def dry_run(config: Config, context: Context) -> str:
    """Build the real model and take two steps on two random sequences of the real length."""
    if config.task == "oscillation":
        return (
            f"oscillation, error {run(replace(config, steps=2), context).scalars['error_bounded']:.3f} after two steps"
        )
    if config.task in ("mnist", "characters"):
        outputs, inputs, length = (10, 1, config.length**2) if config.task == "mnist" else (205, 64, config.length)
    else:
        task = training.generated(config)
        outputs, inputs, length = task.outputs, task.inputs, len(task.draw(1, context.generator("length")).x)
    model = Model(
        training.recipe_of(config), inputs, config.hidden, outputs, context.generator("weights", "cpu"),
        learn_start=config.learn_start,
    ).to(context.device)  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr, fused=True)
    draw, losses = context.generator("dry run"), []
    for _ in range(2):
        o, _ = model(torch.rand(length, 2, inputs, generator=draw, device=context.device))
        loss = model.read(o[-1]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        training.clip_(list(model.parameters()), config.clip)
        optimizer.step()
        losses.append(loss.item())
    count = sum(p.numel() for p in model.parameters())
    return f"{config.task}, {config.unit}, {length} steps, {count:,} parameters, loss {losses[0]:.3g} → {losses[1]:.3g}"


_ARMS = {"free": "attention free", "bounded": "|ln a| ≤ 3", "discounted": "|ln a| ≤ 3, with a discount"}
_REACHED = "last step of the first 25 whose mean {} is at {} {:g}; infinite where none is"
METRICS = {
    **{f"steps_{a:g}": Metric("steps", _REACHED.format("accuracy", "least", a)) for a in (0.5, 0.9, 0.98, 0.99, 0.999)},
    **{f"steps_mse_{e:g}": Metric("steps", _REACHED.format("squared error", "most", e)) for e in (0.1, 0.01, 0.001)},
    "steps": Metric(
        "steps", "updates taken: fewer than allowed where the last level was reached, or a loss was not finite"
    ),
    "diverged": Metric("", "1 where a loss was not finite, else 0"),
    "final_loss": Metric("as the loss", "mean of the last 100 updates, each on a fresh batch before it"),
    "final_accuracy": Metric("fraction", "the same of the accuracy, over all steps that are read"),
    "final_answers": Metric("fraction", "the same over the steps whose target is a symbol"),
    "linear_share": Metric("fraction", "entries of n_t/d_t within ±1/2 on a fresh batch after training"),
    "compiled": Metric("", "1 where the C++ steps ran, 0 where PyTorch's did"),
    "test_accuracy": Metric("fraction", "of the test images, read once at the end"),
    "valid_bits": Metric("bits/character", "of the validation text at the end"),
    "test_bits": Metric("bits/character", "of the test text, read once at the end"),
    "growth_needed": Metric("nats/step", "growth of ln d_t that Lemma 1 asks of h_t = ±1/2, |z| ≤ 1"),
}
for _arm, _what in _ARMS.items():
    METRICS |= {
        f"error_{_arm}": Metric("1", f"largest |h_t - (-1)^t/2|: {_what}"),
        f"growth_{_arm}": Metric("nats/step", f"mean growth of ln d_t: {_what}"),
        f"attention_{_arm}": Metric("nats", f"largest less smallest ln a_t: {_what}"),
        f"lemma_{_arm}": Metric(
            "nats", f"largest excess of the growth that Lemma 1 needs over that of a step: {_what}"
        ),
    }

SMOKE = Sizes(
    addition=Config("addition", length=20, hidden=16, steps=50, stop=True),
    length=Config("length", length=20, hidden=16, steps=50, stop=True, learn_start=True),
    copy=Config("copy", length=8, symbols=2, hidden=16, steps=50, stop=True),
    multicopy=Config("multicopy", length=1, hidden=16, steps=75, stop=True),
    mnist=Config("mnist", length=7, hidden=16, steps=25, evaluated=500),
    characters=Config("characters", length=50, hidden=32, steps=20, evaluated=2_000),
    ablation_steps=50,
    oscillation=Config("oscillation", length=16, steps=400, lr=0.1),
)
LAPTOP = Sizes(
    addition=Config("addition", length=100, steps=4_500, stop=True),
    length=Config("length", length=200, steps=1_500, stop=True, learn_start=True),
    copy=Config("copy", length=10, symbols=5, hidden=128, steps=8_000, stop=True),
    multicopy=Config("multicopy", length=5, steps=10_000, stop=True),
    mnist=Config("mnist", length=14, steps=2_000),
    characters=Config("characters", length=250, hidden=128, steps=600, evaluated=100_000),
    ablation_steps=2_500,
    oscillation=Config("oscillation", length=40, steps=400, lr=0.1),
)
PAPER = Sizes(
    addition=Config("addition", length=1_000, hidden=250, batch=100, steps=2_500),
    length=Config("length", length=1_000, hidden=250, batch=100, steps=1_000, learn_start=True),
    copy=Config("copy", length=100, symbols=10, hidden=250, batch=100, steps=20_000),
    multicopy=Config("multicopy", length=50, hidden=250, batch=100, steps=10_000),
    mnist=Config("mnist", length=28, hidden=250, batch=100, steps=40_000),
    characters=Config("characters", length=250, hidden=1_800, batch=100, steps=100_000, evaluated=5_000_000),
    ablation_steps=5_000,
    oscillation=Config("oscillation", length=100, steps=2_000, lr=0.1),
)


def permuted(mnist: Config) -> dict[str, Config]:
    """Permuted MNIST, for every unit."""
    return {f"permuted-{u}": replace(mnist, unit=u, permuted=True, learn_start=u == "rwa") for u in UNITS}


def large() -> dict[str, Config]:
    """What asks for a GPU and fits into half an hour of one: the flagship at the paper's width, and MNIST at 28×28."""
    flagship = replace(PAPER.multicopy, length=10, stop=True)
    whole = conditions(replace(PAPER, multicopy=flagship, mnist=replace(PAPER.mnist, steps=2_500)))
    kept = {name: c for name, c in whole.items() if name.startswith(("multicopy-", "mnist-"))}
    return kept | permuted(replace(PAPER.mnist, steps=2_500))


STUDY = Study(
    paper="recurrent_discounted_attention",
    title="The recurrent discounted attention unit",
    run=run,
    metrics=METRICS,
    profiles={
        "smoke": Plan(conditions(SMOKE), seeds=1, minutes=0.5, memory_gb=1.5),
        "laptop": Plan(conditions(LAPTOP), seeds=3, minutes=45.0, memory_gb=2.0),
        "gpu": Plan(large(), seeds=3, minutes=30.0, hardware="one H100 GPU (estimated)", memory_gb=8.0),
        "paper": Plan(
            conditions(PAPER) | permuted(PAPER.mnist),
            seeds=3,
            minutes=2_100.0,
            hardware="one H100 GPU (estimated)",
            memory_gb=24.0,
        ),
    },
    data=(mnist_data.DATASET, wikipedia.DATASET),
    dry_run=dry_run,
)
