"""A little town on a river, for tests of traffic."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

SIDE, BLOCK_M = 5, 400.0
BRIDGES = ((10, 15), (14, 19))
"""Nodes at the two ends of each bridge: of the streets that cross the river, only the first and the last do."""


def town_on_a_river(little_city):
    """Sixteen zones on both banks of a river with two bridges, four times as large as the little town, busier."""
    scale, (west, south, _, _) = BLOCK_M / 100.0, little_city.bounds

    def larger(shapes):
        return shapely.transform(
            np.asarray(shapes, dtype=object), lambda xy: (xy - (west, south)) * scale + (west, south)
        )

    tables = {}
    for name in ("nodes", "links", "buildings"):
        frame = little_city[name]
        frame["geometry"] = larger(frame.geometry.array)
        tables[name] = frame
    links = tables["links"]
    links["length_m"] = BLOCK_M
    row = np.column_stack([links["from_node_id"] // SIDE, links["to_node_id"] // SIDE])
    crosses = np.sort(row, axis=1).tolist()
    dry = np.array([pair != [2, 3] for pair in crosses])
    on_bridge = np.array(
        [tuple(sorted(ends)) in BRIDGES for ends in zip(links["from_node_id"], links["to_node_id"], strict=True)]
    )
    tables["links"] = links[dry | on_bridge]
    tables["links"]["name"] = np.where(on_bridge[dry | on_bridge], "Cầu", tables["links"]["name"])
    for column in ("residents", "jobs"):
        tables["buildings"][column] = 20.0 * tables["buildings"][column]
    blocks = np.arange((SIDE - 1) ** 2)
    x, y = west + BLOCK_M * (blocks % (SIDE - 1)), south + BLOCK_M * (blocks // (SIDE - 1))
    people = tables["buildings"].groupby(np.tile(blocks, 2))[["dwellings", "residents", "jobs"]].sum()
    zones = gpd.GeoDataFrame(
        {
            "geometry": shapely.box(x, y, x + BLOCK_M, y + BLOCK_M),
            "area_m2": BLOCK_M**2,
            "node_id": blocks // (SIDE - 1) * SIDE + blocks % (SIDE - 1),
            **people.to_dict("list"),
        },
        index=pd.Index(10 + blocks),
        crs=little_city.crs,
    )
    whole = replace(little_city, bounds=(west, south, west + 4 * BLOCK_M, south + 4 * BLOCK_M))
    empty = {name: little_city[name].iloc[:0] for name in ("facilities", "stops", "wards")}
    return whole.with_tables(**empty, **tables, zones=zones)


def bridge(city, first, last):
    """Links of a bridge, in both directions."""
    links = city["links"]
    ends = np.sort(links[["from_node_id", "to_node_id"]].to_numpy(), axis=1)
    return links.index[(ends == sorted((first, last))).all(axis=1)]
