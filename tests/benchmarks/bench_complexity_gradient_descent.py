"""Race: the schedules of one seed as one batched program against plain torch, one network after another. Prints, never asserts.

    OMP_WAIT_POLICY=passive python tests/benchmarks/bench_complexity_gradient_descent.py --repeats 3

Wants an idle core for about a minute; `--steps 20 --repeats 1` only shows that it works. Both sides train three schedules with
seven L2 coefficients, the networks of the laptop profile, on the same random images from the same start, on one thread. CPU
seconds of training and of the final evaluation, best of the repeats, after a warm-up. Test NLLs must agree before anything is timed.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from replications.papers.complexity_gradient_descent import runs, schedules
from replications.papers.complexity_gradient_descent.coefficients import MOMENTUM
from replications.papers.complexity_gradient_descent.images import CLASSES, Images
from replications.study import Context

NAMES = ("constant", "rate", "inverse")  # known beforehand: no twins to train on one side only
FEATURES = 196  # 14 × 14 pixels
AGREE = 0.01  # of test NLL, relative: float32 adds in another order


def random_images(name: str, pool: int) -> Images:
    """Ten noisy prototypes in place of MNIST, in its shapes but for the training set."""
    generator = torch.Generator().manual_seed(0)
    prototypes = torch.randn(CLASSES, FEATURES, generator=generator)

    def rows(n: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.randint(CLASSES, (n,), generator=generator)
        return prototypes[labels] + 3.0 * torch.randn(n, FEATURES, generator=generator), labels

    return Images(*rows(6000), *rows(5000), *rows(10000))


def batched(configs: list[runs.TrainConfig]) -> np.ndarray:
    """Test NLL of every network, as the study trains them. Shape (schedules · coefficients,)."""
    contexts = [Context(seed=0, device=torch.device("cpu")) for _ in configs]
    return np.concatenate([outcome.arrays["test_nll"] for outcome in runs.run_together(configs, contexts)])


def one_by_one(configs: list[runs.TrainConfig]) -> np.ndarray:
    """The same with torch.optim.SGD, a network at a time; it measures nothing on the way."""
    found = []
    for config in configs:
        batch = runs.Batch([config], [Context(seed=0, device=torch.device("cpu"))])
        e = runs.relative(config)
        k = schedules.multipliers(config.schedule, e)
        for decay in config.decays:
            net = network(batch.weights[0])
            matrices, others = ([p for p in net.parameters() if (p.ndim == 2) == wanted] for wanted in (True, False))
            groups = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
            optimizer = torch.optim.SGD(groups, lr=config.learning_rates[0], momentum=MOMENTUM)
            start = schedules.start(config.schedule, decay, e)
            for step in range(config.steps):
                rows = batch.orders[0, step * config.batch : (step + 1) * config.batch]
                for group in optimizer.param_groups:
                    group["lr"] = config.learning_rates[0] * float(e[step])
                optimizer.param_groups[0]["weight_decay"] = start * float(k[step])
                loss = functional.cross_entropy(net(batch.images.train[rows]), batch.images.train_labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            with torch.no_grad():
                for x, labels in ((batch.images.validation, batch.images.validation_labels), (batch.images.test, batch.images.test_labels)):  # fmt: skip
                    nll = functional.cross_entropy(net(x), labels)
            found.append(float(nll))
    return np.array(found)


def network(weights: list[torch.Tensor]) -> nn.Sequential:
    """Linear layers and ReLUs with these weights (in, out)."""
    layers: list[nn.Module] = []
    for w in weights:
        linear = nn.Linear(*w.shape)
        with torch.no_grad():
            linear.weight.copy_(w.T)
            linear.bias.zero_()
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def seconds(race: Callable[[], np.ndarray], repeats: int) -> float:
    """CPU seconds of the fastest of `repeats`; every NLL is read."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        if not np.isfinite(race()).all():
            raise ValueError("a network diverged: nothing to compare")
        best = min(best, time.process_time() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description="Schedules of L2, batched against one by one")
    parser.add_argument("--repeats", type=int, default=3, help="of which the fastest counts (default 3)")
    parser.add_argument("--steps", type=int, default=600, help="training steps (default 600, the laptop profile)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    runs.images = random_images
    configs = [runs.TrainConfig(name, steps=arguments.steps) for name in NAMES]
    load = os.getloadavg()[0]
    print(f"torch {torch.__version__}, one thread, load {load:.1f}")
    if load > 0.5:
        print("other programs are running: CPU seconds are too many, and their ratio of less worth")
    ours, theirs = batched(configs), one_by_one(configs)  # the warm-up, too
    apart = float(np.abs(ours / theirs - 1.0).max())
    if apart > AGREE:
        print(f"not timed: test NLLs disagree by {100 * apart:.2f} %")
        return
    fast, slow = (seconds(lambda race=race: race(configs), arguments.repeats) for race in (batched, one_by_one))
    print(f"{len(ours)} networks, {arguments.steps} steps; test NLLs agree to {100 * apart:.3f} %")
    print(f"  one by one {slow:7.2f} s of CPU")
    print(f"  batched    {fast:7.2f} s of CPU, {slow / fast:.2f} times as fast")


if __name__ == "__main__":
    main()
