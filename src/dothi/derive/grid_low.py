"""Low voltage made up: where transformers stand, which streets their cables follow, how thick these are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dothi.derive.grid_demand import Coincidence
from dothi.derive.grid_sites import weighted_means
from dothi.derive.grid_streets import Streets
from dothi.shapes import Floats, Integers, Mask

MOST_SPLITS: Final = 25
MOST_PARALLEL: Final = 4
SPREAD: Final = 1.05
"""Transformers in excess of those that full ones would be, as areas are never equally large."""


@dataclass(frozen=True, slots=True)
class Areas:
    """
    Supply areas of transformers.

    Attributes
    ----------
    sites : (n,)
        Vertex of each transformer.
    kva : (n,)
        Peak of its area [kVA].
    distance_m, before, site
        By vertex of the streets: distance to its transformer along them, the vertex before it, and its transformer's.
    """

    sites: Integers
    kva: Floats
    distance_m: Floats
    before: Integers
    site: Integers


@dataclass(frozen=True, slots=True)
class Cable:
    """A cable between two vertices: its vertices from the transformer on, its kind, and how many lie side by side."""

    vertices: list[int]
    kind: Mapping[str, Any]
    parallel: int


def supply_areas(
    streets: Streets,
    dwellings: Floats,
    firms_kva: Floats,
    *,
    coincidence: Coincidence,
    data: Mapping[str, Any],
) -> Areas:
    """
    Where transformers stand, and what each serves.

    So many sites as loads of the preferred size need are found by k-means; every customer belongs to the transformer
    nearest to it along the streets. Areas that take too much, or reach too far, get a further transformer at the
    customer that is far and large, until none is left.

    Parameters
    ----------
    streets
        Streets.
    dwellings, firms_kva : (n,)
        What is connected to each vertex.
    coincidence
        How loads add up.
    data
        Data of the country.
    """
    layout, largest = data["layout"], max(size["kva"] for size in data["size"])
    load = coincidence.kva(dwellings, firms_kva)
    served = np.flatnonzero(load > 0.0)
    sites = _sites(streets, served, dwellings, firms_kva, coincidence, data)
    for _ in range(MOST_SPLITS):
        areas = _areas(streets, sites, dwellings, firms_kva, coincidence)
        full = areas.kva > layout["fill"] * largest
        farthest = np.zeros(len(streets.xy))
        np.maximum.at(farthest, areas.site[served], areas.distance_m[served])
        long = farthest[areas.sites] > layout["reach_m"]
        further = []
        for site in areas.sites[full | long]:
            own = served[areas.site[served] == site]
            weight = areas.distance_m[own] * load[own]
            if weight.max() > 0.0:  # all of it at the transformer: that gets a second one
                further.append(int(own[weight.argmax()]))
        if not further:
            break
        sites = np.unique(np.r_[areas.sites, further])
    return _areas(streets, sites, dwellings, firms_kva, coincidence)


def _sites(
    streets: Streets,
    served: Integers,
    dwellings: Floats,
    firms_kva: Floats,
    coincidence: Coincidence,
    data: Mapping[str, Any],
) -> Integers:
    """First sites: middles of as many groups of customers as transformers of the preferred size could serve."""
    target = data["layout"]["fill"] * data["layout"]["preferred_kva"]
    homes, firms = float(dwellings.sum()), float(firms_kva.sum())
    number = 1
    while coincidence.kva(homes / number, firms / number) > target:
        number += max(1, number // 50)
    number = min(max(round(SPREAD * number), 1), len(served))
    middles, _ = weighted_means(streets.xy[served], coincidence.kva(dwellings, firms_kva)[served], number)
    from scipy.spatial import cKDTree

    return np.unique(served[cKDTree(streets.xy[served]).query(middles)[1]])


def _areas(streets: Streets, sites: Integers, dwellings: Floats, firms_kva: Floats, coincidence: Coincidence) -> Areas:
    """Areas of transformers; those that serve nobody are left out."""
    n = len(streets.xy)
    distance, before, site = streets.forest(sites)
    site = np.where(site < 0, sites[0], site)
    homes, firms = (
        np.bincount(site, weights=values, minlength=n)[sites].astype(float) for values in (dwellings, firms_kva)
    )
    kva = coincidence.kva(homes, firms)
    if not (kva > 0.0).all():
        return _areas(streets, sites[kva > 0.0], dwellings, firms_kva, coincidence)
    return Areas(sites, kva, distance, before, site)


def low_cables(
    areas: Areas,
    dwellings: Floats,
    firms_kva: Floats,
    *,
    coincidence: Coincidence,
    data: Mapping[str, Any],
) -> list[Cable]:
    """
    Cables from every transformer along the streets to its customers.

    A cable ends where customers are connected or cables part. It is the thinnest that carries its peak and keeps the
    drop of voltage per metre within the allowed one over the farthest customer's distance; where none does, several lie
    side by side.
    """
    customers = (dwellings > 0.0) | (firms_kva > 0.0)
    used = _used(areas, customers)
    order = np.flatnonzero(used)[np.argsort(-areas.distance_m[used], kind="stable")]
    below_homes, below_firms = dwellings.copy(), firms_kva.copy()
    children = np.zeros(len(used), dtype=np.int64)
    farthest = np.zeros(len(used))
    np.maximum.at(farthest, areas.site[customers], areas.distance_m[customers])
    for at in order:
        parent = areas.before[at]
        if parent >= 0:
            below_homes[parent] += below_homes[at]
            below_firms[parent] += below_firms[at]
            children[parent] += 1
    ends = used & (customers | (children != 1)) & (areas.before >= 0)
    stops = ends | (areas.before < 0)
    kva = coincidence.kva(below_homes, below_firms)
    kinds = [cable for cable in data["cable"] if cable["low"]]
    factor = data["demand"]["power_factor"]
    cables = []
    for end in order[::-1]:
        if ends[end]:
            reach = max(float(farthest[areas.site[end]]), 50.0)
            chain = [int(end)]
            while len(chain) == 1 or not stops[chain[-1]]:
                chain.append(int(areas.before[chain[-1]]))
            kind, parallel = _thinnest(kinds, float(kva[end]), reach, factor, data)
            cables.append(Cable(chain[::-1], kind, parallel))
    return cables


def _used(areas: Areas, customers: Mask) -> Mask:
    """Vertices on the way from some transformer to a customer."""
    used = np.zeros(len(customers), dtype=bool)
    for at in np.flatnonzero(customers):
        while not used[at]:
            used[at] = True
            if areas.before[at] < 0:
                break
            at = areas.before[at]  # noqa: PLW2901 - walking up the tree
    return used


def _thinnest(
    kinds: Sequence[Mapping[str, Any]], kva: float, reach_m: float, factor: float, data: Mapping[str, Any]
) -> tuple[Mapping[str, Any], int]:
    """Cheapest kind that carries a power and keeps the voltage, and how many of it."""
    volt = data["voltage"]["low_v"]
    ampere = kva * 1e3 / (np.sqrt(3.0) * volt)
    steepest = data["layout"]["drop"] / reach_m
    sine = float(np.sqrt(1.0 - factor**2))
    for parallel in range(1, MOST_PARALLEL + 1):
        for kind in kinds:
            drop = kva * (kind["r_ohm_km"] * factor + kind["x_ohm_km"] * sine) / parallel / volt**2
            if ampere <= kind["rating_a"] * parallel and drop <= steepest:
                return kind, parallel
    return kinds[-1], max(MOST_PARALLEL, int(np.ceil(ampere / kinds[-1]["rating_a"])))
