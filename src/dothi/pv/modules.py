"""Modules, their glass, how they are mounted and what is lost: the models of PVWatts and Sandia, as pvlib has them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from dothi.shapes import Floats

if TYPE_CHECKING:
    import pandas as pd

PANE: Final = (1.526, 4.0, 0.002)
"""Refractive index, extinction [m⁻¹] and thickness [m] of glass: De Soto and others 2006, as pvlib has them."""

GLASS_POINTS: Final = 4097

MOUNTS: Final = ("rack", "roof", "facade")
"""How modules are mounted: free in rows, close to a roof, on insulation."""
SAPM: Final[dict[str, tuple[float, float, float]]] = {
    "rack": (-3.56, -0.0750, 3.0),
    "roof": (-2.98, -0.0471, 1.0),
    "facade": (-2.81, -0.0455, 0.0),
}
"""Coefficients a, b and ΔT [K] of cell temperature by mount: D. L. King and others, SAND2004-3535, table 1."""
FAIMAN: Final = (25.0, 6.84)
"""Heat loss factors U0 [W m⁻² K⁻¹] and U1 [W s m⁻³ K⁻¹]: D. Faiman 2008, doi:10.1002/pip.813."""

LOSSES_PCT: Final[dict[str, float]] = {
    "soiling": 2.0,
    "mismatch": 2.0,
    "wiring": 2.0,
    "connections": 0.5,
    "light-induced degradation": 1.5,
    "nameplate": 1.0,
    "availability": 3.0,
}
"""Losses of PVWatts 5 [%]; its 3 % of shading is left out, since shading is computed."""

INVERTER: Final = (0.96, 0.9637)
"""Nominal and reference efficiency of an inverter in PVWatts 5."""

TemperatureModel = Literal["sapm", "faiman"]


def kept_share() -> float:
    """Share of the power that the losses leave."""
    return float(np.prod([1.0 - loss / 100.0 for loss in LOSSES_PCT.values()]))


def glass() -> Floats:
    """Light through the glass by cosine of incidence, in steps so small that lines between them are within 4e-7."""
    from dothi.pv.kernels import glass_table

    table = np.empty(GLASS_POINTS)
    glass_table(*PANE, table)
    return table


def warming(wind_m_s: Floats, model: TemperatureModel) -> Floats:
    r"""
    Warming of cells by light, shape ``(mounts, hours)`` [K m² W⁻¹].

    Sandia: :math:`e^{a + b v} + \Delta T / 1000`. Faiman: :math:`1 / (U_0 + U_1 v)`, the same for every mount.

    Parameters
    ----------
    wind_m_s : (hours,)
        Wind speed.
    model
        Which.
    """
    if model == "faiman":
        return np.tile(1.0 / (FAIMAN[0] + FAIMAN[1] * wind_m_s), (len(MOUNTS), 1))
    rows = [np.exp(a + b * wind_m_s) + step / 1000.0 for a, b, step in (SAPM[mount] for mount in MOUNTS)]
    return np.asarray(rows)


def diffuse_share(tilt_deg: Floats) -> Floats:
    """
    Share of diffuse light that passes the glass, by the integral of Marion over sky and ground.

    The two are weighted by how much of each a plane sees. Tilts are rounded to degrees.

    Parameters
    ----------
    tilt_deg : (n,)
        Tilt of the planes [°].
    """
    tilts, back = np.unique(np.round(tilt_deg), return_inverse=True)
    share = np.array([_diffuse_share(float(tilt)) for tilt in tilts])
    return np.asarray(share[back], dtype=float)


@cache
def _diffuse_share(tilt_deg: float) -> float:
    import pvlib

    found = pvlib.iam.marion_diffuse("physical", max(tilt_deg, 0.5))  # at 0 it sees no ground: 0 / 0
    up = (1.0 + np.cos(np.radians(tilt_deg))) / 2.0
    return float(up * found["sky"] + (1.0 - up) * found["ground"])


def air_and_wind(weather: pd.DataFrame, usual_wind_m_s: float) -> tuple[Floats, Floats]:
    """Air temperature [°C] and wind [m s⁻¹] of every hour; where no wind is known, the usual one."""
    air = weather["air_temperature_c"].to_numpy(dtype=float)
    if "wind_speed_m_s" not in weather:
        return air, np.full(len(air), usual_wind_m_s)
    wind = weather["wind_speed_m_s"].to_numpy(dtype=float, na_value=np.nan)
    return air, np.where(np.isfinite(wind), wind, usual_wind_m_s)
