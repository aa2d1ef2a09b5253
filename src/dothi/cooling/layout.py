"""A network along the streets: its plant, its tree of pipes, and how large these are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from dothi.cooling.network import NO_PIPE, Network, Topology, rooted
from dothi.cooling.steiner import steiner_tree
from dothi.cooling.streets import LEAST_M, Streets, joined
from dothi.cooling.water import Service
from dothi.shapes import Floats, Integers, Shapes


@dataclass(frozen=True, slots=True)
class Layout:
    """
    Where the pipes of a network lie.

    Attributes
    ----------
    topology
        How they hang together.
    at : (n_buildings,)
        Node of each building.
    length_m : (n_pipes,)
        Lengths; the first place is that of the plant.
    line : (n_pipes,)
        Courses, away from the plant; None in the first place.
    service : (n_pipes,)
        Building that a pipe alone serves, −1 for pipes in streets.
    plant
        Where the plant stands.
    """

    topology: Topology
    at: Integers
    length_m: Floats
    line: Shapes
    service: Integers
    plant: shapely.Point


def plant_node(streets: Streets, places: Floats, weight: Floats, given: tuple[float, float] | None) -> int:
    """
    Node of the plant: nearest to the place given, or to the middle of what buildings need.

    Parameters
    ----------
    streets
        The streets.
    places : (n_buildings, 2)
        Where buildings stand [m].
    weight : (n_buildings,)
        What they need in a year.
    given
        Place chosen by hand [m].
    """
    even = weight if weight.sum() > 0.0 else np.ones(len(weight))
    x, y = given or np.average(places, axis=0, weights=even)
    return streets.nearest(float(x), float(y))


def lay(streets: Streets, footprints: Shapes, weight: Floats, given: tuple[float, float] | None = None) -> Layout:
    """
    Pipes in streets from a plant to buildings, as short as `steiner_tree` finds them, weighted by what digging costs.

    Parameters
    ----------
    streets
        Streets in which they may lie.
    footprints : (n_buildings,)
        Footprints of the buildings, one or more.
    weight : (n_buildings,)
        What they need in a year, by which the plant is placed.
    given
        Place of the plant [m]; the middle of what they need where None.
    """
    cut, node, service = joined(streets, footprints)
    places = shapely.get_coordinates(shapely.centroid(footprints))
    plant = plant_node(cut, places, weight, given)
    edges = steiner_tree(len(cut), cut.one, cut.other, cut.cost, np.r_[plant, node])
    n = len(cut)
    ends = n + np.arange(len(node))
    one, other = np.r_[cut.one[edges], node], np.r_[cut.other[edges], ends]
    lengths = np.r_[cut.length_m[edges], np.maximum(shapely.length(service), LEAST_M)]
    lines = np.array([*cut.line[edges], *service], dtype=object)
    order, parent, edge = rooted(n + len(node), one, other, plant)
    return _contracted(order, parent, edge, one, lengths, lines, ends, shapely.Point(cut.xy[plant]))


def _contracted(
    order: Integers, parent: Integers, edge: Integers, one: Integers, lengths: Floats, lines: Shapes, ends: Integers,
    plant: shapely.Point,
) -> Layout:  # fmt: skip
    """Tree in which edges one after the other are one pipe."""
    children = np.bincount(parent[1:], minlength=len(order))
    kept = children != 1
    kept[0] = True
    number = np.cumsum(kept) - 1
    above, run = np.zeros(len(order), dtype=np.int64), np.zeros(len(order))
    course: list[list[Any]] = [[] for _ in order]
    tree, length, line, nodes = [NO_PIPE], [0.0], [None], [int(order[0])]
    for k in range(1, len(order)):
        before = parent[k]
        e = edge[k]
        piece = lines[e] if one[e] == order[before] else shapely.reverse(lines[e])
        start = kept[before]
        above[k] = number[before] if start else above[before]
        run[k] = lengths[e] + (0.0 if start else run[before])
        course[k] = [piece] if start else [*course[before], piece]
        if kept[k]:
            tree.append(int(above[k]))
            length.append(float(run[k]))
            line.append(_through(course[k]))
            nodes.append(int(order[k]))
    place = {node: k for k, node in enumerate(nodes)}
    at = np.array([place[int(node)] for node in ends], dtype=np.int64)
    service = np.full(len(nodes), -1)
    service[at] = np.arange(len(at))
    drawn = np.empty(len(line), dtype=object)
    drawn[:] = line
    return Layout(Topology.of(np.array(tree)), at, np.array(length), drawn, service, plant)


def _through(pieces: list[Any]) -> Any:
    """One line through pieces that follow each other."""
    if len(pieces) == 1:
        return pieces[0]
    xy = [shapely.get_coordinates(piece) for piece in pieces]
    return shapely.LineString(np.concatenate([xy[0], *(rest[1:] for rest in xy[1:])]))


def peak_loads(topology: Topology, at: Integers, load_w: npt.NDArray[np.floating]) -> Floats:
    """
    Greatest load that each pipe carries at any hour: buildings behind it need not peak together [W].

    Parameters
    ----------
    topology
        A tree; pipes that close loops have none of it.
    at : (n_buildings,)
        Node of each building.
    load_w : (n_buildings, n_hours)
        Loads [W].
    """
    parent = topology.parent
    peaks = np.zeros(topology.n_pipes)
    nothing = np.zeros(load_w.shape[1])
    behind: dict[int, Floats] = {}
    here = {int(node): k for k, node in enumerate(at)}
    for i in range(len(parent) - 1, 0, -1):
        total = behind.pop(i, nothing)
        if i in here:
            total = total + load_w[here[i]]
        peaks[i] = total.max(initial=0.0)
        up = int(parent[i])
        behind[up] = behind.get(up, nothing) + total
    return peaks


@dataclass(frozen=True, slots=True)
class Catalogue:
    """
    Pipes on sale, from small to large.

    Attributes
    ----------
    dn_mm, inner_m, loss_w_m_k
        Nominal width, inner diameter, and loss of a metre of one pipe per kelvin.
    roughness_m
        Roughness.
    """

    dn_mm: Floats
    inner_m: Floats
    loss_w_m_k: Floats
    roughness_m: float

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Catalogue:
        """Catalogue of the data of `place.district`."""
        dn, inner, loss = (np.array(data[name], dtype=float) for name in ("dn_mm", "inner_mm", "loss_w_m_k"))
        return cls(dn, inner / 1000.0, loss, float(data["roughness_mm"]) / 1000.0)

    def carries_kg_s(self, service: Service, gradient_pa_m: float, velocity_m_s: float) -> Floats:
        """
        Flow up to which each pipe keeps both limits [kg s⁻¹].

        Parameters
        ----------
        service
            What flows in it; the thicker of supply and return counts.
        gradient_pa_m
            Pressure that a metre of straight pipe may lose [Pa m⁻¹].
        velocity_m_s
            Velocity that water may have [m s⁻¹].
        """
        from dothi.cooling.kernels import drop

        rho, mu = max((tuple(service.water[:2]), tuple(service.water[2:4])), key=lambda pair: pair[1])
        found = []
        for inner in self.inner_m:
            low, high = 0.0, velocity_m_s * rho * np.pi / 4.0 * inner**2
            if drop(high, 1.0, inner, self.roughness_m, rho, mu)[0] > gradient_pa_m:
                for _ in range(60):
                    middle = 0.5 * (low + high)
                    lost = drop(middle, 1.0, inner, self.roughness_m, rho, mu)[0]
                    low, high = (low, middle) if lost > gradient_pa_m else (middle, high)
            found.append(high)
        return np.array(found)


def sized(
    layout: Layout, catalogue: Catalogue, service: Service, peak_w: Floats, rules: Mapping[str, Any], fittings: float
) -> tuple[Network, Integers]:
    """
    Network whose pipes are the smallest of a catalogue that keep the limits at their greatest load.

    Parameters
    ----------
    layout
        Where they lie.
    catalogue
        Pipes on sale.
    service
        What flows in them.
    peak_w : (n_pipes,)
        Greatest load of each [W].
    rules
        ``gradient_pa_m`` and ``velocity_m_s``.
    fittings
        Pressure lost in fittings over that of straight pipe.

    Returns
    -------
    network : Network
        The network.
    choice : (n_pipes,) array
        Place of each pipe in the catalogue; the largest where none is large enough.
    """
    carries = catalogue.carries_kg_s(service, float(rules["gradient_pa_m"]), float(rules["velocity_m_s"]))
    flow = peak_w / (service.cp * service.spread_k)
    choice = np.minimum(np.searchsorted(np.maximum.accumulate(carries), flow), len(carries) - 1)
    inner, loss = catalogue.inner_m[choice], catalogue.loss_w_m_k[choice]
    rough = np.full(len(flow), catalogue.roughness_m)
    network = Network(layout.topology, layout.at, layout.length_m, inner, rough, loss, fittings)
    return network, choice
