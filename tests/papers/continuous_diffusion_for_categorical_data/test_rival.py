"""The small simplex process against the chapter that holds the whole of it."""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from replications.papers.continuous_diffusion_for_categorical_data import rival
from replications.papers.continuous_diffusion_for_categorical_data.chain import Chain
from replications.papers.simplex_diffusion import posterior as theirs
from replications.papers.simplex_diffusion import reverse, simplex


def draw(seed=0, shape=(50, 6)):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2


@pytest.mark.parametrize("s", [0.01, 0.3, 0.999])
def test_posterior_and_flow(s):
    y, p = draw(), torch.softmax(draw(1), -1)
    np.testing.assert_allclose(rival.log_emission(y, s), theirs.log_emission(y.numpy(), s, 1.0), rtol=1e-9, atol=1e-12)
    expected = theirs.denoiser(y.numpy(), p.numpy(), s, 1.0)
    np.testing.assert_allclose(rival.destination(y, p, s), expected, rtol=1e-9)


@pytest.mark.parametrize("s", [0.05, 0.6])
def test_noise(s):
    tokens = torch.zeros(20_000, 1, dtype=torch.long)
    found = rival.noised(tokens, s, 2, torch.Generator().manual_seed(0))[:, 0].numpy()
    expected = simplex.noise_tokens(np.zeros(20_000, dtype=int), 1.0, s, np.random.default_rng(0), n=2)
    for j in range(2):
        assert stats.ks_2samp(found[:, j], expected[:, j]).pvalue > 1e-3


@pytest.mark.parametrize(("heun", "step"), [(False, reverse.ode_exponential), (True, reverse.ode_heun)])
def test_steps(heun, step):
    chain, levels = Chain.random(5), [0.9, 0.4, 0.1]
    start = -torch.rand(8, 4, 5, generator=torch.Generator().manual_seed(3)).log()
    found = rival.sample(chain, levels, (8, 4), torch.Generator().manual_seed(3), heun)
    y, rng = start.double().numpy(), np.random.default_rng(0)

    def denoise(state, s):
        return chain.posterior(torch.from_numpy(theirs.log_emission(state, s, 1.0)).float()).double().numpy()

    for s, r in itertools.pairwise(levels):
        y = step(y, s, r, denoise, np.ones(5), rng)
    assert (found.numpy() == denoise(y, levels[-1]).argmax(-1)).mean() > 0.96  # float32 against float64


def test_levels_lower_the_loss_in_equal_parts():
    s = np.linspace(rival.LAST, rival.FIRST, 200)
    levels = rival.entropy_levels(s, s**2, 10)
    assert levels[0] == rival.FIRST
    assert levels[-1] == rival.LAST
    np.testing.assert_allclose(np.diff(np.array(levels) ** 2), -0.1, atol=0.005)
