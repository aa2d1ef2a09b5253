"""Change: roads get other lanes, speeds, modes or directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field, model_validator

from dothi.changes.base import ENTERED, Change
from dothi.changes.close_links import Mode
from dothi.changes.places import Selection
from dothi.shapes import Floats, Integers, Mask
from dothi.tables import MODES
from dothi.units import M_S_PER_KM_H

if TYPE_CHECKING:
    import geopandas as gpd

    from dothi.city import City
    from dothi.errors import Problems

Direction = Literal["both", "forward", "backward"]
SCALED: Final = "in_proportion"
"""Method of capacities that follow from entered lanes."""
CLASS: Final = "class"


class EditLinks(Change):
    """
    Give roads other lanes, another speed, width or direction, or open and close them to modes.

    Capacity follows the lanes in proportion, unless it is given. A street made one-way takes the lanes of both
    directions; one made two-way shares them.
    """

    kind: Literal["edit_links"]
    links: Selection = Field(description="Roads; those chosen by id or by name.")
    lanes: float | None = Field(None, ge=0.0, le=20.0, description="Lanes in each direction that is open.")
    speed_km_h: float | None = Field(None, gt=0.36, le=216.0, description="Speed on the empty road [km/h].")
    width_m: float | None = Field(None, gt=0.0, le=200.0, description="Width of the carriageway, both directions [m].")
    capacity_veh_h: float | None = Field(
        None, ge=0.0, le=50_000.0, description="Capacity of each direction that is open, in passenger-car units [1/h]."
    )
    opened: tuple[Mode, ...] = Field((), description="Modes that may use them from now on.")
    closed: tuple[Mode, ...] = Field((), description="Modes that may no longer use them.")
    direction: Direction | None = Field(
        None,
        description="`both` opens them both ways. `forward` makes them one-way for motor traffic: along the link "
        "chosen by id, else the way they are open now, else the way they are drawn; `backward` the other way.",
    )
    contraflow: tuple[Mode, ...] = Field(
        ("walk", "bicycle"), description="Modes that may go against a street that is made one-way."
    )
    both_directions: bool = Field(True, description="Whether the opposite direction changes as well.")

    touches: ClassVar = ("links",)
    sentence: ClassVar = {
        "en": "Changes {links}: [{lanes} lanes each way, ][{speed_km_h} km/h, ][{width_m} m wide, ]"
        "[{capacity_veh_h} vehicles per hour, ][open to {opened}, ][closed to {closed}, ][{direction}, ]",
        "fr": "Modification ({links}) : [{lanes} files par sens, ][{speed_km_h} km/h, ][{width_m} m de large, ]"
        "[{capacity_veh_h} véhicules par heure, ][ouverture : {opened}, ][fermeture : {closed}, ][{direction}, ]",
        "vi": "Điều chỉnh {links}: [{lanes} làn mỗi chiều, ][{speed_km_h} km/h, ][rộng {width_m} m, ]"
        "[{capacity_veh_h} xe/giờ, ][cho phép {opened}, ][cấm {closed}, ][{direction}, ]",
    }
    words: ClassVar = {"opened": "mode", "closed": "mode", "contraflow": "mode", "direction": "direction"}

    @model_validator(mode="after")
    def _says_what(self) -> EditLinks:
        given = (self.lanes, self.speed_km_h, self.width_m, self.capacity_veh_h, self.direction)
        if all(value is None for value in given) and not self.opened and not self.closed:
            raise ValueError("says what changes: lanes, speed_km_h, width_m, capacity_veh_h, opened, closed, direction")
        if both := set(self.opened) & set(self.closed):
            raise ValueError(f"opens or closes each mode, not both: {', '.join(sorted(both))}")
        return self

    def apply(self, city: City, problems: Problems) -> City:
        """City whose roads are as told."""
        from dothi.derive.roads import MOTOR_MODES

        picked = self.links.rows(city, "links", problems)
        if problems.errors:
            return city
        links = city["links"]
        back = links.index.get_indexer(links["reverse_link_id"].fillna(-1).astype("int64"))
        chosen = picked.copy()
        if self.both_directions or self.direction is not None:
            chosen[back[picked & (back >= 0)]] = True
        if self.direction is not None:
            if (chosen & (back < 0)).any():
                rule = "have an opposite direction that can be opened or closed"
                problems.error(rule, table="links", column="direction", rows=links.index[chosen & (back < 0)])
                return city
            links = self._turned(links, picked, chosen, back)
        if not self.both_directions:
            chosen = picked
        for mode in self.opened:
            links[mode] = links[mode] | (chosen & self._may_open(mode, links, back))
        for mode in self.closed:
            links[mode] = links[mode] & ~chosen
        motor = links[list(MOTOR_MODES)].to_numpy(dtype=bool).any(axis=1)
        links = _with_lanes(links, chosen & motor, city.country)
        if self.lanes is not None:
            links = _relaned(links, chosen & motor, np.full(len(links), self.lanes), ENTERED)
        for name, value, where in (
            ("free_speed_m_s", self.speed_km_h and self.speed_km_h * M_S_PER_KM_H, chosen),
            ("width_m", self.width_m, chosen),
            ("capacity_veh_h", self.capacity_veh_h, chosen & motor),
        ):
            if value is not None:
                links = _put(links, name, np.full(len(links), value), where, ENTERED, 1.0)
        return city.with_tables(links=links)

    def _may_open(self, mode: Mode, links: gpd.GeoDataFrame, back: Integers) -> Any:
        """Links that a mode may be opened to: not those against a street that this change makes one-way."""
        from dothi.derive.roads import MOTOR_MODES

        if self.direction in (None, "both") or mode in self.contraflow:
            return True
        motor = links[list(MOTOR_MODES)].to_numpy(dtype=bool).any(axis=1)
        return motor | ~motor[back]

    def _turned(self, links: gpd.GeoDataFrame, picked: Mask, chosen: Mask, back: Integers) -> gpd.GeoDataFrame:
        """Links with motor traffic in the direction wanted, and lanes shared out anew."""
        from dothi.derive.roads import MOTOR_MODES

        motor = links[list(MOTOR_MODES)].to_numpy(dtype=bool).any(axis=1)
        first = np.flatnonzero(chosen & (np.arange(len(links)) < back))
        other = back[first]
        if self.direction == "both":
            for mode in MODES:
                open_to = links[mode].to_numpy(dtype=bool, copy=True)
                open_to[first] |= open_to[other]
                open_to[other] = open_to[first]
                links[mode] = open_to
            turned = np.flatnonzero(motor[first] != motor[other])
            first, other = first[turned], other[turned]
            total = _sum(links["lanes"], first, other)
            return self._shared(links, first, other, total / 2.0, total / 2.0)
        along, against = first.copy(), other.copy()
        # The one picked, else the one open now, else the one drawn.
        swap = (picked[other] & ~picked[first]) | ((picked[other] == picked[first]) & motor[other] & ~motor[first])
        if self.direction == "backward":
            swap = ~swap
        along[swap], against[swap] = other[swap], first[swap]
        for mode in MODES:
            open_to = links[mode].to_numpy(dtype=bool, copy=True)
            open_to[along] |= open_to[against]
            open_to[against] &= mode in self.contraflow
            links[mode] = open_to
        total = _sum(links["lanes"], along, against)
        motor_against = any(mode in self.contraflow for mode in MOTOR_MODES)
        return self._shared(links, along, against, total, np.full(len(total), 1.0 if motor_against else 0.0))

    def _shared(
        self, links: gpd.GeoDataFrame, first: Integers, other: Integers, lanes: Floats, others: Floats
    ) -> gpd.GeoDataFrame:
        """Links with lanes of two directions shared out anew; each side is as sure as the less sure one was."""
        wanted = links["lanes"].to_numpy(dtype=float, na_value=np.nan, copy=True)
        wanted[first], wanted[other] = lanes, others
        where = np.zeros(len(links), dtype=bool)
        where[first] = where[other] = True
        per_lane = _per_lane(links, first, other)
        links = _relaned(links, where, wanted, SCALED)
        capacity = links["capacity_veh_h"].to_numpy(dtype=float, na_value=np.nan, copy=True)
        for side in (first, other):
            capacity[side] = wanted[side] * per_lane
        return _put(links, "capacity_veh_h", capacity, where & np.isfinite(capacity), SCALED, None)


def _sum(lanes: Any, first: Integers, other: Integers) -> Floats:
    values = lanes.to_numpy(dtype=float, na_value=0.0)
    total: Floats = np.nan_to_num(values[first]) + np.nan_to_num(values[other])
    return total


def _per_lane(links: gpd.GeoDataFrame, first: Integers, other: Integers) -> Floats:
    """Capacity of a lane of either direction, whichever has lanes."""
    lanes, capacity = (links[name].to_numpy(dtype=float, na_value=np.nan) for name in ("lanes", "capacity_veh_h"))
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(lanes > 0.0, capacity / lanes, np.nan)
    return np.where(np.isfinite(each[first]), each[first], each[other])


def _relaned(links: gpd.GeoDataFrame, where: Mask, lanes: Floats, method: str) -> gpd.GeoDataFrame:
    """Links with other lanes, and capacity in proportion; how sure it is does not change."""
    old, capacity = (links[name].to_numpy(dtype=float, na_value=np.nan) for name in ("lanes", "capacity_veh_h"))
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = capacity * lanes / old
    links = _put(links, "lanes", lanes, where, method, 1.0 if method == ENTERED else None)
    return _put(links, "capacity_veh_h", scaled, where & np.isfinite(scaled) & (lanes != old), SCALED, None)


def _with_lanes(links: gpd.GeoDataFrame, where: Mask, country: str) -> gpd.GeoDataFrame:
    """Links with the lanes and capacity of their class, where motor traffic may go but no lane was known."""
    from dothi import place

    lacking = where & ~(links["lanes"].to_numpy(dtype=float, na_value=0.0) > 0.0)
    if not lacking.any():
        return links
    data = place.load(country, "roads")
    classes = links["class"].astype(str).to_numpy()
    lanes, capacity = np.zeros(len(links)), np.zeros(len(links))
    for row in np.flatnonzero(lacking):
        usual = data["classes"][classes[row]]
        lanes[row] = usual["lanes_two_way"] / 2.0
        capacity[row] = lanes[row] * usual["capacity_pcu_h"]
    error = data["expected_error"]
    sure = max(0.0, 1.0 - float(error["lanes"]["class"]))
    links = _put(links, "lanes", lanes, lacking, CLASS, sure)
    return _put(links, "capacity_veh_h", capacity, lacking, CLASS, sure)


def _put(
    links: gpd.GeoDataFrame, name: str, values: Floats, where: Mask, method: str, confidence: float | None
) -> gpd.GeoDataFrame:
    """Links with values in some rows, their method, and their confidence where it changes."""
    links[name] = links[name].where(~where, values)
    links[f"{name}_method"] = links[f"{name}_method"].astype(object).where(~where, method)
    if confidence is not None:
        links[f"{name}_confidence"] = links[f"{name}_confidence"].where(~where, confidence)
    return links
