"""Sound power of the roads of a city, from the flows on its links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi import place
from dothi.noise.emission import KM_H_PER_M_S, Road, line_power, values
from dothi.noise.levels import HOURS, Period, overlap
from dothi.shapes import Floats, Integers, Shapes

if TYPE_CHECKING:
    from dothi.city import City

KINDS: Final = ("car", "motorbike", "bus", "truck")
"""Kinds of vehicle of the flows."""
SHORTEST_M: Final = 20.0
"""Shorter links have the slope they would have over this length: levels of their ends are not that exact."""


@dataclass(frozen=True, slots=True)
class Roads:
    """
    Roads that are heard, both directions of a street as one.

    Attributes
    ----------
    lines : (n,)
        Centre lines.
    power : (n, n_periods, 8)
        A-weighted sound power per metre [pW m⁻¹].
    deck_m : (n, 2)
        Levels at both ends where the road is on a bridge; else missing [m].
    """

    lines: Shapes
    power: Floats
    deck_m: Floats


def roads(city: City, parts: tuple[Period, ...], surface: str, temperature_c: float) -> Roads:
    """
    Roads of a city with what their traffic emits.

    Parameters
    ----------
    city
        City with ``link_flows``.
    parts
        Day, evening, night.
    surface
        Row of the table of surfaces.
    temperature_c
        Air temperature [°C].
    """
    links, flows = city["links"], city["link_flows"]
    flows = flows[flows["link_id"].isin(links.index)]
    row = links.index.get_indexer(flows["link_id"])
    begin, end = _ends(links, city["nodes"])
    level = _levels(city)
    length = links["length_m"].to_numpy(dtype=float)
    slope = np.nan_to_num(100.0 * (level[end] - level[begin]) / np.maximum(length, SHORTEST_M))
    slope[(begin < 0) | (end < 0)] = 0.0
    road = Road(values()["surface"][surface], temperature_c, slope[row])
    emitted = _emitted(flows, road, city.country)
    weighted = emitted * 10.0 ** (np.asarray(values()["a_weighting_db"]["bands"]) / 10.0)
    power = np.zeros((len(links), len(parts), 8))
    for p, share in enumerate(_shares(flows, parts)):
        np.add.at(power[:, p], row, weighted * share[:, None])
    street = _streets(links)
    merged = np.zeros_like(power)
    np.add.at(merged, street, power)
    in_tunnel = _flags(links, "tunnel")
    heard = np.flatnonzero((merged.sum(axis=(1, 2)) > 0.0) & ~in_tunnel & (street == np.arange(len(links))))
    deck = np.column_stack([level[begin], level[end]])
    deck[~_flags(links, "bridge") | (begin < 0) | (end < 0)] = np.nan
    return Roads(np.asarray(links.geometry.array, dtype=object)[heard], merged[heard], deck[heard])


def _emitted(flows: Any, road: Road, country: str) -> Floats:
    """Sound power per metre of every flow (n, 8) [pW m⁻¹], the classes of Annex II by the shares of the country."""
    total = np.zeros((len(flows), 8))
    shares = place.load(country, "noise")["vehicles"]
    for kind in KINDS:
        volume = np.nan_to_num(flows[f"volume_{kind}_veh_h"].to_numpy(dtype=float, na_value=0.0))
        speed = np.nan_to_num(flows[f"speed_{kind}_m_s"].to_numpy(dtype=float, na_value=0.0)) * KM_H_PER_M_S
        if volume.any():
            by_class = {name: volume * float(share) for name, share in shares[kind].items()}
            total += line_power(by_class, dict.fromkeys(by_class, speed), road)
    return total


def _shares(flows: Any, parts: tuple[Period, ...]) -> list[Floats]:
    """By period, the share of it that each flow lasts for."""
    hours = flows["hours_h"].to_numpy(dtype=float)
    if not {"from_h", "to_h"} <= set(flows):
        return [hours / HOURS for _ in parts]
    begin, end = (flows[name].to_numpy(dtype=float, na_value=np.nan) for name in ("from_h", "to_h"))
    known = np.isfinite(begin) & np.isfinite(end)
    begin, end = np.where(known, begin, 0.0), np.where(known, end, HOURS)
    lasts = np.where((end - begin) % HOURS == 0.0, HOURS, (end - begin) % HOURS)
    return [overlap(begin, end, part) * hours / lasts / part.hours for part in parts]


def _ends(links: Any, nodes: Any) -> tuple[Integers, Integers]:
    begin, end = (nodes.index.get_indexer(links[f"{side}_node_id"]) for side in ("from", "to"))
    return begin, end


def _levels(city: City) -> Floats:
    """Level of each node [m]."""
    found: Floats = city["nodes"]["elevation_m"].to_numpy(dtype=float, na_value=np.nan)
    return found


def _streets(links: Any) -> Integers:
    """Row of the link that stands for both directions of each street."""
    own = np.arange(len(links))
    back = links.index.get_indexer(links["reverse_link_id"].to_numpy(dtype=float, na_value=-1.0))
    return np.where(back >= 0, np.minimum(own, back), own)


def _flags(links: Any, name: str) -> Any:
    if name not in links:
        return np.zeros(len(links), dtype=bool)
    return links[name].astype("boolean").fillna(False).to_numpy(dtype=bool)
