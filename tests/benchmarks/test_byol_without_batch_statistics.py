"""CPU time of a training step by layout: printed, never asserted. Run with `pytest -s tests/benchmarks`."""

import time

import pytest
import torch

from replications.papers.byol_without_batch_statistics.study import ARMS, Config, LayoutLearner
from replications.study import Context
from replications.training.lars import set_lr

BATCH, STEPS, REPEATS = 256, 4, 3


@pytest.mark.slow
@pytest.mark.parametrize("bfloat16", [False, True], ids=["float32", "bfloat16"])
def test_a_step_of_every_layout_beside_batch_norm(bfloat16):
    torch.set_num_threads(1)
    pixels = torch.randint(256, (BATCH, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found = {}
    for arm, form in ARMS.items():
        context = Context(0, torch.device("cpu"))
        learner = LayoutLearner(Config(bfloat16=bfloat16, **form), context)
        set_lr(learner.optimizer, 0.01)

        def steps(learner=learner, context=context):
            start = time.process_time()
            for step in range(STEPS):
                loss = learner.step(torch.arange(BATCH), pixels, 0.99, context.generator(f"step {step}"))
            assert torch.isfinite(loss)
            return time.process_time() - start

        steps()  # to warm up
        found[arm] = 1e3 * min(steps() for _ in range(REPEATS)) / STEPS / BATCH
        print(f"{arm:12} {found[arm]:6.2f} ms an image, {found[arm] / found['bn']:4.2f} of batch norm")
