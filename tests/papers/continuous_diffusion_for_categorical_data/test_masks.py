"""Masks: prefix sorted, counts uniform, positions exchangeable."""

import pytest
import torch
from scipy import stats

from replications.papers.continuous_diffusion_for_categorical_data.masks import MASKS, make_mask


def draw(kind, n=8000, length=6):
    return make_mask(kind, n, length, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", MASKS)
def test_something_is_always_generated(kind):
    mask = draw(kind)
    assert mask.shape == (8000, 6)
    assert set(mask.unique().tolist()) <= {0.0, 1.0}
    assert mask[:, :].sum(1).min() >= 1


@pytest.mark.parametrize("kind", ["prefix", "random", "mixed"])
def test_the_number_of_given_tokens_is_uniform(kind):
    counts = torch.bincount((1 - draw(kind)).sum(1).long(), minlength=6)
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3


def test_prefix_masks_are_sorted_and_random_ones_exchangeable():
    prefix, scattered = draw("prefix"), draw("random")
    assert (prefix.diff(dim=1) >= 0).all()
    share = (1 - scattered).mean(0)
    assert (share - share.mean()).abs().max() < 0.03
    assert not (scattered.diff(dim=1) >= 0).all()


def test_mixed_masks_are_half_prefix():
    mask = draw("mixed", 200)
    assert (mask[:100].diff(dim=1) >= 0).all()
    assert not (mask[100:].diff(dim=1) >= 0).all()


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="unknown masks 'suffix'"):
        draw("suffix")
    with pytest.raises(ValueError, match="length 0"):
        draw("prefix", length=0)
