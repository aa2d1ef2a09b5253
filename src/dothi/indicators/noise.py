"""Indicators of road noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from dothi import place
from dothi.kpi import Evidence, Kpi, percent
from dothi.noise.levels import share_harmed

LDEN_DB: Final = 55.0
LDEN_HIGH_DB: Final = 65.0
LNIGHT_DB: Final = 50.0
_UNIT: Final = "% of residents"
_SOURCE: Final = "Directive 2002/49/EC Annex VI, reporting threshold; EEA; U4SSC EN:EN:EQ:2A"
_HARM: Final = "Directive (EU) 2020/367; coefficients of sleep unverified"


def _above(column: str, limit_db: float | None = None) -> Callable[[Evidence], float | None]:
    """Share of the residents whose loudest façade has a level [%]; that of the country’s limit where none is given."""

    def compute(evidence: Evidence) -> float | None:
        if column not in evidence.buildings:
            return None
        limit = place.load(evidence.city.country, "noise")["limits"]["lden_db"] if limit_db is None else limit_db
        loud = evidence.numbers("buildings", column) >= limit
        return percent(evidence.residents[loud].sum(), evidence.residents.sum())

    return compute


def _harmed(harm: str, column: str) -> Callable[[Evidence], float | None]:
    """Share of the residents that noise harms [%]."""

    def compute(evidence: Evidence) -> float | None:
        if column not in evidence.buildings:
            return None
        share = share_harmed(harm, evidence.numbers("buildings", column))
        return percent(float(np.dot(evidence.residents, share)), evidence.residents.sum())

    return compute


def _formula(level: str, db: str) -> dict[str, str]:
    return {
        "en": f"Residents of buildings whose loudest façade has {level} of {db} or more from roads / residents",
        "fr": f"Habitants des bâtiments dont la façade la plus bruyante reçoit {level} ≥ {db} de la route / habitants",
        "vi": f"Dân số trong nhà có mặt tiền ồn nhất chịu {level} từ {db} trở lên do đường bộ / dân số",
    }


KPIS: Final = (
    Kpi(
        "ENV-05",
        "environment",
        {
            "en": "Exposed to road noise, day and night",
            "fr": "Population exposée au bruit routier (Lden)",
            "vi": "Tỷ lệ dân số chịu tiếng ồn giao thông cả ngày đêm",
        },
        _UNIT,
        "lower",
        ("noise",),
        _formula("Lden", f"{LDEN_DB:g} dB"),
        _SOURCE,
        _above("noise_lden_db", LDEN_DB),
    ),
    Kpi(
        "ENV-05B",
        "environment",
        {
            "en": "Exposed to high road noise",
            "fr": "Population exposée à un fort bruit routier",
            "vi": "Tỷ lệ dân số chịu tiếng ồn giao thông cao",
        },
        _UNIT,
        "lower",
        ("noise",),
        _formula("Lden", f"{LDEN_HIGH_DB:g} dB"),
        _SOURCE,
        _above("noise_lden_db", LDEN_HIGH_DB),
    ),
    Kpi(
        "ENV-05C",
        "environment",
        {
            "en": "Above the limit of road noise",
            "fr": "Population au-dessus de la valeur limite de bruit routier",
            "vi": "Tỷ lệ dân số chịu tiếng ồn giao thông vượt giới hạn",
        },
        _UNIT,
        "lower",
        ("noise",),
        {
            "en": "Residents of buildings whose loudest façade has Lden of the country’s limit or more / residents",
            "fr": "Habitants des bâtiments dont la façade la plus bruyante atteint la valeur limite Lden / habitants",
            "vi": "Dân số trong nhà có mặt tiền ồn nhất đạt hoặc vượt giới hạn Lden của nước sở tại / dân số",
        },
        "France: arrêté du 4 avril 2006, 68 dB; Vietnam: QCVN 26:2010/BTNMT, 70 dBA by day (both unverified)",
        _above("noise_lden_db"),
    ),
    Kpi(
        "ENV-05D",
        "environment",
        {
            "en": "Exposed to road noise at night",
            "fr": "Population exposée au bruit routier la nuit",
            "vi": "Tỷ lệ dân số chịu tiếng ồn giao thông ban đêm",
        },
        _UNIT,
        "lower",
        ("noise",),
        _formula("Lnight", f"{LNIGHT_DB:g} dB"),
        _SOURCE,
        _above("noise_lnight_db", LNIGHT_DB),
    ),
    Kpi(
        "ENV-05E",
        "environment",
        {
            "en": "Highly annoyed by road noise",
            "fr": "Population fortement gênée par le bruit routier",
            "vi": "Tỷ lệ dân số bị tiếng ồn giao thông làm phiền nặng",
        },
        _UNIT,
        "lower",
        ("noise",),
        {
            "en": "Sum over buildings of residents × share highly annoyed at Lden of the loudest façade / residents",
            "fr": "Somme sur les bâtiments des habitants × part fortement gênée au Lden de la façade la plus bruyante "
            "/ habitants",
            "vi": "Tổng theo nhà của dân số × tỷ lệ bị làm phiền nặng ở Lden của mặt tiền ồn nhất / dân số",
        },
        _HARM,
        _harmed("highly_annoyed", "noise_lden_db"),
    ),
    Kpi(
        "ENV-05F",
        "environment",
        {
            "en": "Sleep highly disturbed by road noise",
            "fr": "Population au sommeil fortement perturbé par le bruit routier",
            "vi": "Tỷ lệ dân số bị tiếng ồn giao thông làm mất ngủ nặng",
        },
        _UNIT,
        "lower",
        ("noise",),
        {
            "en": "Sum over buildings of residents × share highly sleep disturbed at the Lnight of the loudest façade "
            "/ residents",
            "fr": "Somme sur les bâtiments des habitants × part au sommeil fortement perturbé au Lnight de la façade "
            "la plus bruyante / habitants",
            "vi": "Tổng theo nhà của dân số × tỷ lệ bị rối loạn giấc ngủ nặng ở Lnight của mặt tiền ồn nhất / dân số",
        },
        _HARM,
        _harmed("highly_sleep_disturbed", "noise_lnight_db"),
    ),
)
