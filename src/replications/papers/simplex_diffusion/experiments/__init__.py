"""What the study measures, one file a subject; each function takes a config and a context and returns an outcome."""

from __future__ import annotations

import numpy as np

from replications.study import Context


def numpy_generator(context: Context, name: str) -> np.random.Generator:
    """A NumPy generator for stream `name` of the run: NumPy has the Gamma and Poisson samplers that the process needs."""
    return np.random.default_rng(context.generator(name, "cpu").initial_seed())
