"""BYOL's training step and its kNN evaluation beside lightly's: images a second, seconds, memory. Prints, never asserts.

    OMP_WAIT_POLICY=passive python tests/benchmarks/bench_byol_step.py --repeats 5

Wants an idle machine of two cores for about five minutes; `--repeats 1 --steps 2 --queries 500 --bank 5000` only shows
that it works. lightly (MIT) is not among our requirements: where it cannot be imported, its lines say so. To have it,
make a second environment from requirements.txt, `pip install lightly` there, and run this file with that Python.

The step is the whole of it: 256 images drawn from memory, two views of each, four forward passes, one backward, SGD and
the target's average. Both sides train the same networks (ours) with the same optimiser, memory format and precision. Ours
makes views on batches of tensors in the training process, with bicubic crops and BYOL's colours; theirs are lightly's
transforms of PIL images (bilinear, torchvision's colours) in two DataLoader workers, its loss and its average. Before
anything is timed both losses must agree on the same views: ours, the sum of two squared distances, is 4 + 4 times theirs,
half the sum of two negative cosines.

Every contender has a process of its own, so that the peak of memory is its own too. A repeat is `--steps` steps in a row,
of which the last loss is read; shown is the fastest repeat by the wall clock, after a warm-up of as many steps. The loader
runs on between repeats, so what its workers prepare ahead is paid for within the repeats.

Two threads or two processes: a study's runs are independent, and `replicate run` gives each a process with one thread. The
last lines of the first part show why: one process with two threads against two processes with one, side by side.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from replications.data import cifar10
from replications.models.resnet import tiny_resnet
from replications.papers.byol import study
from replications.papers.byol.method import Network, forward, objective, update
from replications.study import Context
from replications.training.evaluation import knn_predict
from replications.training.lars import set_lr

BATCH, TAU, LR, WORKERS, IMAGES = 256, 0.99, 0.1, 2, 10_000
STEMS = {"3x3/2": "stem of stride 2", "3x3": "full resolution"}
HAVE_LIGHTLY = importlib.util.find_spec("lightly") is not None
ABSENT = "not measured, lightly is not installed here"


@dataclass(frozen=True)
class Result:
    """Images (or queries) a second in the fastest repeat, and peak memory in MB; `note` replaces them."""

    rate: float = 0.0
    memory: float = 0.0
    workers: float = 0.0  # peak memory of the largest worker, MB
    note: str = ""


def fastest(step: Callable[[], torch.Tensor], repeats: int, steps: int) -> float:
    """Wall seconds of the fastest of `repeats` times `steps` steps, after a warm-up of one repeat."""
    seconds = []
    for _ in range(1 + repeats):
        start = time.perf_counter()
        for _ in range(steps):
            loss = step()
        loss.item()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


def peak(who: int = resource.RUSAGE_SELF) -> float:
    """Peak resident memory in MB."""
    return resource.getrusage(who).ru_maxrss / 1024


def setting(stem: str, bfloat16: bool, threads: int) -> tuple[study.Config, Context, torch.Tensor]:
    """The laptop's configuration with the stem asked for, a context, and pictures of random pixels."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    study.ENCODERS["bench"] = lambda: tiny_resnet(16, stem)
    pixels = torch.randint(256, (IMAGES, 3, 32, 32), dtype=torch.uint8)
    return study.Config(encoder="bench", bfloat16=bfloat16), Context(0, torch.device("cpu")), pixels


def ours(stem: str, bfloat16: bool, threads: int, repeats: int, steps: int, side_by_side: bool = False) -> Result:
    """The step as `study.run` takes it."""
    config, context, pixels = setting(stem, bfloat16, threads)
    online, target = study.networks(config, context)
    optimizer = study.make_optimizer(config, online)
    taken = iter(range(10**9))

    def step() -> torch.Tensor:
        draw = context.generator(f"step {next(taken)}")
        rows = torch.randint(IMAGES, (BATCH,), generator=draw)
        set_lr(optimizer, LR)
        return update(online, target, optimizer, [study.two_views(config, pixels[rows], draw)], TAU, autocast=bfloat16)

    if side_by_side:
        step()
        START.wait()
    seconds = fastest(step, repeats, steps)
    return Result(steps * BATCH / seconds, peak())


class Pictures(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """PIL images through a transform, as torchvision's CIFAR10 gives them."""

    def __init__(self, pixels: torch.Tensor, transform: Callable[[Image.Image], Any]) -> None:
        self.images = np.ascontiguousarray(pixels.permute(0, 2, 3, 1).numpy())
        self.transform = transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        return self.transform(Image.fromarray(self.images[index]))


def theirs(stem: str, bfloat16: bool, threads: int, repeats: int, steps: int) -> Result:
    """The same networks with lightly's transforms, loss and average, and a loader with two workers."""
    from lightly.loss import NegativeCosineSimilarity
    from lightly.models.utils import update_momentum
    from lightly.transforms.byol_transform import BYOLTransform, BYOLView1Transform, BYOLView2Transform

    config, context, pixels = setting(stem, bfloat16, threads)
    online, target = study.networks(config, context)
    optimizer = study.make_optimizer(config, online)
    set_lr(optimizer, LR)
    criterion = NegativeCosineSimilarity()

    def loss_of(online: Network, one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
        p1, p2 = (online.predictor(online.project(view)) for view in (one, two))
        with torch.no_grad():
            z1, z2 = target.project(one), target.project(two)
        return 0.5 * (criterion(p1.float(), z2.float()) + criterion(p2.float(), z1.float()))

    with torch.no_grad():  # the gate
        views = study.two_views(config, pixels[:BATCH], context.generator("gate"))
        sum_of_two, half_sum = objective(*forward(online, target, *views)).item(), loss_of(online, *views).item()
    if abs(sum_of_two - (4 + 4 * half_sum)) > 1e-4:
        return Result(note=f"not measured, the losses disagree: {sum_of_two:.6f} and 4 + 4 × {half_sum:.6f}")

    size = {"input_size": config.size, "min_scale": config.crop_area, "gaussian_blur": 0.0}
    size["normalize"] = {"mean": list(cifar10.MEAN), "std": list(cifar10.STD)}
    data = Pictures(pixels, BYOLTransform(BYOLView1Transform(**size), BYOLView2Transform(**size)))
    order = torch.utils.data.RandomSampler(data, replacement=True, num_samples=10**7)
    batches: Iterator[Any] = iter(torch.utils.data.DataLoader(data, BATCH, sampler=order, num_workers=WORKERS))

    def step() -> torch.Tensor:
        one, two = (view.contiguous(memory_format=torch.channels_last) for view in next(batches))
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = loss_of(online, one, two)
        loss.backward()
        optimizer.step()
        update_momentum(online.encoder, target.encoder, m=TAU)
        update_momentum(online.projector, target.projector, m=TAU)
        return loss.detach()

    seconds = fastest(step, repeats, steps)
    memory = peak()
    batches = iter(())  # lets go of the loader, which joins its workers
    return Result(steps * BATCH / seconds, memory, peak(resource.RUSAGE_CHILDREN))


def neighbours(queries: int, bank: int, threads: int, repeats: int, lightly: bool) -> tuple[Result, torch.Tensor]:
    """Weighted votes of 200 neighbours among ten noisy clusters of 256 dimensions, and the labels they give."""
    torch.set_num_threads(threads)
    draw = torch.Generator().manual_seed(0)
    labels = torch.randint(10, (bank + queries,), generator=draw)
    features = torch.randn(bank + queries, 256, generator=draw)
    features += 0.12 * torch.randn(10, 256, generator=draw)[labels]
    known, asked = features[:bank], features[bank:]

    def ask(asked: torch.Tensor) -> torch.Tensor:
        if not lightly:
            return knn_predict(known, labels[:bank], asked, 10)
        from lightly.utils.benchmarking import knn_predict as of_lightly

        columns = F.normalize(known, dim=1).T.contiguous()  # (256, bank)
        parts = F.normalize(asked, dim=1).split(BATCH)
        votes = [of_lightly(part, columns, labels[:bank], num_classes=10, knn_k=200, knn_t=0.1) for part in parts]
        return torch.cat(votes)[:, 0]

    ask(asked[:BATCH])
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        found = ask(asked)
        seconds.append(time.perf_counter() - start)
    return Result(queries / min(seconds), peak()), found


START: Any = None  # where processes that run side by side wait for one another


def _meet(barrier: Any) -> None:
    global START
    START = barrier


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's result in a fresh process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def together(count: int, *arguments: Any) -> list[Result]:
    """`ours` in `count` fresh processes that start at the same time."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, spawn, _meet, (spawn.Barrier(count),)) as pool:
        return [future.result() for future in [pool.submit(ours, *arguments, True) for _ in range(count)]]


def show(name: str, result: Result, unit: str = "images/s") -> None:
    """One line."""
    workers = f", largest worker {result.workers:,.0f} MB" if result.workers else ""
    print(
        f"  {name:34} " + (result.note or f"{result.rate:9,.0f} {unit}   peak {result.memory:,.0f} MB{workers}"),
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="BYOL's step and kNN evaluation beside lightly's")
    parser.add_argument("--repeats", type=int, default=5, help="of which the fastest counts (default 5)")
    parser.add_argument("--steps", type=int, default=12, help="training steps in a repeat (default 12)")
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--bank", type=int, default=50_000)
    parser.add_argument("--bfloat16", action="store_true", help="autocast on both sides, as the laptop profile has it")
    arguments = parser.parse_args()
    repeats, steps, bfloat16 = arguments.repeats, arguments.steps, arguments.bfloat16
    load, cores = os.getloadavg()[0], os.cpu_count()
    print(
        f"torch {torch.__version__}, {cores} cores, load {load:.1f}, {'bfloat16 autocast' if bfloat16 else 'float32'}"
    )
    if load > 0.5:
        print("other programs are running: rates are too low, and comparisons of little worth")

    print(
        f"\nStep, ResNet 16/32/64 at 32 × 32, batch {BATCH}, two threads, views included, {steps} steps, best of {repeats}"
    )
    for stem, title in STEMS.items():
        mine = alone(ours, stem, bfloat16, 2, repeats, steps)
        show(f"ours, {title}", mine)
        other = alone(theirs, stem, bfloat16, 2, repeats, steps) if HAVE_LIGHTLY else Result(note=ABSENT)
        show(f"lightly, {title}", other)
        if other.rate:
            print(f"  {'':34} {mine.rate / other.rate:9.2f} times as fast")
        pair = together(2, stem, bfloat16, 1, repeats, steps)
        show("ours, two processes of one thread", Result(sum(r.rate for r in pair), sum(r.memory for r in pair)))

    print(
        f"\nkNN, {arguments.queries:,} queries, bank of {arguments.bank:,} × 256, k = 200, two threads, best of {repeats}"
    )
    sizes = arguments.queries, arguments.bank, 2, repeats
    mine, labels = alone(neighbours, *sizes, False)
    show("ours", mine, "queries/s")
    if not HAVE_LIGHTLY:
        show("lightly", Result(note=ABSENT))
        return
    other, other_labels = alone(neighbours, *sizes, True)
    show("lightly", other, "queries/s")
    print(f"  labels agree for {100 * (labels == other_labels).float().mean():.2f} % of the queries")


if __name__ == "__main__":
    main()
