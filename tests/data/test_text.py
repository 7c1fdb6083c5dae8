"""text8 form: 27 symbols, there and back."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from replications.data.text import ALPHABET, decode, encode, to_text8


def test_to_text8_by_hand() -> None:
    assert to_text8("  Anarchism, in 1969: a café's “idea”!\n") == "anarchism in one nine six nine a caf s idea"
    assert to_text8("H2O") == "h two o"
    assert to_text8("42") == "four two"
    assert to_text8("…") == ""


@given(st.text())
def test_to_text8_is_idempotent_and_stays_in_the_alphabet(text: str) -> None:
    form = to_text8(text)
    assert set(form) <= set(ALPHABET)
    assert "  " not in form
    assert form == form.strip() == to_text8(form)


@given(st.text(alphabet=ALPHABET))
def test_decode_inverts_encode(text: str) -> None:
    symbols = encode(text)
    assert symbols.dtype == np.uint8
    assert decode(torch.from_numpy(symbols)) == text


def test_symbols() -> None:
    assert encode(" abz").tolist() == [0, 1, 2, 26]


@pytest.mark.parametrize("text", ["abC", "ab1", "ab\n", "abé"])
def test_another_character_is_named_with_its_place(text: str) -> None:
    with pytest.raises(ValueError, match=r"byte 2 is .*, not a to z or a space: use to_text8 first"):
        encode(text)
