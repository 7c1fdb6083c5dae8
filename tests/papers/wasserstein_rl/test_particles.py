"""Langevin particles: stationary laws, the factor of two in the noise, and the test of a histogram."""

import math

import pytest
import torch

from replications.papers.wasserstein_rl.gaussian import Gaussian, QuadraticBandit
from replications.papers.wasserstein_rl.method import quadratic
from replications.papers.wasserstein_rl.particles import euler_maruyama_variance, langevin, tv_excess

K, BETA, H = 1.3, 0.25, 0.15


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(n, seed=1):
    return torch.randn(n, dtype=torch.float64, generator=seeded(seed))


def test_stationary_variance_of_euler_maruyama():
    found = langevin(0.1 * normal(40_000), quadratic(K, 0.0), BETA, H, 80, seeded()).var()
    assert float(found) == pytest.approx(euler_maruyama_variance(K, BETA, H), rel=0.03)
    assert float(found) > 1.05 * BETA / K  # the bias is visible


def test_correction_removes_the_bias_for_a_quadratic():
    found = langevin(0.1 * normal(40_000), quadratic(K, 0.0), BETA, H, 80, seeded(), corrected=True).var()
    assert float(found) == pytest.approx(BETA / K, rel=0.03)


def test_noise_without_the_factor_of_two_halves_the_variance():
    found = langevin(0.1 * normal(40_000), quadratic(K, 0.0), BETA, H, 80, seeded(), noise=math.sqrt(0.5)).var()
    assert float(found) == pytest.approx(euler_maruyama_variance(K, BETA, H) / 2, rel=0.03)


def test_particles_follow_the_flow():
    bandit, n = QuadraticBandit(K, 0.7, BETA), 40_000
    end = bandit.flow(Gaussian(-1.0, 0.5), 0.6)
    found = langevin(-1.0 + 0.5 * normal(n), quadratic(K, 0.7), BETA, 0.004, 150, seeded())
    assert float(found.mean()) == pytest.approx(end.mean, abs=4 * end.std / math.sqrt(n) + 0.004)
    assert float(found.std()) == pytest.approx(end.std, rel=0.02)


def test_the_same_seed_gives_the_same_particles_and_the_start_is_kept():
    start = normal(100)
    kept = start.clone()
    one, again, other = (langevin(start, quadratic(1.0, 0.0), 0.2, 0.1, 5, seeded(s)) for s in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(start, kept)


def test_histogram_test_says_yes_to_its_law_and_no_to_another():
    wanted = torch.tensor([0.1, 0.2, 0.3, 0.25, 0.15], dtype=torch.float64)
    off = torch.tensor([0.12, 0.2, 0.3, 0.25, 0.13], dtype=torch.float64)
    excess, wrong = [], []
    for seed in range(30):
        draws = torch.multinomial(wanted, 20_000, replacement=True, generator=seeded(seed))
        counts = torch.bincount(draws, minlength=5).double()
        excess.append(tv_excess(counts, wanted)[1])
        wrong.append(tv_excess(counts, off)[1])
    assert abs(sum(excess) / 30) < 0.6
    assert max(excess) < 4
    assert min(wrong) > 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: langevin(normal(9), quadratic(1.0, 0.0), 0.2, 0.0, 5, seeded()), "h must be above zero"),
        (lambda: langevin(1e3 * normal(9), quadratic(9.0, 0.0), 0.2, 1.0, 500, seeded()), "left to infinity"),
        (lambda: euler_maruyama_variance(1.0, 0.2, 2.5), "unstable"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
