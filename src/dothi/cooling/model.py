"""Networks of cold: laid along the streets to the buildings that a scenario puts on them, and run for a year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from dothi import place
from dothi.cooling.outcome import BUILDINGS, NETWORKS, PIPES
from dothi.errors import InputError, Problem
from dothi.model import Params, Result, columns_of
from dothi.packed import unpacked
from dothi.schema import Column, Schema
from dothi.shapes import Floats, Shapes

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.cooling.district import District, Site

LOADS = "building_loads"
MEASURES = "building_measures"


class CoolingParams(Params):
    """Parameters of networks of cold."""

    supply_c: float | None = Field(
        default=None, ge=0.5, le=18.0, description="Temperature of the supply; that of the country without one [°C]."
    )
    return_c: float | None = Field(
        default=None, ge=5.0, le=30.0, description="Temperature of the return; that of the country without one [°C]."
    )
    storage_h: float = Field(
        default=3.0,
        ge=0.0,
        le=24.0,
        description="Tank of cold water, in hours of the mean need of the day of most [h].",
    )
    machines: int = Field(default=3, ge=1, le=50, description="Chillers of a plant, all of one size.")
    plants: dict[str, tuple[float, float]] = Field(
        default_factory=dict,
        description="By network, longitude and latitude of its plant; the middle of what buildings need without any.",
    )


@dataclass(frozen=True, slots=True)
class CoolingModel:
    """
    Networks of chilled water for the buildings that `district_cooling` puts on them.

    Pipes lie in streets as a short tree from a plant to the buildings and have the sizes that keep pressure and
    velocity within limits. Every hour flows, temperatures and pressures follow from the loads; chillers with a tank
    make the cold. Cost and carbon stand beside those of machines of the buildings' own. Where no building is on a
    network, it gives nothing.
    """

    params: CoolingParams = field(default_factory=CoolingParams)

    name: ClassVar[str] = "cooling"
    inputs: ClassVar[Mapping[str, Schema]] = {
        MEASURES: columns_of(MEASURES, "building_id", "cooling_network"),
        LOADS: {"cooling": Column("packed", "W", "Cold that the building needs at every hour.", missing=True)},
        "buildings": columns_of("buildings", "geometry"),
        "nodes": columns_of("nodes", "geometry"),
        "links": columns_of("links", "geometry", "from_node_id", "to_node_id", "length_m", "class", "bridge", "tunnel"),
        "weather": columns_of("weather", "time", "air_temperature_c", "dew_point_c", "relative_humidity_pct"),
    }
    optional: ClassVar[tuple[str, ...]] = (MEASURES, LOADS, "weather")
    rasters: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[Mapping[str, Schema]] = {
        "cooling_networks": NETWORKS,
        "cooling_pipes": PIPES,
        "buildings": BUILDINGS,
    }
    references: ClassVar[tuple[str, ...]] = (
        "C. F. Colebrook, Turbulent flow in pipes …, 1939, doi:10.1680/ijoti.1939.13150",
        "K. Mehlhorn, A faster approximation algorithm …, 1988, doi:10.1016/0020-0190(88)90066-X",
        "T. Kusuda and P. R. Achenbach, Earth temperature and thermal diffusivity …, 1965, NBS Report 8972",
        "R. Stull, Wet-bulb temperature from relative humidity and air temperature, 2011, doi:10.1175/JAMC-D-11-0143.1",
        "COMNET, Modeling Guidelines, 382 Chillers: curves of water-cooled centrifugal chillers",
    )

    def run(self, city: City) -> Result:
        """Networks of a city; nothing where no building is on one."""
        members = _members(city)
        if not members:
            return Result()
        from dothi.cooling import outcome
        from dothi.cooling.layout import Catalogue

        site, country = _site(city), place.load(city.country, "cooling")
        districts = {name: self._district(city, site, name, ids) for name, ids in members.items()}
        catalogue, limits = Catalogue.of(site.rules["pipes"]), site.rules["sizing"]
        service = self._service(country)
        carries = catalogue.carries_kg_s(service, float(limits["gradient_pa_m"]), float(limits["velocity_m_s"]))
        tables = {
            "cooling_networks": outcome.networks_of(
                districts, float(country["density"]["least_mwh_m"]), str(country["money"]["currency"]), city.crs
            ),
            "cooling_pipes": outcome.pipes_of(districts, members, catalogue, carries, city.crs),
            "buildings": outcome.buildings_of(districts, members),
        }
        return Result(tables=tables, diagnostics=_diagnostics(districts, tables["cooling_networks"], service))

    def _service(self, country: Mapping[str, Any]) -> Any:
        from dothi.cooling.water import Service

        usual, params = country["service"], self.params
        supply = float(usual["supply_c"]) if params.supply_c is None else params.supply_c
        back = float(usual["return_c"]) if params.return_c is None else params.return_c
        if back < supply + 2.0:
            raise InputError([Problem("is 2 K above supply_c or more", table="models.cooling", column="return_c")])
        return Service(supply, back)

    def _district(self, city: City, site: Site, name: str, ids: Any) -> District:
        from dothi.cooling.district import Wish, simulate
        from dothi.crs import LONLAT, transformer

        given = self.params.plants.get(name)
        at = transformer(LONLAT, city.crs).transform(*given) if given else None
        wish = Wish(self._service(site.country), self.params.storage_h, self.params.machines, at)
        footprints = np.asarray(city["buildings"].geometry.array, dtype=object)[
            city["buildings"].index.get_indexer(ids)
        ]  # fmt: skip
        return simulate(site, wish, _flat(footprints), unpacked(city[LOADS].loc[ids, "cooling"], np.float32))


def _flat(shapes: Shapes) -> Shapes:
    import shapely

    found: Shapes = shapely.force_2d(shapes)
    return found


def _members(city: City) -> dict[str, Any]:
    """Ids of the buildings on each network that need any cold, by name of the network."""
    if MEASURES not in city:
        return {}
    measures = city[MEASURES]
    on = measures[measures["cooling_network"].notna()] if "cooling_network" in measures else measures[:0]
    if on.empty:
        return {}
    if LOADS not in city:
        raise InputError([Problem("table is present", table=LOADS)])
    loads = city[LOADS]["cooling"].dropna()
    loads = loads[loads.index.isin(on["building_id"])]
    needy = loads.index[unpacked(loads, np.float32).max(axis=1, initial=0.0) > 0.0] if len(loads) else loads.index
    chosen = on[on["building_id"].isin(needy)]
    return {
        str(name): np.sort(rows["building_id"].to_numpy(dtype=np.int64))
        for name, rows in chosen.groupby("cooling_network", sort=True, observed=True)
    }


def _site(city: City) -> Site:
    from dothi.cooling.data import district, street_costs
    from dothi.cooling.district import Site
    from dothi.cooling.streets import streets_of

    if "weather" not in city:
        raise InputError([Problem("table is present", table="weather")])
    rules = district()
    air_c, humidity = _air(city)
    if any(len(row) != len(air_c) * 4 for row in city[LOADS]["cooling"].dropna()):
        raise InputError([Problem("has as many hours as weather", table=LOADS, column="cooling")])
    streets = streets_of(city["links"], city["nodes"], street_costs())
    return Site(streets, air_c, humidity, rules, place.load(city.country, "cooling"))


def _air(city: City) -> tuple[Floats, Floats]:
    """Temperature [°C] and relative humidity [%] of every hour, in their order."""
    from dothi.cooling.plant import humidity_of

    weather = city["weather"].sort_values("time")
    air_c = weather["air_temperature_c"].to_numpy(dtype=float)
    humidity, dew = (
        weather[name].to_numpy(dtype=float, na_value=np.nan) if name in weather else np.full(len(air_c), np.nan)
        for name in ("relative_humidity_pct", "dew_point_c")
    )
    humidity = np.where(np.isfinite(humidity), humidity, humidity_of(air_c, dew))
    if not np.isfinite(humidity).all():
        rule = "is known, or dew_point_c is"
        raise InputError([Problem(rule, table="weather", column="relative_humidity_pct")])
    return air_c, humidity


def _diagnostics(districts: Mapping[str, District], networks: Any, service: Any) -> dict[str, Any]:
    """Totals, and how well the balances close."""
    found = {}
    for name, one in districts.items():
        year, plant = one.year, one.plant
        out = float(year.plant_w(service).sum())
        balance = out - float((year.served_w - year.supply_loss_w - year.return_loss_w + year.water_w).sum())
        found[name] = {
            "hours_not_agreed": year.failed,
            "balance_error": balance / max(out, 1.0),
            "short_kwh": plant.short_wh / 1000.0,
            "water_m3": one.network.content_m3,
            "investment": dict(one.costs.investment),
        }
    sums = ("delivered_kwh", "electricity_kwh", "alone_kwh", "co2_t", "alone_co2_t")
    return {**{name: float(networks[name].sum()) for name in sums}, "networks": found}
