"""The range of t follows the norm of embeddings, as in the paper's base model."""

import pytest

from replications.papers.continuous_diffusion_for_categorical_data.config import Config


@pytest.mark.parametrize(("d", "low", "high"), [(256, 1.0, 300.0), (16, 0.25, 75.0), (32, 0.354, 106.1)])
def test_range(d, low, high):
    config = Config("characters", dimension=d)
    assert config.t_min == pytest.approx(low, abs=1e-3)
    assert config.t_max == pytest.approx(high, abs=0.05)
