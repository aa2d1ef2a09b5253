"""Tables of what networks of cold are and do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi.cooling.layout import Catalogue
from dothi.packed import packed
from dothi.schema import Column, Schema
from dothi.tables import LINES
from dothi.units import WH_PER_KWH

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from dothi.cooling.district import District

_NETWORK = Column("string", "", "Name of the network.")


def _kwh(description: str) -> Column:
    return Column("float", "kWh", description)


NETWORKS: Final[Schema] = {
    "geometry": Column("geometry", "", "Where its plant stands.", choices=("Point",)),
    "cooling_network": _NETWORK,
    "buildings": Column("integer", "", "Buildings that take cold from it.", 0),
    "trench_m": Column("float", "m", "Length of its trenches, with those to buildings.", 0.0),
    "density_mwh_m": Column("float", "MWh m⁻¹", "Cold delivered in a year by metre of trench.", 0.0),
    "pays": Column("boolean", "", "Whether that is as much as is asked of such a network."),
    "peak_kw": Column("float", "kW", "Greatest cold that goes out.", 0.0),
    "chiller_kw": Column("float", "kW", "Cold that its chillers make at their rating.", 0.0),
    "tank_m3": Column("float", "m³", "Tank of cold water.", 0.0),
    "pump_pa": Column("float", "Pa", "Greatest pressure of its pump.", 0.0),
    "delivered_kwh": _kwh("Cold that buildings take in a year."),
    "gained_kwh": _kwh("Heat that its pipes and its tank take from the ground in a year."),
    "made_kwh": _kwh("Cold that its chillers make in a year."),
    "chiller_kwh": _kwh("Electricity of the chillers in a year."),
    "rejection_kwh": _kwh("Electricity of cooling towers and condenser pumps in a year."),
    "pump_kwh": _kwh("Electricity of the pumps in a year."),
    "electricity_kwh": _kwh("Electricity of all of it in a year."),
    "alone_kwh": _kwh("Electricity of machines of the buildings' own in its stead, in a year."),
    "alone_peak_kw": Column("float", "kW", "Greatest electricity of these machines at one hour.", 0.0),
    "electric_peak_kw": Column("float", "kW", "Greatest electricity of the network at one hour.", 0.0),
    "currency": Column("string", "", "Money in which costs are told."),
    "investment": Column("float", "", "Investment in pipes, plant, tank and stations, in that money.", 0.0),
    "cold_cost": Column("float", "", "Cost of a MWh of cold delivered, in that money.", 0.0),
    "cold_cost_alone": Column("float", "", "The same from machines of the buildings' own.", 0.0),
    "co2_t": Column("float", "t", "Carbon dioxide of its electricity in a year.", 0.0),
    "alone_co2_t": Column("float", "t", "The same of machines of the buildings' own.", 0.0),
    "water_min": Column("float", "min", "Time of water from the plant and back to it, in the mean by flow.", 0.0),
    "electricity": Column("packed", "W", "Electricity at every hour of the year."),
    "made": Column("packed", "W", "Cold that chillers make at every hour of the year."),
    "delivered": Column("packed", "W", "Cold that buildings take at every hour of the year."),
}
"""Networks."""

PIPES: Final[Schema] = {
    "geometry": Column("geometry", "", "Course, away from the plant.", choices=LINES),
    "cooling_network": _NETWORK,
    "building_id": Column("integer", "", "Building that it alone serves.", missing=True),
    "length_m": Column("float", "m", "Length.", 0.0),
    "dn_mm": Column("float", "mm", "Nominal width.", 0.0),
    "peak_kw": Column("float", "kW", "Greatest cold that it carries.", 0.0),
    "flow_m3_s": Column("float", "m³ s⁻¹", "Greatest flow.", 0.0),
    "velocity_m_s": Column("float", "m s⁻¹", "Greatest velocity.", 0.0),
    "gradient_pa_m": Column("float", "Pa m⁻¹", "Greatest loss of pressure by metre, with fittings.", 0.0),
    "filling_share": Column("float", "1", "Greatest flow over what the limits of its size allow.", 0.0),
    "gained_kwh": _kwh("Heat that supply and return take from the ground in a year."),
}
"""Pipes: a trench with supply and return."""

BUILDINGS: Final[Schema] = {
    "cold_kwh": Column("float", "kWh", "Cold taken from a network in a year.", 0.0, missing=True),
    "cold_peak_kw": Column("float", "kW", "Greatest cold taken from a network.", 0.0, missing=True),
    "cold_supply_c": Column("float", "°C", "Temperature at which cold water comes, mean by load.", missing=True),
    "cold_electricity_kwh": Column(
        "float", "kWh", "Its share of the electricity of the network in a year.", 0.0, missing=True
    ),
    "cold_alone_kwh": Column(
        "float", "kWh", "Electricity that its own machine would take in a year.", 0.0, missing=True
    ),
}
"""Columns of buildings on a network."""


def networks_of(districts: Mapping[str, District], density: float, currency: str, crs: str) -> gpd.GeoDataFrame:
    """Table of the networks, by name; `density` is what is asked of them [MWh m⁻¹]."""
    import geopandas as gpd
    import pandas as pd

    told = {"currency": currency}
    rows = [{"cooling_network": name, **told, **_network(one, density)} for name, one in districts.items()]
    index = pd.RangeIndex(len(rows), name="cooling_network_id")
    frame = pd.DataFrame(rows, index=index)
    for name, values in (
        ("electricity", [one.electricity_w for one in districts.values()]),
        ("made", [one.plant.made_w for one in districts.values()]),
        ("delivered", [one.year.served_w for one in districts.values()]),
    ):
        frame[name] = packed(np.stack(values).astype(np.float32), index)
    frame["geometry"] = [one.layout.plant for one in districts.values()]
    return gpd.GeoDataFrame(frame[list(NETWORKS)], crs=crs)


def _network(one: District, density: float) -> dict[str, Any]:
    year, plant, costs = one.year, one.plant, one.costs
    kw = WH_PER_KWH
    delivered, trench = float(year.load_wh.sum()), float(one.layout.length_m[1:].sum())
    gained = -float(one.year.pipe_loss_wh.sum()) + plant.lost_wh
    per_metre = delivered / 1e6 / trench
    return {
        "buildings": int((year.load_wh > 0.0).sum()),
        "trench_m": trench,
        "density_mwh_m": per_metre,
        "pays": per_metre >= density,
        "peak_kw": float(year.served_w.max()) / kw,
        "chiller_kw": plant.capacity_w / kw,
        "tank_m3": one.tank_m3,
        "pump_pa": float(year.pump_pa.max()),
        "delivered_kwh": delivered / kw,
        "gained_kwh": gained / kw,
        "made_kwh": float(plant.made_w.sum()) / kw,
        "chiller_kwh": float(plant.chiller_w.sum()) / kw,
        "rejection_kwh": float(plant.rejection_w.sum()) / kw,
        "pump_kwh": float(one.pump_w.sum()) / kw,
        "electricity_kwh": float(one.electricity_w.sum()) / kw,
        "alone_kwh": float(one.alone_w.sum()) / kw,
        "alone_peak_kw": float(one.alone_w.max()) / kw,
        "electric_peak_kw": float(one.electricity_w.max()) / kw,
        "investment": float(sum(costs.investment.values())),
        "cold_cost": costs.yearly / (delivered / 1e6),
        "cold_cost_alone": costs.yearly_alone / (delivered / 1e6),
        "co2_t": costs.co2_kg / 1000.0,
        "alone_co2_t": costs.co2_alone_kg / 1000.0,
        "water_min": one.network.content_m3 / max(_mean_m3_s(one), 1e-12) / 60.0,
    }


def _mean_m3_s(one: District) -> float:
    """Flow of the plant in the mean by flow: what most water sees [m³ s⁻¹]."""
    flow = one.year.flow_kg_s
    return float((flow**2).sum() / flow.sum()) / 1000.0


def pipes_of(
    districts: Mapping[str, District], buildings: Mapping[str, Any], catalogue: Catalogue, carries: Any, crs: str
) -> gpd.GeoDataFrame:
    """
    Table of the pipes of all networks.

    Parameters
    ----------
    districts
        Networks by name.
    buildings
        Ids of the buildings of each.
    catalogue
        Pipes on sale.
    carries : (n_sizes,)
        Flow up to which each keeps the limits [kg s⁻¹].
    crs
        Grid of the city.
    """
    import geopandas as gpd
    import pandas as pd

    frames = []
    for name, one in districts.items():
        layout, year, choice = one.layout, one.year, one.choice[1:]
        service, length = layout.service[1:], layout.length_m[1:]
        flow, inner = year.peak_flow_kg_s[1:], one.network.diameter_m[1:]
        given = {
            "geometry": layout.line[1:],
            "cooling_network": name,
            "building_id": pd.array(np.where(service >= 0, buildings[name][service], 0), dtype="Int64"),
            "length_m": length,
            "dn_mm": catalogue.dn_mm[choice],
            "peak_kw": one.peak_w[1:] / WH_PER_KWH,
            "flow_m3_s": flow / 1000.0,
            "velocity_m_s": flow / 1000.0 / (np.pi / 4.0 * inner**2),
            "gradient_pa_m": year.peak_loss_pa[1:] / length,
            "filling_share": flow / carries[choice],
            "gained_kwh": -year.pipe_loss_wh[1:] / WH_PER_KWH,
        }
        frame = pd.DataFrame(given)
        frame.loc[service < 0, "building_id"] = pd.NA
        frames.append(frame)
    together = pd.concat(frames, ignore_index=True)
    together.index = together.index.rename("cooling_pipe_id")
    return gpd.GeoDataFrame(together[list(PIPES)], crs=crs)


def _shared(one: District) -> Any:
    """Electricity of the network by building, as it takes cold [kWh]."""
    load = one.year.load_wh
    return load / load.sum() * float(one.electricity_w.sum()) / WH_PER_KWH


def buildings_of(districts: Mapping[str, District], buildings: Mapping[str, Any]) -> pd.DataFrame:
    """Table of the buildings on networks."""
    import pandas as pd

    frames = [
        pd.DataFrame(
            {
                "cold_kwh": one.year.load_wh / WH_PER_KWH,
                "cold_peak_kw": one.year.peak_w / WH_PER_KWH,
                "cold_supply_c": one.year.supply_c,
                "cold_electricity_kwh": _shared(one),
                "cold_alone_kwh": one.alone_kwh,
            },
            index=pd.Index(buildings[name], name="building_id"),
        )
        for name, one in districts.items()
    ]
    return pd.concat(frames).sort_index()
