"""One network of cold from end to end: laid, sized, run for a year, with its plant and its costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dothi.cooling.economy import Costs, cop_alone, costs_of
from dothi.cooling.ground import ground_temperature
from dothi.cooling.layout import Catalogue, Layout, lay, peak_loads, sized
from dothi.cooling.network import Network, Year, simulate_year
from dothi.cooling.plant import Plant, run_plant
from dothi.cooling.streets import Streets
from dothi.cooling.water import Service, density
from dothi.shapes import Floats, Integers, Shapes
from dothi.units import WH_PER_KWH

J_PER_WH = 3600.0


@dataclass(frozen=True, slots=True)
class Site:
    """
    What all networks of a city share.

    Attributes
    ----------
    streets
        Streets in which pipes may lie.
    air_c, humidity_pct : (n_hours,)
        Air outside, and its relative humidity.
    rules
        Data of `place.district`.
    country
        Data of `place`, topic ``cooling``.
    """

    streets: Streets
    air_c: Floats
    humidity_pct: Floats
    rules: Mapping[str, Any]
    country: Mapping[str, Any]

    @property
    def ground_c(self) -> Floats:
        """Temperature of the ground around pipes by the hour [°C]."""
        soil = self.rules["soil"]
        return ground_temperature(self.air_c, float(soil["depth_m"]), float(soil["diffusivity_m2_s"]))


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What is chosen for a network.

    Attributes
    ----------
    service
        Temperatures.
    storage_h
        Size of the tank, in hours of the mean need of the day with the greatest.
    machines
        Number of chillers.
    plant
        Where the plant stands [m]; the middle of what buildings need where None.
    """

    service: Service
    storage_h: float
    machines: int
    plant: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class District:
    """
    A network and its year.

    Attributes
    ----------
    layout, network, choice
        Where pipes lie, what they are, and their place in the catalogue.
    year, plant, costs
        What happens in it, in its plant, and what it costs.
    peak_w : (n_pipes,)
        Greatest load that each pipe carries.
    electricity_w, alone_w : (n_hours,)
        Electricity of chillers, towers and pumps, and of machines of the buildings' own in its stead.
    alone_kwh : (n_buildings,)
        Electricity of each building's own machine.
    tank_m3
        Water in the tank.
    """

    layout: Layout
    network: Network
    choice: Integers
    year: Year
    plant: Plant
    costs: Costs
    peak_w: Floats
    electricity_w: Floats
    alone_w: Floats
    alone_kwh: Floats
    tank_m3: float

    @property
    def pump_w(self) -> Floats:
        """Electricity of the pumps [W]."""
        return self.electricity_w - self.plant.chiller_w - self.plant.rejection_w


def simulate(site: Site, wish: Wish, footprints: Shapes, load_w: npt.NDArray[np.floating]) -> District:
    """
    Lay a network to buildings and run it for a year.

    Parameters
    ----------
    site
        Its surroundings.
    wish
        What is chosen for it.
    footprints : (n_buildings,)
        Footprints of the buildings, one or more.
    load_w : (n_buildings, n_hours)
        Cold that each takes [W].
    """
    rules, service = site.rules, wish.service
    load_w = np.asarray(load_w, dtype=float)
    layout = lay(site.streets, footprints, load_w.sum(axis=1), wish.plant)
    peaks = peak_loads(layout.topology, layout.at, load_w)
    pressure = rules["pressure"]
    catalogue = Catalogue.of(rules["pipes"])
    network, choice = sized(layout, catalogue, service, peaks, rules["sizing"], float(pressure["fittings_share"]))
    year = simulate_year(network, service, load_w, site.ground_c, float(pressure["station_pa"]))
    plant = run_plant(
        year.plant_w(service), site.air_c, site.humidity_pct, service.supply_c, wish.storage_h, wish.machines, rules
    )  # fmt: skip
    pumps = year.water_w / float(pressure["pump_efficiency"])
    electricity = plant.chiller_w + plant.rejection_w + pumps
    alone = load_w / cop_alone(site.air_c, site.country["alone"])
    usable = float(rules["tank"]["usable_share"]) * service.spread_k * service.cp * density(service.supply_c)
    tank_m3 = plant.tank_wh * J_PER_WH / usable
    alone_kwh = alone.sum(axis=1) / WH_PER_KWH
    costs = costs_of(
        layout.length_m[1:], network.diameter_m[1:], plant.capacity_w, tank_m3, year.peak_w,
        float(electricity.sum()) / WH_PER_KWH, float(alone_kwh.sum()), site.country,
    )  # fmt: skip
    return District(
        layout, network, choice, year, plant, costs, peaks, electricity, alone.sum(axis=0), alone_kwh, tank_m3
    )  # fmt: skip
