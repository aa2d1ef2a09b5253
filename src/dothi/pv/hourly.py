"""Power of modules that are there, rebuilt hour by hour from a small table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi.packed import packed
from dothi.pv.arrays import Arrays, surfaces_of
from dothi.pv.yields import Power, Singles, Technology
from dothi.shapes import Floats
from dothi.sky import Light, site_of

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City

CHUNK: Final = 512


def installed(arrays: Arrays, light: Light, light_table: pd.DataFrame, peak_w: Floats) -> pd.DataFrame:
    """
    Table of the arrays that are there: what they see, how they stand and their peak power.

    Parameters
    ----------
    arrays
        Arrays that could be there; their rows are positions in the table.
    light
        Light on them.
    light_table
        Table ``surface_light``.
    peak_w : (n,)
        Peak power that is there [W].
    """
    there = peak_w > 0.0
    table = surfaces_of(arrays.only(there), light_table)
    columns = {
        "surface_id": light.surface_id[there],
        "layout": arrays.layout[there],
        "mount": arrays.mount[there],
        "peak_w": peak_w[there],
    }
    table = table.assign(**columns).reset_index(drop=True)
    return table.rename_axis("pv_array_id")


def power_of(city: City, table: pd.DataFrame, technology: Mapping[str, Any]) -> tuple[Any, Singles]:
    """
    Power of the modules of every building that has some, in every hour of the weather.

    Parameters
    ----------
    city
        City with the weather.
    table
        As `installed` gives it.
    technology
        What modules and inverters are like, as the diagnostics of the simulation tell it.

    Returns
    -------
    building_id : (n,)
        Buildings, in ascending order.
    power : (n, hours)
        Alternating power [W].
    """
    from dothi.pv.kernels import add_arrays

    weather, site = city["weather"], site_of(city)
    ids, building = np.unique(table["building_id"].to_numpy(), return_inverse=True)
    light = Light(table.set_index("surface_id"), weather, site)
    count = len(table)
    arrays = Arrays(
        row=np.arange(count),
        tilt_deg=light.tilt_deg,
        azimuth_deg=light.azimuth_deg,
        area_m2=np.zeros(count),
        layout=table["layout"].to_numpy(dtype=np.int64),
        mount=table["mount"].to_numpy(dtype=np.int64),
        roof=(light.kind == "roof"),
    )
    power = Power(arrays, light, weather, Technology(**technology))
    peak = table["peak_w"].to_numpy(dtype=float)
    out = np.zeros((len(ids), len(weather)), dtype=np.float32)
    for first in range(0, count, CHUNK):
        rows = np.arange(first, min(first + CHUNK, count))
        add_arrays(power.hourly(rows), peak[rows], building[rows].astype(np.int64), out)
    return ids, out


def generation(city: City, table: pd.DataFrame, technology: Mapping[str, Any]) -> pd.DataFrame:
    """Table ``building_generation`` of a city; see `power_of`."""
    import pandas as pd

    ids, power = power_of(city, table, technology)
    index = pd.Index(ids, name="building_id")
    return pd.DataFrame({"generation": packed(power, index)}, index=index)
