"""The lemma: the least attention, bounded attention, and a discount."""

import math

import pytest
import torch

from replications.papers.recurrent_discounted_attention import oscillation
from replications.papers.recurrent_discounted_attention.study import Config
from replications.study import Context


def test_the_least_attention_follows_its_target_with_equality_in_the_lemma():
    target = torch.atanh(torch.tensor([0.5, -0.5, 0.3, -0.1, 0.2], dtype=torch.float64))
    z, q = oscillation.least_attention(target)
    r, s = oscillation.unroll(z, q, torch.zeros_like(q))
    torch.testing.assert_close(r, target)
    growth = -torch.log1p(-(r[1:] - r[:-1]).abs() / (1 + r[:-1].abs()))
    torch.testing.assert_close(s[1:] - s[:-1], growth)


def test_more_attention_than_the_least_grows_faster():
    target = torch.atanh(torch.tensor([0.5, -0.5], dtype=torch.float64))
    _, least = oscillation.least_attention(target)
    z = torch.tensor([target[0].item(), -0.9], dtype=torch.float64)  # a smaller value needs more attention
    alpha = (target[1] - target[0]) / (z[1] - target[0])
    assert torch.logit(alpha) > least[1]


def test_a_run_shows_growth_without_a_discount_and_none_with_it():
    scalars = oscillation.run(
        Config("oscillation", length=12, steps=300, lr=0.1), Context(0, torch.device("cpu"))
    ).scalars
    assert scalars["growth_free"] == pytest.approx(scalars["growth_needed"])
    assert scalars["growth_needed"] == pytest.approx(-math.log1p(-2 * math.atanh(0.5) / (1 + math.atanh(0.5))))
    assert scalars["lemma_free"] < 1e-12
    assert scalars["lemma_bounded"] < 1e-12
    assert scalars["lemma_discounted"] > 0.1
    assert scalars["error_bounded"] > 0.25
    assert scalars["error_discounted"] < 0.01
    assert scalars["attention_bounded"] <= 2 * oscillation.BOUND
