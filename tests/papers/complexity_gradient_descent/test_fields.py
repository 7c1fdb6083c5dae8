"""Random fields: derivatives against autograd, their law, descents, and the index."""

import numpy as np
import pytest
import torch

from replications.papers.complexity_gradient_descent import fields
from replications.study import Context


def context(seed: int = 0) -> Context:
    return Context(seed=seed, device=torch.device("cpu"))


def test_gradient_and_hessian_are_those_of_the_energy() -> None:
    found = fields.Fields(2, 4, 30, torch.Generator().manual_seed(0))
    found.k, found.theta = found.k.double(), found.theta.double()
    w = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def total(at: torch.Tensor) -> torch.Tensor:
        angles = torch.einsum("fmn,fsn->fsm", found.k, at) + found.theta
        return found.scale * angles.cos().sum()

    torch.testing.assert_close(found.energy(w).sum() * 4, total(w))
    torch.testing.assert_close(found.gradient(w), torch.autograd.functional.jacobian(total, w))
    hessian = torch.autograd.functional.hessian(total, w)
    ours = found.hessian(w)
    for f in range(2):
        for s in range(3):
            torch.testing.assert_close(ours[f, s], hessian[f, s, :, f, s])


def test_energy_has_unit_variance_and_the_covariance_of_the_model() -> None:
    dimension, count = 20, 3000
    found = fields.Fields(count, dimension, 40, torch.Generator().manual_seed(2))
    step = torch.zeros(1, 2, dimension)
    step[0, 1, 0] = 3.0
    values = dimension**0.5 * found.energy(step.expand(count, -1, -1))  # V/√N
    assert float(values[:, 0].var()) == pytest.approx(1.0, abs=0.08)
    assert float((values[:, 0] * values[:, 1]).mean()) == pytest.approx(np.exp(-9.0 / 40.0), abs=0.08)


def test_paths_of_the_coefficient() -> None:
    for name in fields.PATHS:
        path = fields.mu_path(name, 0.4, 100)
        assert path.shape == (100,)
        assert path[-1] == pytest.approx(0.4)
    assert fields.mu_path("down", 0.4, 100)[0] == fields.HIGH
    assert fields.mu_path("up", 0.4, 100)[0] == 0.0
    assert (np.diff(fields.mu_path("down", 0.4, 100)) <= 0).all()
    assert fields.mu_path("jump", 0.4, 100)[[9, 10]].tolist() == [fields.HIGH, 0.4]
    with pytest.raises(ValueError, match="unknown path 'sideways'"):
        fields.mu_path("sideways", 0.4, 100)


def test_above_the_transition_every_path_ends_in_the_one_minimum() -> None:
    config = fields.AnnealConfig(mus=(1.5,), dimension=20, features=600, fields=2, steps=300)
    found = fields.run_anneal(config, context()).arrays["energy"]  # (fields, paths)
    assert np.ptp(found, axis=1).max() < 1e-4
    assert np.ptp(found[:, 0]) > 1e-3  # fields differ, so the agreement is no constant


def test_energy_falls_along_a_descent_and_the_index_goes_to_zero() -> None:
    config = fields.IndexConfig(mus=(0.5,), dimension=40, features=3000, fields=4, steps=150, looks=6)
    found = fields.run_index(config, context())
    assert (np.diff(found.curves["energy_0.5"].y[1:]) < 0).all()
    index = found.curves["index_0.5"].y
    assert index[0] > 0.2
    assert index[-1] == 0.0
    assert found.scalars["index_error"] < 0.06 < found.scalars["index_error_blind"]
    assert found.arrays["histogram"].sum() == 3 * 4 * 40  # every eigenvalue has a bin
