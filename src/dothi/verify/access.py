"""Cases of access: networks on which every way can be counted, scipy's searches, and small distributions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from dothi.access import equity, search
from dothi.access.graph import Graph, compressed
from dothi.shapes import Floats
from dothi.verify import Case, Quantity

BLOCK_M: Final = 100.0
ROUNDING: Final = 1e-9


def street_grid(side: int, block_m: float = BLOCK_M) -> Graph:
    """Square of crossings with two-way streets, numbered along the rows."""
    number = np.arange(side * side).reshape(side, side)
    across = np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()])
    along = np.stack([number[:-1].ravel(), number[1:].ravel()])
    tail, head = np.concatenate([across, along, across[::-1], along[::-1]], axis=1)
    xy = np.stack(np.divmod(np.arange(side * side), side)[::-1], axis=1) * block_m
    return compressed(tail, head, np.full(len(tail), block_m), np.arange(len(tail)), np.arange(side * side), xy)


def at_nodes(nodes: Floats | list[int], away: float = 0.0) -> search.Beside:
    """Points at nodes, each at some cost."""
    node = np.asarray(nodes, dtype=np.int32)
    return search.Beside(node, np.full(len(node), away), np.argsort(node, kind="stable"))


def _grid() -> Iterator[Quantity]:
    """On an endless grid 2k² + 2k + 1 crossings are at most k blocks away."""
    side = 41
    graph, middle = street_grid(side), side * side // 2
    goals = at_nodes(list(range(side * side)))
    limits = np.array([3.0, 7.0, 12.0]) * BLOCK_M
    found = search.within(graph, at_nodes([middle]), goals, np.ones(side * side), limits)[0][0]
    for limit, count in zip(limits, found, strict=True):
        k = limit / BLOCK_M
        yield Quantity(f"crossings within {limit:g} m", "", float(count), 2.0 * k * k + 2.0 * k + 1.0, 0.0)
    away = search.nearest(graph, at_nodes([middle]), 1e4)
    row, column = np.divmod(np.arange(side * side), side)
    exact = BLOCK_M * (np.abs(row - side // 2) + np.abs(column - side // 2))
    yield Quantity("largest error of a distance", "m", float(np.abs(away - exact).max()), 0.0, ROUNDING)


def random_streets(side: int = 60, seed: int = 7) -> tuple[Graph, np.random.Generator]:
    """Grid with crossings moved by up to a fifth of a block, a seventh of the streets missing, some one-way."""
    rng = np.random.default_rng(seed)
    plain = street_grid(side)
    xy = plain.xy + rng.uniform(-20.0, 20.0, plain.xy.shape)
    kept = rng.random(len(plain.head)) > 1.0 / 7.0
    tail, head = plain.tail[kept], plain.head[kept]
    cost = np.hypot(*(xy[tail] - xy[head]).T)
    return compressed(tail, head, cost, np.arange(len(tail)), np.arange(len(xy)), xy), rng


def _scipy() -> Iterator[Quantity]:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    graph, rng = random_streets()
    n, limit = len(graph), 1200.0
    values = rng.integers(0, 5, n).astype(float)
    origins = np.arange(0, n, 7)
    whole = csr_array((graph.cost, graph.head, graph.first), shape=(n, n))
    away = dijkstra(whole, indices=origins, limit=limit)
    goals = at_nodes(list(range(n)))
    found = search.within(graph, at_nodes(list(origins)), goals, values, np.array([limit]))[0][:, 0]
    off = float(np.abs(found - np.isfinite(away) @ values).max())
    yield Quantity(f"largest error of a sum, {len(origins)} origins", "", off, 0.0, 0.0)
    least = search.nearest(graph, at_nodes(list(origins[:20])), np.inf)
    exact = dijkstra(whole, indices=origins[:20]).min(axis=0)
    reached = np.isfinite(exact)
    yield Quantity(
        "nodes reached by one and not by the other", "", float((reached != np.isfinite(least)).sum()), 0.0, 0.0
    )
    off = float(np.abs(least[reached] - exact[reached]).max())
    yield Quantity("largest error of a distance to the nearest of 20", "m", off, 0.0, ROUNDING)


def _line(n: int, step: float) -> Graph:
    """Line of nodes with links both ways."""
    start = np.arange(n - 1)
    tail, head = np.r_[start, start + 1], np.r_[start + 1, start]
    xy = np.stack([np.arange(n) * step, np.zeros(n)], axis=1)
    return compressed(tail, head, np.full(len(tail), step), np.arange(len(tail)), np.arange(n), xy)


def _response() -> Iterator[Quantity]:
    """A station beside one end of ten links of 30 s: 60 s of turnout, 12 s to the road, the house 8 s off its node."""
    graph = _line(11, 30.0)
    drive = search.nearest(graph, at_nodes([0], away=12.0), np.inf)
    house = at_nodes([7], away=8.0)
    yield Quantity(
        "response time", "s", 60.0 + float(search.at(house, drive, np.inf)[0]), 60.0 + 12.0 + 210.0 + 8.0, 0.0
    )


def _catchment() -> Iterator[Quantity]:
    """Two surgeries of 1 and 3 doctors, three villages of 100, 200 and 300 people in a row, one step apart."""
    graph = _line(3, 10.0)
    places, people = at_nodes([0, 2]), at_nodes([0, 1, 2])
    doctors, n_people = np.array([1.0, 3.0]), np.array([100.0, 200.0, 300.0])
    found = search.catchments(graph, places, doctors, people, n_people, 10.0, np.inf)
    first, second = 1.0 / (100.0 + 200.0), 3.0 / (200.0 + 300.0)
    for name, value, reference in zip("ABC", found, (first, first + second, second), strict=True):
        yield Quantity(f"doctors per person in village {name}", "", float(value), reference, 1e-15)
    found = search.catchments(graph, places, doctors, people, n_people, 10.0, 10.0)
    near = float(np.exp(-0.5))
    first, second = 1.0 / (100.0 + near * 200.0), 3.0 / (near * 200.0 + 300.0)
    yield Quantity("the same in village B with decay", "", float(found[1]), near * (first + second), 1e-15)
    yield Quantity("doctors given out", "", float(found @ n_people), 4.0, 1e-12)


def _distributions() -> Iterator[Quantity]:
    one_to_four, ten = np.arange(1.0, 5.0), np.arange(1.0, 11.0)
    alone = np.array([0.0] * 9 + [1.0])
    yield Quantity("Gini of 1, 2, 3, 4", "", equity.gini(one_to_four, np.ones(4)), 0.25, 1e-15)
    yield Quantity("Gini where one of ten has all", "", equity.gini(alone, np.ones(10)), 0.9, 1e-15)
    yield Quantity("Gini of equal shares", "", equity.gini(np.full(5, 3.0), np.arange(1.0, 6.0)), 0.0, 1e-15)
    yield Quantity("Palma ratio of 1 to 10", "", equity.palma(ten, np.ones(10)), 10.0 / 2.5, 1e-12)
    yield Quantity("P90/P10 of 1 to 10", "", equity.percentile_ratio(ten, np.ones(10)), 9.0, 1e-12)


CASES: Final = (
    Case(
        "access",
        "Ways on a grid of streets",
        "Closed form: sums of rows and columns of blocks; distances to rounding, counts exact.",
        _grid,
    ),
    Case(
        "access",
        "Random streets, against scipy",
        "scipy.sparse.csgraph.dijkstra with the same costs and limit; sums of whole numbers exact, distances to "
        "rounding.",
        _scipy,
    ),
    Case(
        "access",
        "Response along a line of roads",
        "Closed form: the sum of its parts, all whole numbers.",
        _response,
    ),
    Case(
        "access",
        "Floating catchments of three villages",
        "Worked by hand from eqs. 1 and 2 of Luo & Wang 2003, doi:10.1068/b29120; with decay as in Luo & Qi 2009, "
        "doi:10.1016/j.healthplace.2009.06.002; to rounding.",
        _catchment,
    ),
    Case(
        "access",
        "Equity of small distributions",
        "Worked by hand: Gini as mean difference over twice the mean, Palma as the best tenth over the worst four; to "
        "rounding.",
        _distributions,
    ),
)
"""Cases of access."""
