"""Carbon dioxide, nitrogen oxides and fine particles of road traffic on every link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import shapely
from pydantic import Field

from dothi import place
from dothi.emissions import curves, fleet
from dothi.model import Params, Result, columns_of
from dothi.schema import Column, Schema
from dothi.shapes import Floats
from dothi.units import M_PER_KM, M_S_PER_KM_H

if TYPE_CHECKING:
    from dothi.city import City

SUBSTANCES: Final = ("co2_kg", "nox_g", "pm25_g")
G_PER_KG: Final = 1000.0

_NAMES: Final = {"co2_kg": "Carbon dioxide", "nox_g": "Nitrogen oxides", "pm25_g": "Fine particles"}
_UNITS: Final = {"co2_kg": "kg", "nox_g": "g", "pm25_g": "g"}


def _day(substance: str, what: str) -> Column:
    return Column("float", f"{_UNITS[substance]} d⁻¹", f"{_NAMES[substance]} of traffic {what}.", 0.0, missing=True)


_LINKS: Final[Schema] = {
    **{f"{name}_day": _day(name, "in this direction, on a working day") for name in SUBSTANCES},
    **{
        f"{name}_m_day": Column(
            "float",
            f"{_UNITS[name]} m⁻¹ d⁻¹",
            f"{_NAMES[name]} of traffic on both sides of the street, per metre of it.",
            0.0,
            missing=True,
        )
        for name in SUBSTANCES
    },
}
_ZONES: Final[Schema] = {
    f"{name}_day": _day(name, "on links whose middle is in or nearest to it") for name in SUBSTANCES
}


class EmissionsParams(Params):
    """Parameters of emissions."""

    slopes: bool = Field(default=True, description="Whether vehicles emit more uphill and less downhill.")
    grid_co2: bool = Field(
        default=True, description="Whether the carbon dioxide of the electricity of electric vehicles counts."
    )


@dataclass(frozen=True, slots=True)
class EmissionsModel:
    """
    Emissions of a working day's traffic.

    Each flow times the length of its link and the factor of its vehicles at their speed: hot exhaust by emission class,
    wear of tyres and brakes, electricity. Cold starts and evaporation are left out.
    """

    params: EmissionsParams = field(default_factory=EmissionsParams)

    name: ClassVar[str] = "emissions"
    inputs: ClassVar[Mapping[str, Schema]] = {
        "link_flows": {
            "link_id": Column("integer", "", "Link."),
            "hours_h": Column("float", "h", "Hours of a day that the flow stands for.", 0.0, 24.0),
            "from_h": Column("float", "h", "Hour at which they begin.", 0.0, 24.0, missing=True),
            "to_h": Column("float", "h", "Hour at which they end.", 0.0, 24.0, missing=True),
            **{f"volume_{kind}_veh_h": Column("float", "veh h⁻¹", f"Flow by {kind}.", 0.0) for kind in fleet.KINDS},
            **{f"speed_{kind}_m_s": Column("float", "m s⁻¹", f"Speed by {kind}.", 0.0) for kind in fleet.KINDS},
        },
        "links": columns_of("links", "geometry", "from_node_id", "to_node_id", "reverse_link_id", "length_m"),
        "nodes": columns_of("nodes", "elevation_m"),
        "buildings": columns_of("buildings", "residents"),
        "building_measures": columns_of(
            "building_measures", "building_id", "electric_car_share", "electric_motorbike_share"
        ),
        "restrictions": columns_of("restrictions", "geometry", "mode", "fuel", "from_s", "to_s"),
        "zones": columns_of("zones", "geometry"),
    }
    optional: ClassVar[tuple[str, ...]] = ("building_measures", "restrictions", "zones")
    rasters: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[Mapping[str, Schema]] = {"links": _LINKS, "zones": _ZONES}
    references: ClassVar[tuple[str, ...]] = (
        "EMEP/EEA air pollutant emission inventory guidebook 2013, update September 2014, 1.A.3.b.i-iv",
        "EMEP/EEA air pollutant emission inventory guidebook 2019, 1.A.3.b.vi-vii",
    )

    def run(self, city: City) -> Result:
        """Emissions of all links."""
        import pandas as pd

        flows = _Flows(city, self.params)
        by_kind = {kind: flows.emitted(kind) for kind in fleet.KINDS}
        links = city["links"]
        seen = np.bincount(flows.row, minlength=len(links)) > 0
        columns: dict[str, Floats] = {}
        for name in SUBSTANCES:
            total = np.sum([by_kind[kind][name] for kind in fleet.KINDS], axis=0)
            columns[f"{name}_day"] = np.bincount(flows.row, weights=total, minlength=len(links)).astype(float)
        for name in SUBSTANCES:
            columns[f"{name}_m_day"] = _per_metre(links, columns[f"{name}_day"])
        table = pd.DataFrame(
            {name: np.where(seen, values, np.nan) for name, values in columns.items()}, index=links.index
        )
        tables = {"links": table}
        if len(city["zones"]):
            tables["zones"] = _by_zone(city, columns)
        return Result(tables=tables, diagnostics=flows.diagnostics(by_kind))


class _Flows:
    """Flows of a day with what their emissions depend on."""

    def __init__(self, city: City, params: EmissionsParams) -> None:
        self.city, self.params, table, links = city, params, city["link_flows"], city["links"]
        self.row = links.index.get_indexer(table["link_id"])
        table, self.row = table[self.row >= 0], self.row[self.row >= 0]
        self.table = table
        self.km = links["length_m"].to_numpy(dtype=float)[self.row] / M_PER_KM
        self.hours = table["hours_h"].to_numpy(dtype=float)
        self.slope = _slopes(city)[self.row] if params.slopes else np.zeros(len(self.row))
        begin, end = np.zeros(len(table)), np.full(len(table), 24.0)
        if {"from_h", "to_h"} <= set(table):
            begin, end = (table[name].to_numpy(dtype=float, na_value=np.nan) for name in ("from_h", "to_h"))
        self.from_h, self.to_h = np.nan_to_num(begin, nan=0.0), np.nan_to_num(end, nan=24.0)
        self.shares: dict[str, dict[str, float]] = {}
        self.vehicle_km: dict[str, Floats] = {}

    def emitted(self, kind: str) -> dict[str, Floats]:
        """Emissions of one kind of vehicle in each flow, by substance and day."""
        n, country = len(self.row), self.city.country
        speed = self.table[f"speed_{kind}_m_s"].to_numpy(dtype=float) / M_S_PER_KM_H
        driven = self.table[f"volume_{kind}_veh_h"].to_numpy(dtype=float) * self.hours * self.km
        self.vehicle_km[kind] = driven
        self.shares[kind] = fleet.fuel_shares(self.city, kind)
        kept_out = fleet.banned(self.city, kind, self.from_h, self.to_h, self.row)
        co2, nox, pm = np.zeros(n), np.zeros(n), np.zeros(n)
        for fuel, share in fleet.on_flows(self.shares[kind], kept_out, n).items():
            electric = fuel == fleet.ELECTRIC
            if electric:
                co2 += share * self._grid_g_km(kind)
            elif share.any():
                tables = fleet.tables(country, kind, fuel)
                exhaust = {name: np.interp(speed, curves.SPEEDS, values) for name, values in tables.items()}
                factor = self._slope_factor(kind, speed, exhaust["fuel"]) * share
                co2 += factor * exhaust["fuel"] * float(curves.factors()["co2_g_per_g"][fuel])
                nox += factor * exhaust["nox"]
                pm += factor * exhaust["pm"]
            pm += share * curves.wear(kind, speed, electric=electric)
        return {"co2_kg": co2 * driven / G_PER_KG, "nox_g": nox * driven, "pm25_g": pm * driven}

    def _grid_g_km(self, kind: str) -> float:
        """Carbon dioxide of the electricity for a kilometre."""
        data = place.load(self.city.country, "emissions")
        if not self.params.grid_co2:
            return 0.0
        return float(data["electricity_use"][f"{kind}_kwh_km"]) * float(data["electricity"]["co2_g_kwh"])

    def _slope_factor(self, kind: str, speed: Floats, fuel_g_km: Floats) -> Floats:
        if not self.params.slopes:
            return np.ones(len(speed))
        if kind in fleet.PERSONAL:
            return curves.light_slope(kind, self.slope, fuel_g_km)
        return curves.heavy_slope(self.slope, speed)

    def diagnostics(self, by_kind: Mapping[str, Mapping[str, Floats]]) -> dict[str, Any]:
        """Totals of the city, and the mean factors of each kind of vehicle."""
        km = {kind: float(driven.sum()) for kind, driven in self.vehicle_km.items()}
        total = {f"{name}_day": float(sum(by_kind[kind][name].sum() for kind in by_kind)) for name in SUBSTANCES}
        grams = {"co2_kg": G_PER_KG, "nox_g": 1.0, "pm25_g": 1.0}
        factors = {
            kind: {
                f"{name.split('_')[0]}_g_km": float(by_kind[kind][name].sum() * grams[name] / km[kind])
                for name in grams
            }
            for kind in by_kind
            if km[kind] > 0.0
        }
        return {**total, "vehicle_km_day": km, "mean_factors": factors, "fuel_shares": self.shares}


def _slopes(city: City) -> Floats:
    """Rise of every link over its length; 0 where a level is not known."""
    links, nodes = city["links"], city["nodes"]
    level = nodes["elevation_m"].to_numpy(dtype=float, na_value=np.nan)
    begin, end = (nodes.index.get_indexer(links[f"{side}_node_id"]) for side in ("from", "to"))
    rise = np.where((begin >= 0) & (end >= 0), level[end] - level[begin], np.nan)
    slopes: Floats = np.nan_to_num(rise / np.maximum(links["length_m"].to_numpy(dtype=float), 1.0))
    return slopes


def _per_metre(links: Any, emitted: Floats) -> Floats:
    """Emissions of both directions of a street per metre: one colour for the street, however its links lie."""
    back = links.index.get_indexer(links["reverse_link_id"].to_numpy(dtype=float, na_value=-1.0))
    other = np.where(back >= 0, emitted[back], 0.0)
    found: Floats = (emitted + other) / np.maximum(links["length_m"].to_numpy(dtype=float), 1.0)
    return found


def _by_zone(city: City, columns: Mapping[str, Floats]) -> Any:
    """Emissions of the links of each zone; every link counts in one of them, so that the sum is that of the city."""
    import pandas as pd

    zones, links = city["zones"], city["links"]
    middles = shapely.line_interpolate_point(np.asarray(links.geometry.array, dtype=object), 0.5, normalized=True)
    tree = shapely.STRtree(np.asarray(zones.geometry.array, dtype=object))
    zone = tree.query_nearest(middles, all_matches=False)[1]
    sums = {
        f"{name}_day": np.bincount(zone, weights=columns[f"{name}_day"], minlength=len(zones)) for name in SUBSTANCES
    }
    return pd.DataFrame(sums, index=zones.index)
