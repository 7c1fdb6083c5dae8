"""The published table: means and medians follow from its scores."""

import numpy as np
import pytest

from replications.papers.bio_inspired_rl import published


def test_means_and_medians_follow_from_the_scores():
    for agent, mean in published.MEANS.items():
        assert published.normalised(agent).mean() == pytest.approx(mean, abs=1e-3)
        assert np.median(published.normalised(agent)) == pytest.approx(published.MEDIANS[agent], abs=1e-3)


def test_random_is_nought_and_a_human_is_one():
    assert np.allclose(published.normalised("Random"), 0)
    assert np.allclose(published.normalised("Human"), 1)
    assert published.human_normalised("krull", 2665.5) == pytest.approx(1.0)
    assert len(published.SCORES) == 26
