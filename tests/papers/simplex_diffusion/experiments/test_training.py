"""The Transformer and its losses."""

import numpy as np
import pytest
import torch

from replications.papers.simplex_diffusion.experiments import Config, training
from replications.study import Context


def context(seed: int = 0) -> Context:
    return Context(seed=seed, device=torch.device("cpu"))


SMALL = Config("training", 6, categories=4, length=5, updates=3, batch=4, width=16)


def changed(**fields) -> Config:
    return Config(**{**SMALL.__dict__, **fields})


@pytest.mark.parametrize("loss", training.LOSSES)
def test_equal_seeds_give_equal_numbers(loss):
    first, second, other = (training.train(changed(loss=loss), context(seed)).scalars for seed in (3, 3, 4))
    assert first == second
    assert first != other


def test_a_network_of_zeros_gives_the_token_alone():
    """The head of the network adds to the exact likelihood of a single position."""
    process = training.Process(SMALL, training.Chain.random(4, np.random.default_rng(0)), torch.device("cpu"))
    batch = process.batch(3, np.random.default_rng(1))
    network = training.Network(process.inputs, 4, 5, 16)
    for parameter in network.parameters():
        parameter.data.zero_()
    np.testing.assert_allclose(network(*process.features(batch)).detach(), process.log_likelihood(batch), rtol=1e-5)


@pytest.mark.parametrize("loss", ["free score", "fixed boundary"])
def test_score_target_is_the_conditional_score(loss):
    """The loss is zero for a network that knows the token: s times the score of `mixture_score` at a one-hot p."""
    from replications.papers.simplex_diffusion.posterior import mixture_score

    config = Config("training", 4, alpha=0.7, categories=3, length=4, loss=loss)
    process = training.Process(config, training.Chain.random(3, np.random.default_rng(0)), torch.device("cpu"))
    batch = process.batch(5, np.random.default_rng(1))
    s = batch.levels[:, None]
    known = np.eye(3)[batch.tokens]
    exact = process.chain.posterior(process.log_likelihood(batch))
    closed = 0.0 if loss == "free score" else (0.7 - 1) * s[..., None] / batch.state - 1
    target = s[..., None] * mixture_score(batch.state, known, s, 0.7) - closed
    out = torch.from_numpy(target).float()
    size = 1 + float((torch.from_numpy(batch.state / s[..., None]) * out**2).sum(-1).mean())
    assert float(process.loss(out, batch)) < 1e-9 * size
    best = torch.from_numpy(s[..., None] * mixture_score(batch.state, exact, s, 0.7) - closed)
    assert process.score_error(best, batch).max() < 1e-9 * size


@pytest.mark.parametrize("process", ["cir", "gaussian"])
def test_likelihood_of_the_exact_posterior_is_the_entropy_of_the_chain(process):
    config = Config("training", 400, alpha=0.5, categories=3, length=4, process=process, width=16, dimension=8)
    chain = training.Chain.random(3, np.random.default_rng(0))
    parts = training.Process(config, chain, torch.device("cpu"))
    network = training.Network(parts.inputs, 3, 4, 16).eval()
    mine, exact = training.nats(network, parts, config, np.random.default_rng(2))
    assert exact == pytest.approx(chain.entropy(4), rel=0.06)
    assert mine > exact


def test_a_run_that_was_stopped_ends_with_the_same_numbers(tmp_path, monkeypatch):
    monkeypatch.setenv("REPLICATIONS_CHECKPOINT_SECONDS", "0")

    def saving() -> Context:
        return Context(seed=0, device=torch.device("cpu"), checkpoint_path=tmp_path / "state.safetensors")

    def stop(fraction: float) -> None:
        if fraction == 1:
            raise KeyboardInterrupt

    interrupted = saving()
    interrupted.report = stop
    with pytest.raises(KeyboardInterrupt):
        training.train(SMALL, interrupted)
    assert len(saving().restore()["losses"]) == SMALL.updates - 1
    assert training.train(SMALL, saving()).scalars == training.train(SMALL, context()).scalars


def test_unknown_loss_is_named():
    with pytest.raises(ValueError, match="unknown loss 'mse'"):
        training.train(changed(loss="mse"), context())


def test_training_lowers_the_bound():
    long = changed(draws=24, length=8, batch=16, width=32, updates=120)
    short = changed(draws=24, length=8, batch=16, width=32, updates=2)
    before, after = (training.train(config, context()).scalars["excess_nats"] for config in (short, long))
    assert after < before
