"""The judge: a proper law over sequences, blind to what follows, one for all runs, better than a unigram."""

import itertools

import pytest
import torch

from replications.papers.continuous_diffusion_for_categorical_data import judge as judges
from replications.papers.continuous_diffusion_for_categorical_data.chain import Chain
from replications.papers.continuous_diffusion_for_categorical_data.config import Config
from replications.papers.continuous_diffusion_for_categorical_data.corpus import Corpus
from replications.study import Context

CONFIG = Config(
    "judge", categories=4, length=6, width=16, blocks=1, heads=2, batch=32, judge_updates=0, learning_rate=1e-2
)  # fmt: skip


def trained(updates=0):
    from dataclasses import replace

    chain = Chain.random(4)
    text = chain.sample(400, 50, torch.Generator().manual_seed(0)).flatten()
    config = replace(CONFIG, judge_updates=updates)
    return judges.train_judge(config, Corpus(text, text), Context(seed=0, device=torch.device("cpu"))), chain


def noisy():
    judge, _ = trained()
    for p in judge.parameters():
        p.data.add_(0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1)))
    return judge


def test_probabilities_of_all_sequences_sum_to_one():
    words = torch.tensor(list(itertools.product(range(4), repeat=4)))
    assert float((-noisy()(words).sum(1)).exp().sum()) == pytest.approx(1, abs=1e-5)


def test_it_does_not_see_what_follows():
    judge, tokens = noisy(), torch.randint(4, (5, 6), generator=torch.Generator().manual_seed(2))
    changed = tokens.clone()
    changed[:, 4] = (changed[:, 4] + 1) % 4
    torch.testing.assert_close(judge(tokens)[:, :4], judge(changed)[:, :4])
    assert not torch.allclose(judge(tokens)[:, 4], judge(changed)[:, 4])


def test_it_learns_and_its_samples_follow_the_chain():
    judge, chain = trained(150)
    fresh = chain.sample(300, 6, torch.Generator().manual_seed(3))
    own = float(judge(fresh).mean())
    assert own < chain.unigram_entropy() - 0.1
    assert own == pytest.approx(float(chain.nll(fresh).mean()), abs=0.1)
    made = judge.generate(fresh[:, :2], 6, torch.Generator().manual_seed(4))
    assert torch.equal(made[:, :2], fresh[:, :2])
    assert chain.bigram_distance(made) < 0.15


def test_arms_share_one_judge():
    from dataclasses import replace

    arms = [replace(CONFIG, experiment="characters", levels=levels) for levels in ("warped", "uniform")]
    reads = []

    def corpus_of(config):
        reads.append(config)
        text = torch.arange(200) % 4
        return Corpus(text, text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judges, "corpus_of", corpus_of)
        one, two = (judges.judge_of(arm, torch.device("cpu")) for arm in arms)
    judges._trained.cache_clear()
    assert one is two
    assert len(reads) == 1
