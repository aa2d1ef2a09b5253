"""Networks, trips and flows in the format of the Transportation Networks test problems (TNTP)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from dothi.errors import Problems
from dothi.io.delimited import text_encoding
from dothi.io.files import check_file

Floats = npt.NDArray[np.float64]

COLUMNS: Final = (
    "from_node_id",
    "to_node_id",
    "capacity",
    "length",
    "free_time",
    "alpha",
    "beta",
    "speed",
    "toll",
    "link_type",
)
"""Columns of a network, in units of its own: init node, term node, capacity, length, free flow time, B, power, …"""

NEEDED: Final = 7
"""Columns that every line has: those from which the time on a link follows."""

TAGS: Final = ("NUMBER OF ZONES", "NUMBER OF NODES", "NUMBER OF LINKS")

SHARE_OF_TOTAL: Final = 1e-6
"""Difference from the total that a file of trips states which is worth a note."""

_TAG: Final = re.compile(r"<([^>]*)>\s*(\S*)")
_ORIGIN: Final = re.compile(r"Origin\s+(\S+)\s*(.*)", re.IGNORECASE)


def read_tntp_network(path: Path, problems: Problems) -> pd.DataFrame:
    """
    Read the links of a network.

    Parameters
    ----------
    path
        The file, most often called ``…_net.tntp``.
    problems
        Collector.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS` in the units of the file, nodes counted from 1; several links may join the same two nodes, and keep
        their order. ``attrs`` hold ``n_zones``, ``n_nodes`` and ``first_through_node``.

    Raises
    ------
    InputError
        Not such a file; each problem names the lines.

    References
    ----------
    .. [1] B. Stabler, H. Bar-Gera and E. Sall, Transportation Networks for Research,
       https://github.com/bstabler/TransportationNetworks
    """
    tags, lines = _parts(path, problems)
    sizes = {
        name: _whole(tags, tag, problems)
        for name, tag in (
            ("n_zones", "NUMBER OF ZONES"),
            ("n_nodes", "NUMBER OF NODES"),
            ("n_links", "NUMBER OF LINKS"),
        )
    }
    first = _whole(tags, "FIRST THRU NODE", problems) if "FIRST THRU NODE" in tags else 1
    problems.raise_errors()
    numbers = [number for number, _ in lines]
    cells = [line.replace(";", " ").split() for _, line in lines]
    short = [f"line {number}" for number, row in zip(numbers, cells, strict=True) if len(row) < NEEDED]
    if short:
        problems.error(f"each link has at least {NEEDED} values, up to its power", table="links", rows=short)
        problems.raise_errors()
    whole = [row[: len(COLUMNS)] + ["0"] * (len(COLUMNS) - len(row)) for row in cells]
    links = pd.DataFrame(
        {name: _numbers([row[column] for row in whole], name, numbers, problems) for column, name in enumerate(COLUMNS)}
    )
    problems.raise_errors()
    _check_links(links, sizes, numbers, problems)
    problems.raise_errors()
    links = links.astype({"from_node_id": "int64", "to_node_id": "int64"})
    links.attrs = {"n_zones": sizes["n_zones"], "n_nodes": sizes["n_nodes"], "first_through_node": first}
    return links


def read_tntp_trips(path: Path, problems: Problems) -> Floats:
    """
    Read the trips between zones.

    Parameters
    ----------
    path
        The file, most often called ``…_trips.tntp``.
    problems
        Collector. A total that differs from the one the file states is noted.

    Returns
    -------
    (n_zones, n_zones)
        Trips from each zone, counted from 0, to each; pairs that come several times are added up.

    Raises
    ------
    InputError
        Not such a file; each problem names the lines.
    """
    tags, lines = _parts(path, problems)
    n_zones = _whole(tags, "NUMBER OF ZONES", problems)
    problems.raise_errors()
    origins: list[str] = []
    pairs: list[tuple[str, str, str]] = []
    numbers: list[int] = []
    broken: list[str] = []
    for number, line in lines:
        rest = line
        if found := _ORIGIN.fullmatch(line):
            origins.append(found[1])
            rest = found[2]
        for entry in filter(str.strip, rest.split(";")):
            zone, colon, trips = entry.partition(":")
            if not colon or not origins:
                broken.append(f"line {number}: {entry.strip()[:40]!r}")
                continue
            pairs.append((origins[-1], zone.strip(), trips.strip()))
            numbers.append(number)
    if broken:
        problems.error("trips are pairs `destination : trips;` below a line `Origin number`", rows=broken)
        problems.raise_errors()
    table = pd.DataFrame(pairs, columns=["origin", "destination", "trips"], dtype="object")
    origin, destination, made = (_numbers(table[name].tolist(), name, numbers, problems) for name in table)
    problems.raise_errors()
    for name, zones in (("origin", origin), ("destination", destination)):
        _report(~_is_count(zones, n_zones), f"is a zone from 1 to {n_zones}", name, numbers, problems)
    _report(made < 0.0, "≥ 0", "trips", numbers, problems)
    problems.raise_errors()
    matrix = np.zeros((n_zones, n_zones))
    np.add.at(matrix, (origin.astype(int) - 1, destination.astype(int) - 1), made)
    _compare_total(tags, float(matrix.sum()), problems)
    return matrix


def read_tntp_flows(path: Path, problems: Problems) -> pd.DataFrame:
    """
    Read the flow on each link of a solution.

    Parameters
    ----------
    path
        The file, most often called ``…_flow.tntp``.
    problems
        Collector.

    Returns
    -------
    pandas.DataFrame
        Columns ``from_node_id, to_node_id, volume, cost`` in the units and the order of the file; ``cost`` is missing
        where the file has none.

    Raises
    ------
    InputError
        Not such a file; each problem names the lines.
    """
    _, lines = _parts(path, problems)
    problems.raise_errors()
    rows = [(number, re.sub("[:;]", " ", line).split()) for number, line in lines]
    rows = [(number, row) for number, row in rows if row and not row[0].isalpha()]  # without the heading
    numbers = [number for number, _ in rows]
    short = [f"line {number}" for number, row in rows if len(row) < 3]
    if short or not rows:
        problems.error("each line has a node, another one and the flow between them", table="flows", rows=short)
        problems.raise_errors()
    names = ("from_node_id", "to_node_id", "volume", "cost")
    flows = pd.DataFrame(
        {
            name: _numbers([row[column] if column < len(row) else "nan" for _, row in rows], name, numbers, problems)
            for column, name in enumerate(names)
        }
    )
    problems.raise_errors()
    for name in names[:2]:
        _report(~_is_count(flows[name].to_numpy()), "is a number of a node", name, numbers, problems)
    problems.raise_errors()
    return flows.astype({"from_node_id": "int64", "to_node_id": "int64"})


def _parts(path: Path, problems: Problems) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """Metadata of a file by name, and its other lines with their numbers, without comments."""
    problems.file = problems.file or path.name
    codec = text_encoding(path, "latin-1", problems) if check_file(path, problems) else ""
    problems.raise_errors()
    tags: dict[str, str] = {}
    lines = []
    for number, line in _lines(path, codec):
        if found := _TAG.match(line):
            tags[" ".join(found[1].upper().split())] = found[2]
        elif line and not line.startswith("~"):
            lines.append((number, line))
    return tags, lines


def _lines(path: Path, codec: str) -> Iterator[tuple[int, str]]:
    with path.open(encoding=codec) as text:
        for number, line in enumerate(text, start=1):
            yield number, line.strip()


def _whole(tags: dict[str, str], tag: str, problems: Problems) -> int:
    """A number that the file states."""
    if not tags.get(tag, "").isdigit():
        problems.error(f"has a line <{tag}> with a number: this is not such a file, or its beginning is missing")
        return 0
    return int(tags[tag])


def _numbers(cells: list[str], name: str, numbers: list[int], problems: Problems) -> Floats:
    """Values of a column; those that are no numbers are reported, unless they are missing on purpose."""
    values = np.asarray(pd.to_numeric(pd.Series(cells, dtype="object"), errors="coerce"), dtype=np.float64)
    wrong = ~np.isfinite(values) & (np.asarray(cells, dtype="object") != "nan")
    _report(wrong, "is a number", name, numbers, problems)
    return values


def _report(wrong: npt.NDArray[np.bool_], rule: str, column: str, numbers: list[int], problems: Problems) -> None:
    if wrong.any():
        lines = [f"line {numbers[row]}" for row in np.flatnonzero(wrong)]
        problems.error(rule, column=column, rows=list(dict.fromkeys(lines)))


def _is_count(values: Floats, largest: float = np.inf) -> npt.NDArray[np.bool_]:
    return np.asarray((values >= 1.0) & (values <= largest) & (values == np.floor(values)))


def _check_links(links: pd.DataFrame, sizes: dict[str, int], numbers: list[int], problems: Problems) -> None:
    if len(links) != sizes["n_links"]:
        problems.error(f"has {sizes['n_links']} links, as it says, not {len(links)}", table="links")
    if sizes["n_zones"] > sizes["n_nodes"]:
        problems.error("has no more zones than nodes", table="links")
    for name in ("from_node_id", "to_node_id"):
        good = _is_count(links[name].to_numpy(), sizes["n_nodes"])
        _report(~good, f"is a node from 1 to {sizes['n_nodes']}", name, numbers, problems)
    for name in ("length", "free_time", "alpha", "beta", "toll"):
        _report((links[name] < 0.0).to_numpy(), "≥ 0", name, numbers, problems)
    congested = (links["alpha"] > 0.0) & (links["free_time"] > 0.0)
    _report((congested & ~(links["capacity"] > 0.0)).to_numpy(), "> 0", "capacity", numbers, problems)


def _compare_total(tags: dict[str, str], total: float, problems: Problems) -> None:
    stated = float(pd.to_numeric(tags.get("TOTAL OD FLOW", ""), errors="coerce"))
    if abs(stated - total) > SHARE_OF_TOTAL * abs(stated):
        problems.note(f"trips add up to {total:.10g}; the file says {stated:.10g}")
