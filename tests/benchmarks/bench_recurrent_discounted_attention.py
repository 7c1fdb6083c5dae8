"""The RDA's scan beside torch.nn.GRU, torch.nn.LSTM and the eager loop: CPU milliseconds and memory. Prints, never asserts.

    OMP_WAIT_POLICY=passive python tests/benchmarks/bench_recurrent_discounted_attention.py

One thread, float32, the same random input for all; forward and backward together, every gradient taken. Before anything
is timed the scan, in C++ and in PyTorch, must agree with the eager loop to 1e-5 of the largest entry, which is float32
rounding over thirty steps (tests ask for 1e-6 over seven, and for 1e-12 in float64). Each contender has a process of its
own, so that its peak of memory is its own: shown is the growth of resident memory over one forward and backward pass,
inputs, weights and libraries being there before. Of the time the least CPU time of `--repeats` passes is shown, after one
that warms up, and that of the first pass, in which memory comes fresh from the system: the eager loop's hundreds of arrays
feel that most, in every pass of a program that gives memory back in between. The C++ steps are compiled before, which takes
seconds once. Wants an idle core; `--steps 10 --batch 4 --hidden 16 --repeats 1` only shows that it works.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import torch
from torch import Tensor

from replications.papers.recurrent_discounted_attention import kernel
from replications.papers.recurrent_discounted_attention.method import RECIPES, Weights, two_state_loop
from replications.papers.recurrent_discounted_attention.scan import EMPTY, scan

CONTENDERS = ("nn.GRU", "nn.LSTM", "eager", "scan, PyTorch", "scan, C++")
Shape = tuple[int, int, int, int]  # T, B, H, I
Pass = Callable[[], tuple[Tensor, ...]]


def contender(name: str, unit: str, shape: Shape) -> Pass:
    """A forward and backward pass: the hidden states, then the gradients of the weights."""
    torch.set_num_threads(1)
    steps, batch, hidden, inputs = shape
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(steps, batch, inputs, generator=draw)
    probe = torch.randn(steps, batch, hidden, generator=draw)
    if name.startswith("nn."):
        network = getattr(torch.nn, name[3:])(inputs, hidden)
        parameters = list(network.parameters())
        forward = lambda: network(x)[0]  # noqa: E731
    else:
        recipe, gates = RECIPES[unit], RECIPES[unit].gates * hidden
        shapes = ((hidden, inputs), (hidden,), (gates, inputs), (gates, hidden), (gates,))
        parameters = [(torch.randn(s, generator=draw) / math.sqrt(s[-1])).requires_grad_() for s in shapes]
        weights, zero = Weights(*parameters), torch.zeros(batch, hidden)
        if name == "eager":
            forward = lambda: two_state_loop(recipe, x, weights, zero)  # noqa: E731
        else:
            if name.endswith("PyTorch"):
                kernel.library = lambda: None  # type: ignore[assignment]
            forward = lambda: scan(recipe, x, weights, zero, torch.full_like(zero, EMPTY))[0]  # noqa: E731

    def both() -> tuple[Tensor, ...]:
        h = forward()
        return (h.detach(), *torch.autograd.grad((h * probe).sum(), parameters))

    return both


def gate(unit: str, shape: Shape) -> str:
    """'' where both scans agree with the eager loop, else what does not."""
    small = (min(shape[0], 30), min(shape[1], 8), *shape[2:])
    expected = contender("eager", unit, small)()
    for name in ("scan, C++", "scan, PyTorch"):  # the last leaves this process without its library
        found = contender(name, unit, small)()
        for index, (mine, theirs) in enumerate(zip(found, expected)):
            error = ((mine - theirs).abs().max() / theirs.abs().max()).item()
            if error > 1e-5:
                return f"{name}: {'gradients' if index else 'values'} differ by {error:.1e} of the largest"
    return ""


def memory(name: str, unit: str, shape: Shape) -> float:
    """Growth of peak resident memory over one pass, MB."""
    both = contender(name, unit, (2, *shape[1:]))
    both()  # libraries, threads and weights are in memory now
    both = contender(name, unit, shape)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = both()
    assert all(part.isfinite().all() for part in found)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def milliseconds(name: str, unit: str, shape: Shape, repeats: int) -> tuple[float, float]:
    """CPU time of the first pass after the libraries are loaded, and the least of those after it."""
    contender(name, unit, (2, *shape[1:]))()
    both, total, passes = contender(name, unit, shape), 0.0, []
    for _ in range(repeats + 1):
        start = time.process_time()
        found = both()
        total += sum(float(part.sum()) for part in found)  # every output is read
        passes.append(1000 * (time.process_time() - start))
    assert math.isfinite(total)
    return passes[0], min(passes[1:])


def alone(function: Callable[..., Any], *arguments: object) -> Any:
    """`function` in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("steps", 100), ("batch", 100), ("hidden", 250), ("inputs", 10), ("repeats", 5)):
        options.add_argument(f"--{name}", type=int, default=default)
    chosen = options.parse_args()
    shape = (chosen.steps, chosen.batch, chosen.hidden, chosen.inputs)
    print(f"T = {shape[0]}, B = {shape[1]}, H = {shape[2]}, I = {shape[3]}; C++ steps: {kernel.library() is not None}")
    for unit in RECIPES:
        problem = alone(gate, unit, shape)
        if problem:
            print(f"{unit}: not timed, {problem}")
            continue
        for name in CONTENDERS:
            if name.startswith("nn.") and unit != next(iter(RECIPES)):
                continue
            first, best = alone(milliseconds, name, unit, shape, chosen.repeats)
            size = alone(memory, name, unit, shape)
            label = name if name.startswith("nn.") else f"{unit}, {name}"
            print(f"{label:32} {best:8.1f} ms CPU, first pass {first:8.1f} {size:8.1f} MB", flush=True)


if __name__ == "__main__":
    main()
