"""Voltages along the lines that a transformer feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from dothi.server.loads_facts import FeederFacts
from dothi.shown import missing

if TYPE_CHECKING:
    from dothi.shown import Shown


def feeder_of(shown: Shown, transformer_id: int) -> FeederFacts:
    """
    Nodes that a transformer feeds, how far they are along the lines, and their voltages over the year.

    Raises
    ------
    MissingError
        There is no such transformer, or the grid of the city was not simulated.
    """
    voltages = _voltages(shown)
    transformers = shown.city["transformers"]
    if transformer_id not in transformers.index:
        raise missing(f"is the id of a row ({transformer_id})", table="transformers")
    nodes, lines = shown.city["grid_nodes"], shown.city["grid_lines"]
    closed = lines[~lines["open"].fillna(value=False).astype(bool)] if "open" in lines else lines
    ends = [nodes.index.get_indexer(closed[f"{end}_grid_node_id"]) for end in ("from", "to")]
    length = np.maximum(closed["length_m"].to_numpy(dtype=float), 1e-3)  # without length there were no line
    graph = coo_array((length, ends), shape=(len(nodes), len(nodes))).tocsr()
    start = nodes.index.get_indexer([transformers["secondary_grid_node_id"].astype("Int64")[transformer_id]])[0]
    if start < 0:
        return FeederFacts(distance_m=[], parent=[], lowest_pu=[], highest_pu=[])
    away, before = dijkstra(graph, directed=False, indices=start, return_predecessors=True)
    fed = np.flatnonzero(np.isfinite(away))
    fed = fed[np.argsort(away[fed], kind="stable")]
    place = np.full(len(nodes), -1)
    place[fed] = np.arange(len(fed))
    low, high = (voltages[name].reindex(nodes.index[fed]).to_numpy(dtype=float) for name in ("lowest_pu", "highest_pu"))
    return FeederFacts(
        distance_m=away[fed].round(1).tolist(),
        parent=np.where(before[fed] < 0, -1, place[np.maximum(before[fed], 0)]).tolist(),
        lowest_pu=_told(low),
        highest_pu=_told(high),
    )


def _told(values: Any) -> list[float | None]:
    return [round(float(value), 5) if np.isfinite(value) else None for value in values]


def _voltages(shown: Shown) -> Any:
    key = shown.results.get("power", "")
    kept = shown.store.find("power", key) if shown.store and key else None
    if kept is None:
        raise missing("is a city whose grid was simulated: dothi run makes it", table="power")
    return kept.result().tables["grid_nodes"]
