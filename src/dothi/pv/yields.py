"""Power of arrays hour by hour, from the light on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dothi.pv import modules
from dothi.pv.arrays import FLUSH, RACK, Arrays
from dothi.pv.rows import pitch, shaded, sky_left
from dothi.shapes import Floats, Integers
from dothi.sky import Light, Site
from dothi.sky.light import normals

if TYPE_CHECKING:
    import pandas as pd

Singles = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Technology:
    """
    What modules and inverters are like.

    Attributes
    ----------
    gamma_k
        Change of power with the temperature of cells [K⁻¹].
    dc_ac_ratio
        Peak power of the modules over the rating of the inverter.
    temperature_model
        Of Sandia, by mount, or of Faiman.
    usual_wind_m_s
        Wind where none is known [m s⁻¹].
    clear_hours
        Hours round noon of the shortest day for which rows on flat roofs are set apart [h].
    """

    gamma_k: float
    dc_ac_ratio: float
    temperature_model: modules.TemperatureModel
    usual_wind_m_s: float
    clear_hours: float


class Power:
    """
    Power of arrays in every hour, for a watt of their peak power, made when asked for.

    Parameters
    ----------
    arrays
        Arrays; only their planes, layouts and mounts count here.
    light
        Light on the arrays, one row each.
    weather
        Table ``weather``.
    technology
        What they are like.
    """

    def __init__(self, arrays: Arrays, light: Light, weather: pd.DataFrame, technology: Technology) -> None:
        self.light, self.site, sky = light, light.site, light.sky
        self.layout, self.mount = arrays.layout.astype(np.int64), arrays.mount.astype(np.int64)
        self.normal = normals(arrays.tilt_deg, arrays.azimuth_deg + self.site.convergence_deg)
        self.air, wind = modules.air_and_wind(weather, technology.usual_wind_m_s)
        self.rise = modules.warming(wind, technology.temperature_model)
        self.passed = modules.glass()
        self.glass = modules.diffuse_share(arrays.tilt_deg)
        self.row_shade, self.seen = _between_rows(arrays, sky.sun, self.site, technology.clear_hours)
        self.gamma, self.kept = technology.gamma_k, modules.kept_share()
        eta_nom, eta_ref = modules.INVERTER
        self.inverter = np.array([1.0 / technology.dc_ac_ratio / eta_nom, eta_nom, eta_ref])

    def hourly(self, rows: Integers) -> Singles:
        """Power of some arrays, shape ``(rows, hours)`` [W W⁻¹]."""
        from dothi.pv.kernels import unit_power

        sky = self.light.sky
        beam, diffuse = self.light.split(rows)
        power = np.empty_like(beam)
        unit_power(
            beam,
            diffuse,
            self.normal[rows],
            sky.sun,
            sky.hour,
            self.layout[rows],
            self.row_shade,
            self.seen[rows],
            self.glass[rows],
            self.mount[rows],
            self.rise,
            self.air,
            self.passed,
            self.gamma,
            self.kept,
            self.inverter,
            power,
        )
        return power


def _between_rows(arrays: Arrays, sun: Floats, site: Site, clear_hours: float) -> tuple[Floats, Floats]:
    """Shade of rows by layout and hour, and share of diffuse light that each array keeps."""
    shade, seen = np.zeros((2, len(sun))), np.ones(len(arrays))
    racks = arrays.layout == RACK
    if racks.any():
        tilt = float(arrays.tilt_deg[racks][0])
        spacing = pitch(site.latitude, tilt, clear_hours)
        azimuth = np.radians(arrays.azimuth_deg[racks][0] + site.convergence_deg)
        shade[RACK] = shaded(sun, (float(np.sin(azimuth)), float(np.cos(azimuth))), tilt, spacing)
        seen[racks] = sky_left(tilt, spacing)
    shade[FLUSH] = 0.0
    return shade, seen
