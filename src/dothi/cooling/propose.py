"""Where a network of cold could pay: streets whose buildings need much cold by metre."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from dothi import place
from dothi.cooling.data import street_costs
from dothi.cooling.streets import Streets, streets_of
from dothi.shapes import Floats, Integers, Shapes

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City

KWH_PER_MWH = 1000.0


def proposals(
    streets: Streets, building_id: Integers, footprints: Shapes, demand_kwh: Floats, least_mwh_m: float
) -> pd.DataFrame:
    """
    Groups of buildings for which a network could pay, those with most cold by metre first.

    Buildings belong to their nearest street. Streets that bring as much cold by metre as is asked, the way to their
    buildings counted, are put together where they meet.

    Parameters
    ----------
    streets
        Streets in which pipes may lie.
    building_id : (n_buildings,)
        Ids.
    footprints : (n_buildings,)
        Footprints.
    demand_kwh : (n_buildings,)
        Cold that each needs in a year [kWh]; those that need none are left out.
    least_mwh_m
        Cold by metre of trench and year that is asked [MWh m⁻¹].

    Returns
    -------
    pandas.DataFrame
        Columns ``building_ids`` (lists), ``demand_mwh``, ``trench_m`` and ``density_mwh_m``.
    """
    import pandas as pd
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    needy = np.flatnonzero(demand_kwh > 0.0)
    edge = streets.edges_near(footprints[needy])
    service = shapely.distance(streets.line[edge], footprints[needy])
    n = len(streets.one)
    demand = np.bincount(edge, weights=demand_kwh[needy], minlength=n) / KWH_PER_MWH
    trench = streets.length_m + np.bincount(edge, weights=service, minlength=n)
    dense = np.flatnonzero(demand >= least_mwh_m * trench)
    whole = coo_array((np.ones(len(dense)), (streets.one[dense], streets.other[dense])), shape=(len(streets),) * 2)
    part = connected_components(whole, directed=False)[1][streets.one[dense]]
    rows = []
    for group in np.unique(part):
        edges = dense[part == group]
        length = float(trench[edges].sum())
        ids = np.sort(building_id[needy[np.isin(edge, edges)]])
        total = float(demand[edges].sum())
        row = {"building_ids": ids.tolist(), "demand_mwh": total, "trench_m": length}
        rows.append({**row, "density_mwh_m": total / length})
    columns = ["building_ids", "demand_mwh", "trench_m", "density_mwh_m"]
    found = pd.DataFrame(rows, columns=columns)
    return found.sort_values("density_mwh_m", ascending=False, ignore_index=True)


def places_for_networks(city: City, demand_kwh: pd.Series) -> pd.DataFrame:
    """
    Groups of buildings of a city for which a network could pay, by what its country asks of one.

    Parameters
    ----------
    city
        The city.
    demand_kwh
        Cold that each building needs in a year, by building [kWh]; ``cooling_kwh`` of the heat balance.

    Returns
    -------
    pandas.DataFrame
        As `proposals` gives it.
    """
    buildings = city["buildings"]
    footprints = shapely.force_2d(np.asarray(buildings.geometry.array, dtype=object))
    demand = demand_kwh.reindex(buildings.index).fillna(0.0).to_numpy(dtype=float)
    streets = streets_of(city["links"], city["nodes"], street_costs())
    least = float(place.load(city.country, "cooling")["density"]["least_mwh_m"])
    return proposals(streets, buildings.index.to_numpy(), footprints, demand, least)
