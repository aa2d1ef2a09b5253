"""What follows from a new building where nobody says: its storeys, floor area and people, as in the build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dothi.changes.base import ENTERED
from dothi.derive.buildings import infer_floor_area, infer_storeys
from dothi.derive.heights import infer_height
from dothi.derive.people import infer_dwellings, infer_jobs, infer_residents
from dothi.derive.terrain import ground_levels
from dothi.schema import complete, expand
from dothi.tables import TABLES

if TYPE_CHECKING:
    import geopandas as gpd

    from dothi.city import City


def entered(rows: gpd.GeoDataFrame, columns: Mapping[str, Any]) -> gpd.GeoDataFrame:
    """
    Rows with columns that a person gave; where these are known, method and confidence say so.

    Parameters
    ----------
    rows
        New rows.
    columns
        Values by column, one per row or one for all; missing ones leave the row to the habits.
    """
    frame = rows.copy(deep=False)
    for name, values in columns.items():
        frame[name] = values
        if f"{name}_method" in expand(TABLES["buildings"].columns):
            known = frame[name].notna()
            frame[f"{name}_method"] = pd.Series(ENTERED, index=frame.index, dtype=object).where(known)
            frame[f"{name}_confidence"] = np.where(known, 1.0, np.nan)
    return complete(frame, TABLES["buildings"])


def completed(rows: gpd.GeoDataFrame, city: City, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """
    New buildings with everything that they lack, by the habits of the city, else of the country.

    Heights follow from storeys and storeys from heights; floor area from footprint and storeys; dwellings and jobs from
    floor area and function; residents from dwellings and the households of the country; the ground from the terrain.

    Parameters
    ----------
    rows
        Table ``buildings``, each row with its function and a height or storeys.
    city
        City they are for, from which habits are learnt.
    rng
        Decides which fractions of people are rounded up.
    """
    others = city["buildings"].drop(index=rows.index, errors="ignore")
    others = others[others["height_m"].notna() & others["function"].notna()]
    whole = complete(pd.concat([others, rows]), TABLES["buildings"]) if len(others) else rows
    whole = infer_height(whole, country=city.country, rng=rng)
    whole = infer_storeys(whole, country=city.country)
    whole = infer_floor_area(whole, country=city.country)
    rows = infer_dwellings(whole, country=city.country).loc[rows.index]
    rows = infer_residents(rows, country=city.country, rng=rng)
    rows = infer_jobs(rows, country=city.country, rng=rng)
    if "terrain" in city.rasters:
        rows = ground_levels(rows, city.rasters["terrain"])
    return complete(rows, TABLES["buildings"])
