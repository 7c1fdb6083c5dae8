"""Characters: the given half stays, every knob reports, the judge scores the second half alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from replications.papers.continuous_diffusion_for_categorical_data import judge as judges
from replications.papers.continuous_diffusion_for_categorical_data.chain import Chain
from replications.papers.continuous_diffusion_for_categorical_data.corpus import Corpus
from replications.papers.continuous_diffusion_for_categorical_data.experiments import characters
from replications.papers.continuous_diffusion_for_categorical_data.study import STUDY, TEXT
from replications.study import Context

SHORT = replace(TEXT, updates=3, width=16, draws=14, batch=8, steps=(4, 6), length=8, judge_updates=3)


@pytest.fixture
def text(monkeypatch):
    long = Chain.random(27).sample(1, 3000, torch.Generator().manual_seed(0))[0]
    corpus = Corpus(long[:2500], long[2500:])
    monkeypatch.setattr(characters, "corpus_of", lambda config: corpus)
    monkeypatch.setattr(judges, "corpus_of", lambda config: corpus)
    judges._trained.cache_clear()
    yield corpus
    judges._trained.cache_clear()


@pytest.mark.parametrize("variants", [True, False])
def test_runs_report_declared_finite_numbers(text, variants):
    context = Context(seed=0, device=torch.device("cpu"))
    outcome = characters.characters(replace(SHORT, variants=variants), context)
    STUDY.validate(outcome)
    assert all(np.isfinite(v) for v in outcome.scalars.values())
    assert ("nll γ 4" in outcome.scalars) == variants
    samples = outcome.arrays["samples"]
    assert samples.shape == (12, 8)
    given = text.windows(text.test, 14, 8, context.generator("test"))[:12, :4]
    assert (samples[:, :4] == given.numpy()).all()
