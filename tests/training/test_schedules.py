"""The numbers that the paper's schedules imply."""

from __future__ import annotations

import pytest

from replications.training.schedules import cosine_tau, warmup_cosine


def test_learning_rate_of_the_thousand_epoch_recipe():
    steps, peak = 312_784, 0.2 * 4096 / 256
    assert warmup_cosine(0, steps, 3127, peak) == 0
    assert warmup_cosine(3127, steps, 3127, peak) == pytest.approx(3.2)
    assert warmup_cosine(steps, steps, 3127, peak) == pytest.approx(0, abs=1e-12)
    assert warmup_cosine(3127 // 2, steps, 3127, peak) == pytest.approx(1.6, rel=1e-3)
    halfway = (steps + 3127) // 2
    assert warmup_cosine(halfway, steps, 3127, peak) == pytest.approx(1.6, rel=1e-4)


def test_tau_starts_at_its_base_and_ends_at_one():
    assert cosine_tau(0, 1000, 0.996) == pytest.approx(0.996, abs=1e-12)
    assert cosine_tau(250, 1000, 0.996) == pytest.approx(0.9965858, abs=1e-7)
    assert cosine_tau(500, 1000, 0.996) == pytest.approx(0.998, abs=1e-12)
    assert cosine_tau(1000, 1000, 0.996) == 1
    assert cosine_tau(700, 1000, 1.0) == 1


def test_a_warmup_as_long_as_the_training_is_refused():
    with pytest.raises(ValueError, match="shorter than the training"):
        warmup_cosine(0, 10, 10, 1.0)
