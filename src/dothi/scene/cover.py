"""Land cover as the viewer paints it on the ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dothi.derive.landcover import COVERS
from dothi.scene.bundle import write_bundle
from dothi.scene.layers import Box, Tile

if TYPE_CHECKING:
    import xarray as xr

Codes = NDArray[np.uint8]

MOST_CELLS: Final = 2048
DRAWN: Final = ("building", "road")
"""What stands or runs on the ground and is drawn for itself; the cover beside it goes on below."""
NONE: Final = 255


def cover_tile(raster: xr.DataArray, origin: tuple[int, int], most_cells: int = MOST_CELLS) -> tuple[Tile, list[str]]:
    """
    Land cover, in cells as large as needed.

    Parameters
    ----------
    raster : (y, x)
        Raster ``land_cover`` of a city.
    origin
        Origin of the scene [m].
    most_cells
        Most cells along the longer side; larger rasters take the most frequent class of a block.

    Returns
    -------
    tile : Tile
        The file.
    classes : list of str
        Names of the classes, by the numbers in the file.
    """
    x, y = raster["x"].to_numpy(), raster["y"].to_numpy()
    codes = raster.to_numpy().astype(np.uint8)
    if len(x) > 1 and x[0] > x[-1]:
        x, codes = x[::-1], codes[:, ::-1]
    if len(y) > 1 and y[0] < y[-1]:
        y, codes = y[::-1], codes[::-1]
    cell = float(x[1] - x[0]) if len(x) > 1 else float(y[0] - y[1]) if len(y) > 1 else 1.0
    west, north = float(x[0]) - cell / 2.0 - origin[0], float(y[0]) + cell / 2.0 - origin[1]

    names = [name for name, code in COVERS.items() if name not in DRAWN and (codes == code).any()]
    table = np.full(256, NONE, dtype=np.uint8)
    for number, name in enumerate(names):
        table[COVERS[name]] = number
    seen = table[codes]
    drawn = np.isin(codes, [COVERS[name] for name in DRAWN])
    if drawn.any() and (~drawn).any():
        nearest = ndimage.distance_transform_edt(drawn, return_distances=False, return_indices=True)
        seen = seen[tuple(nearest)]
    block = -(-max(seen.shape) // most_cells)
    seen = _most_frequent(seen, block)
    height, width = seen.shape
    box: Box = (west, north - height * block * cell, 0.0, west + width * block * cell, north, 0.0)
    about: dict[str, Any] = {"width": width, "height": height, "box": list(box)}
    return Tile("cover.bin", write_bundle({"class": seen.ravel()}, about=about), seen.size, box), names


def _most_frequent(codes: Codes, block: int) -> Codes:
    """Most frequent value of square blocks, the lowest of equals."""
    if block == 1:
        return codes
    rows, columns = codes.shape
    padded = np.pad(codes, ((0, -rows % block), (0, -columns % block)), mode="edge")
    shape = padded.shape[0] // block, padded.shape[1] // block
    best, most = np.zeros(shape, dtype=np.uint8), np.zeros(shape, dtype=np.int32)
    for value in np.unique(codes):
        mask = (padded == value).reshape(shape[0], block, shape[1], block)
        count = mask.sum(axis=(1, 3), dtype=np.int32)
        better = count > most
        best[better], most[better] = value, count[better]
    return best
