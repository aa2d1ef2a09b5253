"""The whole city as one binary glTF file, for editors and viewers of any kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi.errors import InputError, Problem
from dothi.io.files import write_bytes
from dothi.publish.globe import GridFrame, middle_of
from dothi.publish.gltf import Glb, Packing, packing_at_hand
from dothi.publish.layers import MATERIALS, bed_of, ground, layers_of, terrain_for
from dothi.publish.properties import properties_of
from dothi.publish.tiles3d import attribution_of, check_layers, layers_wanted
from dothi.publish.written import Notify, Written, nobody

if TYPE_CHECKING:
    from dothi.city import City

LARGEST: Final = 2**32 - 1
"""Bytes that a file can have: its length is written in 32 bits."""


def export_glb(
    city: City,
    target: Path,
    layers: Mapping[str, Sequence[str]] | None = None,
    notify: Notify = nobody,
    *,
    packing: Packing = "plain",
) -> Written:
    """
    Write a city as one binary glTF file.

    Every layer is a node with its name. Coordinates are metres on the grid of the city less a whole-metre origin, which
    stands with the grid in ``asset.extras``: x east, y up, z south.

    Parameters
    ----------
    city
        City to write.
    target
        File to write.
    layers
        Layers to write and the columns that go with them, the identifier aside; `dothi.publish.tiles3d.COLUMNS` where
        None.
    notify
        Told of each layer.
    packing
        How geometry is packed: ``plain`` is read by everything, ``quantised`` and ``meshopt`` are smaller.

    Returns
    -------
    Written
        Objects by layer, triangles for the terrain.

    Raises
    ------
    InputError
        A layer or column is not known, there is nothing to draw, or the file would exceed 4 GiB.
    EngineMissingError
        The packing asked for needs a library that is not installed.
    """
    wanted = layers_wanted(layers)
    check_layers(city, wanted)
    origin = middle_of(city)
    frame = GridFrame(origin)
    extras: dict[str, Any] = {"crs": city.crs, "origin": list(origin)}
    glb = Glb(packing_at_hand(packing), name=city.name, copyright=attribution_of(city), extras=extras)
    counts = {}
    terrain, real = terrain_for(city)
    if real and "terrain" in wanted:
        notify("terrain")
        bed = bed_of(city, terrain) if "water_bodies" in wanted else np.zeros(len(terrain.column))
        glb.add_mesh("terrain", ground(terrain, terrain.triangles, frame, bed), MATERIALS["terrain"])
        counts["terrain"] = len(terrain.triangles)
    for layer in layers_of(city, terrain, list(wanted)):
        notify(layer.table)
        table = glb.add_table(properties_of(city[layer.table], layer.table, wanted[layer.table]), layer.row)
        glb.add_mesh(layer.table, layer.mesh(np.arange(len(layer.row)), frame), MATERIALS[layer.table], table)
        counts[layer.table] = len(layer.row)
    if not counts:
        raise InputError([Problem(f"has something to draw in {', '.join(wanted)}", file=city.name)])
    if glb.length > LARGEST:
        rule = (
            "is smaller than 4 GiB, the most that binary glTF can hold: write fewer layers, pack it, or write 3D Tiles"
        )
        raise InputError([Problem(rule, file=str(target))])
    write_bytes(target, glb.build())
    return Written(counts)
