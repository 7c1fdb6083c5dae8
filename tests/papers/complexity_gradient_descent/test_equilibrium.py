"""The balance of L2 and gradient noise, measured in small networks on synthetic images."""

import numpy as np
import pytest
import torch

from replications.papers.complexity_gradient_descent import equilibrium
from replications.papers.complexity_gradient_descent.equilibrium import EquilibriumConfig, WatchedSGD
from replications.study import Context
from replications.training.batched_optimizers import SGD

SHAPE = {"width": 16, "images": 2000, "batch": 20, "steps": 1000}


def context() -> Context:
    return Context(seed=0, device=torch.device("cpu"))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_watching_changes_no_step_and_averages_what_it_says(momentum: float) -> None:
    generator = torch.Generator().manual_seed(0)
    rate, decay = torch.tensor([0.1, 0.2]), torch.tensor([0.01, 0.02])
    plain, watched = SGD(rate, momentum, l2=decay), WatchedSGD(rate, momentum, decay)
    w = torch.randn(2, 4, 3, generator=generator)
    one, two = w.clone(), w.clone()
    expected = []
    for step in range(5):
        watched.watching = step >= 2
        inputs, delta = (torch.randn(2, 6, size, generator=generator) for size in (4, 3))
        before = one.clone()
        for optimizer, weight in ((plain, one), (watched, two)):
            optimizer.start_step()
            optimizer.matrix("w0", weight, inputs, delta)
        g2 = torch.bmm(inputs.transpose(1, 2), delta).square().sum((1, 2))
        norm2 = before.square().sum((1, 2))
        if step >= 2:
            expected.append(torch.stack([norm2.square(), norm2 * g2], 1))
    assert torch.equal(one, two)
    assert watched.count == 3
    torch.testing.assert_close(watched.sums["w0"][:, :2], torch.stack(expected).sum(0).double())


@pytest.mark.usefixtures("images")
def test_a_normalised_network_settles_at_the_balance_and_a_plain_one_does_not() -> None:
    pairs = ((0.3, 0.03), (0.3, 0.05))
    with_norm = equilibrium.run(EquilibriumConfig(True, 0.0, pairs, **SHAPE), context())
    without = equilibrium.run(EquilibriumConfig(False, 0.0, pairs, **SHAPE), context())
    assert with_norm.scalars["norm_error"] < 0.1
    assert without.scalars["norm_error"] > 0.3
    expected = with_norm.arrays["effective_rate"] / with_norm.arrays["effective_rate_expected"]
    np.testing.assert_allclose(expected**2, 1.0 / with_norm.arrays["norm_ratio"], rtol=1e-4)
    assert with_norm.curves["norm_0"].y[-1] < with_norm.curves["norm_0"].y[0]


@pytest.mark.usefixtures("images")
def test_a_divergence_is_said_with_its_step() -> None:
    with pytest.raises(ValueError, match=r"diverged at step \d"):
        equilibrium.run(EquilibriumConfig(False, 0.0, ((1e7, 1e-3),), **{**SHAPE, "steps": 40}), context())
