"""Are solids sound? Checks of rings, polygons and shells, with the codes of val3dity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dothi.mesh.prisms import Prisms, prisms_of
from dothi.mesh.rings import Rings, triangulate
from dothi.mesh.skin import Skin, polygons_of, skin_of, volumes
from dothi.schema import conform
from dothi.shapes import Floats, Integers, Mask
from dothi.tables import TABLES

if TYPE_CHECKING:
    from dothi.city import City

RULES: Final = {
    101: "a ring has three vertices or more",
    102: "no vertex of a ring repeats the one before",
    104: "a ring does not cross or touch itself",
    201: "the rings of a polygon do not cross each other",
    202: "no ring of a polygon stands in it twice",
    203: "a polygon is flat: no vertex is farther than 1 cm from its plane",
    204: "a polygon is flat: no triangle of it leans more than 20 degrees off its plane",
    205: "the inside of a polygon is in one piece",
    206: "holes of a polygon lie inside its outer ring",
    207: "no hole of a polygon lies inside another",
    208: "holes of a polygon run against its outer ring",
    301: "a solid has four faces or more",
    302: "a solid is closed: every edge belongs to a second face",
    303: "no edge of a solid belongs to more than two faces",
    305: "a solid is in one piece",
    307: "faces of a solid face the same way: neighbours run against each other along their edge",
    405: "the faces of a solid face outwards",
}
"""What should hold, by the code that val3dity gives where it does not."""

SNAP_M: Final = 0.001
"""Vertices closer than this are one; the default of val3dity."""

FLAT_M: Final = 0.01
"""Farthest a vertex may lie from the plane of its polygon; the default of val3dity."""

FLAT_DEG: Final = 20.0
"""Most a triangle may lean off the plane of its polygon; the default of val3dity."""

WORST: Final = 5
"""Buildings named for each rule."""

_REASONS: Final = {
    "Duplicate Rings": 202,
    "Interior is disconnected": 205,
    "Hole lies outside shell": 206,
    "Holes are nested": 207,
    "Nested shells": 207,
}


@dataclass(frozen=True, slots=True)
class Faults:
    """
    Where solids break rules; a solid may stand in it many times.

    Attributes
    ----------
    code : (n,)
        Broken rule, as in `RULES`.
    solid : (n,)
        Solid that breaks it.
    """

    code: Integers
    solid: Integers

    def solids(self, code: int) -> Integers:
        """Solids that break a rule, in rising order."""
        return np.unique(self.solid[self.code == code])


def faults_of(skin: Skin, *, several: Mask | None = None) -> Faults:
    """
    Faults of rings, polygons and shells, looked for in the spirit of val3dity [1]_.

    Unlike there, a solid with a fault of one level is still looked at on the next. Not looked for are vertices in
    which two otherwise separate parts of a shell touch, and faces that cut through each other (306).

    Parameters
    ----------
    skin
        Surfaces of whole solids: made without party walls, and as drawn.
    several : (n_buildings,)
        Buildings that may well be in several pieces that touch, because they have parts: 303 and 305 are not theirs.

    Returns
    -------
    Faults
        All that was found.

    References
    ----------
    .. [1] H. Ledoux, val3dity: validation of 3D GIS primitives according to the international standards, Open
       Geospatial Data, Software and Standards 3 (2018), doi:10.1186/s40965-018-0043-x.
    """
    found: list[tuple[int, Integers]] = []
    if len(skin):
        found += [(code, skin.solid[surfaces]) for code, surfaces in _of_rings(skin) + _of_planes(skin)]
        found += _of_shells(skin, several)
    return _gathered(found)


def faults_of_prisms(prisms: Prisms) -> Faults:
    """
    Faults of prisms, by their footprints alone.

    A prism over a sound footprint is flat, closed and faces outwards by construction: what is left to check are the
    rings. Where two rings touch in a point, four walls share the edge over it (303).

    Parameters
    ----------
    prisms
        Prisms.

    Returns
    -------
    Faults
        All that was found; the solid is the number of the prism.
    """
    rings = prisms.rings
    if not len(prisms):
        return _gathered([])
    everything = np.arange(len(prisms))
    found = _of_footprints(rings, rings.xy, everything)
    key = np.sort(_mixed(rings.xy, rings.part_of_vertex))
    if (key[1:] == key[:-1]).any():
        part, place = rings.part_of_vertex, _mixed(rings.xy, rings.part_of_vertex)
        order = np.argsort(place, kind="stable")
        twice = order[1:][place[order][1:] == place[order][:-1]]
        close = np.isin(part[twice], _solids(found, 102))
        found.append((303, np.unique(part[twice[~close]])))
    return _gathered(found)


def _solids(found: list[tuple[int, Integers]], code: int) -> Integers:
    return np.concatenate([np.empty(0, dtype=np.int64), *(solids for each, solids in found if each == code)])


def _gathered(found: list[tuple[int, Integers]]) -> Faults:
    code = np.repeat([code for code, _ in found], [len(solids) for _, solids in found]).astype(np.int64)
    return Faults(code, np.concatenate([np.empty(0, dtype=np.int64), *(solids for _, solids in found)]))


def _of_rings(skin: Skin) -> list[tuple[int, Integers]]:
    """Faults of rings and of the polygons they bound, each with the surfaces that have it; in the plane seen best."""
    rings = skin.rings
    steepest = np.argmax(np.abs(skin.normal), axis=1)
    seen = np.array([[1, 2], [2, 0], [0, 1]])[
        steepest
    ]  # so that what is counter-clockwise stays so, or turns as a whole
    vertex = np.arange(len(rings.xy))[:, None]
    flat = skin.xyz[vertex, seen[rings.part_of_vertex]]
    return _of_footprints(rings, flat, np.arange(len(skin)), skin.xyz)


def _of_footprints(
    rings: Rings, flat: Floats, surface: Integers, places: Floats | None = None
) -> list[tuple[int, Integers]]:
    """Faults of rings and polygons, drawn in a plane."""
    places = flat if places is None else places
    of_ring = np.repeat(surface, np.diff(rings.part))
    of_vertex = np.repeat(of_ring, rings.size)
    close = (np.abs(places[rings.next] - places) <= SNAP_M).all(axis=1)
    ring = np.repeat(np.arange(len(rings.size)), rings.size)
    distinct = rings.size - np.bincount(ring[close], minlength=len(rings.size))
    found = [(101, of_ring[distinct < 3]), (102, of_vertex[close])]

    number = np.repeat(np.arange(len(surface)), np.diff(rings.part))
    enough = np.ones(len(surface), dtype=bool)
    enough[number[distinct < 3]] = False
    chosen = np.flatnonzero(enough)
    drawn, at = (rings, flat) if enough.all() else (rings.take(chosen), flat[enough[number][ring]])
    polygons = polygons_of(drawn, at)
    broken = ~shapely.is_valid(polygons)
    outlines, owner = shapely.get_rings(polygons[broken], return_index=True)
    crossing = np.zeros(int(broken.sum()), dtype=bool)
    crossing[owner[~shapely.is_simple(outlines)]] = True
    bad = surface[chosen[broken]]
    found.append((104, bad[crossing]))
    reasons = [str(reason).split("[")[0] for reason in shapely.is_valid_reason(polygons[broken][~crossing])]
    codes = np.array([_REASONS.get(reason, 201) for reason in reasons], dtype=np.int64)
    found += [(int(code), bad[~crossing][codes == code]) for code in np.unique(codes)]

    x, y = (flat - flat[rings.start[:-1]][ring]).T
    ahead = rings.next
    turn = np.sign(np.add.reduceat(x * y[ahead] - y * x[ahead], rings.start[:-1]))
    outer = np.zeros(len(rings.size), dtype=bool)
    outer[rings.part[:-1]] = True
    against = turn[rings.part[:-1]][number]
    found.append((208, of_ring[~outer & (turn == against) & (turn != 0.0)]))
    return found


def _of_planes(skin: Skin) -> list[tuple[int, Integers]]:
    """Surfaces that are not flat."""
    rings = skin.rings
    part, first = rings.part_of_vertex, rings.first[:-1]
    n = np.diff(rings.first)
    local = skin.xyz - skin.xyz[first][part]
    centre = np.add.reduceat(local, first, axis=0) / n[:, None]
    local -= centre[part]
    off = np.maximum.reduceat(np.abs((local * skin.normal[part]).sum(axis=1)), first)
    doubtful = np.flatnonzero((off > SNAP_M) & (n > 3))
    if not len(doubtful):
        return []
    some = rings.take(doubtful)
    place = np.flatnonzero(np.isin(part, doubtful))
    owner, points = some.part_of_vertex, local[place]
    spread = np.empty((len(doubtful), 3, 3))
    for i in range(3):
        for j in range(3):
            spread[:, i, j] = np.bincount(owner, weights=points[:, i] * points[:, j], minlength=len(doubtful))
    fitted = np.linalg.eigh(spread)[1][:, :, 0]  # normal of the plane with the least squared distances
    away = np.maximum.reduceat(np.abs((points * fitted[owner]).sum(axis=1)), some.first[:-1])

    seen = np.array([[1, 2], [2, 0], [0, 1]])[np.argmax(np.abs(skin.normal[doubtful]), axis=1)]
    flat = points[np.arange(len(points))[:, None], seen[owner]]
    triangles, count = triangulate(Rings(flat, points[:, 2], some.start, some.part, some.owner))
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    size = np.linalg.norm(across, axis=1)
    of = np.repeat(np.arange(len(doubtful)), count)
    with np.errstate(divide="ignore", invalid="ignore"):
        straight = np.abs((across * skin.normal[doubtful][of]).sum(axis=1)) / size
    bent = (size > 0.0) & (straight < np.cos(np.deg2rad(FLAT_DEG)))
    return [(203, doubtful[away > FLAT_M]), (204, np.unique(doubtful[of[bent]]))]


def _of_shells(skin: Skin, several: Mask | None) -> list[tuple[int, Integers]]:
    """Solids that are not closed, or whose faces do not fit together, by the edges of their faces."""
    n_solids = int(skin.solid.max()) + 1
    faces = np.bincount(skin.solid, minlength=n_solids)
    rings, surface = skin.rings, skin.rings.part_of_vertex
    start = _mixed(skin.xyz, skin.solid[surface])
    end = start[rings.next]
    real = np.flatnonzero(start != end)
    start, end, surface = start[real], end[real], surface[real]
    key = _hashed(np.minimum(start, end)) + np.maximum(start, end)
    order = np.argsort(key, kind="stable")
    key, forward, surface = key[order], (start < end)[order], surface[order]
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    count = np.diff(first, append=len(key))
    ahead = np.add.reduceat(forward.astype(np.int64), first)
    solid = skin.solid[surface[first]]
    whole = np.ones(n_solids, dtype=bool) if several is None else np.zeros(n_solids, dtype=bool)
    if several is not None:
        whole[skin.solid] = ~several[skin.row]
    many = (count > 2) & (whole[solid] | (count % 2 == 1))
    found = [
        (301, np.flatnonzero((faces > 0) & (faces < 4))),
        (302, solid[count == 1]),
        (303, solid[many]),
        (307, solid[(count == 2) & (ahead != 1)]),
    ]
    closed = np.ones(n_solids, dtype=bool)
    closed[solid[(count == 1) | (count * 1 != 2 * ahead)]] = False
    found.append((405, np.flatnonzero(closed & (faces > 0) & (volumes(skin) < 0.0))))

    pair = first[count == 2]
    n = len(skin)
    graph = coo_array((np.ones(len(pair), dtype=np.int8), (surface[pair], surface[pair + 1])), shape=(n, n))
    piece = connected_components(graph, directed=False)[1]
    pieces = np.bincount(skin.solid[np.unique(piece, return_index=True)[1]], minlength=n_solids)
    joined = np.ones(n_solids, dtype=bool)  # edges of more than two faces join pieces as well
    joined[solid[count > 2]] = False
    found.append((305, np.flatnonzero((pieces > 1) & whole & closed & joined)))
    return found


def _mixed(places: Floats, group: Integers) -> npt.NDArray[np.uint64]:
    """A number for each place of each group: the same for vertices within `SNAP_M`, as good as never for others."""
    key = _hashed(group.astype(np.uint64))
    for axis in range(places.shape[1]):
        key = _hashed(key + np.rint(places[:, axis] / SNAP_M).astype(np.int64).view(np.uint64))
    return key


def _hashed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """
    Numbers thoroughly mixed: the finaliser of SplitMix64.

    References
    ----------
    .. [1] G. L. Steele, D. Lea, C. H. Flood, Fast splittable pseudorandom number generators, OOPSLA 2014,
       doi:10.1145/2660193.2660195.
    """
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def check_table(city: City) -> pd.DataFrame:
    """
    Table ``geometry_checks``: each rule, how many solids were tried, and how many break it.

    Parameters
    ----------
    city
        City with heights and ground levels.

    Returns
    -------
    pandas.DataFrame
        A row for each rule and way the solids came about; `building_ids` names the buildings with most faults first.
    """
    buildings = city["buildings"]
    parts = city["building_parts"]["building_id"].dropna()
    drawn = skin_of(city, party=False, from_lod=1.0, prisms=False, turned=False)
    prisms = prisms_of(city)
    prisms = prisms.take(np.flatnonzero(~np.isin(prisms.row, drawn.row)))
    several = np.asarray(buildings.index.isin(parts))
    row_of = np.zeros(int(drawn.solid.max(initial=-1)) + 1, dtype=np.int64)
    row_of[drawn.solid] = drawn.row
    rows = []
    for method, faults, row in (
        ("source", faults_of(drawn, several=several), row_of),
        ("prism", faults_of_prisms(prisms), prisms.row),
    ):
        for code, rule in RULES.items() if len(row) else ():
            broken = faults.solids(code)
            worst = pd.Series(faults.solid[faults.code == code]).value_counts().sort_index(kind="stable")
            worst = worst.sort_values(ascending=False, kind="stable").index[:WORST].to_numpy(dtype=np.int64)
            names = ", ".join(str(buildings.index[at]) for at in dict.fromkeys(row[worst].tolist()))
            rows.append(
                {
                    "method": method,
                    "code": code,
                    "rule": rule,
                    "solids": len(row),
                    "broken": len(broken),
                    "building_ids": names or None,
                }
            )
    table = TABLES["geometry_checks"]
    return conform(pd.DataFrame(rows, columns=list(table.columns), index=pd.RangeIndex(len(rows))), table)
