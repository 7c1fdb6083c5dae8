"""Digits: distances between sets of images against loops, the closed form, a run on drawn squares."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from replications.papers.continuous_diffusion_for_categorical_data import method
from replications.papers.continuous_diffusion_for_categorical_data.experiments import digits
from replications.papers.continuous_diffusion_for_categorical_data.study import PIXELS, STUDY
from replications.study import Context


def images(n, seed):
    return (
        torch.rand(n, 5, generator=torch.Generator().manual_seed(seed)) < torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9])
    ).long()


def test_distances_agree_with_a_slow_loop():
    one, two = images(60, 0), images(80, 1)
    found = digits.distances(one, two)
    joint = []
    for i in range(5):
        for j in range(5):
            laws = []
            for part in (one, two):
                law = np.zeros((2, 2))
                for row in part.tolist():
                    law[row[i], row[j]] += 1 / len(part)
                laws.append(law)
            joint.append(np.abs(laws[0] - laws[1]).sum() / 2)
    assert found["pair_tv"] == pytest.approx(np.mean(joint), rel=1e-5)
    assert found["pixel_gap"] == pytest.approx(float((one.float().mean(0) - two.float().mean(0)).abs().max()))
    assert digits.distances(one, one) == {"pixel_gap": 0.0, "pair_tv": 0.0}


def test_the_estimate_is_a_hyperbolic_tangent_for_opposite_embeddings_only():
    axis = method.unit_moment(torch.randn(1, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    draw = torch.Generator().manual_seed(1)
    assert digits.tanh_error(torch.cat([axis, -axis]), draw) < 1e-12
    assert digits.tanh_error(torch.cat([axis, axis.roll(1, 1)]), draw) > 0.1


def test_a_run_reports_declared_finite_numbers(monkeypatch):
    drawn = (torch.rand(300, 16, generator=torch.Generator().manual_seed(0)) < 0.3).long()
    monkeypatch.setattr(digits, "digit_sets", lambda: (drawn[:200], drawn[200:]))
    config = replace(PIXELS, length=16, updates=5, width=16, draws=50, steps=(5,))
    outcome = digits.digits(config, Context(seed=0, device=torch.device("cpu")))
    STUDY.validate(outcome)
    assert all(np.isfinite(v) for v in outcome.scalars.values())
    assert outcome.arrays["samples"].shape == (40, 16)
