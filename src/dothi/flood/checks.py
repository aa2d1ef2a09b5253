"""What is wrong with a terrain for water: holes, spikes, bridges that dam streams, another datum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from scipy.ndimage import median_filter

from dothi.derive.rasterise import burn
from dothi.io.terrain import Grid
from dothi.shapes import Floats, Mask, Shapes

if TYPE_CHECKING:
    from dothi.city import City

SPIKE_M: Final = 5.0
"""How far a single cell has to stand out of all its neighbours to be a spike."""
DAM_M: Final = 1.0
DECK_M: Final = 8.0
"""Half of the widest deck that is looked under, on either side of a bridge's line."""
DATUM_M: Final = 2.0


def mended(city: City, bed_m: Floats, grid: Grid) -> tuple[Floats, dict[str, Any]]:
    """
    Bed with holes filled, spikes cut and streams led under bridges, and what was done.

    Parameters
    ----------
    city
        City.
    bed_m : (rows, columns)
        Bed [m]; missing in holes.
    grid
        Its cells.
    """
    from dothi.derive.terrain import fill_voids

    hole = ~np.isfinite(bed_m)
    found: dict[str, Any] = {"holes_filled": int(hole.sum())}
    if hole.any() and not hole.all():
        filled, _ = fill_voids(grid.array(bed_m.astype(np.float32), "m", ""))
        bed_m = np.where(hole, filled.to_numpy(), bed_m).astype(float)
    spike = spikes(bed_m)
    found["spikes_cut"] = int(spike.sum())
    bed_m = np.where(spike, median_filter(bed_m, 3, mode="nearest"), bed_m)
    links = city["links"]
    decks = np.asarray(links.geometry.array, dtype=object)[links["bridge"].fillna(False).to_numpy(dtype=bool)]
    bed_m, found["bridge_cells_opened"] = opened(bed_m, decks, grid)
    found["datum_offset_m"] = _offset(city, bed_m, grid)
    found["datum_suspect"] = bool(abs(found["datum_offset_m"] or 0.0) > DATUM_M)
    return bed_m, found


def spikes(bed_m: Floats) -> Mask:
    """Single cells that stand out of all their neighbours, up or down, further than any ground does."""
    from scipy.ndimage import maximum_filter, minimum_filter

    around = np.ones((3, 3), dtype=bool)
    around[1, 1] = False
    high = bed_m > maximum_filter(bed_m, footprint=around, mode="nearest") + SPIKE_M
    low = bed_m < minimum_filter(bed_m, footprint=around, mode="nearest") - SPIKE_M
    found: Mask = high | low
    return found


def opened(bed_m: Floats, decks: Shapes, grid: Grid) -> tuple[Floats, int]:
    """
    Bed cut down under bridges where both sides lie lower, and the number of cells.

    Each piece of a deck is compared with the ground a deck's width to its left and to its right: where it stands more
    than a metre above both, it is a bridge in the terrain, and water passes under it at the higher of the two.
    """
    pieces = []
    for line in shapely.get_parts(shapely.force_2d(decks)):
        xy = shapely.get_coordinates(shapely.segmentize(line, grid.cell_m))
        pieces.append(np.column_stack([xy[:-1], xy[1:]]))
    if not pieces:
        return bed_m, 0
    a, b = np.split(np.concatenate(pieces), 2, axis=1)
    middle, along = (a + b) / 2.0, (b - a) / np.maximum(np.hypot(*(b - a).T), 1e-9)[:, None]
    side = np.column_stack([-along[:, 1], along[:, 0]]) * (DECK_M + grid.cell_m)
    here, left, right = (_level(bed_m, at, grid) for at in (middle, middle + side, middle - side))
    with np.errstate(invalid="ignore"):
        under = np.fmax(left, right)
        dam = here > under + DAM_M
    if not dam.any():
        return bed_m, 0
    pieces_above: Shapes = np.asarray(shapely.linestrings(np.stack([a[dam], b[dam]], axis=1)), dtype=object)
    areas: Shapes = np.asarray(shapely.buffer(pieces_above, DECK_M, cap_style="flat"), dtype=object)
    level = burn(areas, under[dam], grid, np.inf)
    new = np.minimum(bed_m, level)
    return new, int((new < bed_m).sum())


def _level(bed_m: Floats, at: Floats, grid: Grid) -> Floats:
    """Level of the cells at places; missing outside."""
    column = np.floor((at[:, 0] - grid.west) / grid.cell_m).astype(int)
    row = np.floor((grid.north - at[:, 1]) / grid.cell_m).astype(int)
    inside = (row >= 0) & (row < grid.shape[0]) & (column >= 0) & (column < grid.shape[1])
    found = np.full(len(at), np.nan)
    found[inside] = bed_m[row[inside], column[inside]]
    return found


def _offset(city: City, bed_m: Floats, grid: Grid) -> float | None:
    """Median of the terrain above the ground levels of buildings [m]; None where none is known."""
    buildings = city["buildings"]
    ground = buildings["ground_m"].to_numpy(dtype=float, na_value=np.nan)
    at = shapely.get_coordinates(shapely.centroid(np.asarray(buildings.geometry.array, dtype=object)))
    gap = _level(bed_m, at, grid) - ground
    gap = gap[np.isfinite(gap)]
    return float(np.median(gap)) if gap.size else None
