"""From tables to the input of SUMO, and from its output back to tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.etree.ElementTree import iterparse
from xml.sax.saxutils import quoteattr

import numpy as np
import pandas as pd
import shapely

from dothi.microsim.crossings import Crossings
from dothi.microsim.routes import Way
from dothi.shapes import Floats, Mask
from dothi.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    import geopandas as gpd

CLASSES: Final[Mapping[str, str]] = {"car": "passenger", "motorbike": "motorcycle", "bus": "bus", "truck": "truck"}
"""Vehicle classes of SUMO by mode."""

SATURATION_PCU_H: Final = 1900.0
"""What a lane discharges while nothing holds it: HCM 2010, signals, as in the capacities of links [pcu/h]."""
SLOWER: Final = 1.29
"""By how much the time that a car takes for its length in such a queue exceeds that at full speed: measured [1]."""
SHORTEST_GAP_S: Final = 0.6
LONGEST_GAP_S: Final = 1.5

_TOWN: Final = {"sigma": "0.2", "jmTimegapMinor": "0.5"}

TYPES: Final[Mapping[str, Mapping[str, str]]] = {
    "car": {"length": "4.4", "width": "1.8", "minGap": "1.5", **_TOWN},
    "motorbike": {
        "length": "1.9",
        "width": "0.8",
        "minGap": "0.8",
        **_TOWN,
        "minGapLat": "0.3",
        "latAlignment": "arbitrary",
        "maxSpeedLat": "1.5",
        "lcSublane": "2.0",
        "lcPushy": "0.3",
    },
    "bus": {"length": "12.0", "width": "2.5", "minGap": "2.0", **_TOWN},
    "truck": {"length": "9.0", "width": "2.4", "minGap": "2.0", **_TOWN},
}
"""
Vehicles. Motorbikes take any place across a lane and squeeze past others, as the sublane model lets them; SUMO has no
model of their crowding at stop lines.
"""

PRIORITY: Final[Mapping[str, int]] = {
    "motorway": 13,
    "trunk": 12,
    "primary": 11,
    "secondary": 9,
    "tertiary": 7,
    "busway": 7,
    "unclassified": 5,
    "residential": 4,
    "living_street": 2,
    "service": 1,
}
LEAST_SPEED_M_S: Final = 2.5
SIGNAL_LEGS: Final = 3


def write_network(
    folder: Path,
    nodes: gpd.GeoDataFrame,
    links: gpd.GeoDataFrame,
    signals: Sequence[int] | Any,
    crossings: Crossings,
) -> tuple[Path, Path]:
    """
    Write plain nodes and edges of SUMO.

    Parameters
    ----------
    folder
        Where.
    nodes, links
        Tables of the city; the links are open to motor traffic.
    signals
        Ids of the nodes that have signals.

    Returns
    -------
    tuple of pathlib.Path
        Files of nodes and edges. Their ids are those of the tables.
    """
    used = nodes.loc[np.unique(np.r_[links["from_node_id"], links["to_node_id"]])]
    lit = set(np.asarray(signals).tolist())
    xy = shapely.get_coordinates(np.asarray(used.geometry.array, dtype=object))
    lines = ["<nodes>"]
    for ident, (x, y) in zip(used.index, xy, strict=True):
        kind = ' type="traffic_light"' if ident in lit else ""
        lines.append(f'<node id="{ident}" x="{x:.2f}" y="{y:.2f}"{kind}/>')
    lines += [f'<join id="j{nodes[0]}" nodes="{" ".join(map(str, nodes))}"/>' for nodes in crossings.joined]
    rings = [f'<roundabout edges="{" ".join(map(str, ring))}"/>' for ring in crossings.rings]
    node_file = folder / "city.nod.xml"
    node_file.write_text("\n".join([*lines, "</nodes>\n"]), encoding="utf-8")
    edge_file = folder / "city.edg.xml"
    edge_file.write_text("\n".join(["<edges>", *_edges(links), *rings, "</edges>\n"]), encoding="utf-8")
    return node_file, edge_file


def _edges(links: gpd.GeoDataFrame) -> Iterator[str]:
    lanes = np.maximum(np.round(links["lanes"].to_numpy(dtype=float, na_value=1.0)), 1.0).astype(int)
    speed = np.maximum(links["free_speed_m_s"].to_numpy(dtype=float, na_value=8.33), LEAST_SPEED_M_S)
    two_way = links["reverse_link_id"].isin(links.index).to_numpy()
    open_to = {mode: links[mode].to_numpy(dtype=bool) for mode in CLASSES}
    classes = links["class"].astype("str").to_numpy()
    shapes = np.asarray(links.geometry.array, dtype=object)
    ends = zip(links.index, links["from_node_id"], links["to_node_id"], strict=True)
    for row, (ident, start, end) in enumerate(ends):
        allowed = " ".join(name for mode, name in CLASSES.items() if open_to[mode][row])
        shape = " ".join(f"{x:.2f},{y:.2f}" for x, y in shapely.get_coordinates(shapes[row]))
        yield (
            f'<edge id="{ident}" from="{start}" to="{end}" numLanes="{lanes[row]}" speed="{speed[row]:.2f}" '
            f'priority="{PRIORITY.get(classes[row], 3)}" allow="{allowed}" shape="{shape}" '
            f'spreadType="{"right" if two_way[row] else "center"}"/>'
        )


def nodes_of(names: Sequence[str], crossings: Crossings) -> list[int]:
    """Nodes of crossings by their names in SUMO, of which all of a crossing that was joined."""
    joined = {f"j{nodes[0]}": nodes for nodes in crossings.joined}
    return [int(node) for name in names for node in joined.get(name, (name,))]


def gap_s(speed_m_s: float) -> float:
    r"""
    Gap in time at which drivers follow each other so that a lane discharges its saturation flow.

    From one car to the next it takes :math:`\tau + 1.29\,(l + g) / v`, for length and gap at rest, as SUMO shows at
    speeds of 5.5 to 13.9 m/s. If :math:`\tau` were the same at all of them, slow streets would pass too little: with
    1 s, 2 m and ``sigma`` 0.5, SUMO gives 1,420 cars an hour at 6.9 m/s and 2,000 at 13.9.

    Parameters
    ----------
    speed_m_s
        Speed of the empty street [m/s].
    """
    takes = float(TYPES["car"]["length"]) + float(TYPES["car"]["minGap"])
    found = SECONDS_PER_HOUR / SATURATION_PCU_H - SLOWER * takes / max(speed_m_s, 1.0)
    return min(max(found, SHORTEST_GAP_S), LONGEST_GAP_S)


def write_routes(path: Path, ways: Iterable[Way], ids: Any, speed_m_s: float) -> Path:
    """
    Write vehicles and their ways.

    Parameters
    ----------
    path
        File to write.
    ways
        Vehicles.
    ids : (n_links,)
        Ids of the links.
    speed_m_s
        Mean speed of the empty streets that they drive along [m/s].
    """
    gap = f"{gap_s(speed_m_s):.2f}"
    lines = ["<routes>"]
    for mode, attributes in TYPES.items():
        words = " ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items())
        lines.append(f'<vType id="{mode}" vClass="{CLASSES[mode]}" tau="{gap}" {words}/>')
    for number, way in enumerate(sorted(ways, key=lambda way: way.depart_s)):
        edges = " ".join(str(ids[link]) for link in way.links)
        lines.append(
            f'<vehicle id="{number}" type="{way.kind}" depart="{way.depart_s:.1f}" departLane="best" '
            f'departSpeed="max" departPos="random_free"><route edges="{edges}"/></vehicle>'
        )
    path.write_text("\n".join([*lines, "</routes>\n"]), encoding="utf-8")
    return path


def elements(path: Path, name: str) -> Iterator[Any]:
    """Elements of a file, one after the other, whatever its size."""
    with path.open("rb") as file:
        stack = []
        for event, element in iterparse(file, events=("start", "end")):  # noqa: S314 - written by SUMO beside us
            if event == "start":
                stack.append(element)
                continue
            stack.pop()
            if element.tag == name:
                yield element
                element.clear()
                if stack:
                    stack[-1].clear()


def read_kept(path: Path, ids: pd.Index) -> Mask:
    """Links that a network of SUMO has; others lie within crossings that were joined."""
    edges = {element.get("id") for element in elements(path, "edge")}
    return np.array([str(ident) in edges for ident in ids], dtype=bool)


def read_names(path: Path, ids: pd.Index) -> tuple[list[str], list[str]]:
    """Names of the crossings of a network of SUMO between which links lie; nothing for links it lacks."""
    ends = {element.get("id"): (element.get("from"), element.get("to")) for element in elements(path, "edge")}
    found = [ends.get(str(ident)) or ("", "") for ident in ids]
    return [pair[0] for pair in found], [pair[1] for pair in found]


def read_connections(path: Path, ids: pd.Index) -> list[list[int]]:
    """By link, the links that a network of SUMO lets one turn into, all as positions."""
    onward: list[list[int]] = [[] for _ in range(len(ids))]
    position = {str(ident): number for number, ident in enumerate(ids)}
    for element in elements(path, "connection"):
        one, other = position.get(element.get("from")), position.get(element.get("to"))
        if one is not None and other is not None and other not in onward[one] and element.get("dir") != "t":
            onward[one].append(other)
    return onward


def read_edges(path: Path, ids: pd.Index, hours: float) -> pd.DataFrame:
    """Vehicles, delays and speeds of links, from the edge data of one period."""
    rows: dict[int, tuple[float, float, float]] = {}
    for element in elements(path, "edge"):
        entered = float(element.get("entered", 0)) + float(element.get("departed", 0))
        left = float(element.get("left", 0)) + float(element.get("arrived", 0))
        lost, speed = float(element.get("timeLoss", 0.0)), float(element.get("speed", "nan"))
        passed = max((entered + left) / 2.0, 1e-9)
        rows[int(element.get("id"))] = (left / hours, lost / passed if entered + left > 0.0 else 0.0, speed)
    found = pd.DataFrame.from_dict(rows, orient="index", columns=["volume", "delay", "speed"]).reindex(ids)
    return pd.DataFrame(
        {
            "microsim_volume_veh_h": found["volume"].fillna(0.0),
            "microsim_delay_s": found["delay"],
            "microsim_speed_m_s": found["speed"],
        },
        index=ids,
    )


def read_queues(path: Path, ids: pd.Index, begin_s: float, end_s: float = np.inf) -> Floats:
    """Mean length of the longest queue on a lane of each link, over the times that were looked at [m]."""
    position = {str(ident): number for number, ident in enumerate(ids)}
    total, times = np.zeros(len(ids)), 0
    for step in elements(path, "data"):
        if not begin_s <= float(step.get("timestep", 0.0)) < end_s:
            continue
        times += 1
        longest = np.zeros(len(ids))
        for lane in step.iter("lane"):
            link = position.get(lane.get("id", "").rpartition("_")[0])
            if link is not None:
                longest[link] = max(longest[link], float(lane.get("queueing_length", 0.0)))
        total += longest
    return total / max(times, 1)


def read_trajectories(path: Path, period_s: float, crs: Any, end_s: float = np.inf) -> gpd.GeoDataFrame:
    """Ways of vehicles until a time, a point each period."""
    import geopandas as gpd

    points: dict[str, list[tuple[float, float]]] = {}
    first: dict[str, tuple[float, str]] = {}
    for step in elements(path, "timestep"):
        time = float(step.get("time", 0.0))
        if time > end_s:
            continue
        for vehicle in step.iter("vehicle"):
            ident = vehicle.get("id", "")
            first.setdefault(ident, (time, vehicle.get("type", "")))
            points.setdefault(ident, []).append((float(vehicle.get("x", 0.0)), float(vehicle.get("y", 0.0))))
    names = [ident for ident, found in points.items() if len(found) > 1]
    return gpd.GeoDataFrame(
        {
            "mode": [first[ident][1].partition("@")[0] for ident in names],
            "begin_s": [first[ident][0] for ident in names],
            "period_s": period_s,
        },
        geometry=[shapely.LineString(points[ident]) for ident in names],
        index=pd.RangeIndex(len(names), name="trajectory_id"),
        crs=crs,
    )


def geh(modelled_veh_h: Floats, counted_veh_h: Floats) -> Floats:
    r"""
    How far flows lie apart, after G. E. Havers: :math:`\sqrt{2 (m - c)^2 / (m + c)}`; 0 where both are nothing.

    Parameters
    ----------
    modelled_veh_h, counted_veh_h
        Hourly flows [veh/h].

    References
    ----------
    .. [1] UK Department for Transport, TAG Unit M3.1, Highway assignment modelling, sec. 3.3: below 5 on more than 85 %
       of links.
    """
    total = modelled_veh_h + counted_veh_h
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.sqrt(2.0 * (modelled_veh_h - counted_veh_h) ** 2 / total)
    return np.where(total > 0.0, found, 0.0)


def inside(links: gpd.GeoDataFrame, area: Any) -> Mask:
    """Links whose middle lies in an area."""
    shapely.prepare(area)
    found: Mask = shapely.intersects(area, shapely.centroid(np.asarray(links.geometry.array, dtype=object)))
    return found
