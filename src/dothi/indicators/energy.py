"""Indicators of the energy of buildings."""

from __future__ import annotations

from typing import Final

import numpy as np

from dothi.kpi import Evidence, Kpi, per, percent
from dothi.shapes import Floats, Mask

GJ_PER_KWH: Final = 3.6e-3
HOMES: Final = ("residential", "apartments", "mixed")
NO_ROOMS: Final = ("outbuilding",)
BOUGHT: Final = ("electricity_kwh", "gas_kwh", "oil_kwh", "wood_kwh", "district_kwh", "network_cooling_kwh")
HOT_HOURS: Final = 200.0
"""Hours above 28 °C from which a home counts as overheated: near the 3 % of the hours of a year that EN 16798-2 lets
pass, of which most are by night or at work."""


def _of(evidence: Evidence, functions: tuple[str, ...]) -> Mask:
    return np.asarray(evidence.buildings["function"].astype("object").isin(functions))


def _electricity(evidence: Evidence) -> float | None:
    """Electricity that buildings use in a year, for each resident [kWh]."""
    return per(evidence.numbers("buildings", "electricity_kwh").sum(), evidence.residents.sum())


def _warmth(evidence: Evidence) -> float | None:
    """Heat and cold that the rooms of homes are given in a year, for each resident [GJ]."""
    homes = _of(evidence, HOMES)
    given = evidence.numbers("buildings", "heating_kwh") + evidence.numbers("buildings", "cooling_kwh")
    return per(given[homes].sum() * GJ_PER_KWH, evidence.residents[homes].sum())


def _bought(evidence: Evidence) -> Floats:
    found: Floats = np.sum([evidence.numbers("buildings", name) for name in BOUGHT], axis=0)
    return found


def _intensity(evidence: Evidence) -> float | None:
    """Energy that buildings buy in a year over their gross floor area [kWh m⁻²]."""
    counted = ~_of(evidence, NO_ROOMS)
    floor = evidence.numbers("buildings", "floor_area_m2")[counted]
    return per(_bought(evidence)[counted].sum(), floor.sum())


def _overheated(evidence: Evidence) -> float | None:
    """Residents of homes that are warmer than 28 °C for 200 hours or more [%]."""
    hot = evidence.numbers("buildings", "hot_h") >= HOT_HOURS
    return percent(evidence.residents[hot].sum(), evidence.residents.sum())


KPIS: Final = (
    Kpi(
        "ENV-11",
        "environment",
        {
            "en": "Electricity consumption per inhabitant",
            "fr": "Consommation électrique par habitant",
            "vi": "Tiêu thụ điện bình quân",
        },
        "kWh per inhabitant and year",
        "lower",
        ("heat",),
        {
            "en": "Electricity of buildings in a year / residents; street lighting, industry and vehicles are left out",
            "fr": "Électricité annuelle des bâtiments / habitants ; hors éclairage public, industrie et véhicules",
            "vi": "Điện một năm của công trình / dân số; không tính chiếu sáng công cộng, công nghiệp và xe",
        },
        "U4SSC EN:E:E:2C",
        _electricity,
    ),
    Kpi(
        "ENV-12",
        "environment",
        {
            "en": "Heating and cooling of homes per inhabitant",
            "fr": "Chaleur et froid des logements par habitant",
            "vi": "Nhiệt sưởi và làm mát nhà ở bình quân",
        },
        "GJ per inhabitant and year",
        "lower",
        ("heat",),
        {
            "en": "Heat and cold that rooms of buildings with homes are given in a year, before losses of machines / "
            "their residents",
            "fr": "Chaleur et froid fournis en un an aux locaux des bâtiments d’habitation, hors pertes des "
            "équipements / leurs habitants",
            "vi": "Nhiệt sưởi và lạnh cấp cho các phòng của công trình có nhà ở trong một năm, chưa kể tổn thất máy / "
            "số dân ở đó",
        },
        "U4SSC EN:E:E:3C, cooling added",
        _warmth,
    ),
    Kpi(
        "ENV-13",
        "environment",
        {
            "en": "Energy use intensity of buildings",
            "fr": "Intensité énergétique des bâtiments",
            "vi": "Suất tiêu thụ năng lượng của công trình",
        },
        "kWh/m²",
        "lower",
        ("heat",),
        {
            "en": "All energy that buildings buy in a year / gross floor area; outbuildings are left out",
            "fr": "Toute l’énergie achetée en un an par les bâtiments / surface de plancher ; hors annexes",
            "vi": "Toàn bộ năng lượng công trình mua trong một năm / diện tích sàn; không tính công trình phụ",
        },
        "U4SSC EN:E:E:4A, for all buildings",
        _intensity,
    ),
    Kpi(
        "LIV-30",
        "living",
        {
            "en": "Residents of homes that overheat",
            "fr": "Habitants de logements en surchauffe",
            "vi": "Dân cư trong nhà quá nóng",
        },
        "% of residents",
        "lower",
        ("heat",),
        {
            "en": "Residents of buildings whose rooms are warmer than 28 °C for 200 hours of the year or more / "
            "residents",
            "fr": "Habitants de bâtiments à plus de 28 °C pendant 200 heures par an ou plus / habitants",
            "vi": "Dân cư trong công trình nóng hơn 28 °C từ 200 giờ một năm trở lên / dân số",
        },
        "No published definition: Dothi, after EN 16798-2",
        _overheated,
    ),
)
"""Indicators of the energy of buildings."""
