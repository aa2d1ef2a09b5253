"""Hourly series of buildings, rebuilt from their thermal models when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from dothi.heat import kernels as k
from dothi.heat.archetypes import Archetypes, archetypes
from dothi.heat.carriers import CARRIER_OF, CARRIERS, cooling_cop, heating_cop
from dothi.heat.geometry import skin
from dothi.heat.network import coefficients
from dothi.heat.outdoors import Outdoors, outdoors
from dothi.heat.schedules import Schedules, schedules
from dothi.heat.zones import ZoneRows, sun_weights, zone_rows
from dothi.shapes import Integers

if TYPE_CHECKING:
    import pandas as pd

    from dothi.sky.light import Light

Singles = npt.NDArray[np.float32]

CHUNK: Final = 256
"""Buildings that are worked on at once, so that memory stays small."""
WARM_UP_H: Final = 1095
"""Hours of the end of the year that come before its beginning, so that masses have their warmth."""
START_C: Final = 18.0
SERIES: Final = (
    "heating", "cooling", "cooling_sensible", "hot_water", "appliances", "lighting",
    "heating_electricity", "cooling_electricity", "hot_water_electricity",
    *CARRIERS, "network_cooling", "room_c",
)  # fmt: skip
"""Series on offer. Heat and cold that rooms and taps need: ``heating``, ``cooling`` (with its latent part),
``hot_water``. What is bought: the carriers, and ``network_cooling``. All are powers [W] but ``room_c`` [°C]."""


def hourly(
    thermal_models: pd.DataFrame, weather: pd.DataFrame, light: Light, wanted: Sequence[str] = SERIES
) -> dict[str, Singles]:
    """
    Hourly series of some buildings.

    Parameters
    ----------
    thermal_models
        Rows of the table that the simulation gives; a few of them where a few are wanted.
    weather
        Table ``weather``.
    light
        Light on the surfaces of the city.
    wanted
        Names among `SERIES`.

    Returns
    -------
    dict
        (buildings, hours) by name, in the order of the rows.
    """
    found: dict[str, list[Singles]] = {name: [] for name in wanted}
    for _, series in chunks(thermal_models, weather, light):
        for name in wanted:
            found[name].append(series[name])
    hours = len(weather)
    return {name: np.concatenate(parts) if parts else np.empty((0, hours), np.float32) for name, parts in found.items()}


def chunks(
    thermal_models: pd.DataFrame, weather: pd.DataFrame, light: Light, size: int = CHUNK
) -> Iterator[tuple[slice, dict[str, Singles]]]:
    """Hourly series of all buildings, some rows at a time: their places, and `SERIES` by name."""
    if not len(thermal_models):
        return
    ids = thermal_models.index.to_numpy(dtype=np.int64)
    worker = _Worker(archetypes(str(thermal_models["country"].iloc[0])), weather, light, ids)
    for first in range(0, len(ids), size):
        rows = slice(first, min(first + size, len(ids)))
        yield rows, worker.series(thermal_models.iloc[rows], rows)


@dataclass(frozen=True, slots=True)
class Needs:
    """
    What zones need and how warm they are, each (zones, hours).

    Attributes
    ----------
    heating, cooling, wet
        Heating, sensible and latent cooling [W].
    room_c
        Temperature [°C].
    """

    heating: Singles
    cooling: Singles
    wet: Singles
    room_c: Singles


def balance(rows: ZoneRows, sun: Singles, taken_up: Singles, plan: Integers, profiles: Singles, air: Outdoors) -> Needs:
    """
    Heat balance of zones over the hours, after a run-up through the end of the year.

    Parameters
    ----------
    rows
        Zones.
    sun, taken_up : (buildings, hours)
        Sun through windows, and taken up by walls and roofs [W].
    plan : (zones,)
        Archetype whose schedules hold.
    profiles : (hours, archetypes, profiles)
        Schedules.
    air
        The weather.
    """
    n, hours = len(rows.zones), profiles.shape[0]
    made = np.ascontiguousarray(coefficients(rows.zones), dtype=np.float32)
    state = np.full((3, n), START_C, dtype=np.float32)
    state[2] = np.float32(air.moisture[0])
    series = (air.air_c, air.sky_k, air.ground_k, air.moisture)
    share = rows.share.astype(np.float32)
    for begin in (max(hours - WARM_UP_H, 0), 0):
        outside, sky, ground, moist = (np.ascontiguousarray(one[begin:], dtype=np.float32) for one in series)
        through, skin_w = (np.ascontiguousarray(one[:, begin:]) for one in (sun, taken_up))
        heat, cool, wet, room = (np.empty((n, hours - begin), dtype=np.float32) for _ in range(4))
        k.balance(
            made, plan, outside, sky, ground, moist, profiles[begin:], through, skin_w, rows.building, share, state,
            heat, cool, wet, room,
        )  # fmt: skip
    return Needs(heat, cool, wet, room)


class _Worker:
    """All that chunks of buildings share."""

    def __init__(self, known: Archetypes, weather: pd.DataFrame, light: Light, ids: Integers) -> None:
        self.known, self.light = known, light
        self.air: Outdoors = outdoors(weather)
        self.plans: Schedules = schedules(known, weather)
        self.profiles = np.ascontiguousarray(self.plans.profiles, dtype=np.float32)
        self.skin = skin(light, ids)
        self.pump = heating_cop(known.data["heat_pump"], self.air.air_c).astype(np.float32)

    def series(self, table: pd.DataFrame, rows: slice) -> dict[str, Singles]:
        """All series of some buildings."""
        sun, taken_up = self._sun(table, rows)
        zones = zone_rows(table)
        plan = np.array([self.known.names.index(str(name)) for name in table["archetype"]], dtype=np.int64)
        needs = balance(zones, sun, taken_up, plan[zones.building], self.profiles, self.air)
        n = len(table)
        weight = table["heated_share"].to_numpy(dtype=np.float32)[:, None]
        found: dict[str, Singles] = {
            "heating": _together(needs.heating, zones, n) * weight,
            "cooling_sensible": _together(needs.cooling, zones, n),
            "room_c": _together(needs.room_c * zones.share[:, None].astype(np.float32), zones, n),
        }
        found["cooling"] = found["cooling_sensible"] + _together(needs.wet, zones, n)
        profile = self.profiles[:, plan, :].transpose(1, 2, 0)
        found["appliances"] = _column(table, "appliances_w") * profile[:, k.APP]
        found["lighting"] = _column(table, "lighting_w") * profile[:, k.LIT]
        found["hot_water"] = _column(table, "hot_water_w") * self.plans.hot_water[:, plan].T.astype(np.float32)
        self._bought(table, plan, found)
        return found

    def _sun(self, table: pd.DataFrame, rows: slice) -> tuple[Singles, Singles]:
        """Sun through windows, and taken up by walls and roofs [W], each (buildings, hours)."""
        from scipy.sparse import csr_matrix

        begin, end = np.searchsorted(self.skin.building, [rows.start, rows.stop])
        some = np.arange(begin, end)
        some = some[lived_in(table)[self.skin.building[some] - rows.start]]
        building = self.skin.building[some] - rows.start
        roof, area = self.skin.roof[some], self.skin.area_m2[some]
        weights = sun_weights(table)
        window = np.where(roof, 0.0, weights["window"][building]) * area
        taken = np.where(roof, weights["roof"][building], weights["wall"][building]) * area
        n, m = len(table), len(some)
        out = np.zeros((2 * n, len(self.air.air_c)), dtype=np.float32)
        for first in range(0, m, STRIP):
            here = slice(first, min(first + STRIP, m))
            seen = self.light.hourly(self.skin.rows[some][here])
            values = np.r_[window[here], taken[here]].astype(np.float32)
            at = np.r_[building[here], building[here] + n], np.r_[np.arange(len(seen)), np.arange(len(seen))]
            out += csr_matrix((values, at), shape=(2 * n, len(seen)), dtype=np.float32) @ seen
        return out[:n], out[n:]

    def _bought(self, table: pd.DataFrame, plan: Integers, found: dict[str, Singles]) -> None:
        """What machines draw, by carrier."""
        shape = found["heating"].shape
        for name in (*CARRIERS, "heating_electricity", "hot_water_electricity"):
            found[name] = np.zeros(shape, dtype=np.float32)
        self._heat(table["heating_system"], found["heating"], found, "heating_electricity", self.pump[None, :])
        water = found["hot_water"]
        stored = table["hot_water_system"].to_numpy(dtype=object) == "electric"
        drawn = water.copy()
        drawn[stored] = (_column(table, "hot_water_w") * self.plans.stored[:, plan].T.astype(np.float32))[stored]
        self._heat(table["hot_water_system"], drawn, found, "hot_water_electricity", self.pump[None, :])
        network = table["cooling_network"].notna().to_numpy()[:, None]
        capacity = _column(table, "cool_max_w") * np.maximum(_column(table, "cooled_share"), np.float32(1e-3))
        load = np.asarray(np.clip(found["cooling"] / np.maximum(capacity, np.float32(1.0)), 0.0, 1.0), np.float32)
        rated = table["cooling_cop"].to_numpy(dtype=float)
        cop = cooling_cop(self.known.data["cooling"], rated, self.air.air_c, load)
        found["cooling_electricity"] = np.where(network, np.float32(0.0), found["cooling"] / cop)
        found["network_cooling"] = np.where(network, found["cooling"], np.float32(0.0))
        for name in ("appliances", "lighting", "heating_electricity", "cooling_electricity", "hot_water_electricity"):
            found["electricity"] += found[name]

    def _heat(self, system: Any, heat: Singles, found: dict[str, Singles], electric: str, pump: Singles) -> None:
        """Carriers that make heat; electricity in a series of its own."""
        names = system.to_numpy(dtype=object)
        efficiency = self.known.data["efficiency"]
        for name in sorted(set(names) - {"none"}):
            rows = names == name
            used = heat[rows] / (pump if name == "heat_pump" else np.float32(efficiency[name]))
            target = electric if CARRIER_OF[name] == "electricity" else CARRIER_OF[name]
            found[target][rows] += used


def lived_in(table: pd.DataFrame) -> Any:
    """Buildings with people, heating or cooling; the sun in sheds and garages is nobody's, and is left out."""
    used = table[["people", "heated_share", "cooled_share"]].to_numpy(dtype=float)
    return np.asarray((used > 0.0).any(axis=1))


STRIP: Final = 1024
"""Surfaces whose light is in memory at once."""


def _column(table: pd.DataFrame, name: str) -> Singles:
    return np.asarray(table[name].to_numpy(dtype=np.float32)[:, None])


def _together(values: Singles, rows: ZoneRows, n: int) -> Singles:
    """Sums over the zones of each building: first ones are in order, second ones come behind."""
    out = values[:n].copy()
    out[rows.building[n:]] += values[n:]  # at most one more per building
    return out
