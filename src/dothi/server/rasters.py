"""Rasters as small tiles of codes, one pyramid of levels for each."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from dothi.catalogue import Facts
from dothi.derive.landcover import COVERS
from dothi.errors import InputError, Problem
from dothi.io.files import short_message
from dothi.shown import missing
from dothi.status import Status, status_of
from dothi.tables import RASTERS
from dothi.wire import Scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dothi.shown import Shown

TILE: Final = 256
"""Cells along each side of a tile."""
CATEGORIES: Final[dict[str, dict[int, str]]] = {"land_cover": {code: name for name, code in COVERS.items()}}
"""Rasters of classes, and the names of their values."""
MEDIA_TYPE: Final = "application/octet-stream"


class RasterFacts(Facts):
    """A raster: what its cells are, where they lie, and how to read the codes of its tiles."""

    unit: str
    description: str
    kind: Literal["float", "category"]
    method: str
    status: Status
    columns: int
    rows: int
    cell_m: float
    box: tuple[float, float, float, float]
    """West, south, east, north on the grid of the city [m]."""
    minimum: float
    """Value of code 1."""
    maximum: float
    step: float
    """Value = minimum + (code − 1) · step; code 0 is missing."""
    categories: list[str]
    """Names of codes 1, 2 …; an empty name for a code that is not used."""
    tile: int = TILE
    levels: int
    """Level 0 has the cells of the raster, each further one half as many along each side."""


class Rasters(Facts):
    """The rasters of a city."""

    rasters: dict[str, RasterFacts]


def _open(shown: Shown, name: str) -> Any:
    if name not in shown.city.rasters:
        raise missing(f"is a raster of the city: {', '.join(sorted(shown.city.rasters)) or 'it has none'}", table=name)
    return rasterio.open((shown.folder / f"{name}.tif").absolute(), driver="GTiff")


def _damaged(name: str, error: RasterioError) -> InputError:
    rule = f"is a readable raster ({short_message(error, Path(name))}): run dothi build to make it again"
    return InputError([Problem(rule, file=f"{name}.tif")])


def facts_of(shown: Shown, name: str) -> RasterFacts:
    """
    What a raster offers.

    Raises
    ------
    MissingError
        The city has no such raster.
    InputError
        Its file is damaged.
    """
    facts: RasterFacts = shown.kept.get(f"{shown.key}/{name}.tif", lambda: _describe(shown, name), lambda _: 1_000)
    return facts


def _describe(shown: Shown, name: str) -> RasterFacts:
    try:
        with rasterio.Env(GDAL_PAM_ENABLED="NO"), _open(shown, name) as source:
            attrs = json.loads(source.tags().get("DOTHI", "{}"))
            low, high = _range(source)
            names = CATEGORIES.get(name)
            scale = Scale(1.0, 1.0) if names else Scale.of(np.array([low, high]))
            bounds = source.bounds
            return RasterFacts(
                unit="" if names or RASTERS[name][0] == "1" else RASTERS[name][0],
                description=RASTERS[name][1],
                kind="category" if names else "float",
                method=str(attrs.get("method", "")),
                status=status_of(str(attrs.get("method", ""))),
                columns=source.width,
                rows=source.height,
                cell_m=float(source.transform.a),
                box=(bounds.left, bounds.bottom, bounds.right, bounds.top),
                minimum=scale.minimum,
                maximum=high,
                step=scale.step,
                categories=[names.get(code, "") for code in range(1, max(names) + 1)] if names else [],
                levels=levels_of(source.width, source.height),
            )
    except RasterioError as error:
        raise _damaged(name, error) from error


def levels_of(columns: int, rows: int) -> int:
    """How many levels there are, until one tile holds everything."""
    return 1 + max(0, math.ceil(math.log2(max(columns, rows) / TILE)))


def _range(source: Any) -> tuple[float, float]:
    """Lowest and highest value, read a row of blocks at a time; 0 and 0 without any."""
    low, high = math.inf, -math.inf
    for top in range(0, source.height, TILE):
        values = source.read(1, window=Window(0, top, source.width, min(TILE, source.height - top)))
        known = values[np.isfinite(values)]
        if known.size:
            low, high = min(low, float(known.min())), max(high, float(known.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def tile_of(shown: Shown, name: str, level: int, column: int, row: int) -> bytes:
    """
    Codes of one tile: 256 × 256 little-endian u16, row by row from the north-west; 0 where there is no value.

    Numbers are the mean of the cells of level 0 that a cell covers, classes the most frequent one.

    Raises
    ------
    MissingError
        The raster has no such tile.
    InputError
        Its file is damaged.
    """
    facts = facts_of(shown, name)
    span = TILE << level if 0 <= level < facts.levels else 0
    if not span or not (0 <= column * span < facts.columns and 0 <= row * span < facts.rows):
        raise missing(f"is a tile of the raster: level 0 to {facts.levels - 1}, tiles from the north-west", table=name)
    wide, high = min(span, facts.columns - column * span), min(span, facts.rows - row * span)
    shape = math.ceil(high / (1 << level)), math.ceil(wide / (1 << level))
    how = Resampling.mode if facts.kind == "category" else Resampling.average
    try:
        with rasterio.Env(GDAL_PAM_ENABLED="NO"), _open(shown, name) as source:
            window = Window(column * span, row * span, wide, high)
            values = source.read(1, window=window, out_shape=shape, resampling=how)
    except RasterioError as error:
        raise _damaged(name, error) from error
    codes: NDArray[np.uint16] = np.zeros((TILE, TILE), dtype="<u2")
    scale = Scale(facts.minimum, facts.step)
    part = values if facts.kind == "category" else scale.codes(values.astype(np.float64))
    codes[: shape[0], : shape[1]] = part
    return codes.tobytes()
