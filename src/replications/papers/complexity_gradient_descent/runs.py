"""Training runs: one schedule of the L2 coefficient, every λ_0 of a grid as members of one batched program."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from replications.papers.complexity_gradient_descent import schedules
from replications.papers.complexity_gradient_descent.coefficients import MOMENTUM, Coefficients, Member
from replications.papers.complexity_gradient_descent.images import CLASSES, Images, images
from replications.papers.complexity_gradient_descent.looks import Looks
from replications.study import Context, Curve, Outcome, UserError
from replications.training.batched import Perceptrons, train
from replications.training.batched_layers import RELU, Activation
from replications.training.batched_optimizers import SGD

# rate-weighted means of λ_t, a factor of two apart; pilots on other seeds put the optima of all schedules inside
GRID = (2.5e-4, 5e-4, 1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2)
GRID_NORM = (2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2, 6.4e-2, 0.128)  # with batch norm


@dataclass(frozen=True)
class TrainConfig:
    """One schedule, trained once for every learning rate and mean L2 coefficient."""

    schedule: str  # name in schedules.SCHEDULES
    data: str = "mnist"  # mnist or fashion
    batch_norm: bool = False  # after every hidden layer
    optimizer: str = "sgd"  # sgd: L2 in the gradient; sgdw: decay apart from it. Momentum 0.9 both
    annealing: str = "cosine"  # of the learning rate: cosine, steps or constant
    decays: tuple[float, ...] = GRID  # rate-weighted mean λ, nearly so for schedules that follow the loss
    learning_rates: tuple[float, ...] = (0.05,)  # η_0
    width: int = 128  # units of each of the two hidden layers
    pool: int = 2  # side of the average pooling of the images, pixels
    images: int = 4000  # training images, drawn anew by each seed
    batch: int = 100  # images of one step
    steps: int = 600  # fifteen passes
    looks: int = 20  # measurements of weights on the way

    def __post_init__(self) -> None:
        if min(self.decays) < 0.0:
            raise UserError(f"L2 coefficient λ = {min(self.decays):g}: it must be 0 or more")
        if min(self.learning_rates) <= 0.0:
            raise UserError(f"learning rate η = {min(self.learning_rates):g}: it must be above 0")
        if self.optimizer not in ("sgd", "sgdw"):
            raise UserError(f"unknown optimizer '{self.optimizer}': choose sgd or sgdw")
        if not 1 <= self.batch <= self.images:
            raise UserError(f"a batch of {self.batch} of {self.images} images: it must be 1 or more, and fit")
        schedules.schedule(self.schedule)


def program(config: TrainConfig) -> TrainConfig:
    """Runs that differ in schedule and grid only have networks of one shape, and train as one program."""
    return replace(config, schedule="constant", decays=(0.0,), learning_rates=(1.0,))


def run_together(configs: list[TrainConfig], contexts: list[Context]) -> list[Outcome]:
    """Train runs of one program side by side; then, for schedules that follow the loss, their twins.

    A twin repeats a member, same start and same batches, with a constant λ of the same Σηλ.
    """
    members = [
        Member(run, config.schedule, rate, schedules.start(config.schedule, decay, relative(config)))
        for run, config in enumerate(configs)
        for rate in config.learning_rates
        for decay in config.decays
    ]
    batch = Batch(configs, contexts)
    found = batch.train(members)
    driven = np.array([schedules.schedule(member.schedule).by_loss for member in members])
    twins = [
        replace(member, schedule="constant", start=float(mean))
        for member, mean, is_driven in zip(members, np.nan_to_num(found["mean_decay"]), driven)
        if is_driven
    ]
    for name, values in (batch.train(twins) if twins else {}).items():
        if name in ("test_nll", "test_accuracy", "mean_decay"):
            found[f"twin_{name}"] = np.full(len(members), np.nan, dtype=np.float32)
            found[f"twin_{name}"][driven] = values
    owner = np.array([member.run for member in members])
    rows = [{name: values[owner == run] for name, values in found.items()} for run in range(len(configs))]
    return [
        _outcome(config, {k: v for k, v in mine.items() if not (k.startswith("twin") and np.isnan(v).all())})
        for config, mine in zip(configs, rows)
    ]


def relative(config: TrainConfig) -> Tensor:
    """η_t/η_0 of every step. Shape (steps,)."""
    return schedules.rates(config.annealing, config.steps)


class Batch:
    """Runs of one program: their images, their batches, and the training of members that belong to them."""

    def __init__(self, configs: list[TrainConfig], contexts: list[Context]) -> None:
        self.config, self.contexts, self.device = configs[0], contexts, contexts[0].device
        self.images: Images = images(self.config.data, self.config.pool).to(self.device)
        self.orders = torch.stack([self._order(context) for context in contexts]).to(self.device)  # (runs, steps · B)
        self.weights = [self._weights(context.generator("weights", "cpu")) for context in contexts]

    def _order(self, context: Context) -> Tensor:
        """The seed's training images, in passes of random order."""
        generator = context.generator("data", "cpu")
        mine = torch.randperm(len(self.images.train), generator=generator)[: self.config.images]
        wanted = self.config.steps * self.config.batch
        passes = [mine[torch.randperm(len(mine), generator=generator)] for _ in range(-(-wanted // len(mine)))]
        return torch.cat(passes)[:wanted]

    def _weights(self, generator: torch.Generator) -> list[Tensor]:
        """He's initialisation of two hidden layers; the output layer at unit gain."""
        width, features = self.config.width, self.images.train.shape[1]
        shapes = ((features, width, 2.0), (width, width, 2.0), (width, CLASSES, 1.0))
        return [torch.randn(a, b, generator=generator) * (gain / a) ** 0.5 for a, b, gain in shapes]

    def networks(self, owner: list[int]) -> Perceptrons:
        """One network for each entry of `owner`, started as the seed of its run says."""
        weights = [torch.stack([self.weights[run][k] for run in owner]).to(self.device) for k in range(3)]
        biases = [w.new_zeros(w.shape[0], 1, w.shape[2]) for w in weights]
        activation = Activation(RELU, *(torch.full((len(owner), 1, 1), c, device=self.device) for c in (1.0, 0.0, 0.0)))
        return Perceptrons(weights, biases, activation, self.config.batch_norm)

    def stream(self, owner: list[int], step: int, alive: Tensor) -> tuple[Tensor, Tensor]:
        """Images (A, B, features) and labels (A, B) of a step for the members `alive`."""
        start = step * self.config.batch
        runs = torch.tensor(owner, device=self.device)[alive]
        rows = self.orders[runs, start : start + self.config.batch]
        return self.images.train[rows], self.images.train_labels[rows]

    def train(self, members: list[Member]) -> dict[str, np.ndarray]:
        """Train every member; one row a member of each measured quantity."""
        config, owner = self.config, [member.run for member in members]
        nets = self.networks(owner)
        optimizer = SGD(torch.zeros(len(members), device=self.device), MOMENTUM)
        e = relative(config)
        coefficients = Coefficients(members, e, config.optimizer == "sgdw", optimizer)
        looks = Looks(len(members), config.steps, config.looks, self.images)

        def look(step: int, nets: Perceptrons, alive: Tensor) -> None:
            looks(step, nets, alive)
            for context in self.contexts:
                context.progress(step / config.steps)

        ended = train(
            nets,
            optimizer,
            lambda step, alive: self.stream(owner, step, alive),
            config.steps,
            look=look,
            look_at=looks.steps,
            schedule=coefficients,
        )
        gone = ended.diverged.cpu().numpy() >= 0
        # row by row: the rounding of a sum over columns would depend on how many members stand side by side
        last_pass = np.ascontiguousarray(ended.losses[-max(1, config.images // config.batch) :].cpu().numpy().T).mean(1)
        return {
            "diverged_at": ended.diverged.cpu().numpy().astype(np.int32),  # −1 where it did not
            "mean_decay": (coefficients.shrink.cpu() / e.sum()).float().numpy(),  # Σηλ/Ση; NaN after a divergence
            "loss": last_pass,
            "norm": looks.norm,
            "angle": looks.angle,
            **{name: np.where(gone, looks.nothing[name], values) for name, values in looks.ended.items()},
        }


def _outcome(config: TrainConfig, found: dict[str, np.ndarray]) -> Outcome:
    """The record of one run; its scalars are those of the λ_0 with the smallest validation NLL of this seed alone."""
    best = int(found["validation_nll"].argmin())
    scalars = {
        "nll": float(found["test_nll"][best]),
        "accuracy": float(found["test_accuracy"][best]),
        "best_decay": float(np.tile(config.decays, len(config.learning_rates))[best]),
        "diverged_share": float((found["diverged_at"] >= 0).mean()),
    }
    x = np.unique(np.linspace(0, config.steps - 1, config.looks).round())
    curves = {
        name: Curve(x.tolist(), found[name][best].tolist(), "step", label)
        for name, label in (("norm", "|w| of the first layer"), ("angle", "angle of one step (radians)"))
    }
    steps = config.steps * len(found["loss"]) * (2 if "twin_test_nll" in found else 1)
    arrays = {
        name: np.asarray(values, dtype=np.int32 if name == "diverged_at" else np.float32)
        for name, values in found.items()
    }
    return Outcome(scalars, curves, arrays, steps=steps, samples=steps * config.batch)
