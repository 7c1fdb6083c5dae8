"""Zipf's law and the splits, against the sums of the official code."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from replications.papers.zipfian_environments.method import rarest, rescale, split, unscale, zipf
from replications.study import UserError


@pytest.mark.parametrize(
    ("n", "exponent", "first", "last", "rare"),
    [(20, 2, 0.62650, 0.0015663, 0.0074032), (20, 1, 0.27795, None, 0.060319), (30, 1, 0.250314, 0.0083438, 0.054826)],
)
def test_probabilities_of_the_official_laws(n, exponent, first, last, rare):
    law = zipf(n, exponent)
    assert law[0] == pytest.approx(first, rel=1e-4)
    assert law[-(n // 5) :].sum() == pytest.approx(rare, rel=1e-4)
    if last is not None:
        assert law[-1] == pytest.approx(last, rel=1e-4)


def test_normalisers_and_cumulative_sums():
    assert 1 / zipf(20, 2)[0] == pytest.approx(1.5961632439, abs=1e-10)
    assert 1 / zipf(20, 1)[0] == pytest.approx(3.5977396571, abs=1e-10)
    assert 1 / zipf(30, 1)[0] == pytest.approx(3.9949871309, abs=1e-10)
    assert np.cumsum(zipf(20, 2))[:5] == pytest.approx([0.6265, 0.7831, 0.8527, 0.8919, 0.9170], abs=5e-5)


@pytest.mark.parametrize(("n", "k", "each"), [(20, 4, 0.25), (30, 6, 1 / 6), (50, 10, 0.1)])
def test_the_rarest_fifth_is_uniform_over_the_last_ranks(n, k, each):
    law = rarest(n)
    assert (law[:-k] == 0).all()
    assert law[-k:] == pytest.approx(np.full(k, each))


@given(st.integers(1, 200), st.floats(0, 4))
def test_a_law_falls_with_rank_and_sums_to_one(n, exponent):
    law = zipf(n, exponent)
    assert law.sum() == pytest.approx(1)
    assert (np.diff(law) <= 1e-15).all()


def test_uniform_is_exponent_zero_and_names_carry_exponents():
    assert split("uniform", 7) == pytest.approx(np.full(7, 1 / 7))
    assert split("zipf_1.5", 7) == pytest.approx(zipf(7, 1.5))
    assert split("uniform_rare", 10) == pytest.approx(rarest(10))


@pytest.mark.parametrize("name", ["", "rare", "zipf", "zipf_", "zipf_two", "power_2", "uniform_1"])
def test_an_impossible_split_is_one_line(name):
    with pytest.raises(UserError, match=r"no split .*choose uniform") as caught:
        split(name, 20)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "call", [lambda: zipf(0, 1), lambda: zipf(5, -1), lambda: zipf(5, float("nan")), lambda: rarest(4)]
)
def test_laws_that_do_not_exist_are_refused(call):
    with pytest.raises(UserError):
        call()


def test_rescaling_has_its_published_values_and_inverse():
    x = torch.linspace(-50, 50, 401, dtype=torch.float64)
    assert torch.allclose(unscale(rescale(x)), x, atol=1e-8)
    assert rescale(torch.tensor([0.0, 3.0])).tolist() == pytest.approx([0, 1.003])
