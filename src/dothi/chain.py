"""Which simulation runs after which, and what one hands the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dothi.model import Model, Result

if TYPE_CHECKING:
    from dothi.city import City

Handover = Callable[["City", Result], "City"]
"""Takes a city and the result of one simulation; gives the city with the tables that the next one reads."""


@dataclass(frozen=True, slots=True)
class Stage:
    """
    A simulation in the chain.

    Attributes
    ----------
    model
        Where its class is, as ``module:class``: a run imports only what it needs.
    takes
        By simulation that comes before it, the function that hands its result on; without one of these results it is
        left out.
    may_take
        The same, of simulations without which it runs as well: where one is left out, as the flood of a city without
        a storm is, the city stays as it is.
    on_request
        Whether it runs only where it is asked for by name, as what takes minutes or another program does.
    """

    model: str
    takes: Mapping[str, Handover] = field(default_factory=dict)
    may_take: Mapping[str, Handover] = field(default_factory=dict)
    on_request: bool = False

    @property
    def before(self) -> dict[str, Handover]:
        """Everything that comes before it, with the function that hands its result on."""
        return {**self.takes, **self.may_take}

    @property
    def module(self) -> str:
        """Module of the model."""
        return self.model.partition(":")[0]

    def load(self) -> type[Model]:
        """The class of the model."""
        from importlib import import_module

        module, _, name = self.model.partition(":")
        found: Any = getattr(import_module(module), name)
        return found  # type: ignore[no-any-return]


def transit_times_from(city: City, result: Result) -> City:
    """City with the door-to-door times of public transport from zone to zone."""
    return city.with_tables(transit_times=result.tables["transit_times"])


def transit_trips_from(city: City, result: Result) -> City:
    """City with the trips of a working day by public transport, and the gateways from which some of them come."""
    import pandas as pd

    trips = result.fields["od_trips"].sel(mode="transit").to_numpy()
    ids = result.fields["od_trips"]["origin"].to_numpy()
    origin, destination = trips.nonzero()
    columns = {"origin_id": ids[origin], "destination_id": ids[destination], "trips_day": trips[origin, destination]}
    return city.with_tables(transit_trips=pd.DataFrame(columns), gateways=result.tables["gateways"])


def congested_times_from(city: City, result: Result) -> City:
    """City whose links have the times of simulated traffic."""
    names = ["time_car_s", "time_motorbike_s"]
    links = city["links"]
    return city.with_tables(links=links.drop(columns=names, errors="ignore").join(result.tables["links"][names]))


def link_flows_from(city: City, result: Result) -> City:
    """City with the flows and speeds of every kind of vehicle on its links, by part of the day."""
    return city.with_tables(link_flows=result.tables["link_flows"])


def flows_from(city: City, result: Result) -> City:
    """City whose links have the flows of simulated traffic by class, their saturation, and the times of cars."""
    names = [*(f"volume_{kind}_veh_h" for kind in ("car", "motorbike", "bus", "truck")), "time_car_s", "saturation"]
    links = city["links"]
    return city.with_tables(links=links.drop(columns=names, errors="ignore").join(result.tables["links"][names]))


def light_from(city: City, result: Result) -> City:
    """City with what each of its surfaces sees of sky and sun, as `dothi.sky.Light` takes it."""
    return city.with_tables(surface_light=result.tables["surface_light"])


def loads_from(city: City, result: Result) -> City:
    """City with the electric power of its buildings in every hour, and the cold that some take from a network."""
    from dothi.heat.loads import building_loads

    return city.with_tables(building_loads=building_loads(city, result.tables["thermal_models"]))


def _takes_cold(city: City) -> bool:
    """Whether any building takes cold from a network."""
    if "building_measures" not in city:
        return False
    measures = city["building_measures"]
    return "cooling_network" in measures and bool(measures["cooling_network"].notna().any())


def light_for_cold_from(city: City, result: Result) -> City:
    """City with what its surfaces see of sky and sun; as it is where no building takes cold from a network."""
    return light_from(city, result) if _takes_cold(city) else city


def cold_from(city: City, result: Result) -> City:
    """City with the loads of the buildings that take cold from a network; as it is where there are none."""
    if not _takes_cold(city):
        return city
    from dothi.heat.loads import building_loads

    models = result.tables["thermal_models"]
    return city.with_tables(building_loads=building_loads(city, models[models["cooling_network"].notna()]))


def generation_from(city: City, result: Result) -> City:
    """City with what the solar modules of its buildings make in every hour; as it is where there are none."""
    from dothi.pv.hourly import generation

    arrays = result.tables.get("pv_arrays")
    if arrays is None:
        return city
    return city.with_tables(building_generation=generation(city, arrays, result.diagnostics["technology"]))


def energy_from(city: City, result: Result) -> City:
    """City with what each building buys in a year, by carrier."""
    bought = ("electricity", "gas", "oil", "wood", "district", "network_cooling")
    return city.with_tables(building_energy=result.tables["buildings"][[f"{name}_kwh" for name in bought]])


def modules_from(city: City, result: Result) -> City:
    """City with the solar modules of its buildings, what they make in a year and how much is used on the spot."""
    buildings = result.tables["buildings"]
    there = buildings.loc[buildings["pv_kwp"] > 0.0, ["pv_kwp", "pv_kwh", "pv_used_share"]]
    return city.with_tables(building_modules=there)


def networks_from(city: City, result: Result) -> City:
    """City with the cold that its networks deliver in a year, and their electricity; as it is where there are none."""
    networks = result.tables.get("cooling_networks")
    if networks is None:
        return city
    return city.with_tables(network_supply=networks[["cooling_network", "delivered_kwh", "electricity_kwh"]])


def traffic_emissions_from(city: City, result: Result) -> City:
    """City with the emissions of a working day's traffic on its links."""
    emitted = result.tables["links"][["co2_kg_day"]].dropna()
    return city.with_tables(traffic_emissions=emitted)


STAGES: Final[dict[str, Stage]] = {
    "stock": Stage("dothi.stock.model:StockModel"),
    "walk": Stage("dothi.access.model:WalkModel"),
    "transit": Stage("dothi.transit.model:TransitModel"),
    "traffic": Stage("dothi.traffic.model:TrafficModel", may_take={"transit": transit_times_from}),
    "ridership": Stage("dothi.transit.ridership:RidershipModel", takes={"traffic": transit_trips_from}),
    "access": Stage(
        "dothi.access.reach:AccessModel",
        may_take={"transit": transit_times_from, "traffic": congested_times_from},
    ),
    "emissions": Stage("dothi.emissions.model:EmissionsModel", takes={"traffic": link_flows_from}),
    "noise": Stage("dothi.noise.model:NoiseModel", takes={"traffic": link_flows_from}),
    "sun": Stage("dothi.sun.model:SunModel"),
    "heat": Stage("dothi.heat.model:HeatModel", takes={"sun": light_from}),
    "pv": Stage("dothi.pv.model:PvModel", takes={"sun": light_from}, may_take={"heat": loads_from}),
    "power": Stage(
        "dothi.power.model:PowerModel",
        takes={"sun": light_from, "heat": loads_from},
        may_take={"pv": generation_from},
    ),
    "cooling": Stage("dothi.cooling.model:CoolingModel", takes={"sun": light_for_cold_from, "heat": cold_from}),
    "carbon": Stage(
        "dothi.carbon.model:CarbonModel",
        takes={"heat": energy_from},
        may_take={"emissions": traffic_emissions_from, "pv": modules_from, "cooling": networks_from},
    ),
    "flood": Stage("dothi.flood.model:FloodModel", on_request=True),  # without sewers it floods far too much
    "microsim": Stage("dothi.microsim.model:MicrosimModel", takes={"traffic": flows_from}, on_request=True),
}
"""Simulations on offer by name, each behind those it takes from."""


def needed(names: tuple[str, ...] | None, stages: Mapping[str, Stage] = STAGES) -> list[str]:
    """
    Simulations to run, in order: those asked for, and those that hand on to them.

    Parameters
    ----------
    names
        Those asked for; where None, all that are not made on request only.
    stages
        Simulations on offer.

    Raises
    ------
    KeyError
        A name that is not on offer.
    """
    usual = (name for name, stage in stages.items() if not stage.on_request)
    wanted = set(usual if names is None else names)
    if unknown := wanted - set(stages):
        raise KeyError(", ".join(sorted(unknown)))
    for name in reversed(list(stages)):
        if name in wanted:
            wanted |= set(stages[name].before)
    return [name for name in stages if name in wanted]
