"""Training runs: one network, one depth, every learning rate of a grid as members of one batched program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from replications.data import cifar10, mnist
from replications.papers.static_activation_normalization import networks, spectrum
from replications.study import Context, Curve, Outcome
from replications.training.batched import Perceptrons, train
from replications.training.batched_layers import Activation
from replications.training.batched_optimizers import SGD, Adam, Optimizer

CLASSES = 10
CHANCE = 0.1  # accuracy of a diverged network: every class is equally frequent in the test sets
TARGET = 0.8  # test accuracy at which a cell of the robustness map counts as trained
VALIDATION = 1000  # training images kept out: they choose the learning rate, and are looked at along the way
TEST = 4000  # first images of the test set: final accuracy, standard error below 0.008
WATCH = 500  # validation images of a look along the way
RESOLUTION = 1e-7  # of float32: smaller eigenvalues, in units of the largest, count as this; a dead unit has 0
CHUNK = 500  # images of one evaluation step


@dataclass(frozen=True)
class TrainConfig:
    """One network at one depth, trained once for every learning rate."""

    network: str  # name in networks.networks()
    depth: int  # hidden layers
    data: str = "mnist"  # mnist, fashion-mnist or cifar10
    width: int = 128  # units of a hidden layer
    pool: int = 2  # side of the average pooling of the images, pixels (CIFAR-10: twice this)
    learning_rates: tuple[float, ...] = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
    optimizer: str = "sgd"  # sgd (momentum 0.9) or adam
    batch: int = 64  # images of one step
    steps: int = 400  # 25,600 images, each seen once at most
    looks: int = 10  # evaluations on the way, evenly spaced in log step
    spectra: bool = False  # eigenvalues of every layer before, midway and after


@dataclass(frozen=True)
class Images:
    """A data set as rows of features of unit mean square."""

    train: Tensor  # (N, features)
    train_labels: Tensor  # (N,)
    test: Tensor  # (N', features)
    test_labels: Tensor  # (N',)


@lru_cache(maxsize=2)
def images(name: str, pool: int) -> Images:
    """A data set, average-pooled, standardised by channel over the training set, each image scaled to unit mean square.

    Raises:
        ValueError: there is none of that name.
        UserError: it is not in the cache.
    """
    loaders: dict[str, Callable[[], mnist.MNIST | cifar10.CIFAR10]] = {
        "mnist": mnist.load,
        "fashion-mnist": mnist.load_fashion,
        "cifar10": cifar10.load,
    }
    if name not in loaders:
        raise ValueError(f"unknown data set '{name}': choose one of {', '.join(loaders)}")
    data = loaders[name]()
    side = 2 * pool if name == "cifar10" else pool
    train = functional.avg_pool2d(data.train_images.float(), side)  # (N, channels, H, W)
    test = functional.avg_pool2d(data.test_images.float(), side)
    std, mean = torch.std_mean(train, dim=(0, 2, 3), keepdim=True)
    rows = [((part - mean) / std).flatten(1) for part in (train, test)]
    rows = [part / part.square().mean(1, keepdim=True).sqrt() for part in rows]
    return Images(rows[0], data.train_labels, rows[1], data.test_labels)


def program(config: TrainConfig) -> tuple[object, ...]:
    """Runs with the same key have equal shapes and train as one program; activations share their base function."""
    net = networks.network(config.network)
    shape = (config.data, config.pool, config.depth, config.width, config.batch, config.steps, config.looks)
    return (*shape, config.optimizer, config.spectra, net.base.name, net.batch_norm)


def run_together(configs: list[TrainConfig], contexts: list[Context]) -> list[Outcome]:
    """Train runs of one program side by side: every run brings one member for each of its learning rates."""
    return _Batch(configs, contexts).outcomes()


def members(
    configs: list[TrainConfig], contexts: list[Context], sizes: list[tuple[int, int]], first: list[Tensor]
) -> tuple[Perceptrons, Optimizer]:
    """Networks and optimiser of several runs: one member for each learning rate, rates of one run starting alike.

    `first` holds for each run the images (B, features) that LSUV scales its layers on.
    """
    optimizers = {"sgd": SGD, "adam": Adam}
    if configs[0].optimizer not in optimizers:
        raise ValueError(f"unknown optimizer '{configs[0].optimizer}': choose one of {', '.join(optimizers)}")
    device = contexts[0].device
    nets = [networks.network(config.network) for config in configs]
    repeats = torch.tensor([len(config.learning_rates) for config in configs])
    drawn = [
        networks.initial_weights(net, sizes, context.generator("weights", "cpu"), batch)
        for net, context, batch in zip(nets, contexts, first)
    ]
    weights = [torch.stack(layer).repeat_interleave(repeats, 0).to(device) for layer in zip(*drawn)]  # (M, in, out)
    biases = [w.new_zeros(w.shape[0], 1, w.shape[2]) for w in weights]

    def coefficient(name: str) -> Tensor:
        values = torch.tensor([getattr(net.form, name) for net in nets], dtype=torch.float32)
        return values.repeat_interleave(repeats)[:, None, None].to(device)

    form = Activation(nets[0].base, coefficient("scale"), coefficient("tilt"), coefficient("shift"))
    rate = torch.tensor([rate for config in configs for rate in config.learning_rates], device=device)
    return Perceptrons(weights, biases, form, nets[0].batch_norm), optimizers[configs[0].optimizer](rate)


class _Batch:
    """The members of several runs, and what is seen of them on the way."""

    def __init__(self, configs: list[TrainConfig], contexts: list[Context]) -> None:
        self.configs, self.contexts = configs, contexts
        self.config, self.device = configs[0], contexts[0].device
        found = images(self.config.data, self.config.pool)
        self.images = Images(*(getattr(found, name).to(self.device) for name in Images.__dataclass_fields__))
        self.orders = torch.stack([self._order(context) for context in contexts])  # (runs, V + steps·B)
        rates = torch.tensor([len(config.learning_rates) for config in configs])
        self.owner = torch.arange(len(configs)).repeat_interleave(rates).to(self.device)  # (M,)
        sizes = networks.layer_sizes(found.train.shape[1], self.config.width, self.config.depth, CLASSES)
        first = [found.train[order[VALIDATION : VALIDATION + 256].cpu()] for order in self.orders]
        self.nets, self.optimizer = members(configs, contexts, sizes, first)
        last = self.config.steps
        self.look_at = sorted({0, *np.geomspace(5, last, self.config.looks).round().astype(int).tolist()} | {last})
        count = self.nets.members
        self.watched = np.full((count, len(self.look_at)), CHANCE, dtype=np.float32)
        self.test = np.full(count, CHANCE)
        self.validation = np.full(count, CHANCE)
        self.spectra: dict[int, np.ndarray] = {}  # step → (M, 2, depth, width) eigenvalues, raw and centred
        self.spectra_at = {0, self.look_at[len(self.look_at) // 2], last} if self.config.spectra else set()

    def _order(self, context: Context) -> Tensor:
        """Validation images first, then the training stream: passes in random order."""
        generator = context.generator("data", device="cpu")
        n = len(self.images.train)
        shuffled = torch.randperm(n, generator=generator)
        rest, wanted = shuffled[VALIDATION:], self.config.steps * self.config.batch
        passes = [rest]
        while sum(map(len, passes)) < wanted:
            passes.append(rest[torch.randperm(len(rest), generator=generator)])
        return torch.cat([shuffled[:VALIDATION], torch.cat(passes)[:wanted]]).to(self.device)

    def _batch(self, step: int, alive: Tensor) -> tuple[Tensor, Tensor]:
        start = VALIDATION + step * self.config.batch
        rows = self.orders[self.owner[alive], start : start + self.config.batch]  # (A, B)
        return self.images.train[rows], self.images.train_labels[rows]

    def _look(self, step: int, nets: Perceptrons, alive: Tensor) -> None:
        for context in self.contexts:
            context.progress(step / self.config.steps)
        members = alive.cpu().numpy()
        train, labels = self.images.train, self.images.train_labels
        kept = self.orders[self.owner[alive], :VALIDATION]  # (A, V)
        self.watched[members, self.look_at.index(step)] = _accuracy(nets, train, labels, kept[:, :WATCH])
        if step in self.spectra_at:
            self._spectra(step, nets, members, train[kept])
        if step == self.config.steps:
            everyone = torch.arange(TEST, device=self.device).expand(len(alive), -1)
            self.test[members] = _accuracy(
                nets, self.images.test, self.images.test_labels, everyone[:, : len(self.images.test)]
            )
            self.validation[members] = _accuracy(nets, train, labels, kept)

    def _spectra(self, step: int, nets: Perceptrons, members: np.ndarray, x: Tensor) -> None:
        layers = nets.hidden(x)
        found = self.spectra.setdefault(step, np.full((len(self.owner), 2, len(layers), self.config.width), np.nan))
        for layer, y in enumerate(layers):
            y = y.nan_to_num(0.0, 0.0, 0.0)
            found[members, 0, layer] = spectrum.gram_eigenvalues(y)
            found[members, 1, layer] = spectrum.gram_eigenvalues(y, centred=True)

    def outcomes(self) -> list[Outcome]:
        """Train, then one outcome a run."""
        ended = train(self.nets, self.optimizer, self._batch, self.config.steps, look=self._look, look_at=self.look_at)
        losses, diverged = ended.losses.cpu().numpy(), ended.diverged.cpu().numpy()
        owner = self.owner.cpu().numpy()
        return [self._outcome(run, np.flatnonzero(owner == run), losses, diverged) for run in range(len(self.configs))]

    def _outcome(self, run: int, mine: np.ndarray, losses: np.ndarray, diverged: np.ndarray) -> Outcome:
        config = self.configs[run]
        gone = diverged[mine] >= 0
        test = np.where(gone, CHANCE, self.test[mine])
        best = int(np.argmax(np.where(gone, 0.0, self.validation[mine])))
        watched = np.where(gone[:, None] & (np.array(self.look_at) > diverged[mine, None]), CHANCE, self.watched[mine])
        scalars = {
            "accuracy": float(test[best]),
            "best_learning_rate": float(config.learning_rates[best]),
            "anytime": float(watched[best, 1:].mean()),
            "trained_share": float((test >= TARGET).mean()),
            "diverged_share": float(gone.mean()),
        }
        arrays = {
            "accuracy_by_rate": test.astype(np.float32),  # (rates,)
            "diverged_at": diverged[mine].astype(np.int32),  # (rates,), −1 where it did not
            "watched": watched.astype(np.float32),  # (rates, looks)
        }
        if self.spectra:
            self._add_spectra(mine[best], scalars, arrays)
        mean_loss = losses[:, mine[best]].reshape(-1, max(1, config.steps // 100))[:100].mean(1)
        at = (np.arange(len(mean_loss)) + 0.5) * max(1, config.steps // 100)
        curves = {
            "accuracy": Curve(list(map(float, self.look_at)), watched[best].tolist(), "step", "validation accuracy"),
            "loss": Curve(at.tolist(), mean_loss.tolist(), "step", "training loss (nats)"),
        }
        return Outcome(
            scalars, curves, arrays, steps=config.steps * len(mine), samples=config.steps * config.batch * len(mine)
        )

    def _add_spectra(self, member: int, scalars: dict[str, float], arrays: dict[str, np.ndarray]) -> None:
        """Condition numbers and spectra of the member with the best learning rate, at every time."""
        eigenvalues = np.stack(
            [self.spectra[step][member] for step in sorted(self.spectra)]
        )  # (times, 2, depth, width)
        condition = np.log10(spectrum.condition_number(eigenvalues, RESOLUTION))
        arrays["condition"] = condition.astype(np.float32)  # (times, raw and centred, depth)
        arrays["effective_rank"] = spectrum.effective_rank(eigenvalues).astype(np.float32)
        arrays["eigenvalues"] = eigenvalues[:, 0, [0, eigenvalues.shape[2] // 2, -1]].astype(np.float32)
        scalars["condition_trained"] = float(condition[-1, 0].mean())
        scalars["condition_trained_centred"] = float(condition[-1, 1].mean())
        scalars["condition_initial"] = float(condition[0, 0].mean())
        scalars["rank_trained"] = float(arrays["effective_rank"][-1, 1].mean())


def _accuracy(nets: Perceptrons, x: Tensor, labels: Tensor, rows: Tensor) -> np.ndarray:
    """Share of right answers by member (A,) on images x[rows], rows (A, n) of each member."""
    right = torch.zeros(len(rows), device=x.device)
    for part in rows.split(CHUNK, dim=1):
        right += (nets.logits(x[part]).argmax(-1) == labels[part]).sum(1)
    share: np.ndarray = (right / rows.shape[1]).cpu().numpy()
    return share
