"""Decks of bridges: from ground to ground, above what they cross."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.sparse.linalg import spsolve

from dothi.mesh.drape import Paths, along, bends, densified
from dothi.mesh.terrain import TerrainMesh, levels_on_mesh
from dothi.shapes import Floats, Integers, Mask, Shapes

ABOVE_ROAD_M: Final = 4.5
ABOVE_WATER_M: Final = 3.0
TRUSTED_M: Final = 2.0
"""Levels of a source that leave less room than this below the deck are not those of a deck."""
STEEPEST: Final = 0.25
STEEPEST_TRACK: Final = 0.04
"""Trains climb no steeper: a short bridge of theirs stands level, on a bank that no source has."""
SAMPLE_M: Final = 5.0
SAME_PLACE_M: Final = 0.05
STRAY_M: Final = 0.05
ROUNDS: Final = 50


@dataclass(frozen=True, slots=True)
class _Network:
    """Points along all bridges; those at one place are one node."""

    xy: Floats
    start: Integers
    fixed: Mask
    node: Integers
    laplacian: sparse.csr_array
    lengths: sparse.csr_array
    rises: sparse.csr_array
    """How far a deck may rise between neighbours [m]."""

    @property
    def n_nodes(self) -> int:
        """Nodes."""
        return int(self.laplacian.shape[0])

    @property
    def points(self) -> Shapes:
        """Points as geometries."""
        return np.asarray(shapely.points(self.xy))

    def largest(self, values: Floats) -> Floats:
        """Largest value of the points of each node, −∞ where there is none."""
        largest = np.full(self.n_nodes, -np.inf)
        np.maximum.at(largest, self.node, np.where(np.isnan(values), -np.inf, values))
        return largest


def decks(
    lines: Shapes,
    bridge: Mask,
    tunnel: Mask,
    level: Integers,
    water: Shapes,
    mesh: TerrainMesh,
    steepest: Floats | float = STEEPEST,
) -> Paths:
    r"""
    Bridges in space.

    Bridges that meet are one deck. It stands on the ground where a line that is no bridge leads on, and is as low as
    it can be in between without a sag: a string pulled tight over what it crosses, 4.5 m above roads and tracks and 3 m
    above water, nowhere steeper from its abutments than lines of its kind may be. Where the source has levels which
    leave room below, the deck follows them, shifted so that its ends meet the ground.

    Parameters
    ----------
    lines : (n,)
        All roads and tracks as LineStrings, one for both directions.
    bridge, tunnel : (n,)
        Which of them are bridges and tunnels.
    level : (n,)
        Vertical order of lines that cross.
    water
        Areas of water.
    mesh
        Mesh of the terrain.
    steepest : (n,)
        Steepest gradient of every line.

    Returns
    -------
    Paths
        The bridges among the lines, in their order.

    Notes
    -----
    The string solves the discrete obstacle problem: with the Laplacian :math:`L` of the deck, weighted by one over
    length, :math:`u \ge \psi`, :math:`Lu \ge 0` and :math:`(u - \psi) \cdot Lu = 0`; by the primal-dual active set
    strategy (Hintermüller, Ito, Kunisch 2002, doi:10.1137/S1052623401383558).
    """
    chosen = np.flatnonzero(bridge)
    if not len(chosen):
        return Paths(np.empty((0, 3)), np.zeros(1, dtype=np.int64))
    network, source = _network(lines[chosen], np.broadcast_to(steepest, lines.shape)[chosen])
    ground = levels_on_mesh(mesh, network.xy)
    over_water = _over(network, water)
    line = np.repeat(np.arange(len(chosen)), np.diff(network.start))
    below = np.flatnonzero(~bridge & ~tunnel)
    point, _ = _crossed(network, lines[chosen], lines[below])
    over_road = np.zeros(len(line), dtype=bool)
    over_road[point] = True

    room = np.where(over_road | over_water, source - ground, np.inf)
    doubtful = np.zeros(len(chosen), dtype=bool)
    doubtful[line[room < TRUSTED_M]] = True
    source = np.where(doubtful[line], np.nan, source)
    known = ~np.isnan(source)
    wanted = np.select([over_road, over_water], [ABOVE_ROAD_M, ABOVE_WATER_M], -np.inf)
    clearance = np.where(known, np.minimum(wanted, TRUSTED_M), wanted)
    least = ground + clearance

    on_ground = _abutments(network, lines[below], mesh)
    foot = network.largest(ground)
    shape = _followed(network, source, on_ground, foot)
    reach = _within_reach(network, on_ground, foot)
    obstacle = np.minimum(network.largest(least), reach)
    order = _bridges_over_bridges(network, lines[chosen], level[chosen])
    for _ in range(8):
        deck = shape + _pulled_tight(network, on_ground, foot - shape, obstacle - shape)
        if order is None:
            break
        upper, lower = order
        asked = np.full(network.n_nodes, -np.inf)
        np.maximum.at(asked, network.node[upper], deck[network.node[lower]] + ABOVE_ROAD_M)
        asked = np.maximum(obstacle, np.minimum(asked, reach))
        if not (asked > obstacle + 0.01).any():
            break
        obstacle = asked
    z = deck[network.node]
    kept = bends(along(network.xy), z, network.fixed, STRAY_M)
    before = np.concatenate([[0], np.cumsum(kept)])
    return Paths(np.column_stack([network.xy, z])[kept], before[network.start])


def _network(lines: Shapes, steepest: Floats) -> tuple[_Network, Floats]:
    """Points every few metres along lines, and their levels in the source [m]."""
    xyz, line = shapely.get_coordinates(lines, include_z=True, return_index=True)
    start = np.concatenate([[0], np.cumsum(np.bincount(line, minlength=len(lines)))])
    xyz, fixed, start = densified(xyz, start, SAMPLE_M)
    place = np.rint(xyz[:, :2] / SAME_PLACE_M).astype(np.int64)
    # Points between vertices meet nothing: they get a place of their own.
    own = np.where(fixed, -1, np.arange(len(xyz)))
    _, node = np.unique(np.column_stack([place, own]), axis=0, return_inverse=True)
    node = node.ravel()
    tail = np.ones(len(xyz), dtype=bool)
    tail[start[1:] - 1] = False
    a = np.flatnonzero(tail)
    length = np.maximum(np.hypot(*(xyz[a + 1, :2] - xyz[a, :2]).T), 0.01)
    rise = length * np.repeat(steepest, np.diff(start) - 1)
    a, b = node[a], node[a + 1]
    apart = a != b
    a, b, length, rise = a[apart], b[apart], length[apart], rise[apart]
    n = int(node.max()) + 1
    pairs = (np.r_[a, b], np.r_[b, a])
    weights = sparse.coo_array((np.tile(1.0 / length, 2), pairs), shape=(n, n)).tocsr()
    laplacian = (sparse.diags_array(weights.sum(axis=1)) - weights).tocsr()
    lengths = weights.copy()
    lengths.data = 1.0 / lengths.data
    rises = sparse.coo_array((np.tile(1.0 / rise, 2), pairs), shape=(n, n)).tocsr()
    rises.data = 1.0 / rises.data
    return _Network(xyz[:, :2], start, fixed, node, laplacian, lengths, rises), xyz[:, 2]


def _over(network: _Network, areas: Shapes) -> Mask:
    """Points of a network in areas."""
    inside = np.zeros(len(network.xy), dtype=bool)
    if len(areas):
        points, _ = shapely.STRtree(areas).query(network.points, predicate="intersects")
        inside[points] = True
    return inside


def _crossed(network: _Network, upper: Shapes, lower: Shapes) -> tuple[Integers, Integers]:
    """Points of a network near the places where its lines cross others, and which others these are."""
    nothing = np.empty(0, dtype=np.int64)
    if not len(lower):
        return nothing, nothing
    upper, lower = shapely.force_2d(upper), shapely.force_2d(lower)
    above, below = shapely.STRtree(lower).query(upper, predicate="crosses")
    crossing, pair = shapely.get_parts(shapely.intersection(upper[above], lower[below]), return_index=True)
    ends: Shapes = np.asarray(
        shapely.multipoints(np.stack([shapely.get_point(upper, 0), shapely.get_point(upper, -1)], axis=1))
    )
    is_point = shapely.get_type_id(crossing) == shapely.GeometryType.POINT
    is_point &= shapely.distance(crossing, ends[above[pair]]) > SAME_PLACE_M  # an approach meets it there
    crossing, pair = crossing[is_point], pair[is_point]
    if not len(crossing):
        return nothing, nothing
    line = np.repeat(np.arange(len(upper)), np.diff(network.start))
    near = 1.2 * SAMPLE_M  # both ends of the sample that holds the crossing
    hit, point = shapely.STRtree(network.points).query(crossing, predicate="dwithin", distance=near)
    same = line[point] == above[pair[hit]]
    return point[same], below[pair[hit[same]]]


def _abutments(network: _Network, others: Shapes, mesh: TerrainMesh) -> Mask:
    """Nodes that stand on the ground: where another line leads on, and ends within the city where none does."""
    ends = np.concatenate([network.start[:-1], network.start[1:] - 1])
    nodes = network.node[ends]
    places = np.concatenate([shapely.get_point(others, 0), shapely.get_point(others, -1)])
    met = np.zeros(len(ends), dtype=bool)
    if len(places):
        found, _ = shapely.STRtree(places).query(network.points[ends], predicate="dwithin", distance=SAME_PLACE_M)
        met[found] = True
    n_lines = np.diff(network.lengths.indptr)
    west, south, east, north = mesh.bounds
    xy = network.xy[ends]
    margin = 2.0 * mesh.cell_m
    cut = np.minimum(xy - (west, south), (east, north) - xy).min(axis=1) < margin
    on_ground = np.zeros(network.n_nodes, dtype=bool)
    on_ground[nodes[met | ((n_lines[nodes] < 2) & ~cut)]] = True
    # A bridge cut off on both sides hangs on nothing: its ends stand on the ground after all.
    _, piece = connected_components(network.laplacian, directed=False)
    held = np.bincount(piece, weights=on_ground) > 0
    on_ground[nodes[~held[piece[nodes]]]] = True
    return on_ground


def _followed(network: _Network, source: Floats, on_ground: Mask, foot: Floats) -> Floats:
    """Shape that decks follow: levels of the source, straight between where it has none."""
    known = network.largest(source)
    fixed = np.isfinite(known) | on_ground
    return _straight(network, fixed, np.where(np.isfinite(known), known, foot))


def _straight(network: _Network, fixed: Mask, values: Floats) -> Floats:
    """Values given at some nodes, even along the deck between them."""
    result = np.where(fixed, values, 0.0)
    free = np.flatnonzero(~fixed)
    if len(free):
        inner = network.laplacian[free][:, free]
        outer = network.laplacian[free] @ result
        result[free] = spsolve(inner.tocsc(), -outer)
    return result


def _within_reach(network: _Network, on_ground: Mask, foot: Floats) -> Floats:
    """Highest level that the steepest ramp reaches from the nearest abutment [m]."""
    rise, _, nearest = dijkstra(
        network.rises, indices=np.flatnonzero(on_ground), min_only=True, return_predecessors=True
    )
    reach: Floats = foot[np.maximum(nearest, 0)] + rise
    return reach


def _pulled_tight(network: _Network, fixed: Mask, values: Floats, obstacle: Floats) -> Floats:
    """Lowest heights without sags that hold given values and stay above an obstacle."""
    active = np.zeros(network.n_nodes, dtype=bool)
    heights = values
    for _ in range(ROUNDS):
        heights = _straight(network, fixed | active, np.where(fixed, values, obstacle))
        load = network.laplacian @ heights
        pressing = ~fixed & np.where(active, load > 0.0, heights < obstacle - 1e-6)
        if (pressing == active).all():
            break
        active = pressing
    return heights


def _bridges_over_bridges(network: _Network, lines: Shapes, level: Integers) -> tuple[Integers, Integers] | None:
    """Pairs of points, the one above the other, where a bridge crosses one of a lower level; None without any."""
    point, below = _crossed(network, lines, lines)
    line = np.repeat(np.arange(len(lines)), np.diff(network.start))
    higher = level[line[point]] > level[below]
    point, below = point[higher], below[higher]
    if not len(point):
        return None
    # The nearest point of the lower bridge stands for its deck.
    pairs = []
    for upper, lower in zip(point.tolist(), below.tolist(), strict=True):
        first, last = network.start[lower], network.start[lower + 1]
        away = np.hypot(*(network.xy[first:last] - network.xy[upper]).T)
        pairs.append((upper, first + int(np.argmin(away))))
    upper_points, lower_points = np.array(pairs, dtype=np.int64).T
    return upper_points, lower_points
