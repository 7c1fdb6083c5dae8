"""Race: perceptrons trained as one batched program against plain torch, one network after another. Prints the speed-up.

Both see the same images, labels, rates and initial weights, on one thread; CPU seconds, best of three, after a warm-up.
Correctness first: the losses of both must agree in float64 before anything is timed in float32.
"""

import time
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from replications.training.batched import Perceptrons, train
from replications.training.batched_layers import RELU, Activation
from replications.training.batched_optimizers import SGD

MEMBERS, STEPS, BATCH, FEATURES = 20, 25, 64, 196
SHAPES = {"width 64, depth 10": (64, 10), "width 128, depth 10": (128, 10), "width 128, depth 20": (128, 20)}
RUNS, SECONDS, BUDGET, CORES = 200, 5.0, 300.0, 2  # the target: 200 runs of five seconds in five minutes on two cores


def initial(width: int, depth: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    sizes = [FEATURES, *[width] * depth, 10]
    return [torch.randn(MEMBERS, a, b, generator=generator) * (2.0 / a) ** 0.5 for a, b in pairwise(sizes)]


def data(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(4000, FEATURES, generator=generator).to(dtype)
    labels = torch.randint(10, (4000,), generator=generator)
    return x, labels, torch.randint(4000, (STEPS, MEMBERS, BATCH), generator=generator)


def batched(weights: list[Tensor], rates: Tensor) -> Callable[[], Tensor]:
    x, labels, rows = data(weights[0].dtype)

    def race() -> Tensor:
        biases = [w.new_zeros(MEMBERS, 1, w.shape[2]) for w in weights]
        nets = Perceptrons([w.clone() for w in weights], biases, Activation.shared(RELU, MEMBERS))
        return train(
            nets, SGD(rates.clone()), lambda step, alive: (x[rows[step, alive]], labels[rows[step, alive]]), STEPS
        ).losses

    return race


def one_by_one(weights: list[Tensor], rates: Tensor) -> Callable[[], Tensor]:
    x, labels, rows = data(weights[0].dtype)

    def race() -> Tensor:
        losses = weights[0].new_empty(STEPS, MEMBERS)
        for member in range(MEMBERS):
            layers: list[nn.Module] = []
            for w in weights:
                linear = nn.Linear(w.shape[1], w.shape[2], dtype=w.dtype)
                with torch.no_grad():
                    linear.weight.copy_(w[member].T)
                    linear.bias.zero_()
                layers += [linear, nn.ReLU()]
            net = nn.Sequential(*layers[:-1])
            optimizer = torch.optim.SGD(net.parameters(), lr=float(rates[member]), momentum=0.9)
            for step in range(STEPS):
                at = rows[step, member]
                loss = nn.functional.cross_entropy(net(x[at]), labels[at])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses[step, member] = loss.detach()
        return losses

    return race


def seconds(race: Callable[[], Tensor]) -> float:
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        assert torch.isfinite(race()).all()
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.slow
def test_batched_training_against_one_by_one() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = {}
        for name, (width, depth) in SHAPES.items():
            weights = initial(width, depth)
            rates = torch.logspace(-4, -2, MEMBERS)
            exact = [w.double() for w in weights]
            torch.testing.assert_close(batched(exact, rates)(), one_by_one(exact, rates)(), rtol=1e-6, atol=1e-6)
            ours, theirs = batched(weights, rates), one_by_one(weights, rates)
            for warm_up in (ours, theirs):
                warm_up()
            found[name] = seconds(theirs) / seconds(ours)
    finally:
        torch.set_num_threads(threads)
    print()
    for name, speed in found.items():
        minutes = RUNS * SECONDS / speed / CORES / 60.0
        print(f"{name}: {speed:.2f} × one by one; {RUNS} runs of {SECONDS:g} s in {minutes:.1f} min on {CORES} cores")
    assert found["width 64, depth 10"] >= RUNS * SECONDS / BUDGET / CORES
