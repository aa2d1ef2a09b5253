"""Indicators of the sun on homes."""

from __future__ import annotations

from typing import Final

from dothi.kpi import Evidence, Kpi, percent

LEAST_H: Final = 2.0


def _sunny_homes(evidence: Evidence) -> float | None:
    """Dwellings in buildings whose sunniest wall has two hours of possible sun on 21 March, over all [%]."""
    dwellings = evidence.numbers("buildings", "dwellings")
    sunny = evidence.numbers("buildings", "facade_sun_day_h") >= LEAST_H
    return percent(dwellings[sunny].sum(), dwellings.sum())


KPIS: Final = (
    Kpi(
        "LIV-05",
        "living",
        {
            "en": "Direct sunlight on dwellings",
            "fr": "Ensoleillement des logements",
            "vi": "Số giờ nắng trực tiếp vào nhà ở",
        },
        "% of dwellings",
        "higher",
        ("sun",),
        {
            "en": "Dwellings in buildings whose sunniest wall can have two hours of sun on 21 March / dwellings",
            "fr": "Logements des bâtiments dont la façade la plus ensoleillée peut avoir deux heures de soleil le "
            "21 mars / logements",
            "vi": "Số căn hộ trong nhà có mặt tường nhiều nắng nhất có thể đạt hai giờ nắng ngày 21/3 / tổng số căn hộ",
        },
        "Planning practice; the day is one of those that EN 17037:2018, 5.3, allows",
        _sunny_homes,
        "modelled",
    ),
)
