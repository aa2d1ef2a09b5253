"""Thermal models: the table that holds all that the heat balance of each building needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi import place
from dothi.heat.archetypes import Archetypes, archetypes, drawn
from dothi.heat.geometry import skin
from dothi.heat.network import AIR_WH_M3_K
from dothi.schema import Column, Schema
from dothi.shapes import Floats, Integers
from dothi.units import WH_PER_KWH

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City
    from dothi.heat.model import HeatParams
    from dothi.sky.light import Light

SYSTEMS: Final = ("none", "electric", "heat_pump", "gas", "oil", "wood", "district")
"""What makes heat."""
HOURS_OF_YEAR: Final = 8760.0
DAYS_OF_YEAR: Final = 365.0
WH_L_K: Final = 1.163
"""Heat capacity of a litre of water [Wh K⁻¹]."""
SALT_HEATING: Final = 1
NETWORK_COOLED: Final = 0.8
"""Share of the floor that is cooled at least where a network serves a building: estimate."""
ANGLE: Final = 0.9
"""Sun through glass over that at normal incidence: ISO 13790:2008, 11.4.2."""
LEAST_LIVED_IN: Final = 0.4
"""Share of a house that is taken to be heated at least, as counts of people by building are rough."""
MAX_COOLED: Final = 0.97
"""Share of the floor from which on a building counts as cooled altogether."""


def _number(unit: str, description: str, maximum: float | None = None) -> Column:
    return Column("float", unit, description, 0.0, maximum)


THERMAL_MODELS: Final[Schema] = {
    "country": Column("category", "", "Country whose archetypes hold."),
    "archetype": Column("category", "", "What the building is taken to be."),
    "heating_system": Column("category", "", "What makes its heat.", choices=SYSTEMS),
    "hot_water_system": Column("category", "", "What makes its hot water.", choices=SYSTEMS),
    "floor_area_m2": _number("m²", "Gross floor area."),
    "net_area_m2": _number("m²", "Floor of its rooms."),
    "volume_m3": _number("m³", "Air of its rooms."),
    "wall_area_m2": _number("m²", "Opaque walls that meet the weather."),
    "window_area_m2": _number("m²", "Windows, frames included."),
    "roof_area_m2": _number("m²", "Roofs."),
    "ground_area_m2": _number("m²", "Floor on the ground."),
    "window_share": _number("", "Windows over walls.", 1.0),
    "wall_u_w_m2_k": _number("W m⁻² K⁻¹", "Heat loss of walls."),
    "window_u_w_m2_k": _number("W m⁻² K⁻¹", "Heat loss of windows."),
    "roof_u_w_m2_k": _number("W m⁻² K⁻¹", "Heat loss of roofs."),
    "floor_u_w_m2_k": _number("W m⁻² K⁻¹", "Heat loss of the floor to the ground."),
    "sun_transmittance": _number("", "Sun that a window lets in: glass, frame, shades, angle.", 1.0),
    "wall_absorptance": _number("", "Sun that walls take up.", 1.0),
    "roof_absorptance": _number("", "Sun that roofs take up.", 1.0),
    "envelope_mass_j_k": _number("J K⁻¹", "Heat that walls and roofs store."),
    "interior_mass_j_k": _number("J K⁻¹", "Heat that floors and partitions store."),
    "infiltration_w_k": _number("W K⁻¹", "Outdoor air that always flows."),
    "fresh_air_w_k": _number("W K⁻¹", "Outdoor air for people who are all there."),
    "opening_w_k": _number("W K⁻¹", "Outdoor air through windows wide open."),
    "people": _number("", "People who use it."),
    "people_w": _number("W", "Their sensible heat while all are there."),
    "moisture_kg_h": _number("kg h⁻¹", "Their moisture while all are there."),
    "appliances_w": _number("W", "Mean power of appliances."),
    "lighting_w": _number("W", "Power of all lamps."),
    "hot_water_w": _number("W", "Mean heat for hot water."),
    "heated_share": _number("", "Share of the floor that is heated.", 1.0),
    "cooled_share": _number("", "Share of the floor that is cooled.", 1.0),
    "heat_set_c": Column("float", "°C", "Temperature held by heating at presence."),
    "setback_k": _number("K", "By how much less else."),
    "cool_set_c": Column("float", "°C", "Temperature held by cooling."),
    "open_set_c": Column("float", "°C", "Temperature from which windows open."),
    "heat_max_w": _number("W", "Capacity of heating."),
    "cool_max_w": _number("W", "Capacity of cooling, of the whole floor."),
    "sensible_share": _number("", "Sensible over total cooling of the machine at its rating.", 1.0),
    "cooling_cop": _number("", "Cooling over electricity of the machine at its rating."),
    "room_exchange_w_k": _number("W K⁻¹", "From cooled rooms to the rest, per kelvin to outdoors; of the whole floor."),
    "cooling_network": Column("string", "", "District cooling that serves it.", missing=True),
}
"""Columns of ``thermal_models``, index ``building_id``."""


def thermal_models(city: City, light: Light, params: HeatParams) -> pd.DataFrame:
    """
    Thermal model of every building.

    Parameters
    ----------
    city
        The city.
    light
        Light on its surfaces, which also says how much of each meets the weather.
    params
        Parameters of the simulation.
    """
    import pandas as pd

    buildings = city["buildings"]
    known = archetypes(params.archetypes or city.country)
    made = _Maker(city, known, light, params)
    columns = {**made.use(), **made.skin(), **made.inside(), **made.systems()}
    table = pd.DataFrame(columns, index=buildings.index.rename("building_id"))
    _measures(table, city["building_measures"])
    for name in ("country", "archetype"):
        table[name] = table[name].astype("category")
    for name in ("heating_system", "hot_water_system"):
        table[name] = pd.Categorical(table[name], SYSTEMS)
    return table[list(THERMAL_MODELS)]


class _Maker:
    """Columns of the table, part by part."""

    def __init__(self, city: City, known: Archetypes, light: Light, params: HeatParams) -> None:
        self.city, self.known, self.params = city, known, params
        self.buildings = city["buildings"]
        self.ids: Integers = self.buildings.index.to_numpy(dtype=np.int64)
        self.storeys = np.maximum(self.number("storeys"), 1.0)
        function = self.buildings["function"].astype("object").fillna("other").to_numpy()
        self.chosen = known.chosen(function, self.storeys)
        year = self.number("year_built")
        year = np.where(year == 0.0, known.common("usual_year"), year)
        self.envelope = known.envelope(self.chosen, year)
        found = skin(light, self.ids)
        self.walls, self.roofs = found.wall_m2, found.roof_m2
        self.footprint = self.buildings.geometry.area.to_numpy(dtype=float)
        floor = self.number("floor_area_m2")
        self.floor = np.maximum(np.where(floor > 0.0, floor, self.footprint * self.storeys), 1.0)
        self.net = self.floor * known.common("net_share")

    def number(self, name: str) -> Floats:
        """A column of the buildings; 0 where missing."""
        if name not in self.buildings:
            return np.zeros(len(self.buildings))
        return np.asarray(np.nan_to_num(self.buildings[name].to_numpy(dtype=float, na_value=0.0)))

    def of(self, key: str, otherwise: float = 0.0) -> Floats:
        """A number of the archetype of each building."""
        return self.known.values(self.chosen, key, otherwise)

    def use(self) -> dict[str, Any]:
        """Who and what is in the building."""
        residents = self.number("residents")
        people = residents + self.number("jobs") * self.of("people_per_job", 1.0)
        body, water = self.known.data["people"], self.known.data["hot_water"]
        appliances = residents * self.of("appliances_kwh_person") + self.floor * self.of("appliances_kwh_m2")
        litres = residents * self.of("hot_water_l_person_day") * DAYS_OF_YEAR
        warm_kwh = litres * WH_L_K * (water["drawn_c"] - water["mains_c"]) / WH_PER_KWH
        warm_kwh = (warm_kwh + self.floor * self.of("hot_water_kwh_m2")) / (1.0 - water["loss_share"])
        names = np.array(self.known.names, dtype=object)
        return {
            "country": self.known.country,
            "archetype": names[self.chosen],
            "floor_area_m2": self.floor,
            "net_area_m2": self.net,
            "people": people,
            "people_w": people * body["sensible_w"],
            "moisture_kg_h": people * body["moisture_kg_h"],
            "appliances_w": appliances * WH_PER_KWH / HOURS_OF_YEAR * self.params.appliance_factor,
            "lighting_w": self.net * self.of("lighting_w_m2") * self.params.appliance_factor,
            "hot_water_w": warm_kwh * WH_PER_KWH / HOURS_OF_YEAR,
        }

    def skin(self) -> dict[str, Any]:
        """What it is made of."""
        share = self.of("window_share")
        part, common = self.envelope, self.known.common
        windows = self.walls * share
        work = self.known.words(self.chosen, "envelope") == "work"
        shade = np.where(work, common("shading_work"), common("shading_homes"))
        inward = 1.0 - common("frame_share")
        return {
            "wall_area_m2": self.walls - windows,
            "window_area_m2": windows,
            "roof_area_m2": self.roofs,
            "ground_area_m2": self.footprint,
            "window_share": share,
            "wall_u_w_m2_k": part["wall"],
            "window_u_w_m2_k": part["window"],
            "roof_u_w_m2_k": part["roof"],
            "floor_u_w_m2_k": part["floor"],
            "sun_transmittance": part["sun_transmittance"] * ANGLE * inward * shade,
            "wall_absorptance": np.full(len(share), common("wall_absorptance")),
            "roof_absorptance": np.full(len(share), common("roof_absorptance")),
            "envelope_mass_j_k": part["mass_kj_m2_k"] * 1e3 * (self.walls - windows + self.roofs),
            "interior_mass_j_k": common("interior_mass_kj_m2_k") * 1e3 * self.floor,
        }

    def inside(self) -> dict[str, Any]:
        """Its air and set points."""
        volume = self.net * self.known.common("room_height_m")
        people = self.number("residents") + self.number("jobs") * self.of("people_per_job", 1.0)
        cooled = self.of("cooled_share")
        if self.params.cooled_share is not None:
            homes = self.number("residents") > 0.0
            cooled = np.where(homes, self.params.cooled_share, cooled)
        return {
            "volume_m3": volume,
            "infiltration_w_k": AIR_WH_M3_K * volume * self.envelope["infiltration_ach"] * self.params.air_factor,
            "fresh_air_w_k": AIR_WH_M3_K * people * self.of("fresh_air_m3_h_person") * self.params.air_factor,
            "opening_w_k": AIR_WH_M3_K * volume * self.of("opening_ach"),
            "heated_share": self.of("heated_share") * self.lived_in(),
            "cooled_share": np.where(cooled > MAX_COOLED, 1.0, cooled),
            "heat_set_c": self.of("heat_set_c") + self.params.heating_shift_k,
            "setback_k": self.of("setback_k"),
            "cool_set_c": self.of("cool_set_c") + self.params.cooling_shift_k,
            "open_set_c": np.minimum(self.of("open_set_c"), self.of("cool_set_c") + self.params.cooling_shift_k),
            "room_exchange_w_k": self.known.common("room_exchange_w_m2_k") * self.net,
        }

    def lived_in(self) -> Floats:
        """Homes that are lived in over those that usually are: empty ones are not heated; at least 0.4."""
        household = place.load(self.known.country, "buildings")["household"]
        dwellings, residents = self.number("dwellings"), self.number("residents")
        with np.errstate(divide="ignore", invalid="ignore"):
            share = residents / (float(household["size"]) * dwellings * float(household["occupied_share"]))
        homes = self.known.words(self.chosen, "envelope") != "work"
        return np.where(homes & (dwellings > 0.0), np.clip(share, LEAST_LIVED_IN, 1.0), 1.0)

    def systems(self) -> dict[str, Any]:
        """What heats and cools it."""
        data = self.known.data
        kinds = self.known.words(self.chosen, "systems")
        chance = drawn(self.ids, SALT_HEATING)
        heating = _picked(kinds, chance, data["systems"])
        water = np.where(np.isin(heating, ("heat_pump", "wood", "oil")), "electric", heating)
        if "hot_water_systems" in data:
            water = np.full(len(heating), next(name for name in SYSTEMS if name in data["hot_water_systems"]))
        return {
            "heating_system": heating,
            "hot_water_system": water,
            "heat_max_w": self.net * data["heating"]["size_w_m2"],
            "cool_max_w": self.net * data["cooling"]["size_w_m2"],
            "sensible_share": self.of("sensible_share", 0.75),
            "cooling_cop": self.of("cooling_cop", 3.0),
        }


def _picked(kinds: Any, chance: Floats, shares: Any) -> Any:
    """A system for each building by the shares of its kind."""
    found = np.full(len(kinds), "none", dtype=object)
    for kind in set(kinds):
        rows = kinds == kind
        names = [name for name in SYSTEMS if name in shares[kind]]
        if names:
            edges = np.cumsum([float(shares[kind][name]) for name in names])
            at = np.searchsorted(edges, chance[rows] * edges[-1], side="right")
            found[rows] = np.array(names, dtype=object)[np.minimum(at, len(names) - 1)]
    return found


def _measures(table: pd.DataFrame, measures: pd.DataFrame) -> None:
    """What a scenario does to buildings: less heat loss, cooling from a network."""
    known = measures.set_index("building_id") if len(measures) else measures
    ratio, network = np.ones(len(table)), np.full(len(table), None, dtype=object)
    if len(known):
        given = known.reindex(table.index)
        ratio = given["heat_loss_ratio"].fillna(1.0).to_numpy(dtype=float)
        if "cooling_network" in given:
            network = np.array(given["cooling_network"].astype("object"), dtype=object)
    for name in ("wall_u_w_m2_k", "window_u_w_m2_k", "roof_u_w_m2_k", "floor_u_w_m2_k", "infiltration_w_k"):
        table[name] = table[name] * ratio
    named = np.array([isinstance(one, str) for one in network], dtype=bool)
    network[~named] = None
    table["cooling_network"] = network
    table["cooling_network"] = table["cooling_network"].astype("str")
    table["cooled_share"] = np.where(named, np.maximum(table["cooled_share"], NETWORK_COOLED), table["cooled_share"])
