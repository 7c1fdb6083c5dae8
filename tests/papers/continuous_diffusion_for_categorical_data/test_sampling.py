"""Samplers: weights, exact steps, spacings, knobs that change nothing, oracles for what they compute, bad input."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from replications.papers.continuous_diffusion_for_categorical_data import method, sampling
from replications.papers.continuous_diffusion_for_categorical_data.sampling import Knobs
from replications.papers.continuous_diffusion_for_categorical_data.warping import Warp

VECTORS = method.unit_moment(torch.randn(5, 4, generator=torch.Generator().manual_seed(0)))
PRIOR = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05])


def denoise(x, t, previous=None):
    return method.posterior(x, t, VECTORS, PRIOR)


def draw(times, n=400, length=3, seed=0, **options):
    return sampling.sample(denoise, VECTORS, times, (n, length), torch.Generator().manual_seed(seed), **options)


@settings(max_examples=50, deadline=None)
@given(t=st.floats(1e-3, 300), share=st.floats(0, 1))
def test_euler_weights_are_a_mixture(t, share):
    weight = sampling.kept(t, share * t)
    assert -1e-12 <= weight <= 1 + 1e-12
    assert weight == pytest.approx(share, abs=1e-9)


def test_one_step_to_zero_returns_the_estimate():
    x = 5 * torch.randn(4, 3, 4, generator=torch.Generator().manual_seed(1))
    seen = {}

    def spy(state, t, previous):
        seen["x"] = state
        return denoise(state, t)

    tokens, near = sampling.sample(spy, VECTORS, [5.0, 0.0], (4, 3), torch.Generator().manual_seed(1))
    torch.testing.assert_close(seen["x"], x)
    expected = method.nearest(method.expected_embedding(denoise(x, 5.0), VECTORS), VECTORS)
    torch.testing.assert_close(near, expected)
    torch.testing.assert_close(tokens, near)


@pytest.mark.parametrize("heun", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.8])
def test_steps_agree_with_a_slow_loop(heun, temperature):
    times = [20.0, 8.0, 3.0, 1.0]
    tokens, near = draw(times, n=6, heun=heun, knobs=Knobs(score_temperature=temperature, initial_scale=0.9))
    x = 0.9 * 20.0 * torch.randn(6, 3, 4, generator=torch.Generator().manual_seed(0))

    def slope(state, t):  # -t ŝ/T
        return -t * method.score(state, method.expected_embedding(denoise(state, t), VECTORS), t) / temperature

    for t, s in itertools.pairwise(times):
        first = slope(x, t)
        second = slope(x + (s - t) * first, s) if heun else first
        x = x + (s - t) * (first + second) / 2
    torch.testing.assert_close(near, method.nearest(x, VECTORS))
    torch.testing.assert_close(tokens, denoise(x, 1.0).argmax(-1))


def test_the_law_of_one_token_is_recovered():
    tokens, _ = draw(sampling.rho_times(0.2, 60, 60, 7), n=6000)
    share = torch.bincount(tokens.flatten(), minlength=5) / tokens.numel()
    assert float((share - PRIOR).abs().sum()) / 2 < 0.03


def test_heun_is_of_second_order_and_euler_of_first():
    vectors = VECTORS.double()

    def end(steps, heun):
        seen = []

        def spy(x, t, previous):
            seen.append(x)
            return method.posterior(x, t, vectors, PRIOR.double())

        times = sampling.rho_times(1.0, 8.0, steps, 3)
        sampling.sample(spy, vectors, times, (50, 1), torch.Generator().manual_seed(0), heun=heun)
        return seen[-1]

    exact = end(2000, True)
    for heun, order in ((False, 1), (True, 2)):
        errors = [float((end(n, heun) - exact).abs().mean()) for n in (20, 40, 80)]
        assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.35)
        assert np.log2(errors[1] / errors[2]) == pytest.approx(order, abs=0.35)


def test_knobs_at_their_defaults_change_nothing_and_others_do():
    times = sampling.rho_times(0.2, 40, 12, 7)
    plain = draw(times)[0]
    torch.testing.assert_close(draw(times, knobs=Knobs(), free=denoise)[0], plain)
    for knobs in (Knobs(score_temperature=0.7), Knobs(softmax_temperature=0.4), Knobs(nucleus=0.5), Knobs(initial_scale=0.3),
                  Knobs(renormalise=True), Knobs(clamp=True)):  # fmt: skip
        assert not torch.equal(draw(times, knobs=knobs)[0], plain), knobs


def test_guidance_away_from_a_denoiser_makes_its_tokens_rarer():
    def free(x, t, previous):
        return method.posterior(x, t, VECTORS, torch.tensor([0.05, 0.1, 0.15, 0.3, 0.4]))

    times = sampling.rho_times(0.2, 40, 20, 7)
    shares = [(draw(times, n=3000, knobs=Knobs(guidance=g), free=free)[0] == 0).float().mean() for g in (0.0, 1.0, 2.0)]
    assert shares[0] < 0.1 < shares[1] < shares[2]


def test_the_previous_estimate_is_handed_on():
    seen = []

    def spy(x, t, previous):
        seen.append(previous)
        return denoise(x, t)

    sampling.sample(spy, VECTORS, [9.0, 3.0, 1.0], (2, 2), torch.Generator().manual_seed(0), heun=True)
    assert seen[0] is None
    assert all(previous is not None for previous in seen[1:])
    assert len(seen) == 5  # two a step, one to decode


def test_spacings():
    times = sampling.rho_times(1.0, 300.0, 10, 1)
    np.testing.assert_allclose(np.diff(times), -29.9)
    rho = sampling.rho_times(1.0, 300.0, 10, 8)
    np.testing.assert_allclose(np.diff(np.array(rho) ** (1 / 8)), np.diff(np.array(rho) ** (1 / 8))[0])
    assert rho[0] == pytest.approx(300)
    assert rho[-1] == pytest.approx(1)
    flat = sampling.warped_times(Warp.uniform(1.0, 300.0), 10)
    np.testing.assert_allclose(flat, times, rtol=1e-5)
    assert sampling.warped_times(Warp.uniform(1.0, 300.0), 10, 8)[5] == pytest.approx(1 + 299 / 256)


def test_nan_is_named():
    def broken(x, t, previous):
        p = denoise(x, t)
        if t < 3:
            p[1, 2] = float("nan")
        return p

    with pytest.raises(FloatingPointError, match="step 1: x is nan at sequence 1, position 2, coordinate 0"):
        sampling.sample(broken, VECTORS, [9.0, 2.0, 1.0], (3, 4), torch.Generator().manual_seed(0))


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="must not rise or be negative"):
        draw([1.0, 2.0])
    with pytest.raises(ValueError, match="must not rise or be negative"):
        draw([1.0, -0.5])
    with pytest.raises(ValueError, match="at least one step is needed, got 0"):
        sampling.rho_times(1, 2, 0, 1)
    with pytest.raises(ValueError, match="guidance 2 needs"):
        draw([2.0, 1.0], knobs=Knobs(guidance=2.0))
