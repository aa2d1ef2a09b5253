"""The brightest planes of a place: what roofs and walls are measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from dothi.shapes import Floats
from dothi.sky import Light, Site

if TYPE_CHECKING:
    import pandas as pd

TILTS: Final = np.arange(0.0, 61.0, 2.5)
"""Tilts among which the best is sought, towards the equator [°]."""
AZIMUTHS: Final = np.arange(0.0, 360.0, 15.0)
"""Directions among which the best wall is sought [°]."""


@dataclass(frozen=True, slots=True)
class Best:
    """
    The brightest roof and the brightest wall that nothing hides.

    Attributes
    ----------
    roof_tilt_deg, roof_kwh_m2
        Tilt towards the equator [°], and light of a year [kWh m⁻²].
    wall_azimuth_deg, wall_kwh_m2
        Direction from true north [°], and light of a year [kWh m⁻²].
    """

    roof_tilt_deg: float
    roof_kwh_m2: float
    wall_azimuth_deg: float
    wall_kwh_m2: float


def brightest(weather: pd.DataFrame, site: Site) -> Best:
    """
    The brightest planes of a place.

    Parameters
    ----------
    weather
        Table ``weather``.
    site
        Where.
    """
    equator = 180.0 if site.latitude >= 0.0 else 0.0
    tilt = np.concatenate([TILTS, np.full(len(AZIMUTHS), 90.0)])
    light = open_light(weather, site, tilt, np.concatenate([np.full(len(TILTS), equator), AZIMUTHS])).annual()
    roofs, walls = light[: len(TILTS)], light[len(TILTS) :]
    roof, wall = int(roofs.argmax()), int(walls.argmax())
    return Best(float(TILTS[roof]), float(roofs[roof]), float(AZIMUTHS[wall]), float(walls[wall]))


def open_light(weather: pd.DataFrame, site: Site, tilt_deg: Floats, azimuth_deg: Floats) -> Light:
    """Light on planes that nothing hides."""
    import pandas as pd

    columns = {"building_id": 0, "kind": "roof", "tilt_deg": tilt_deg, "azimuth_deg": azimuth_deg, "lit_area_m2": 1.0}
    return Light.unobstructed(pd.DataFrame(columns, index=range(len(tilt_deg))), weather, site)
