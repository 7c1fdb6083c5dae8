"""Embeddings and network together: what is hidden, what is handed on, what the arms change."""

from dataclasses import replace

import pytest
import torch

from replications.papers.continuous_diffusion_for_categorical_data import method
from replications.papers.continuous_diffusion_for_categorical_data.config import Config
from replications.papers.continuous_diffusion_for_categorical_data.model import Model

CONFIG = Config("chain", categories=6, length=5, dimension=4, width=16, blocks=1, heads=2)


def make(**fields):
    draw = torch.Generator().manual_seed(0)
    model = Model(replace(CONFIG, **fields), draw)
    for p in model.network.parameters():
        p.data.add_(0.2 * torch.randn(p.shape, generator=draw))
    return model.requires_grad_(False)


def state(seed=1):
    draw = torch.Generator().manual_seed(seed)
    tokens = torch.randint(6, (3, 5), generator=draw)
    return tokens, torch.randn(3, 5, 4, generator=draw), torch.tensor([0.5, 2.0, 9.0])


def test_the_noisy_input_is_hidden_where_tokens_are_given():
    model, (tokens, x, t) = make(), state()
    mask = torch.tensor([[0.0, 0, 1, 1, 1]]).expand(3, 5)
    given, previous = model.given(tokens, mask), torch.randn(x.shape)
    torch.testing.assert_close(given[:, :2], model.embeddings()[tokens[:, :2]])
    assert not given[:, 2:].any()
    other = torch.where(mask[..., None] == 0, 100.0, 0.0)
    one, two = (model.logits(x + shift, t, mask, given, previous + shift) for shift in (0, other))
    torch.testing.assert_close(one, two)
    assert not torch.allclose(one, model.logits(x, t, mask, None, previous))


def test_each_input_matters_unless_it_is_switched_off():
    _, x, t = state()
    model = make()
    plain = model.logits(x, t)
    assert not torch.allclose(plain, model.logits(x, t, previous=torch.ones_like(x)))
    assert not torch.allclose(plain, model.logits(x, 2 * t))
    timeless = make(time_input=False)
    scaled = method.input_scale(t)[:, None, None] / method.input_scale(2 * t)[:, None, None]
    torch.testing.assert_close(timeless.logits(x, t), timeless.logits(x * scaled, 2 * t))  # only c_in x tells of t


def test_estimates_are_corrected_as_the_config_says():
    _, x, t = state()
    for fields, norm in (({}, None), ({"renormalise": True}, 2.0), ({"clamp": True}, 2.0)):
        model = make(**fields)
        found = model.estimate(model.logits(x, t), model.embeddings())
        if norm is None:
            assert float(found.norm(dim=-1).max()) < 2
        else:
            torch.testing.assert_close(found.norm(dim=-1), torch.full((3, 5), norm))


def test_the_denoiser_hides_and_forgets():
    model, (tokens, x, _) = make(), state()
    mask = torch.tensor([[0.0, 0, 1, 1, 1]]).expand(3, 5)
    shown, hidden = model.denoiser(mask, tokens), model.denoiser(mask, tokens, hide=True)
    assert not torch.allclose(shown(x, 1.0, None), hidden(x, 1.0, None))
    torch.testing.assert_close(shown(x, 1.0, None).sum(-1), torch.ones(3, 5))
    forgetful = model.denoiser(mask, tokens, self_condition=False)
    torch.testing.assert_close(forgetful(x, 1.0, torch.ones_like(x)), shown(x, 1.0, None))


def test_free_rows_are_used_as_they_are():
    model = make(normalised=False, sigma=0.5)
    torch.testing.assert_close(model.embeddings(), model.rows)


def test_an_empty_alphabet_is_named():
    with pytest.raises(ValueError, match="an alphabet of 0 symbols"):
        Model(replace(CONFIG, categories=0), torch.Generator())
