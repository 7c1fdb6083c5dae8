"""Time reversal: the algebra, the exact bridge, Bessel counts, grids, recovery of a known law."""

import itertools

import numpy as np
import pytest
from scipy import integrate, special, stats

from replications.papers.simplex_diffusion import cir, reverse, simplex
from replications.papers.simplex_diffusion import posterior as post

PRIOR = np.array([0.4, 0.25, 0.2, 0.1, 0.05])
FIRST = float(cir.elapsed(8.0))


def denoiser_of(alpha):
    return lambda y, s: post.posterior(y, s, alpha, PRIOR)


@pytest.mark.parametrize("alpha", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("s", [0.05, 0.6, 0.999])
def test_paper_forms_equal_regular_forms(alpha, s):
    rng = np.random.default_rng(0)
    y, p = rng.gamma(1.0, size=(50, 3)) + 1e-3, rng.dirichlet(np.ones(3), 50)
    score = post.mixture_score(y, p, s, alpha)
    scale = 1 + np.abs(y) / s**2
    drift = reverse.reverse_drift_from_score(y, score, alpha, b=1.7)
    np.testing.assert_allclose(drift / scale, reverse.reverse_drift(y, p, s, alpha, b=1.7) / scale, atol=1e-12)
    flow = (1 - s) / s * (y - post.denoiser(y, p, s, alpha))
    np.testing.assert_allclose(reverse.ode_field_from_score(y, score, alpha) / scale, flow / scale, atol=1e-12)
    np.testing.assert_allclose(reverse.log_ode_field(y, score, alpha) * y / scale, flow / scale, atol=1e-12)


def test_printed_log_form_is_right_only_for_alpha_one():
    y = np.array([0.2, 1.5])
    still = 0 / y - 1
    np.testing.assert_array_equal(reverse.log_ode_field_as_printed(still), 0)
    still = (0.5 - 1) / y - 1
    np.testing.assert_allclose(reverse.log_ode_field(y, still, 0.5), 0, atol=1e-14)
    np.testing.assert_allclose(reverse.log_ode_field_as_printed(still), 0.5 / y)


def test_stationary_score_rests_the_flow_and_gives_the_forward_drift_reversed():
    y, alpha = np.array([0.2, 1.5]), np.array([0.5, 2.0])
    score = (alpha - 1) / y - 1
    np.testing.assert_allclose(reverse.ode_field_from_score(y, score, alpha), 0, atol=1e-14)
    np.testing.assert_allclose(reverse.reverse_drift_from_score(y, score, alpha, 2.0), 2.0 * (alpha - y))


@pytest.mark.parametrize(
    ("alpha", "quantiles"),
    [(0.5, (0.14015, 0.8, 2.00102)), (1.0, (0.20718, 0.90212, 2.1271)), (2.0, (0.34487, 1.10562, 2.37754))],
)
def test_flow_of_one_category_carries_quantiles(alpha, quantiles):
    y = stats.gamma(alpha).ppf([0.05, 0.5, 0.95])[:, None]
    grid = np.geomspace(float(cir.elapsed(12.0)), 0.2, 1001)
    for s, r in itertools.pairwise(grid):
        y = reverse.ode_heun(y, s, r, lambda y, s: np.ones_like(y), np.array([alpha]), None)
    np.testing.assert_allclose(y[:, 0], quantiles, atol=2e-5)


@pytest.mark.parametrize(("order", "w"), [(-0.5, 0.3), (-0.9, 4.0), (0.0, 9.0), (1.5, 60.0)])
def test_bessel_counts(order, w):
    draws = reverse.bessel_counts(np.full(20_000, order), np.full(20_000, w), np.random.default_rng(0))
    m = np.arange(200)
    log_mass = (2 * m + order) * np.log(w / 2) - special.gammaln(m + 1) - special.gammaln(m + order + 1)
    mass = np.exp(log_mass - special.logsumexp(log_mass))
    kept = np.flatnonzero(mass * len(draws) > 8)
    observed = np.array([(draws == k).sum() for k in kept])
    rest = len(draws) - observed.sum()
    expected = np.append(mass[kept], 1 - mass[kept].sum()) * len(draws)
    assert (
        stats.chisquare(np.append(observed, rest)[expected > 5], expected[expected > 5] * 1.0, sum_check=False).pvalue
        > 1e-3
    )


def test_bessel_counts_without_argument_are_zero():
    np.testing.assert_array_equal(
        reverse.bessel_counts(np.zeros((2, 3)), np.zeros((2, 3)), np.random.default_rng(0)), 0
    )


def test_bridge_against_bayes_by_quadrature():
    """p(y_r | y_t, θ_0) ∝ f(y_r | θ_0) f(y_t | y_r): on and off the vertex, α = 0.7."""
    a, s, r, n = 0.7, 0.6, 0.25, 20_000
    times = -np.log1p(-np.array([r, s]))
    y = np.tile([0.8, 0.3], (n, 1))
    draws = reverse.bridge(y, np.zeros(n, int), s, r, a, np.random.default_rng(1))
    for j, theta0 in enumerate((1.0, 0.0)):
        root = np.linspace(0, 3.0 ** (1 / 4), 4001)[1:]  # y = u⁴ resolves the boundary
        x = root**4
        log = cir.log_density(x, theta0, a, times[0]) + np.array(
            [cir.log_density(y[0, j], v, a, times[1] - times[0]) for v in x]
        )
        cumulative = integrate.cumulative_trapezoid(np.exp(log) * 4 * root**3, root, initial=0)
        assert stats.kstest(draws[:, j], lambda v, x=x, c=cumulative: np.interp(v, x, c / c[-1])).pvalue > 1e-3


def test_bridge_reproduces_the_forward_law():
    alpha, n, rng = np.full(5, 0.5), 20_000, np.random.default_rng(2)
    y = reverse.generate(reverse.bridge_step, np.array([FIRST, 0.8, 0.3]), (n, 5), denoiser_of(alpha), alpha, rng)
    forward = simplex.noise_tokens(rng.choice(5, n, p=PRIOR), alpha, 0.3, rng)
    assert min(stats.ks_2samp(y[:, j], forward[:, j]).pvalue for j in range(5)) > 1e-3


def test_off_vertex_bridge_is_a_gamma_with_poisson_shape():
    y, s, r = np.full((20_000, 2), 0.4), 0.7, 0.2
    draws = reverse.bridge(y, np.zeros(20_000, int), s, r, 0.8, np.random.default_rng(3))[:, 1]
    between = (s - r) / (1 - r)
    kappa = (1 - between) / between
    rate = 1 / r + kappa
    count = np.random.default_rng(4).poisson(kappa / between * 0.4 / rate, 20_000)
    assert stats.ks_2samp(draws, np.random.default_rng(5).gamma(0.8 + count) / rate).pvalue > 1e-3


def test_bridge_refuses_to_go_forward():
    with pytest.raises(ValueError, match=r"got s = 0\.2, r = 0\.3"):
        reverse.bridge(np.ones((1, 2)), np.zeros(1, int), 0.2, 0.3, 1.0, np.random.default_rng(0))


@pytest.mark.parametrize("kind", ["t", "s", "log s", "entropy"])
def test_grids_fall_from_first_to_last(kind):
    knots = (np.array([0.001, 0.2, 0.9]), np.array([0.0, 0.7, 1.4]))
    grid = reverse.levels(kind, 10, 0.9, 0.001, knots)
    assert len(grid) == 11
    np.testing.assert_allclose(grid[[0, -1]], [0.9, 0.001], rtol=1e-12)
    assert np.all(np.diff(grid) < 0)


def test_grids_refuse():
    with pytest.raises(ValueError, match="at least one step"):
        reverse.levels("s", 0, 0.9, 0.1)
    with pytest.raises(ValueError, match="unknown grid 'cosine'"):
        reverse.levels("cosine", 3, 0.9, 0.1)


@pytest.mark.parametrize(
    ("name", "kind", "steps", "bound"),
    [("ODE Heun", "entropy", 10, 0.03), ("ODE exponential", "s", 10, 0.03), ("bridge", "s", 3, 0.03), ("reverse SDE", "s", 60, 0.06)],
)  # fmt: skip
def test_recovery_of_a_known_law(name, kind, steps, bound):
    alpha, rng = np.ones(5), np.random.default_rng(6)
    knots = (np.array([0.001, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, FIRST]),
             np.array([0.0, 3e-4, 0.047, 0.427, 0.808, 1.207, 1.367, 1.41, 1.415]))  # fmt: skip
    grid = reverse.levels(kind, steps, FIRST, 1e-3, knots)
    y = reverse.generate(reverse.STEPS[name], grid, (4000, 5), denoiser_of(alpha), alpha, rng)
    share = np.bincount(denoiser_of(alpha)(y, 1e-3).argmax(-1), minlength=5) / 4000
    assert 0.5 * np.abs(share - PRIOR).sum() < bound


def test_uniform_time_never_resolves_the_data_end():
    """Euler with ten steps uniform in t decodes the most probable class only: total variation 0.6."""
    alpha = np.ones(5)
    grid = reverse.levels("t", 10, FIRST, 1e-3)
    y = reverse.generate(reverse.ode_euler, grid, (2000, 5), denoiser_of(alpha), alpha, np.random.default_rng(7))
    share = np.bincount(denoiser_of(alpha)(y, 1e-3).argmax(-1), minlength=5) / 2000
    assert 0.5 * np.abs(share - PRIOR).sum() == pytest.approx(0.6, abs=0.01)


def test_generate_refuses_nan_and_bad_alpha():
    def broken(y, s, r, denoise, alpha, rng):
        return np.where(np.arange(5) == 3, np.nan, y)

    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"step 0: coordinate \(0, 3\) is nan"):
        reverse.generate(broken, np.array([0.9, 0.1]), (2, 5), denoiser_of(np.ones(5)), 1.0, rng)
    with pytest.raises(ValueError, match="α must be positive, got 0"):
        reverse.generate(broken, np.array([0.9, 0.1]), (2, 5), denoiser_of(np.ones(5)), 0.0, rng)
