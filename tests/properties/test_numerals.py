"""Numbers come back from every way of writing them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from dothi.io.numerals import decimal_sign, numbers

SEPARATORS = {".": (",", " ", "\u202f", "'"), ",": (".", " ", "\u00a0")}


@st.composite
def written(draw: st.DrawFn) -> tuple[list[float], list[str], str]:
    """Some numbers, the same as text in one format, and its decimal sign."""
    decimal = draw(st.sampled_from([".", ","]))
    group = draw(st.sampled_from(SEPARATORS[decimal]))
    places = draw(st.integers(0, 4))
    values = draw(st.lists(st.integers(-(10**12), 10**12).map(lambda n: n / 10**places), min_size=1, max_size=8))
    texts = [f"{v:,.{places}f}".replace(",", "\0").replace(".", decimal).replace("\0", group) for v in values]
    return values, texts, decimal


@given(written())
def test_numbers_of_a_known_format_come_back(case):
    values, texts, decimal = case
    found, wrong, ambiguous = numbers(texts, decimal)
    assert not wrong
    assert not ambiguous
    assert_allclose(found, values, rtol=1e-15)


@given(written())
def test_a_format_is_found_out_rightly_or_not_at_all(case):
    values, texts, _ = case
    found, wrong, ambiguous = numbers(texts)
    assert ambiguous or (not wrong and np.allclose(found, values, rtol=1e-15))


@given(st.lists(st.text(max_size=12), max_size=8))
def test_any_text_gives_a_number_or_is_reported(texts):
    found, wrong, ambiguous = numbers(texts)
    assert len(found) == len(texts)
    assert np.isnan(found[wrong]).all()
    assert ambiguous or decimal_sign([text.strip() for text in texts if text.strip()]) in (".", ",", "")
