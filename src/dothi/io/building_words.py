"""What 3D city models call the attributes of a building, in the words and units of Dothi."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from dothi.tables import FUNCTIONS

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "eaves_m": ("relativeeavesheight",),
    "eaves_level_m": ("absoluteeavesheight", "eavesheight"),
    "roof_level_m": ("b3_h_dak_50p", "h_dak_50p"),
    "measured_m": ("measuredheight", "con_height"),
    "ground_m": ("b3_h_maaiveld", "terrainheight"),
    "storeys": ("storeysaboveground", "b3_bouwlagen"),
    "year_built": ("yearofconstruction", "oorspronkelijkbouwjaar", "bouwjaar", "dateofconstruction"),
    "function": ("function", "usage", "class"),
    "roof_shape": ("rooftype", "b3_dak_type"),
    "name": ("name", "gml_name"),
}
"""Quantity → names it goes by, best first, in small letters (CityGML 2.0 and 3.0, 3DBAG, city of Zurich, TU Delft)."""

LEVELS: Final = ("eaves_m", "eaves_level_m", "roof_level_m", "measured_m", "ground_m")

FUNCTION_CODES: Final = {
    "1000": "residential",  # SIG3D _AbstractBuilding_function
    "31001_2463": "outbuilding",  # ALKIS, AX_Gebaeudefunktion: garage
    "31001_2461": "transport",  # multi-storey car park
    "31001_2465": "transport",  # underground car park
    "31001_2513": "utility",  # water tank
    "31001_2523": "utility",  # transformer
    "31001_3012": "office",  # town hall
    "31001_3020": "school",
    "31001_3041": "worship",
    "31001_3042": "worship",
    "31001_3051": "health",
    "31001_3065": "school",  # kindergarten
    "31001_3091": "transport",  # station
}
"""Codes → functions. ALKIS codes not listed here go by their first digit, see `FUNCTION_GROUPS`."""

FUNCTION_GROUPS: Final = {"31001_1": "residential", "31001_3": "public"}
"""Business buildings (31001_2…) may be shops, offices or works: their function stays open."""

FUNCTION_WORDS: Final = (
    ("apartment", "apartments"),
    ("tenement", "apartments"),
    ("residential", "residential"),
    ("dwelling", "residential"),
    ("hotel", "hotel"),
    ("office", "office"),
    ("administration", "office"),
    ("university", "university"),
    ("school", "school"),
    ("kindergarten", "school"),
    ("hospital", "health"),
    ("church", "worship"),
    ("temple", "worship"),
    ("shop", "retail"),
    ("retail", "retail"),
    ("museum", "culture"),
    ("theatre", "culture"),
    ("warehouse", "warehouse"),
    ("industr", "industrial"),
    ("factory", "industrial"),
    ("agricultur", "agricultural"),
    ("garage", "outbuilding"),
    ("station", "transport"),
)
"""Words within free text → functions, tried in this order."""

ROOFS: Final = {
    "1000": "flat",
    "1010": "skillion",
    "1030": "gabled",
    "1040": "hipped",
    "1050": "half-hipped",
    "1060": "mansard",
    "1070": "pyramidal",
    "1080": "cone",
    "1090": "dome",
    "1100": "sawtooth",
    "1110": "round",
    "2100": "skillion",
    "2200": "double_saltbox",
    "3100": "gabled",
    "3200": "hipped",
    "3300": "half-hipped",
    "3400": "mansard",
    "3500": "pyramidal",
    "3600": "cone",
    "3700": "dome",
    "3800": "sawtooth",
    "3900": "round",
    "horizontal": "flat",
    "flat": "flat",
    "gabled": "gabled",
    "hipped": "hipped",
    "mansard": "mansard",
    "monopitch": "skillion",
    "pyramidal": "pyramidal",
    "dome": "dome",
}
"""Roof types of SIG3D (1…) and ALKIS (AX_Dachform, 2… and 3…), and plain words → `roof:shape` of OpenStreetMap."""


def described(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """
    What the attributes of one building say, in Dothi's words.

    Parameters
    ----------
    attributes
        Names and values as in the source.

    Returns
    -------
    dict
        Values by the keys of `NAMES`; what is not known is absent. Heights and levels are metres.
    """
    values = {name.lower(): value for name, value in attributes.items() if value is not None and value != ""}
    found: dict[str, Any] = {}
    for quantity, names in NAMES.items():
        for name in names:
            if name in values and (value := _converted(quantity, values[name])) is not None:
                found[quantity] = value
                break
    return found


def _converted(quantity: str, value: Any) -> Any:
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, dict):  # CityJSON writes some measures with their unit
        value = value.get("value", "")
    if quantity in LEVELS:
        return number(value)
    if quantity == "storeys":
        storeys = number(value)
        return None if storeys is None or storeys < 1 else round(storeys)
    text = str(value).strip()
    match quantity:
        case "year_built":
            year = re.match(r"-?\d{3,4}", text)
            return int(year.group()) if year and int(year.group()) != 0 else None
        case "function":
            return function_of(text)
        case "roof_shape":
            words = text.lower().removesuffix(" roof")
            return ROOFS.get(words)
        case _:
            return text or None


def number(value: Any) -> float | None:
    """Finite number in a value, if there is one."""
    if isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def function_of(text: str) -> str | None:
    """
    Function of a building by its code or words, if they are known.

    >>> function_of("31001_1010"), function_of("residential building"), function_of("BB01")
    ('residential', 'residential', None)
    """
    words = text.lower()
    if text in FUNCTION_CODES:
        return FUNCTION_CODES[text]
    if words in FUNCTIONS:
        return words
    for group, function in FUNCTION_GROUPS.items():
        if text.startswith(group):
            return function
    return next((function for word, function in FUNCTION_WORDS if word in words), None)
