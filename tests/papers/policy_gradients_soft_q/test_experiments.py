"""The experiments check the same whatever the size of their chunks."""

from dataclasses import replace

import torch

from replications.papers.policy_gradients_soft_q import study
from replications.study import Context

CPU = torch.device("cpu")


def test_size_of_the_chunks_does_not_change_what_is_checked(tiny):
    config = replace(tiny("duality"), chunk=7)
    assert study.run(config, Context(0, CPU)).scalars["gap_identity"] < 1e-12
    assert study.run(config, Context(0, CPU)).arrays["gap"].shape == (2, 12 * 40)
