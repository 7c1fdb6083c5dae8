"""Token sequences: windows, a user's file with everything that can be wrong with it, digits, repeats."""

import numpy as np
import pytest
import torch

from replications.papers.continuous_diffusion_for_categorical_data import corpus
from replications.papers.continuous_diffusion_for_categorical_data.config import Config
from replications.papers.continuous_diffusion_for_categorical_data.corpus import Corpus
from replications.study import UserError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "replications.papers.continuous_diffusion_for_categorical_data.corpus.cache_folder", lambda: tmp_path
    )
    return tmp_path


def test_windows_are_pieces_of_the_text():
    text = torch.arange(100, dtype=torch.uint8)
    found = Corpus(text, text).windows(text, 50, 8, torch.Generator().manual_seed(0))
    assert found.shape == (50, 8)
    assert found.dtype == torch.int64
    assert (found.diff(dim=1) == 1).all()
    assert found.min() >= 0
    assert len(found[:, 0].unique()) > 20


def test_a_token_file_is_split(cache):
    np.save(cache / "tokens.npy", np.arange(100, dtype=np.uint16))
    found = corpus.corpus_of(Config("characters", categories=100, tokens="tokens.npy"))
    assert found.train.tolist() == list(range(95))
    assert found.test.tolist() == list(range(95, 100))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no token file at .*tokens.npy"),
        (np.zeros(4), "holds float64 of shape"),
        (np.zeros((2, 2), dtype=int), r"shape \(2, 2\)"),
        (np.zeros(0, dtype=int), r"shape \(0,\)"),
        (np.array([3, 12]), r"tokens 3 to 12: they must lie in 0..9"),
        (np.array([3, -1]), r"tokens -1 to 3"),
        ("text", "is not a .npy file of numbers"),
    ],
)
def test_a_bad_token_file_is_named(cache, content, message):
    if isinstance(content, str):
        (cache / "tokens.npy").write_text(content)
    elif content is not None:
        np.save(cache / "tokens.npy", content)
    with pytest.raises(UserError, match=message):
        corpus.token_file("tokens.npy", 10)


def test_digits_are_ink_or_none():
    images = torch.zeros(2, 1, 28, 28, dtype=torch.uint8)
    images[0, 0, 2:6, 2:6] = 255  # with two pixels of padding, the second pixel of the second row
    found = corpus.digits(images)
    assert found.shape == (2, 64)
    assert found[0].nonzero().flatten().tolist() == [9]
    assert not found[1].any()


def test_repeats():
    assert corpus.repeated(torch.tensor([[1, 2, 3, 4, 1, 2, 3, 4]])) == pytest.approx(2 / 5)
    assert corpus.repeated(torch.arange(12)[None]) == 0
    assert corpus.repeated(torch.zeros(3, 9, dtype=torch.long)) == 1


def test_shown():
    assert corpus.shown(torch.tensor([8, 5, 12, 12, 15, 0])) == "hello "
    assert corpus.shown(torch.tensor([8, 500])) == "8 500"


def test_wikipedia_is_27_symbols():
    try:
        found = corpus.characters()
    except UserError as error:
        pytest.skip(str(error))
    assert int(found.train.max()) == 26
    assert len(found.train) > 10 * len(found.test)
