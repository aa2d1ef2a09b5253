"""Trips between zones by mode, as the app draws and counts them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from dothi.errors import Problems
from dothi.server.travel_facts import ShareFacts, TerminalFacts, TripsFacts
from dothi.shown import missing

if TYPE_CHECKING:
    from dothi.shapes import Floats
    from dothi.shown import Shown


def trips_of(shown: Shown, modes: tuple[str, ...], most: int) -> TripsFacts:
    """
    Trips of a city.

    Parameters
    ----------
    shown
        City whose traffic was simulated.
    modes
        Modes whose pairs are wanted; all where empty.
    most
        Pairs at most.

    Raises
    ------
    MissingError
        Traffic was not simulated.
    InputError
        There is no such mode.
    """
    kept = shown.store.find("traffic", shown.results.get("traffic", "")) if shown.store else None
    if kept is None:
        raise missing("was simulated: run the city with the model traffic", table="traffic")
    result = kept.result()
    field = result.fields["od_trips"]
    names = [str(mode) for mode in field["mode"].values]
    if unknown := set(modes) - set(names):
        problems = Problems()
        problems.error(f"is one of {', '.join(names)}", column="modes", rows=sorted(unknown))
        problems.raise_errors()
    trips: Floats = np.asarray(field.values, dtype=float)
    ids = np.asarray(field["origin"].values)
    chosen = trips[[names.index(mode) for mode in modes or names]].sum(axis=0)
    both = np.triu(chosen + chosen.T, 1)
    first, second = np.nonzero(both)
    order = np.argsort(-both[first, second], kind="stable")[:most]
    return TripsFacts(
        modes=names,
        totals=_totals(trips, ids >= 0),
        terminals=_terminals(shown, ids, result.tables["gateways"]),
        pairs=[(int(a), int(b), round(float(both[a, b]), 2)) for a, b in zip(first[order], second[order], strict=True)],
        all_pairs=round(float(both.sum()), 1),
    )


def _totals(trips: Floats, inside: Any) -> list[ShareFacts]:
    """Trips within, across the border and through the city."""
    a, b = inside[:, None], inside[None, :]
    kinds = {"within": a & b, "border": a ^ b, "through": ~a & ~b}
    return [
        ShareFacts(kind=kind, trips=[round(float(of_mode[mask].sum()), 1) for of_mode in trips])
        for kind, mask in kinds.items()
    ]


def _terminals(shown: Shown, ids: Any, gateways: Any) -> list[TerminalFacts]:
    zones = shown.city["zones"]
    names = zones.get("name", None)
    middle = dict(
        zip(zones.index, shapely.get_coordinates(shapely.centroid(np.asarray(zones.geometry.array))), strict=True)
    )
    way_out = shapely.get_coordinates(np.asarray(gateways.geometry.array, dtype=object))
    found = []
    for ident in ids.tolist():
        if ident >= 0:
            place, name = middle[ident], "" if names is None else _text(names[ident])
        else:
            place, name = way_out[-1 - ident], _text(gateways["name"].iloc[-1 - ident])
        x, y = (round(float(value), 1) for value in place)
        found.append(TerminalFacts(zone_id=ident if ident >= 0 else None, name=name, x=x, y=y))
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
