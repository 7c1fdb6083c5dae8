"""What is measured along the walk of the agents."""

import numpy as np
import pytest
import torch

from replications.papers.policy_gradients_soft_q import learning


def test_learning_approaches_the_optimum_in_the_plane(outcomes):
    path, optimum = outcomes["learning"].arrays["path"], outcomes["learning"].arrays["optimum"]
    assert path.shape == (4, 31, 2)
    assert path.dtype == np.float32
    distance = np.linalg.norm(path[0] - optimum, axis=1)
    assert distance[-1] < distance[0]
    assert outcomes["learning"].scalars["progress"] > 0.0


def test_projection_keeps_a_walk_that_lies_in_a_plane():
    generator = torch.Generator().manual_seed(0)
    plane = torch.linalg.qr(torch.randn(10, 2, generator=generator, dtype=torch.float64))[0]
    flat = torch.randn(2, 30, 2, generator=generator, dtype=torch.float64)
    path, optimum, share = learning._project(flat @ plane.T, flat[0, 0] @ plane.T)
    assert share == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(np.linalg.norm(path[0, 0] - path[1, 5]), (flat[0, 0] - flat[1, 5]).norm(), rtol=1e-12)
    np.testing.assert_allclose(path[0, 0], optimum, atol=1e-12)
