"""The public names, end to end: noise a token, read it, send it back."""

import numpy as np

from replications.papers.simplex_diffusion import method


def test_every_name_is_there():
    assert all(hasattr(method, name) for name in method.__all__)
    assert len(method.__all__) == len(set(method.__all__))


def test_there_and_back():
    """Tokens of a skewed law are noised to half, then returned by the exact bridge: their law is kept."""
    rng, prior, alpha = np.random.default_rng(0), np.array([0.6, 0.3, 0.1]), np.full(3, 0.8)
    y = method.noise_tokens(rng.choice(3, 6000, p=prior), alpha, 0.5, rng)
    method.check_simplex(method.project(y))
    bridge = method.STEPS["bridge"]
    for s, r in ((0.5, 0.2), (0.2, 0.01)):
        y = bridge(y, s, r, lambda y, s: method.posterior(y, s, alpha, prior), alpha, rng)
    share = np.bincount(method.posterior(y, 0.01, alpha, prior).argmax(-1), minlength=3) / 6000
    np.testing.assert_allclose(share, prior, atol=0.03)
