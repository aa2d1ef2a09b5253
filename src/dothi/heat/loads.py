"""Loads of buildings by the hour, as the simulations of the grid, of modules and of district cooling take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dothi.heat.hourly import chunks
from dothi.packed import packed

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City

LEAST_W: Final = 1.0
"""Buildings whose greatest hour is below draw nothing."""


def building_loads(city: City, thermal_models: pd.DataFrame) -> pd.DataFrame:
    """
    Table ``building_loads`` of a city.

    Parameters
    ----------
    city
        The city, with ``surface_light`` and ``weather``.
    thermal_models
        Table of the result of the heat balance.
    """
    import pandas as pd

    from dothi.sky.light import Light

    parts = []
    for rows, series in chunks(thermal_models, city["weather"], Light.of(city)):
        index = thermal_models.index[rows]
        part = pd.DataFrame({"electricity": packed(series["electricity"], index), "cooling": None}, index=index)
        cold = thermal_models["cooling_network"].iloc[rows].notna().to_numpy()
        if cold.any():
            part.loc[cold, "cooling"] = packed(series["network_cooling"][cold], index[cold])
        draws = (series["electricity"].max(axis=1) > LEAST_W) | cold
        parts.append(part[draws])
    if not parts:
        return pd.DataFrame({"electricity": pd.Series(dtype="object"), "cooling": pd.Series(dtype="object")})
    found = pd.concat(parts)
    found["cooling"] = found["cooling"].astype("object")
    return found.rename_axis("building_id")
