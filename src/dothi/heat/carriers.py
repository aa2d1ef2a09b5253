"""What heat and cold are made from: machines, and what they draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dothi.shapes import Floats

Singles = npt.NDArray[np.float32]

USES: Final = ("heating", "cooling", "hot_water", "appliances", "lighting")
"""End uses."""
CARRIERS: Final = ("electricity", "gas", "oil", "wood", "district")
"""What is bought: `district` is heat of a network; cold of a network is counted apart."""
CARRIER_OF: Final[Mapping[str, str]] = {
    "electric": "electricity",
    "heat_pump": "electricity",
    "gas": "gas",
    "oil": "oil",
    "wood": "wood",
    "district": "district",
}
"""Carrier of each system."""
RATED_OUTDOORS_C: Final = 35.0
RATED_HEATING_C: Final = 7.0


def cooling_cop(data: Mapping[str, Any], rated: Floats, outdoors_c: Floats, load: Singles) -> Singles:
    """
    Cooling over electricity in every hour.

    Parameters
    ----------
    data
        Section ``cooling`` of the data of a country.
    rated : (n,)
        At 35 °C outdoors and full load.
    outdoors_c : (hours,)
        Air that takes the heat [°C].
    load : (n, hours)
        Load over capacity.

    Returns
    -------
    (n, hours)
    """
    points = np.asarray(data["part_load"], dtype=float)
    air = 1.0 + float(data["per_k"]) * (RATED_OUTDOORS_C - outdoors_c)
    part = np.interp(load, points[:, 0], points[:, 1]).astype(np.float32)
    part *= rated[:, None].astype(np.float32)
    part *= air[None, :].astype(np.float32)
    return np.asarray(np.maximum(part, np.float32(data["least"])), dtype=np.float32)


def heating_cop(data: Mapping[str, Any], outdoors_c: Floats) -> Floats:
    """Heat over electricity of heat pumps in every hour, (hours,)."""
    found: Floats = np.maximum(
        float(data["cop_at_7_c"]) + float(data["per_k"]) * (outdoors_c - RATED_HEATING_C), float(data["least"])
    )
    return found
