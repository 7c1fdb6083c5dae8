"""The warp: inverse, density, no-ops, limits, and a fit that recovers a known curve."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from replications.papers.continuous_diffusion_for_categorical_data.warping import Warp, WarpFit, low_discrepancy


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random_warp(seed=0, bins=9):
    sizes = torch.softmax(torch.randn(2, bins, generator=generator(seed), dtype=torch.float64), 1)
    return Warp(*sizes, 1.0, 300.0)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), bins=st.integers(1, 40))
def test_inverse_and_density(seed, bins):
    warp, u = random_warp(seed, bins), torch.linspace(0, 1, 41, dtype=torch.float64)
    t = warp.t(u)
    assert (t.diff() > 0).all()
    torch.testing.assert_close(warp.u(t), u)
    torch.testing.assert_close(t[[0, -1]], torch.tensor([1.0, 300.0], dtype=torch.float64))
    inside = t[1:-1]  # away from edges, the slope of F is the density, and that of its inverse one over it
    h = 1e-7
    slope = (warp.u(inside + 299 * h) - warp.u(inside)) / h
    same_bin = warp.density(inside) == warp.density(inside + 299 * h)
    torch.testing.assert_close(slope[same_bin], warp.density(inside)[same_bin], rtol=1e-4, atol=1e-6)


def test_density_integrates_to_one():
    warp, t = random_warp(), torch.linspace(1, 300, 200_001, dtype=torch.float64)
    assert float(torch.trapezoid(warp.density(t), (t - 1) / 299)) == pytest.approx(1, abs=1e-3)


def test_no_ops_and_limits():
    warp, t = random_warp(), torch.linspace(1, 300, 50, dtype=torch.float64)
    line = (t - 1) / 299
    for same in (warp.tempered(1.0), warp.mixed(0.0)):
        torch.testing.assert_close(same.u(t), warp.u(t))
    for flat in (warp.tempered(1e9), warp.mixed(1.0), Warp.uniform(1.0, 300.0)):
        torch.testing.assert_close(flat.u(t).double(), line, atol=1e-6, rtol=1e-6)
    assert float(warp.tempered(0.5).w_u.sum()) == pytest.approx(1)
    assert float(warp.mixed(0.3).w_u.sum()) == pytest.approx(1)


def test_log_uniform():
    warp = Warp.log_uniform(0.5, 50.0)
    t = warp.t(torch.linspace(0, 1, 11))
    np.testing.assert_allclose(t, np.geomspace(0.5, 50, 11), rtol=2e-3)


@pytest.mark.parametrize("shape", [(1.0, 1.0), (0.5, 2.0)])
def test_a_known_curve_becomes_the_target_shape(shape):
    from scipy import stats

    t = np.geomspace(0.3, 100, 400)
    loss = 2.5 * (1 - np.exp(-t / 4))
    warp = Warp.from_curve(t, loss, shape)
    u = torch.linspace(0.05, 0.95, 19)
    found = np.interp(warp.t(u).numpy(), t, (loss - loss[0]) / (loss[-1] - loss[0]))
    np.testing.assert_allclose(found, stats.beta(*shape).cdf(u.numpy()), atol=0.01)


def test_an_unfitted_warp_is_the_identity_and_its_scale_is_one():
    fit, t = WarpFit(1.0, 300.0), torch.linspace(1, 300, 21)
    torch.testing.assert_close(fit(t).detach(), (t - 1) / 299)
    torch.testing.assert_close(fit.warp().u(t), (t - 1) / 299)
    assert fit.asymptote() == pytest.approx(1)


def test_both_uses_of_the_bins_share_their_logits():
    fit, t = WarpFit(0.5, 50.0, bins=12, floor=0.0), torch.linspace(0.5, 50, 30)
    with torch.no_grad():
        fit.logits.normal_(generator=generator())
        fit.average.copy_(fit.logits)
    torch.testing.assert_close(fit(t).detach(), fit.warp().u(t) * fit.logits[1].exp().sum().detach())
    assert fit.asymptote() == pytest.approx(fit.logits[1].exp().sum().item())


def fitted(loss, updates=800, low=0.5, high=50.0):
    fit, draw = WarpFit(low, high, floor=1e-4, lr=0.05), generator()
    for _ in range(updates):
        warp = fit.warp()
        t = warp.t(low_discrepancy(64, draw))
        fit.update(t, loss(t) + 0.1 * torch.randn(64, generator=draw), warp.density(t))
    return fit


def test_the_fit_recovers_a_curve_and_makes_it_linear():
    def loss(t):
        return 2.6 * (1 - torch.exp(-(t - 0.5) / 4))

    fit, t = fitted(loss), torch.linspace(0.5, 50, 100)
    assert float((fit(t).detach() - loss(t)).abs().max()) < 0.15
    u = torch.linspace(0.1, 0.95, 20)
    assert float((loss(fit.warp().t(u)) / 2.6 - u).abs().max()) < 0.12
    assert fit.asymptote() == pytest.approx(2.6, abs=0.15)


def test_a_linear_loss_leaves_the_identity():
    fit, t = fitted(lambda t: 2 * (t - 0.5) / 49.5, updates=600), torch.linspace(0.5, 50, 40)
    assert float((fit.warp().u(t) - (t - 0.5) / 49.5).abs().max()) < 0.05


def test_no_gradient_reaches_the_losses_and_the_floor_keeps_bins_open():
    fit = WarpFit(0.5, 50.0, bins=10, floor=1e-2)
    losses = torch.ones(8, requires_grad=True)
    fit.update(torch.linspace(1, 40, 8), losses, torch.ones(8))
    assert losses.grad is None
    with torch.no_grad():
        fit.average[1] = torch.tensor([0.0] + [-50.0] * 9)
    assert float(fit.warp().w_u.min()) == pytest.approx(1e-2 / 1.1)


def test_low_discrepancy_is_uniform_and_even():
    u = torch.stack([low_discrepancy(8, generator(seed)) for seed in range(2000)])
    assert ((u >= 0) & (u < 1)).all()
    assert (u.mul(8).floor().sort(1).values == torch.arange(8)).all()  # one in each eighth
    assert float(u.flatten().var()) == pytest.approx(1 / 12, rel=0.02)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"\[3, 1\]"):
        Warp.uniform(3.0, 1.0)
    with pytest.raises(ValueError, match="got -1"):
        Warp.uniform(0.0, 1.0).u(torch.tensor([-1.0]))
