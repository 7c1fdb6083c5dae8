"""Character prediction on made-up text."""

import math
from dataclasses import replace

import pytest
import torch

from replications.data.text import Text
from replications.papers.recurrent_discounted_attention import characters
from replications.papers.recurrent_discounted_attention.study import Config
from replications.papers.recurrent_discounted_attention.units import Model
from replications.study import Context

CONFIG = Config("characters", unit="rda-sigmoid-id", length=10, hidden=12, batch=4, steps=30, evaluated=400, lr=0.01)


def text(count=2000, period=5):
    symbols = (torch.arange(count) % period).to(torch.uint8)
    return Text(symbols, symbols[:600], symbols[:600])


def context(**options):
    return Context(0, torch.device("cpu"), **options)


def test_streams_are_pieces_of_the_text_side_by_side():
    found = characters.streams(torch.arange(11).to(torch.uint8), 2)
    assert found.t().tolist() == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


@pytest.mark.parametrize(
    ("symbols", "message"), [([0] * 5, "5 characters are too few for 4"), ([0] * 20 + [27], "27 is outside 0 to 26")]
)
def test_short_text_and_characters_outside_the_alphabet_are_refused(symbols, message):
    with pytest.raises(ValueError, match=message):
        characters.streams(torch.tensor(symbols, dtype=torch.uint8), 4)


def test_text_shorter_than_a_window_is_refused():
    with pytest.raises(ValueError, match="too short for windows of 10"):
        characters.run(CONFIG, context(), text()._replace(train=torch.zeros(40, dtype=torch.uint8)))


def test_bits_do_not_depend_on_the_window():
    model = Model("rwa", 4, 6, 27, torch.Generator().manual_seed(0), symbols=27, learn_start=True)
    data = characters.streams(text().valid, 3)
    assert characters.bits(model, data, 7) == pytest.approx(characters.bits(model, data, 1000), rel=1e-5)
    with torch.no_grad():
        model.weight.zero_()
    assert characters.bits(model, data, 7) == pytest.approx(math.log2(27), rel=1e-5)


@pytest.mark.parametrize("unit", ["rda-sigmoid-id", "lstm"])
def test_learns_a_period_and_resumes_to_the_bit(unit, tmp_path, monkeypatch):
    config = replace(CONFIG, unit=unit)
    straight = characters.run(config, context(), text())
    assert straight.scalars["test_bits"] < 1.5
    assert straight.curves["bits"].x == [5, 10, 15, 20, 25, 30]
    monkeypatch.setenv("REPLICATIONS_CHECKPOINT_SECONDS", "0")
    path = tmp_path / "state.safetensors"

    def stop(fraction):
        if fraction > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        characters.run(config, context(checkpoint_path=path, report=stop), text())
    resumed = characters.run(config, context(checkpoint_path=path), text())
    assert resumed.scalars == straight.scalars
    assert resumed.curves == straight.curves
