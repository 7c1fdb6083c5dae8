"""Units behind one interface: their sizes, their initialisation, their starts."""

import math

import pytest
import torch

from replications.papers.recurrent_discounted_attention.method import RECIPES, Recipe, parameter_count
from replications.papers.recurrent_discounted_attention.units import UNITS, Model, detach


def model(unit, inputs=2, hidden=8, outputs=3, **options):
    return Model(unit, inputs, hidden, outputs, torch.Generator().manual_seed(0), **options)


@pytest.mark.parametrize("unit", UNITS)
def test_sizes_are_the_paper_s(unit):
    extra = {"gru": 3 * 8, "lstm": 4 * 8}.get(unit, 0)  # PyTorch's second bias
    built = model(unit)
    assert sum(p.numel() for p in built.unit.parameters()) == parameter_count(unit, 8, 2) + extra
    assert (
        sum(p.numel() for p in model(unit, learn_start=True).parameters())
        == sum(p.numel() for p in built.parameters()) + 8
    )


@pytest.mark.parametrize("unit", UNITS)
def test_weights_are_xavier_and_only_forget_and_discount_biases_are_one(unit):
    built = model(unit, inputs=20, hidden=30)
    ones = 30 if unit not in ("gru", "rwa") else 0
    for name, parameter in built.unit.named_parameters():
        if parameter.dim() == 2:
            bound = math.sqrt(6 / (20 + 30)) if name == "w_u" else math.sqrt(6 / (20 + 30 + 30))
            assert 0.95 * bound < parameter.abs().max() <= bound
        else:
            assert set(parameter.tolist()) <= {0.0, 1.0}
    assert sum(p.sum() for p in built.unit.parameters() if p.dim() == 1) == ones


@pytest.mark.parametrize("unit", UNITS)
def test_output_state_and_start(unit):
    built, x = model(unit, learn_start=True), torch.rand(6, 4, 2)
    o, state = built(x)
    assert o.shape == (6, 4, 8)
    first, middle = built(x[:2])
    second, last = built(x[2:], detach(middle))
    torch.testing.assert_close(torch.cat([first, second]), o)
    torch.testing.assert_close(last, state)
    built.read(o).sum().backward()
    assert built.unit.start.grad.abs().max() > 0


def test_the_lstm_forgets_by_its_second_gate():
    built = model("lstm", inputs=1, hidden=2)
    x = torch.zeros(1, 1, 1)
    with torch.no_grad():
        for parameter in built.unit.rnn.parameters():
            if parameter.dim() == 2:
                parameter.zero_()
    _, (_, cell) = built(x, (torch.zeros(1, 1, 2), torch.ones(1, 1, 2)))
    torch.testing.assert_close(cell, torch.full((1, 1, 2), torch.sigmoid(torch.tensor(1.0)).item()))


def test_output_functions():
    x = torch.rand(5, 3, 2)
    plain = model(Recipe("exp", output="id"))
    shaped = model(RECIPES["rda-exp-tanh"])
    torch.testing.assert_close(torch.tanh(plain(x)[0]), shaped(x)[0])


@pytest.mark.parametrize("unit", UNITS)
def test_empty_sequences_and_wrong_features_are_refused(unit):
    with pytest.raises(ValueError, match="T ≥ 1"):
        model(unit)(torch.rand(0, 4, 2))
    with pytest.raises(ValueError, match="takes 2 features"):
        model(unit)(torch.rand(5, 4, 3))


def test_an_unknown_unit_is_refused():
    with pytest.raises(ValueError, match="unknown unit 'rnn'"):
        model("rnn")


def test_an_embedding_has_features_of_unit_variance():
    built = model("gru", inputs=40, symbols=27)
    assert built.embedding.shape == (27, 40)
    assert abs(built.embedding.var().item() - 1) < 0.1
    assert built(torch.zeros(5, 3, dtype=torch.long))[0].shape == (5, 3, 8)
