"""Adam against torch's, K-FAC against a formula, clipping by member."""

import pytest
import torch

from replications.papers.bio_inspired_rl import method
from replications.papers.bio_inspired_rl.optimizers import DAMPING, KFAC, TRUST, Adam, Flat, clip

CPU = torch.device("cpu")


def flat(members=2):
    draw = torch.Generator().manual_seed(0)
    shapes = {"a.w": (3, 4), "a.b": (1, 4), "c.w": (4, 2)}
    return Flat([{n: torch.randn(s, generator=draw) for n, s in shapes.items()} for _ in range(members)], CPU)


def test_views_are_the_weights_and_their_gradient_is_flat():
    weights = flat()
    views = weights.views()
    assert views["a.w"].shape == (2, 3, 4)
    (views["c.w"] * 2).sum().backward()
    assert weights.tensor.grad.sum(1).tolist() == [16.0, 16.0]
    assert weights.tensor.grad[:, :16].abs().max() == 0


def test_adam_follows_its_formula():
    weights = torch.randn(2, 30, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected, first, second = weights.clone(), torch.zeros_like(weights), torch.zeros_like(weights)
    adam = Adam(weights, 1e-2, 1.5e-4)
    for step in range(1, 6):
        gradient = torch.randn(2, 30, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
        adam.step(weights, gradient)
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        unbiased = first / (1 - 0.9**step), second / (1 - 0.999**step)
        expected -= 1e-2 * unbiased[0] / (unbiased[1].sqrt() + 1.5e-4)
    assert torch.allclose(weights, expected, atol=1e-12)


def test_clipping_is_by_member():
    gradient = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    assert torch.allclose(clip(gradient, 1.0), torch.tensor([[0.6, 0.8], [0.3, 0.4]]))


def observed(kfac, seed=0, rows=12):
    draw = torch.Generator().manual_seed(seed)
    tape = {
        "a": (torch.randn(2, rows, 3, generator=draw), torch.zeros(2, rows, 4)),
        "c": (torch.randn(2, rows, 4, generator=draw), torch.zeros(2, rows, 2)),
    }
    gradients = {name: torch.randn(y.shape, generator=draw) for name, (_, y) in tape.items()}
    kfac.observe(tape, gradients, rows // 3)
    return tape, gradients


def test_a_kfac_step_is_the_damped_natural_gradient_within_its_trust():
    weights = flat()
    kfac, start = KFAC(weights, 0.1), weights.tensor.detach().clone()
    tape, gradients = observed(kfac)
    gradient = torch.randn(2, 24, generator=torch.Generator().manual_seed(5))
    kfac.step(weights.tensor.detach(), gradient)
    a = torch.cat([tape["a"][0], torch.ones(2, 12, 1)], -1)
    a, g = a.transpose(1, 2) @ a / 4, gradients["a"].transpose(1, 2) @ gradients["a"] / 12
    expected = method.precondition(gradient[:, :16].view(2, 4, 4), *method.damped_inverses(a, g, DAMPING))
    moved = start - weights.tensor.detach()
    scale = moved[:, :16].norm(dim=1) / expected.flatten(1).norm(dim=1)
    assert torch.allclose(moved[:, :16], scale[:, None] * expected.flatten(1), atol=1e-6)
    assert (scale <= 0.1 + 1e-6).all()
    change = scale * (moved * gradient).sum(1)  # the step's squared length in the Fisher metric, as F⁻¹ ∇ foretells it
    assert (change <= 2 * TRUST * 1.001).all()


def test_kfac_averages_its_factors():
    kfac = KFAC(flat(), 0.1)
    observed(kfac, 0)
    first = kfac.factors["c"][0].clone()
    tape, _ = observed(kfac, 1)
    a = tape["c"][0]
    assert torch.allclose(kfac.factors["c"][0], 0.95 * first + 0.05 * (a.transpose(1, 2) @ a / 4), atol=1e-5)


@pytest.mark.parametrize("kind", ["adam", "kfac"])
def test_saved_state_goes_on_with_the_same_bits(kind):
    def make(weights):
        return Adam(weights.tensor.detach(), 0.01, 1e-4) if kind == "adam" else KFAC(weights, 0.05)

    def step(optimizer, weights, index):
        if kind == "kfac":
            observed(optimizer, index)
        optimizer.step(weights.tensor.detach(), torch.randn(2, 24, generator=torch.Generator().manual_seed(index)))

    straight, halted = flat(), flat()
    one, two = make(straight), make(halted)
    for index in range(25):
        step(one, straight, index)
    for index in range(13):
        step(two, halted, index)
    resumed = make(halted)
    resumed.load([two.state(member) for member in (0, 1)], 13)
    for index in range(13, 25):
        step(resumed, halted, index)
    assert torch.equal(straight.tensor, halted.tensor)
