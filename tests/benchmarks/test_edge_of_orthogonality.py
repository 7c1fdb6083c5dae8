"""What a closed-form predictor costs of a training step: printed, never asserted. Run with `pytest -s tests/benchmarks`.

Numerator: `ClosedForm.fit` on the latents of one batch at the laptop's sizes: covariances, iteration, scaling, average.
Denominator: the whole step with that predictor, views included. CPU seconds of one thread, the least of the repeats.
"""

import time
from dataclasses import replace

import torch

from replications.papers.edge_of_orthogonality.learner import Orthogonal
from replications.papers.edge_of_orthogonality.predictors import CLOSED_FORMS
from replications.papers.edge_of_orthogonality.study import LAPTOP
from replications.study import Context

REPEATS, STEPS, FITS = 3, 3, 10


def least(call, count: int) -> float:
    """CPU seconds of one call, the least over repeats of `count` calls each, after a warm-up."""
    call()
    seconds = []
    for _ in range(REPEATS):
        start = time.process_time()
        for _ in range(count):
            call()
        seconds.append((time.process_time() - start) / count)
    return min(seconds)


def test_a_closed_form_costs_little_of_a_step():
    torch.set_num_threads(1)
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (LAPTOP.batch, 3, 32, 32), dtype=torch.uint8, generator=draw)
    rows = torch.arange(LAPTOP.batch)
    latents = [torch.randn(LAPTOP.batch, LAPTOP.projection, generator=draw) for _ in range(4)]
    for name in CLOSED_FORMS:
        made = Orthogonal(replace(LAPTOP, predictor=name, alpha=0.3), Context(0, torch.device("cpu")), steps=10**6)
        head = made.online.predictor
        fit = least(lambda head=head: head.fit(latents[:2], latents[2:]), FITS)
        made.taken = 1  # no point of a curve: the measures of figures are apart
        step = least(lambda made=made: made.step(rows, pixels, 0.99, draw), STEPS)
        print(f"{name:20} {1e3 * fit:6.2f} ms of a step of {1e3 * step:6.1f} ms: {100 * fit / step:4.1f} %")
        assert torch.isfinite(head.weight).all()
