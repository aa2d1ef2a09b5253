"""Whether coordinates can be where their grid says: degrees, metres, swapped axes, another country."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import shapely
from pyproj import CRS, Proj
from pyproj.exceptions import ProjError

from dothi.crs import LONLAT, Bounds, Extent, transformer
from dothi.errors import Problems

Shapes = np.ndarray[Any, np.dtype[np.object_]]

LONGITUDES: Final = 180.0
LATITUDES: Final = 90.0
TRUE_WITHIN: Final = 0.01
SLACK: Final = 1e-6


def swapped_bounds(bounds: Bounds) -> Bounds:
    """Bounds with x and y in each other's place."""
    return (bounds[1], bounds[0], bounds[3], bounds[2])


def swapped(shapes: Shapes) -> Shapes:
    """Shapes with x and y in each other's place."""
    spatial = shapely.has_z(shapes)
    result = np.asarray(shapely.transform(shapes, lambda xy: xy[:, ::-1]), dtype=object)
    if spatial.any():
        result[spatial] = shapely.transform(shapes[spatial], lambda xyz: xyz[:, [1, 0, 2]], include_z=True)
    return result


def check_place(bounds: Bounds, grid: CRS, extent: Extent | None, problems: Problems, swap_axes: bool) -> None:
    """
    Report coordinates that cannot be in their grid, or lie elsewhere than the study.

    Parameters
    ----------
    bounds
        Bounds of all coordinates, x before y; not a number where there are none.
    grid
        Grid they are said to be in.
    extent
        Box of the study, where it is known.
    problems
        Collector of what is found.
    swap_axes
        Whether the axes were swapped already.
    """
    if not np.isfinite(bounds).all():
        return
    name = grid.to_string() if len(grid.to_string()) < 20 else grid.name
    span = f"{_span(bounds[0], bounds[2])} and {_span(bounds[1], bounds[3])}"
    turn = "take swap_axes = true away" if swap_axes else "add swap_axes = true"
    in_degrees = _within_degrees(bounds)
    if grid.is_geographic and not in_degrees:
        if _within_degrees(swapped_bounds(bounds)):
            problems.error(f"longitude comes before latitude; x and y span {span}, so the axes are swapped: {turn}")
        else:
            problems.error(
                f'coordinates are degrees, as {name} says; x and y span {span}: add crs = "EPSG:…" of their grid'
            )
    elif grid.is_projected and in_degrees:
        problems.error(
            f"coordinates are metres or the like, as {name} says; x and y span {span}, as degrees do: "
            'add crs = "EPSG:4326"'
        )
    elif extent is not None:
        box = extent.within(grid)
        if not _meet(bounds, box):
            if _meet(swapped_bounds(bounds), box):
                problems.error(f"x comes before y in {name}; x and y span {span}, so the axes are swapped: {turn}")
            else:
                there = f"{_span(box[0], box[2])} and {_span(box[1], box[3])}"
                problems.error(f"file covers the area of the study; in {name} the file spans {span}, the study {there}")
    else:
        _check_area_of_use(bounds, grid, name, span, turn, problems)


def check_scale(crs: str, lon: float, lat: float, problems: Problems) -> None:
    """
    Report a grid on which lengths at a place are wrong: that of another country, or of the whole world.

    Parameters
    ----------
    crs
        Projected grid.
    lon, lat
        Place [°].
    problems
        Collector of what is found.

    Notes
    -----
    The scale factors are those of PROJ (proj_factors). National grids and UTM stay within 0.4 % in their area; Web
    Mercator stretches Hanoi by 7 % and Nantes by 47 %.
    """
    try:
        factors = Proj(crs).get_factors(lon, lat, errcheck=True)
        wrong = max(abs(factors.meridional_scale - 1.0), abs(factors.parallel_scale - 1.0))
    except ProjError:
        wrong = np.inf
    if not wrong <= TRUE_WITHIN:
        how = f"{wrong:.1%} wrong" if np.isfinite(wrong) else "not defined"
        area = CRS.from_user_input(crs).area_of_use
        made_for = f"; it is made for {area.name.rstrip('.')}" if area else ""
        problems.error(
            f"lengths on the grid of the city are true within {TRUE_WITHIN:.0%}; those of {crs} are {how} at "
            f"{lon:.3f}° east, {lat:.3f}° north{made_for}: check the grids of the city and of the source, "
            "and the order of its axes",
            column="crs",
        )


def _check_area_of_use(bounds: Bounds, grid: CRS, name: str, span: str, turn: str, problems: Problems) -> None:
    """Report coordinates outside the area that a grid is made for."""
    if (area := grid.area_of_use) is None:
        return

    def lies_in(x: float, y: float) -> bool:
        lon, lat = transformer(grid.to_string(), LONLAT).transform(x, y)
        return bool(area.west <= lon <= area.east and area.south <= lat <= area.north)

    x, y = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    if area.west > area.east or lies_in(x, y):
        return
    if lies_in(y, x):
        problems.error(f"x comes before y in {name}; x and y span {span}, so the axes are swapped: {turn}")
    else:
        problems.note(f"coordinates lie outside the area that {name} is made for ({area.name}); x and y span {span}")


def _within_degrees(bounds: Bounds) -> bool:
    longest = max(abs(bounds[0]), abs(bounds[2]))
    return longest <= LONGITUDES + SLACK and max(abs(bounds[1]), abs(bounds[3])) <= LATITUDES + SLACK


def _meet(one: Bounds, other: Bounds) -> bool:
    return one[0] <= other[2] and one[2] >= other[0] and one[1] <= other[3] and one[3] >= other[1]


def _span(low: float, high: float) -> str:
    return f"{low:.6g} to {high:.6g}"
