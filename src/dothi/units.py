"""Units: the endings of names, and the constants that convert at the edge."""

from __future__ import annotations

from typing import Final

SECONDS_PER_MINUTE: Final = 60.0
MINUTES_PER_HOUR: Final = 60.0
SECONDS_PER_HOUR: Final = 3600.0
M_S_PER_KM_H: Final = 1000.0 / SECONDS_PER_HOUR
M_S_PER_MPH: Final = 0.44704
M_S_PER_KNOT: Final = 1852.0 / SECONDS_PER_HOUR
M_PER_FOOT: Final = 0.3048
M_PER_INCH: Final = 0.0254
M_PER_MILE: Final = 1609.344
M_PER_KM: Final = 1000.0
M2_PER_HA: Final = 1e4
M2_PER_KM2: Final = 1e6
PA_PER_HPA: Final = 100.0
WH_PER_KWH: Final = 1000.0
WH_PER_MJ: Final = 1e6 / SECONDS_PER_HOUR

UNIT_OF_ENDING: Final[dict[str, str]] = {
    "_kg_m_day": "kg m⁻¹ d⁻¹",
    "_kg_day": "kg d⁻¹",
    "_g_m_day": "g m⁻¹ d⁻¹",
    "_g_day": "g d⁻¹",
    "_m_s": "m s⁻¹",
    "_km_h": "km h⁻¹",
    "_peak_h": "h⁻¹",
    "_veh_h": "veh h⁻¹",
    "_pcu_h": "pcu h⁻¹",
    "_mm_h": "mm h⁻¹",
    "_m3_s": "m³ s⁻¹",
    "_kva": "kVA",
    "_ohm_km": "Ω km⁻¹",
    "_nf_km": "nF km⁻¹",
    "_v": "V",
    "_w_m2_k": "W m⁻² K⁻¹",
    "_w_k": "W K⁻¹",
    "_j_k": "J K⁻¹",
    "_kg_h": "kg h⁻¹",
    "_kwh_m2": "kWh m⁻²",
    "_mwh_m": "MWh m⁻¹",
    "_pa_m": "Pa m⁻¹",
    "_kg_m2": "kg m⁻²",
    "_k": "K",
    "_w_m2": "W m⁻²",
    "_wh_m2": "Wh m⁻²",
    "_m2": "m²",
    "_m3": "m³",
    "_mm": "mm",
    "_m": "m",
    "_s": "s",
    "_min": "min",
    "_h": "h",
    "_c": "°C",
    "_pa": "Pa",
    "_deg": "°",
    "_pct": "%",
    "_kwh_kwp": "kWh kWp⁻¹",
    "_kwp": "kWp",
    "_kwh": "kWh",
    "_mwh": "MWh",
    "_kw": "kW",
    "_w": "W",
    "_a": "A",
    "_lux": "lx",
}
"""Unit that the ending of a column, parameter or field name stands for; longest ending first."""


def unit_of(name: str) -> str:
    """
    Unit a name ends with, by `UNIT_OF_ENDING`; empty where it ends with none.

    >>> unit_of("free_speed_m_s"), unit_of("height_m"), unit_of("storeys")
    ('m s⁻¹', 'm', '')
    """
    return UNIT_OF_ENDING.get(_ending(name), "")


def words_of(name: str) -> str:
    """
    Words of a name, its unit left out.

    >>> words_of("free_speed_m_s"), words_of("storeys")
    ('free speed', 'storeys')
    """
    return name.removesuffix(_ending(name)).replace("_", " ")


def _ending(name: str) -> str:
    return next((ending for ending in sorted(UNIT_OF_ENDING, key=len, reverse=True) if name.endswith(ending)), "")
