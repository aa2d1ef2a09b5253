"""Electricity grids of pandapower, as its JSON files have them; pandapower itself is not needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dothi.crs import LONLAT
from dothi.errors import Problems
from dothi.io.files import check_file
from dothi.io.grid_tables import GridFile, as_city_tables, joined, kinds

if TYPE_CHECKING:
    import pandas as pd

    from dothi.crs import Extent

V_PER_KV: Final = 1e3
NOT_READ: Final = ("trafo3w", "impedance", "dcline", "ward", "xward", "shunt", "gen", "storage", "motor", "svc", "tcsc")
"""Elements that are left out, with a note: the grid of the file has more than what is read of it."""
NEEDED: Final = {
    "bus": ("vn_kv",),
    "line": ("from_bus", "to_bus", "length_km", "r_ohm_per_km", "x_ohm_per_km"),
    "trafo": ("hv_bus", "lv_bus", "sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent"),
}


def read_pandapower(
    path: Path, problems: Problems, *, crs: str | None = None, extent: Extent | None = None
) -> dict[str, Any]:
    """
    Nodes, lines and transformers of a grid of pandapower.

    Parameters
    ----------
    path
        File that `pandapower.to_json` wrote, version 2 or 3.
    problems
        Collector.
    crs
        Reference system of its coordinates; longitude and latitude where None.
    extent
        Not used: a grid is read whole.

    Raises
    ------
    InputError
        The file is no grid of pandapower, lacks columns, or has nodes without coordinates.
    """
    del extent
    return as_city_tables(grid_of_pandapower(path, problems), crs or LONLAT, problems)


def grid_of_pandapower(path: Path, problems: Problems) -> GridFile:
    """
    Grid of a file of pandapower.

    Closed switches between two buses make one node of them; a line with an open switch is open. Taps count wherever
    their position is written, also where the file names no kind of tap changer: pandapower 3 leaves
    them out of account then.
    """
    net = _tables(path, problems)
    buses = net["bus"]
    switches = net.get("switch", _frame({"columns": ["bus", "element", "et", "closed"], "data": [], "index": []}))
    at = {int(name): place for place, name in enumerate(buses.index)}
    couplers = switches[(switches["et"] == "b") & switches["closed"].astype(bool)]
    pairs = np.array([(at[int(b)], at[int(e)]) for b, e in zip(couplers["bus"], couplers["element"], strict=True)])
    first = joined(len(buses), pairs.astype(np.int64).reshape(-1, 2))
    node = dict(zip(buses.index, first, strict=True))
    nodes = _nodes(buses, net, first, node)
    lines, courses = _lines(net, switches, node)
    transformers = _transformers(net, switches, node, problems)
    for name in NOT_READ:
        if len(net.get(name, ())):
            problems.note("are not read", table=name, n_rows=len(net[name]))
    nodes["kind"] = kinds(nodes, transformers)
    return GridFile(nodes, lines, transformers, _loads(net, node), float(net["f_hz"]), courses)


def _tables(path: Path, problems: Problems) -> dict[str, Any]:
    """Tables of the file by name, and its frequency."""
    check_file(path, problems)
    problems.raise_errors()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content["_object"] if content.get("_class") == "pandapowerNet" else None
    except (ValueError, KeyError, AttributeError, UnicodeDecodeError):
        found = None
    if not isinstance(found, dict) or "bus" not in found:
        problems.error("is a grid that pandapower.to_json wrote")
        problems.raise_errors()
    assert found is not None  # noqa: S101 - said above
    net: dict[str, Any] = {"f_hz": found.get("f_hz", 50.0)}
    for name, value in found.items():
        if isinstance(value, dict) and value.get("_class") == "DataFrame":
            inner = value["_object"]
            net[name] = _frame(json.loads(inner) if isinstance(inner, str) else inner)
    for name, columns in NEEDED.items():
        if name not in net:
            net[name] = _frame({"columns": list(columns), "data": [], "index": []})
        for column in columns:
            if column not in net[name]:
                problems.error("column is present", table=name, column=column)
    problems.raise_errors()
    return net


def _frame(split: Any) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(split["data"], columns=split["columns"], index=split["index"])


def _column(table: pd.DataFrame, name: str, usual: float = np.nan) -> Any:
    """Numbers of a column; the usual one where missing."""
    import pandas as pd

    if name not in table:
        return np.full(len(table), usual)
    values = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float)
    return np.where(np.isfinite(values), values, usual)


def _in_service(table: pd.DataFrame) -> Any:
    return table["in_service"].astype(bool).to_numpy() if "in_service" in table else np.ones(len(table), dtype=bool)


def _nodes(buses: pd.DataFrame, net: dict[str, Any], first: Any, node: dict[Any, int]) -> pd.DataFrame:
    import pandas as pd

    x, y = _coordinates(buses, net.get("bus_geodata"))
    held = np.full(len(buses), np.nan)
    for row in net["ext_grid"].itertuples() if "ext_grid" in net else ():
        if getattr(row, "in_service", True):
            held[node[row.bus]] = row.vm_pu
    names = buses["name"] if "name" in buses else pd.Series(None, buses.index)
    nodes = pd.DataFrame(
        {
            "source_id": [str(name) for name in buses.index],
            "name": [None if name is None else str(name) for name in names],
            "nominal_v": _column(buses, "vn_kv") * V_PER_KV,
            "held_pu": held,
            "x": x,
            "y": y,
        }
    )
    return nodes[first == np.arange(len(buses))]


def _coordinates(buses: pd.DataFrame, apart: pd.DataFrame | None) -> tuple[Any, Any]:
    """Coordinates of buses: points in GeoJSON (pandapower 3), or a table of their own (2)."""
    x, y = np.full(len(buses), np.nan), np.full(len(buses), np.nan)
    for row, text in enumerate(buses.get("geo", ())):
        if isinstance(text, str) and text:
            x[row], y[row] = json.loads(text)["coordinates"][:2]
    if apart is not None and len(apart):
        own = apart.reindex(buses.index)
        x, y = np.where(np.isfinite(x), x, _column(own, "x")), np.where(np.isfinite(y), y, _column(own, "y"))
    return x, y


def _lines(net: dict[str, Any], switches: pd.DataFrame, node: dict[Any, int]) -> tuple[pd.DataFrame, dict[int, Any]]:
    import pandas as pd
    import shapely

    table = net["line"][_in_service(net["line"])]
    opened = set(switches["element"][(switches["et"] == "l") & ~switches["closed"].astype(bool)])
    parallel = _column(table, "parallel", 1.0)
    lines = pd.DataFrame(
        {
            "source_id": [str(name) for name in table.index],
            "from_grid_node_id": [node[bus] for bus in table["from_bus"]],
            "to_grid_node_id": [node[bus] for bus in table["to_bus"]],
            "length_m": _column(table, "length_km") * 1e3,
            "cable": [None if kind is None else str(kind) for kind in table.get("std_type", [None] * len(table))],
            "r_ohm_km": _column(table, "r_ohm_per_km") / parallel,
            "x_ohm_km": _column(table, "x_ohm_per_km") / parallel,
            "c_nf_km": _column(table, "c_nf_per_km", 0.0) * parallel,
            "rating_a": _column(table, "max_i_ka") * 1e3 * parallel * _column(table, "df", 1.0),
            "open": [name in opened for name in table.index],
        }
    )
    courses = {}
    for row, text in enumerate(table.get("geo", ())):
        if isinstance(text, str) and text and len(points := json.loads(text)["coordinates"]) > 1:
            courses[row] = shapely.LineString(points)
    return lines, courses


def _transformers(
    net: dict[str, Any], switches: pd.DataFrame, node: dict[Any, int], problems: Problems
) -> pd.DataFrame:
    import pandas as pd

    table = net["trafo"][_in_service(net["trafo"])]
    cut = set(switches["element"][(switches["et"] == "t") & ~switches["closed"].astype(bool)])
    if cut:
        problems.note("were left out, as a switch of theirs is open", table="trafo", rows=sorted(cut))
    table = table[~table.index.isin(cut)]
    table = table.loc[table.index.repeat(_column(table, "parallel", 1.0).astype(int))]
    rated = _column(table, "sn_mva") * 1e6
    return pd.DataFrame(
        {
            "source_id": [str(name) for name in table.index],
            "name": [None if name is None else str(name) for name in table.get("name", [None] * len(table))],
            "rating_kva": rated / 1e3,
            "u_primary_v": _column(table, "vn_hv_kv") * V_PER_KV,
            "u_secondary_v": _column(table, "vn_lv_kv") * V_PER_KV,
            "primary_grid_node_id": [node[bus] for bus in table["hv_bus"]],
            "secondary_grid_node_id": [node[bus] for bus in table["lv_bus"]],
            "short_circuit_pct": _column(table, "vk_percent"),
            "load_loss_pct": _column(table, "vkr_percent"),
            "iron_loss_pct": _column(table, "pfe_kw", 0.0) * 1e3 / rated * 100.0,
            "no_load_current_pct": _column(table, "i0_percent", 0.0),
            "tap_ratio": _taps(table, problems),
        }
    )


def _taps(table: pd.DataFrame, problems: Problems) -> Any:
    """Turns ratio over that of the rated voltages."""
    steps = _column(table, "tap_pos") - _column(table, "tap_neutral", 0.0)
    move = np.nan_to_num(1.0 + steps * _column(table, "tap_step_percent", 0.0) / 100.0, nan=1.0)
    kind = table["tap_changer_type"].astype("object") if "tap_changer_type" in table else None
    if kind is not None:
        other = kind.isin(["Ideal", "Symmetrical"]).to_numpy()
        if other.any():
            problems.note("taps that shift the angle count as ratios", table="trafo", rows=table.index[other])
        silent = kind.isna().to_numpy() & (move != 1.0)
        if silent.any():
            rule = "taps count, although tap_changer_type is not given (pandapower 3 leaves them out of account)"
            problems.note(rule, table="trafo", rows=table.index[silent])
    low = table["tap_side"].to_numpy() == "lv" if "tap_side" in table else np.zeros(len(table), dtype=bool)
    return np.where(low, 1.0 / move, move)


def _loads(net: dict[str, Any], node: dict[Any, int]) -> pd.DataFrame:
    import pandas as pd

    parts = []
    for name, sign in (("load", 1.0), ("sgen", -1.0)):
        if name in net and len(net[name]):
            table = net[name]
            scaling = _column(table, "scaling", 1.0) * sign * 1e6 * _in_service(table)
            parts.append(
                pd.DataFrame(
                    {
                        "source_id": [f"{name} {label}" for label in table.index],
                        "grid_node_id": [node[bus] for bus in table["bus"]],
                        "p_w": _column(table, "p_mw", 0.0) * scaling,
                        "q_var": _column(table, "q_mvar", 0.0) * scaling,
                    }
                )
            )
    columns = ["source_id", "grid_node_id", "p_w", "q_var"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
