"""Indicators: what every one declares, and that each term of their formulas counts."""

import re

import pytest

from dothi.indicators import KPIS
from dothi.kpi import DOMAINS, UNITS
from dothi.status import STATUSES

LANGUAGES = ("en", "fr", "vi")
WORD = re.compile(r"[^\W\d_]{3,}")
SYMBOLS = frozenset({"kWh", "MWh", "GWh", "min", "veh", "µg", "PJ", "CO", "dBA"})


@pytest.mark.parametrize("kpi", KPIS.values(), ids=lambda kpi: kpi.id)
def test_every_indicator_is_told_in_three_languages(kpi):
    assert set(kpi.name) == set(LANGUAGES)
    assert set(kpi.formula) == set(LANGUAGES), f"the formula of {kpi.id} is a text by language"
    assert all(kpi.formula_in(language).strip() for language in LANGUAGES)
    if set(WORD.findall(kpi.unit)) - SYMBOLS:
        assert set(UNITS.get(kpi.unit, ())) == {"fr", "vi"}, f"the unit “{kpi.unit}” is translated in dothi.kpi.UNITS"


@pytest.mark.parametrize("kpi", KPIS.values(), ids=lambda kpi: kpi.id)
def test_every_indicator_says_where_it_comes_from(kpi):
    assert kpi.domain in DOMAINS
    assert kpi.status in STATUSES
    assert kpi.source
    assert kpi.id[:3].isupper()


def test_units_are_told_in_the_language_of_the_reader():
    assert KPIS["LIV-04"].unit_in("vi") == "m²/người"
    assert KPIS["LIV-04"].unit_in("en") == KPIS["LIV-04"].unit
    assert KPIS["ENV-18"].unit_in("fr") == "%"
