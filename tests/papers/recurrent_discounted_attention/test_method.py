"""The recurrences as printed and as derived: identities, limits, and what overflows."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from replications.papers.recurrent_discounted_attention import method
from replications.papers.recurrent_discounted_attention.method import (
    ATTENTION,
    RECIPES,
    Recipe,
    naive_loop,
    two_state_loop,
)

from .conftest import weights

T, B, H, D = 9, 3, 4, 2
X = torch.randn(T, B, D, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
R0 = torch.randn(B, H, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
ALL = [Recipe(a, d, h) for a in ATTENTION for d in (True, False) for h in ("id", "tanh")]


@pytest.mark.parametrize("recipe", ALL, ids=str)
def test_two_states_are_the_printed_recurrence(recipe):
    w = weights(recipe, D, H)
    torch.testing.assert_close(two_state_loop(recipe, X, w, R0), naive_loop(recipe, X, w, R0), rtol=1e-10, atol=1e-12)


def test_stabilised_sums_are_the_same_average():
    draw = torch.Generator().manual_seed(0)
    z, q, y = torch.randn(3, 30, 5, generator=draw, dtype=torch.float64) * torch.tensor([1.0, 40.0, 3.0]).view(3, 1, 1)
    n = d = torch.zeros(5, dtype=torch.float64)
    m = s = torch.full((5,), -math.inf, dtype=torch.float64)
    r = torch.zeros(5, dtype=torch.float64)
    for t in range(30):
        n, d, m = method.stabilised_step(n, d, m, z[t], q[t], F.logsigmoid(y[t]))
        r, s = method.two_state_step(r, s, z[t], q[t], F.logsigmoid(y[t]))
        torch.testing.assert_close(n / d, r, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(m + d.log(), s, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    "recipe", [Recipe(a, d) for a in ("exp", "sigmoid", "softplus") for d in (True, False)], ids=str
)
def test_the_first_state_is_the_first_value_and_leaves_attention_without_gradient(recipe):
    w = weights(recipe, D, H)
    z, _, _ = method.gates(recipe, X[0], R0, w)
    h = naive_loop(recipe, X[:1], w, R0)[0]
    torch.testing.assert_close(h, z)
    slope = torch.autograd.grad(two_state_loop(recipe, X[:1], w, R0).sum(), w.b)[0]
    assert slope[H:].abs().max() == 0
    assert slope[:H].abs().max() > 0


def test_a_discount_of_one_is_the_rwa_and_of_zero_has_no_memory():
    rwa, rda = RECIPES["rwa"], Recipe("exp", discount=True, hidden="tanh", output="id")
    w = weights(rda, D, H)
    w = w._replace(b=w.b.detach().clone(), w_x=w.w_x.detach().clone(), w_h=w.w_h.detach().clone())
    w.w_x[2 * H :], w.w_h[2 * H :] = 0, 0
    without = w._replace(b=w.b[: 2 * H], w_x=w.w_x[: 2 * H], w_h=w.w_h[: 2 * H])
    w.b[2 * H :] = 40
    torch.testing.assert_close(naive_loop(rda, X, w, R0), naive_loop(rwa, X, without, R0))
    w.b[2 * H :] = -800
    h = naive_loop(rda, X, w, R0)
    before = torch.cat([torch.tanh(R0)[None], h[:-1]])
    torch.testing.assert_close(h, torch.tanh(method.gates(rda, X, before, w)[0]))


def test_constant_attention_and_discount_give_the_debiased_exponential_average():
    gamma = torch.tensor(0.7, dtype=torch.float64)
    z = torch.randn(12, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    r, s = torch.zeros(1, dtype=torch.float64), torch.full((1,), -math.inf, dtype=torch.float64)
    for t in range(12):
        r, s = method.two_state_step(r, s, z[t], torch.zeros(1, dtype=torch.float64), gamma.log())
    powers = gamma ** torch.arange(11, -1, -1)
    torch.testing.assert_close(r[0], (powers * z[:, 0]).sum() * (1 - gamma) / (1 - gamma**12))


@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(-60, 60), st.floats(-20, 20)), min_size=1, max_size=20))
def test_the_state_is_a_weighted_mean_of_the_values(steps):
    z, q, y = (torch.tensor(column, dtype=torch.float64) for column in zip(*steps))
    r, s = torch.zeros(()), torch.full((), -math.inf, dtype=torch.float64)
    for t in range(len(steps)):
        r, s = method.two_state_step(r, s, z[t], q[t], F.logsigmoid(y[t]))
        assert z[: t + 1].min() - 1e-12 <= r <= z[: t + 1].max() + 1e-12


def test_the_bias_of_exponential_attention_is_redundant_and_that_of_sigmoid_is_not():
    for attention, redundant in (("exp", True), ("sigmoid", False)):
        recipe = Recipe(attention)
        w = weights(recipe, D, H)
        shifted = w.b.detach().clone()
        shifted[H : 2 * H] += 1.3
        same = torch.allclose(
            naive_loop(recipe, X, w, R0), naive_loop(recipe, X, w._replace(b=shifted), R0), atol=1e-12
        )
        assert same == redundant


def test_the_printed_sums_overflow_in_float32_where_two_states_do_not():
    recipe, w = Recipe("exp"), weights(Recipe("exp"), D, H, torch.float32, scale=60.0)
    x, r0 = X.float(), R0.float()
    assert not naive_loop(recipe, x, w, r0).isfinite().all()
    assert two_state_loop(recipe, x, w, r0).isfinite().all()


def test_relu_attention_can_be_zero_over_zero():
    recipe = Recipe("relu")
    w = weights(recipe, D, H)
    closed = w.b.detach().clone()
    closed[H : 2 * H] = -100
    for loop in (naive_loop, two_state_loop):
        assert loop(recipe, X, w._replace(b=closed), R0).isnan().all()


def test_parameter_counts():
    counted = {(h, i): [method.parameter_count(u, h, i) for u in ("lstm", "gru", "rda-exp-tanh", "rwa")] for h, i in
               ((250, 1), (250, 2), (250, 9), (1800, 64))}  # fmt: skip
    assert counted == {
        (250, 1): [252_000, 189_000, 189_500, 126_500],
        (250, 2): [253_000, 189_750, 190_500, 127_250],
        (250, 9): [260_000, 195_000, 197_500, 132_500],
        (1800, 64): [13_428_000, 10_071_000, 10_188_000, 6_831_000],
    }
    with pytest.raises(ValueError, match="unknown unit 'elman'"):
        method.parameter_count("elman", 1, 1)


def test_growth_of_an_rwa_is_at_least_the_lemma_s_and_of_an_rda_it_is_not():
    draw = torch.Generator().manual_seed(5)
    z = torch.rand(200, generator=draw, dtype=torch.float64) * 2 - 1
    q = 3 * torch.randn(200, generator=draw, dtype=torch.float64)
    for log_gamma, holds in ((0.0, True), (-2.0, False)):
        r, s = z[0], q[0]
        path = [(r, s)]
        for t in range(1, 200):
            r, s = method.two_state_step(r, s, z[t], q[t], torch.tensor(log_gamma, dtype=torch.float64))
            path.append((r, s))
        rs, ss = (torch.stack(column) for column in zip(*path))
        excess = (method.lemma_growth(rs, 1.0) - (ss[1:] - ss[:-1])).max()
        assert (excess <= 1e-12) == holds


def test_unknown_functions_are_refused():
    with pytest.raises(ValueError, match="unknown function 'elu'"):
        Recipe("elu")
    with pytest.raises(ValueError, match="unknown function 'relu': choose from id, tanh"):
        Recipe(output="relu")
