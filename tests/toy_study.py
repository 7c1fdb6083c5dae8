"""A study that runs in milliseconds: noisy gradient descent on a quadratic, resumable, with ways to fail."""

import os
import signal
import time
from dataclasses import dataclass, replace

import numpy as np
import torch

from replications.study import Context, Curve, Metric, Outcome, Plan, Study


@dataclass(frozen=True)
class Config:
    steps: int = 200
    rate: float = 0.1
    fail: str = ""  # 'error' or 'kill'
    pause_s: float = 0.0  # a step


def run(config: Config, context: Context) -> Outcome:
    generator = context.generator("noise")
    position, losses, first = torch.ones(4, dtype=torch.float64), [], 0
    state = context.restore()
    if state is not None:
        position, losses, first = state["position"], state["losses"], state["step"]
        generator.set_state(state["generator"])
    for step in range(first, config.steps):
        position = position - config.rate * (position + 0.01 * torch.randn(4, generator=generator, dtype=torch.float64))
        losses.append(float(position.square().sum()))
        if config.fail == "error" and step == 10:
            raise FloatingPointError("the loss is not finite at step 10")
        if config.fail == "kill" and step == 10:
            os.kill(os.getpid(), signal.SIGKILL)
        if config.pause_s:
            time.sleep(config.pause_s)
        if context.due():
            state = {"position": position, "losses": losses, "step": step + 1, "generator": generator.get_state()}
            context.save(state)
        context.progress((step + 1) / config.steps)
    return Outcome(
        {"loss": losses[-1], "zero": 0.0},
        {"loss": Curve.thin(list(range(config.steps)), losses, "step", "loss")},
        {"position": position.float().numpy().astype(np.float32)},
        steps=config.steps,
    )


def together(configs: list[Config], contexts: list[Context]) -> list[Outcome]:
    return [run(config, context) for config, context in zip(configs, contexts)]


@dataclass(frozen=True)
class Identity:
    """Config of another kind of run: nothing is trained."""

    size: int = 3


def check_identity(config: Identity, context: Context) -> Outcome:
    return Outcome({"zero": float(np.trace(np.eye(config.size)) - config.size)})


METRICS = {"loss": Metric("1", "squared distance from the minimum"), "zero": Metric("1", "nothing")}
STUDY = Study(
    paper="toy",
    title="A toy",
    run=run,
    metrics=METRICS,
    profiles={
        "smoke": Plan({"fast": Config(), "slow": Config(rate=0.01)}, seeds=2, minutes=0.1),
        "laptop": Plan({"fast": Config(steps=300), "slow": Config(steps=300, rate=0.01)}, seeds=3, minutes=0.1),
        "gpu": Plan({"fast": Config(steps=400)}, seeds=1, minutes=0.1, hardware="one GPU"),
    },
)


def with_smoke(**conditions: Config) -> Study:
    """The toy study with other conditions at profile smoke, one seed each."""
    return replace(STUDY, profiles={"smoke": Plan(conditions, seeds=1, minutes=0.1)})
