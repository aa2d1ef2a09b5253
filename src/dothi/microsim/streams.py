"""Streams of traffic at crossings: who turns where, who yields to whom, and how much passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from dothi.microsim.convert import SATURATION_PCU_H, TYPES, elements
from dothi.microsim.routes import Way
from dothi.shapes import Floats, Integers
from dothi.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    import pandas as pd

GAP_S: Final = 6.2
"""Gap in the streams that go first which a driver takes: right turn from a minor street, HCM 2000, from memory [s]."""
FOLLOW_S: Final = 3.3
"""Time from one driver to the next who takes the same gap, likewise [s]."""


@dataclass(frozen=True, slots=True)
class Streams:
    """
    Connections of lanes at crossings.

    Attributes
    ----------
    junction
        Name of the crossing, by connection.
    start, end, lane : (n,)
        Positions of the links, and number of the lane it leaves.
    share : (n,)
        Share of those who turn so that it takes: lanes that serve the same turn share it evenly.
    first
        By connection, those that go before it.
    signal : (n,)
        Its number among the lamps of its crossing; −1 without.
    at
        Connections of each crossing.
    crossing_of
        Crossing by the name of its signals.
    """

    junction: Sequence[str]
    start: Integers
    end: Integers
    lane: Integers
    share: Floats
    first: Sequence[Sequence[int]]
    signal: Integers
    at: Mapping[str, Sequence[int]] = field(default_factory=dict)
    crossing_of: Mapping[str, str] = field(default_factory=dict)

    def flows(self, ways: Sequence[Way], hours: float) -> Floats:
        """Flow of each connection, of vehicles on their ways [pcu/h]."""
        turns: dict[tuple[int, int], float] = {}
        for way in ways:
            size = equivalent(way.kind)
            for turn in zip(way.links[:-1], way.links[1:], strict=True):
                turns[turn] = turns.get(turn, 0.0) + size
        pairs = zip(self.start.tolist(), self.end.tolist(), strict=True)
        found: Floats = np.array([turns.get(pair, 0.0) for pair in pairs]) * self.share / hours
        return found

    def load(self, flow: Floats) -> dict[str, float]:
        """By crossing, flow over capacity of its worst lane, where some yield to others and no signal helps."""
        before = np.array([flow[list(first)].sum() for first in self.first])
        ratio = flow / gap_capacity_pcu_h(before)
        return {
            name: max((float(ratio[lane].sum()) for lane in self.lanes(here)), default=0.0)
            for name, here in self.at.items()
        }

    def lanes(self, here: Sequence[int]) -> list[list[int]]:
        """Connections of a crossing, lane by lane."""
        found: dict[tuple[int, int], list[int]] = {}
        for one in here:
            found.setdefault((int(self.start[one]), int(self.lane[one])), []).append(one)
        return list(found.values())


def equivalent(kind: str) -> float:
    """Length that a vehicle takes up over that of a car, gaps included: what it counts for [pcu]."""
    takes = {name: float(TYPES[name]["length"]) + float(TYPES[name]["minGap"]) for name in (kind, "car")}
    return takes[kind] / takes["car"]


def gap_capacity_pcu_h(before_pcu_h: Floats) -> Floats:
    r"""
    What can pass through gaps of streams that go first, :math:`c = q e^{-q t_g} / (1 - e^{-q t_f})` (Harders 1968).

    Parameters
    ----------
    before_pcu_h
        Flow :math:`q` of all who go first [pcu/h].

    References
    ----------
    .. [1] Transportation Research Board, Highway Capacity Manual 2000, eq. 17-3.
    """
    q = np.maximum(before_pcu_h, 1e-6) / SECONDS_PER_HOUR
    found: Floats = SECONDS_PER_HOUR * q * np.exp(-q * GAP_S) / -np.expm1(-q * FOLLOW_S)
    return np.where(before_pcu_h > 1.0, found, SATURATION_PCU_H)


def read_streams(path: Path, ids: pd.Index) -> Streams:
    """Connections of a network of SUMO between links of the city."""
    position = {str(ident): number for number, ident in enumerate(ids)}
    answers: dict[str, dict[int, str]] = {}
    for element in elements(path, "junction"):
        answers[element.get("id")] = {int(one.get("index")): one.get("response") for one in element.iter("request")}
    rows: list[tuple[str, int, int, int, int, int]] = []
    crossing_of: dict[str, str] = {}
    for element in elements(path, "connection"):
        start, end, via = position.get(element.get("from")), position.get(element.get("to")), element.get("via")
        if start is None or end is None or via is None:
            continue
        name, _, rest = via[1:].rpartition("_")
        name, _, edge = name.rpartition("_")
        number, lamp = int(edge) + int(rest), int(element.get("linkIndex", -1))
        if element.get("tl"):
            crossing_of[element.get("tl")] = name
        rows.append((name, number, start, end, int(element.get("fromLane")), lamp))
    index = {(row[0], row[1]): at for at, row in enumerate(rows)}
    first = [_before(answers.get(row[0], {}).get(row[1], ""), row[0], index) for row in rows]
    served: dict[tuple[int, int], int] = {}
    at: dict[str, list[int]] = {}
    for number_, (name, _, start, end, *_) in enumerate(rows):
        served[start, end] = served.get((start, end), 0) + 1
        at.setdefault(name, []).append(number_)
    table = np.array([row[2:] for row in rows], dtype=np.int64).reshape(-1, 4)
    share = np.array([1.0 / served[row[2], row[3]] for row in rows])
    names = [row[0] for row in rows]
    return Streams(names, table[:, 0], table[:, 1], table[:, 2], share, first, table[:, 3], at, crossing_of)


def _before(answer: str, name: str, index: Mapping[tuple[str, int], int]) -> list[int]:
    """Connections that a row of bits says go first; the last bit is that of the first connection."""
    goes = (number for number, bit in enumerate(reversed(answer)) if bit == "1")
    return [index[name, number] for number in goes if (name, number) in index]
