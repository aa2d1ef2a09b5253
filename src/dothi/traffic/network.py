"""The network that traffic is assigned to: links with volume-delay functions, turns, and what each class pays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dothi.errors import Problems

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]
Codes = npt.NDArray[np.int8]

BPR: Final = 0
"""Volume-delay function of the Bureau of Public Roads, :math:`t_0 (1 + \\alpha (v / c)^\\beta)`."""

CONICAL: Final = 1
"""Conical volume-delay function of Spiess; ``alpha`` is its steepness, above 1, and ``beta`` is not used."""


@dataclass(frozen=True, slots=True)
class Turns:
    """
    Turns that cost time or are not allowed; all others are free.

    Attributes
    ----------
    from_link, to_link : (n_turns,)
        Links before and after the turn: the second begins where the first ends, at a node that is no zone.
    penalty_s : (n_turns,)
        Time that the turn takes [s]; infinite where it is forbidden.
    """

    from_link: Integers
    to_link: Integers
    penalty_s: Floats

    def __post_init__(self) -> None:
        """Take anything that is like an array."""
        for name, dtype in (("from_link", np.int32), ("to_link", np.int32), ("penalty_s", np.float64)):
            object.__setattr__(self, name, _array(getattr(self, name), dtype))

    def __len__(self) -> int:
        return len(self.from_link)


def no_turns() -> Turns:
    """Turns of a network in which all are free."""
    return Turns(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0))


@dataclass(frozen=True, slots=True)
class Network:
    """
    Network of directed links that classes of vehicles share.

    The time on a link grows with the flow of all classes on it, in passenger car units:
    :math:`t_a(v_a) = t^0_a f_a((v_a + b_a) / c_a)`. A vehicle of class :math:`m` perceives the generalised cost
    :math:`t_a + F_{ma}`, in seconds.

    Attributes
    ----------
    n_zones
        Zones. Nodes 0 to ``n_zones`` − 1 are their centroids, where trips begin and end.
    n_nodes
        Nodes, centroids among them.
    from_node, to_node : (n_links,)
        Nodes at which each link begins and ends. Several links may join the same two nodes.
    free_time_s : (n_links,)
        Time on the empty link [s].
    capacity_pcu_h : (n_links,)
        Capacity [pcu/h].
    alpha, beta : (n_links,)
        Parameters of the volume-delay function; a link with ``alpha`` 0 (BPR) is never congested.
    function : (n_links,)
        `BPR` or `CONICAL`.
    cost_s : (n_classes, n_links)
        What a vehicle of each class pays beside the time, such as a toll over the value of time [s]; infinite where
        the link is closed to the class.
    background_pcu_h : (n_links,)
        Flow that is there in any case, such as buses [pcu/h]; none where left out.
    turns
        Turns that are not free.
    first_through_node
        No trip passes through nodes below it. All centroids, where left out; 0 to let trips pass through zones, as
        some published networks do.

    Raises
    ------
    InputError
        All that is wrong with them.

    References
    ----------
    .. [1] H. Spiess, "Conical Volume-Delay Functions", Transportation Science 24(2), 1990, 153-158,
       https://doi.org/10.1287/trsc.24.2.153
    """

    n_zones: int
    n_nodes: int
    from_node: Integers
    to_node: Integers
    free_time_s: Floats
    capacity_pcu_h: Floats
    alpha: Floats
    beta: Floats
    function: Codes
    cost_s: Floats
    background_pcu_h: Floats | None = None
    turns: Turns = field(default_factory=no_turns)
    first_through_node: int | None = None

    def __post_init__(self) -> None:
        """Take anything that is like an array, and check it."""
        for name in ("from_node", "to_node"):
            object.__setattr__(self, name, _array(getattr(self, name), np.int32))
        for name in ("free_time_s", "capacity_pcu_h", "alpha", "beta"):
            object.__setattr__(self, name, _array(getattr(self, name), np.float64))
        object.__setattr__(self, "function", _array(self.function, np.int8))
        object.__setattr__(self, "cost_s", np.atleast_2d(_array(self.cost_s, np.float64)))
        background = np.zeros(self.n_links) if self.background_pcu_h is None else self.background_pcu_h
        object.__setattr__(self, "background_pcu_h", _array(background, np.float64))
        if self.first_through_node is None:
            object.__setattr__(self, "first_through_node", self.n_zones)
        _check(self)

    @property
    def n_links(self) -> int:
        """Number of links."""
        return len(self.from_node)

    @property
    def n_classes(self) -> int:
        """Number of classes of vehicles."""
        return len(self.cost_s)

    @property
    def background(self) -> Floats:
        """Flow that is there in any case [pcu/h]."""
        assert self.background_pcu_h is not None  # noqa: S101 - filled in on construction
        return self.background_pcu_h

    @property
    def first_through(self) -> int:
        """First node that trips may pass through."""
        assert self.first_through_node is not None  # noqa: S101 - filled in on construction
        return self.first_through_node


def delay_s(network: Network, volume_pcu_h: Floats) -> Floats:
    """
    Time lost on each link to the traffic on it [s].

    Parameters
    ----------
    network
        The network.
    volume_pcu_h : (n_links,)
        Flow of all classes [pcu/h]; what is there in any case comes on top.
    """
    saturation = np.maximum(volume_pcu_h + network.background, 0.0) / network.capacity_pcu_h
    delay = network.free_time_s * network.alpha * saturation**network.beta
    conical = network.function == CONICAL
    if conical.any():
        a, left = network.alpha[conical], 1.0 - saturation[conical]
        b = _conical_beta(a)
        steep = 2.0 + np.sqrt((a * left) ** 2 + b**2) - a * left - b
        delay[conical] = network.free_time_s[conical] * (steep - 1.0)
    return delay


def link_time_s(network: Network, volume_pcu_h: Floats) -> Floats:
    """
    Time on each link [s].

    Parameters
    ----------
    network
        The network.
    volume_pcu_h : (n_links,)
        Flow of all classes [pcu/h]; what is there in any case comes on top.
    """
    return network.free_time_s + delay_s(network, volume_pcu_h)


def beckmann(network: Network, volumes_pcu_h: Floats, turns_pcu_h: Floats | None = None) -> float:
    r"""
    Objective of the user equilibrium [pcu s/h].

    .. math:: Z = \sum_a \int_0^{v_a} t_a(w) \, dw + \sum_m \sum_a F_{ma} v_{ma}

    Parameters
    ----------
    network
        The network.
    volumes_pcu_h : (n_classes, n_links)
        Flow of each class [pcu/h].
    turns_pcu_h : (n_classes, n_turns)
        Flow over each turn of the network [pcu/h], where it has any.

    References
    ----------
    .. [1] M. Beckmann, C. B. McGuire and C. B. Winsten, Studies in the Economics of Transportation, Yale University
       Press, 1956, ch. 3.
    """
    total = volumes_pcu_h.sum(axis=0)
    area = _integral(network, total + network.background) - _integral(network, network.background)
    paid = np.where(volumes_pcu_h > 0.0, network.cost_s, 0.0) * volumes_pcu_h
    turning = 0.0
    if turns_pcu_h is not None and len(network.turns):
        penalty = np.where(np.isfinite(network.turns.penalty_s), network.turns.penalty_s, 0.0)
        turning = float((penalty * turns_pcu_h).sum())
    return float(area.sum() + paid.sum() + turning)


def _integral(network: Network, volume: Floats) -> Floats:
    """Integral of the time on each link over its flow from 0 [pcu s/h]."""
    c = network.capacity_pcu_h
    x = np.maximum(volume, 0.0) / c
    area = x + network.alpha * x ** (network.beta + 1.0) / (network.beta + 1.0)
    conical = network.function == CONICAL
    if conical.any():
        a, w = network.alpha[conical], 1.0 - x[conical]
        b = _conical_beta(a)

        def root(w: Floats) -> Floats:
            """Integral of the root of a² w² + b²."""
            return np.asarray(0.5 * w * np.hypot(a * w, b) + 0.5 * b**2 / a * np.arcsinh(a * w / b))

        area[conical] = (2.0 - b) * x[conical] + root(np.ones_like(w)) - root(w) - 0.5 * a * (1.0 - w**2)
    return np.asarray(network.free_time_s * c * area)


def _conical_beta(alpha: Floats) -> Floats:
    """Second parameter of the conical function, which makes it 1 on the empty link."""
    return np.asarray((2.0 * alpha - 1.0) / (2.0 * alpha - 2.0))


def _array(values: Any, dtype: type) -> npt.NDArray[Any]:
    """Contiguous array that nobody else changes."""
    array: npt.NDArray[Any] = np.array(values, dtype=dtype, order="C")
    array.setflags(write=False)
    return array


def _check(network: Network) -> None:
    problems = Problems()
    n = network.n_links
    for name in ("to_node", "free_time_s", "capacity_pcu_h", "alpha", "beta", "function", "background_pcu_h"):
        if getattr(network, name).shape != (n,):
            problems.error(f"has one value for each of {n} links", table="network", column=name)
    if network.cost_s.ndim != 2 or network.cost_s.shape[1:] != (n,) or not len(network.cost_s):
        problems.error(f"has a row for each class and {n} columns, one for each link", table="network", column="cost_s")
    if not 0 <= network.n_zones <= network.n_nodes:
        problems.error("zones are nodes", table="network", column="n_zones")
    if not 0 <= network.first_through <= network.n_nodes:
        problems.error("is a node", table="network", column="first_through_node")
    problems.raise_errors()

    def each(good: npt.NDArray[np.bool_], column: str, rule: str) -> None:
        if not good.all():
            problems.error(rule, table="network", column=column, rows=np.flatnonzero(~good))

    for name in ("from_node", "to_node"):
        ends = getattr(network, name)
        each((ends >= 0) & (ends < network.n_nodes), name, f"is a node from 0 to {network.n_nodes - 1}")
    known = np.isin(network.function, (BPR, CONICAL))
    each(known, "function", "is BPR or CONICAL")
    bpr, conical = network.function == BPR, network.function == CONICAL
    each(_finite(network.free_time_s, 0.0), "free_time_s", "≥ 0 s")
    each(_finite(network.capacity_pcu_h, 0.0, strict=True), "capacity_pcu_h", "> 0 pcu/h")
    each(~bpr | _finite(network.alpha, 0.0), "alpha", "≥ 0 for BPR")
    each(~conical | _finite(network.alpha, 1.0, strict=True), "alpha", "> 1 for CONICAL")
    each(np.asarray(conical | (network.alpha == 0.0) | _finite(network.beta, 1.0)), "beta", "≥ 1 for BPR")
    each(np.isfinite(network.beta), "beta", "is a number")
    each(_finite(network.background, 0.0), "background_pcu_h", "≥ 0 pcu/h")
    each(np.asarray((network.cost_s >= 0.0).all(axis=0)), "cost_s", "≥ 0 s, infinite where closed")
    _check_turns(network, problems)
    problems.raise_errors()


def _finite(values: Floats, minimum: float, *, strict: bool = False) -> npt.NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.isfinite(values) & (values > minimum if strict else values >= minimum))


def _check_turns(network: Network, problems: Problems) -> None:
    turns = network.turns
    if not (turns.from_link.shape == turns.to_link.shape == turns.penalty_s.shape == (len(turns),)):
        problems.error("from_link, to_link and penalty_s are equally long", table="turns")
        return
    links = np.stack([turns.from_link, turns.to_link])
    inside = ((links >= 0) & (links < network.n_links)).all(axis=0)
    if not inside.all():
        problems.error("links are of the network", table="turns", rows=np.flatnonzero(~inside))
        return
    node = network.to_node[turns.from_link]
    meet = node == network.from_node[turns.to_link]
    if not meet.all():
        problems.error("the second link begins where the first ends", table="turns", rows=np.flatnonzero(~meet))
    zone = node < network.n_zones
    if zone.any():
        problems.error("turns lie at nodes that are no zones", table="turns", rows=np.flatnonzero(zone))
    good = turns.penalty_s >= 0.0
    if not good.all():
        problems.error("≥ 0 s", table="turns", column="penalty_s", rows=np.flatnonzero(~good))
    _, first = np.unique(links, axis=1, return_index=True)
    if len(first) < len(turns):
        again = np.setdiff1d(np.arange(len(turns)), first)
        problems.error("a turn is there once", table="turns", rows=again)
