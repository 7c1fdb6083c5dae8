"""The rank of the true token: against simulation of every coordinate, the bound e^{-λ}, levels at equal accuracy."""

import numpy as np
import pytest
from scipy import stats

from replications.papers.simplex_diffusion import rank, simplex
from replications.papers.simplex_diffusion.cir import poisson_rate


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_ranks_against_full_simulation(alpha):
    v, s, n, rng = 12, 0.25, 20_000, np.random.default_rng(0)
    y = simplex.noise_tokens(np.zeros(n, int), alpha, s, rng, n=v)
    full = 1 + (y[:, 1:] > y[:, :1]).sum(1)
    quick = rank.ranks(rank.cir_exceedance(v, alpha, s, n, rng), v, rng)
    table = np.array([np.bincount(r, minlength=v + 1)[1:] for r in (full, quick)])
    assert stats.chi2_contingency(table).pvalue > 1e-3


def test_gaussian_ranks_against_full_simulation():
    v, level, n, rng = 12, 2.0, 20_000, np.random.default_rng(1)
    logits = rng.standard_normal((n, v))
    logits[:, 0] += level
    full = 1 + (logits[:, 1:] > logits[:, :1]).sum(1)
    quick = rank.ranks(rank.gaussian_exceedance(level, n, rng), v, rng)
    table = np.array([np.bincount(r, minlength=v + 1)[1:] for r in (full, quick)])
    assert stats.chi2_contingency(table[:, table.sum(0) > 0]).pvalue > 1e-3


def test_bound_by_lost_draws():
    v, s = 1000, 0.3
    rng = np.random.default_rng(2)
    found = rank.ranks(rank.cir_exceedance(v, 1 / v, s, 50_000, rng), v, rng)
    lost = np.exp(-poisson_rate(1.0, s))
    for r in (10, 500, 900):
        bound = lost * (1 - r / v)
        assert (found > r).mean() > bound - 4 * np.sqrt(bound / 50_000)


def test_averages_agree_with_draws():
    v, rng = 50, np.random.default_rng(3)
    exceedance = rank.cir_exceedance(v, 0.1, 0.3, 50_000, rng)
    found = rank.ranks(exceedance, v, rng)
    assert rank.top1(exceedance, v) == pytest.approx((found == 1).mean(), abs=0.01)
    assert rank.mean_rank(exceedance, v) == pytest.approx(found.mean(), rel=0.05)


@pytest.mark.parametrize(
    ("v", "alpha", "level"), [(27, 1.0, 0.1113), (27, 1 / 27, 0.2132), (32000, 1.0, 0.0543), (27, None, 3.422)]
)
def test_levels_at_ninety_per_cent(v, alpha, level):
    assert rank.level_at(0.9, v, alpha, 20_000, seed=4) == pytest.approx(level, rel=0.02)
