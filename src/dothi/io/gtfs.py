"""GTFS timetables: stops, lines, trips, calls, service days and the ways of vehicles."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pyarrow import csv as arrow_csv

from dothi.crs import LONLAT, Extent
from dothi.errors import Problems

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

MAX_FILE_BYTES: Final = 4 << 30
MAX_LINE_BYTES: Final = 1 << 24
MAX_CALLS: Final = 20_000_000
"""Calls after frequencies are expanded; a feed of all France has about ten million."""

MAX_DAYS: Final = 3 * 366
DANGLING_SHARE: Final = 0.5
HALF_DAY_S: Final = 12 * 3600.0
DAY_S: Final = 24 * 3600.0
KM_PER_DEGREE: Final = 111.2
STRAY_KM: Final = 200.0
STRAY_RATIO: Final = 40.0
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

BASIC_MODES: Final = {
    0: "tram",
    1: "subway",
    2: "rail",
    3: "bus",
    4: "ferry",
    5: "cable",
    6: "gondola",
    7: "funicular",
    11: "trolleybus",
    12: "monorail",
}
EXTENDED_MODES: Final = {
    1: "rail",  # railway
    2: "bus",  # coach
    3: "rail",  # suburban railway
    4: "subway",  # urban railway
    5: "subway",  # metro
    6: "subway",  # underground
    7: "bus",
    8: "trolleybus",
    9: "tram",
    10: "ferry",  # water transport
    12: "ferry",
    13: "gondola",  # aerial lift
    14: "funicular",
}
"""Modes of the extended route types by their hundreds; what is not listed (air, taxi, self-drive) is `other`."""

MONORAIL: Final = 405


def read_gtfs(
    path: Path,
    problems: Problems,
    *,
    dates: tuple[date, date] | None = None,
    extent: Extent | None = None,
    schedule_required: bool = True,
) -> dict[str, gpd.GeoDataFrame | pd.DataFrame]:
    """
    Read a GTFS schedule, with service days resolved and frequencies expanded into trips.

    Parameters
    ----------
    path
        Zip archive, or folder with the text files of the feed.
    problems
        Collector. Rows that point nowhere, stray stops, blank times and the like are repaired and reported.
    dates
        First and last service day to keep; trips that run on none of them are left out.
    extent
        Box to read for: calls outside are left out, and so are trips with fewer than two calls inside.
    schedule_required
        Whether a feed without ``stop_times.txt`` is an error. If not, stops, routes, trips and shapes are read.

    Returns
    -------
    dict
        Tables ``stops, routes, trips, stop_times, calendar, shapes`` in EPSG:4326, ids from 0 in the order of
        the identifiers of the feed. Times are seconds after noon less 12 h of the service day, local time.

    Raises
    ------
    InputError
        A required file or column is missing, a file cannot be read, or most rows of a file point nowhere.

    References
    ----------
    .. [1] General Transit Feed Specification, Schedule Reference, https://gtfs.org/documentation/schedule/reference/
    .. [2] Extended route types, https://developers.google.com/transit/gtfs/reference/extended-route-types
    """
    with _open(path, problems) as folder:
        problems.raise_errors()
        feed = _Feed(folder, problems)
        stops = _read_stops(feed)
        routes = _read_routes(feed)
        trips = _read_trips(feed)
        calls = _read_calls(feed, required=schedule_required)
        days = _read_days(feed, dates)
        shapes = _read_shapes(feed)
        frequencies = _read_frequencies(feed)
        if not feed.has("agency.txt"):
            problems.note("there is no agency.txt; names of operators are unknown", table="routes")
        problems.raise_errors()

    trips = _link_trips(trips, routes, problems)
    trips, days = _link_days(trips, days, dates, problems)
    if calls is not None:
        trips, calls = _link_calls(calls, trips, stops, problems)
        calls = _fill_times(calls, problems)
        trips, calls = _drop_backward(trips, calls, problems)
        trips, calls = _expand(trips, calls, frequencies, problems)
        if extent is not None:
            trips, calls = _crop(trips, calls, stops, extent)
    if extent is not None:
        stops = stops[_inside(stops, extent)]
    if dates is not None or (extent is not None and calls is not None):
        routes = routes[routes["source_id"].isin(trips["route"])]
    if trips.empty:
        problems.error("at least one trip is usable", table="trips")
    problems.raise_errors()
    return _tables(stops, routes, trips, calls, days, shapes)


@contextmanager
def _open(path: Path, problems: Problems) -> Iterator[Path]:
    """Folder in which the text files of a feed lie."""
    if path.is_dir():
        yield _innermost(path)
    elif path.is_file():
        from dothi.io.archive import open_archive

        with open_archive(path, problems) as folder:
            yield _innermost(folder)
    else:
        problems.error("file or folder is present")
        yield path


def _innermost(folder: Path) -> Path:
    """Enter the only subfolder of a feed that was packed together with its folder."""
    inside = sorted(folder.glob("*/stops.txt"))
    return inside[0].parent if not (folder / "stops.txt").exists() and len(inside) == 1 else folder


@dataclass(frozen=True, slots=True)
class _Feed:
    """The text files of a feed."""

    folder: Path
    problems: Problems

    def has(self, name: str) -> bool:
        return (self.folder / name).is_file()

    def read(self, name: str, required: Sequence[str], optional: Sequence[str] = ()) -> pa.Table | None:
        """
        Columns of a file as trimmed text, blank cells missing; none where the file is absent or cannot be read.

        Optional columns that the file lacks are there and empty.
        """
        path = self.folder / name
        table = path.stem
        if not path.is_file():
            return None
        if path.stat().st_size > MAX_FILE_BYTES:
            self.problems.error(f"{name} is smaller than {MAX_FILE_BYTES >> 30} GiB", table=table)
            return None
        names = self._header(path)
        if not names:
            self.problems.error(f"{name} begins with a line of column names", table=table)
            return None
        missing = [column for column in required if column not in names]
        for column in missing:
            self.problems.error(f"{name} has the column", table=table, column=column)
        if missing:
            return None
        wanted = [column for column in (*required, *optional) if column in names]
        read = self._body(path, names, wanted)
        if read is None:
            return None
        columns = {}
        for column in (*required, *optional):
            if column in wanted:
                text = pc.utf8_trim_whitespace(read[column])
                columns[column] = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
            else:
                columns[column] = pa.nulls(read.num_rows, pa.string())
        return pa.table(columns)

    def _header(self, path: Path) -> list[str]:
        with path.open("rb") as handle:
            line = handle.readline(MAX_LINE_BYTES)
        text = line.decode("utf-8-sig", errors="replace").strip("\r\n\0 ")
        names: list[str] = []
        for position, name in enumerate(next(csv.reader([text]), [])):
            clean = name.strip()
            names.append(clean if clean and clean not in names else f"column {position}")
        return names

    def _body(self, path: Path, names: list[str], wanted: list[str]) -> pa.Table | None:
        table = path.stem
        uneven: list[str] = []

        def skip(row: Any) -> str:
            uneven.append(str(row.text)[:40])
            return "skip"

        def parse(encoding: str) -> pa.Table:
            uneven.clear()
            return arrow_csv.read_csv(
                str(path),
                read_options=arrow_csv.ReadOptions(
                    column_names=names, skip_rows=1, encoding=encoding, block_size=MAX_LINE_BYTES
                ),
                parse_options=arrow_csv.ParseOptions(
                    invalid_row_handler=skip, newlines_in_values=table not in ("stop_times", "shapes")
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), include_columns=wanted, strings_can_be_null=False
                ),
            )

        try:
            try:
                read = parse("utf8")
            except pa.ArrowInvalid as error:
                if "UTF8" not in str(error):
                    raise
                read = parse("latin-1")
                self.problems.repair(f"{path.name} is not UTF-8; it was read as Latin-1", table=table)
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return pa.table({name: pa.array([], pa.string()) for name in wanted})
            self.problems.error(f"{path.name} is a table of comma-separated values ({error})", table=table)
            return None
        if uneven:
            share = len(uneven) / (len(uneven) + read.num_rows)
            report = self.problems.error if share > DANGLING_SHARE else self.problems.repair
            report(f"lines of {path.name} with the wrong number of cells were left out", table=table, rows=uneven)
        return read


def _read_stops(feed: _Feed) -> pd.DataFrame:
    """Stops and stations with usable positions: source_id, name, parent, x, y."""
    read = feed.read("stops.txt", ("stop_id", "stop_lat", "stop_lon"), ("stop_name", "location_type", "parent_station"))
    if read is None:
        if not feed.has("stops.txt"):
            feed.problems.error("stops.txt is present", table="stops")
        return pd.DataFrame(columns=["source_id", "name", "parent", "x", "y"])
    stops = pd.DataFrame(
        {
            "source_id": _text(read["stop_id"]),
            "name": _text(read["stop_name"]),
            "parent": _text(read["parent_station"]),
            "x": _numbers(read["stop_lon"]),
            "y": _numbers(read["stop_lat"]),
            "kind": np.nan_to_num(_numbers(read["location_type"]), nan=0.0),
        }
    )
    stops = _identified(stops, "stops", feed.problems)
    inner = stops["kind"].isin([2, 3, 4]).to_numpy()
    if inner.any():
        feed.problems.note(
            "entrances, nodes and boarding areas inside stations are not read", table="stops", n_rows=int(inner.sum())
        )
        stops = stops[~inner]
    return _placed(stops, feed.problems).sort_values("source_id", ignore_index=True)


def _placed(stops: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    """Drop stops without a position and those far from all others."""
    x, y = stops["x"].to_numpy(), stops["y"].to_numpy()
    if (np.abs(y) > 90).sum() > len(stops) / 2 and (np.abs(x) <= 90).sum() > len(stops) / 2:
        problems.error(
            "stop_lat lies within ±90°: latitude and longitude look swapped", table="stops", column="stop_lat"
        )
        return stops
    with np.errstate(invalid="ignore"):
        good = (np.abs(x) <= 180) & (np.abs(y) <= 90) & ~((x == 0) & (y == 0))
    if (~good).any():
        problems.repair(
            "stops without a position on Earth were left out", table="stops", rows=stops["source_id"][~good]
        )
    stops, x, y = stops[good], x[good], y[good]
    if stops.empty:
        problems.error("at least one stop has a position", table="stops")
        return stops
    x_0, y_0 = float(np.median(x)), float(np.median(y))
    distance_km = KM_PER_DEGREE * np.hypot((x - x_0) * np.cos(np.radians(y_0)), y - y_0)
    limit_km = max(STRAY_KM, STRAY_RATIO * float(np.median(distance_km)))
    stray = distance_km > limit_km
    if stray.any():
        problems.repair(
            f"stops more than {limit_km:.0f} km from the middle of the network were left out",
            table="stops",
            rows=stops["source_id"][stray],
        )
    return stops[~stray]


def _read_routes(feed: _Feed) -> pd.DataFrame:
    """Lines: source_id, short_name, name, mode."""
    read = feed.read("routes.txt", ("route_id", "route_type"), ("route_short_name", "route_long_name"))
    if read is None:
        if not feed.has("routes.txt"):
            feed.problems.error("routes.txt is present", table="routes")
        return pd.DataFrame(columns=["source_id", "short_name", "name", "mode"])
    types = _numbers(read["route_type"])
    routes = pd.DataFrame(
        {
            "source_id": _text(read["route_id"]),
            "short_name": _text(read["route_short_name"]),
            "name": _text(read["route_long_name"]),
            "mode": _modes(types),
            "known": [value in BASIC_MODES or 100 <= value < 1800 for value in types],
        }
    )
    routes = _identified(routes, "routes", feed.problems)
    if not routes["known"].all():
        feed.problems.repair(
            "route_type is not in the specification; the kind of vehicle was set to other",
            table="routes",
            column="route_type",
            rows=routes["source_id"][~routes["known"]],
        )
    return routes.drop(columns="known").sort_values("source_id", ignore_index=True)


def _modes(types: Floats) -> list[str]:
    """
    Kinds of vehicle that basic and extended route types stand for.

    >>> _modes(np.array([0, 3, 109, 405, 714, 1700, np.nan]))
    ['tram', 'bus', 'rail', 'monorail', 'bus', 'other', 'other']
    """
    modes = []
    for value in types:
        kind = -1 if np.isnan(value) else int(value)
        if kind == MONORAIL:
            modes.append("monorail")
        else:
            modes.append(BASIC_MODES.get(kind) or EXTENDED_MODES.get(kind // 100, "other"))
    return modes


def _read_trips(feed: _Feed) -> pd.DataFrame:
    """Trips: source_id, route, service, direction, headsign, shape."""
    read = feed.read("trips.txt", ("trip_id", "route_id", "service_id"), ("direction_id", "trip_headsign", "shape_id"))
    if read is None:
        if not feed.has("trips.txt"):
            feed.problems.error("trips.txt is present", table="trips")
        return pd.DataFrame(columns=["source_id", "route", "service", "direction", "headsign", "shape"])
    direction = _numbers(read["direction_id"])
    trips = pd.DataFrame(
        {
            "source_id": _text(read["trip_id"]),
            "route": _text(read["route_id"]),
            "service": _text(read["service_id"]),
            "direction": np.where(np.isin(direction, (0, 1)), direction, np.nan),
            "headsign": _text(read["trip_headsign"]),
            "shape": _text(read["shape_id"]),
        }
    )
    return _identified(trips, "trips", feed.problems).sort_values("source_id", ignore_index=True)


@dataclass(slots=True)
class _Calls:
    """Calls as flat arrays, sorted by trip and order; trips and stops by position in their tables."""

    trip: Integers
    stop: Integers
    sequence: Integers
    arrival_s: Floats
    departure_s: Floats
    distance: Floats

    def take(self, rows: Booleans | Integers) -> _Calls:
        return _Calls(*(getattr(self, name)[rows] for name in self.__slots__))


def _read_calls(feed: _Feed, *, required: bool) -> pa.Table | None:
    """Calls as they stand in ``stop_times.txt``."""
    if not feed.has("stop_times.txt"):
        if required:
            feed.problems.error("stop_times.txt is present (a feed without it has no timetable)", table="stop_times")
        else:
            feed.problems.note(
                "there is no stop_times.txt: lines and trips are known, the timetable is not", table="stop_times"
            )
        return None
    return feed.read(
        "stop_times.txt",
        ("trip_id", "stop_id", "stop_sequence"),
        ("arrival_time", "departure_time", "shape_dist_traveled"),
    )


def _read_days(feed: _Feed, dates: tuple[date, date] | None) -> pd.DataFrame:
    """One row per service and day on which it runs: service, date."""
    if not feed.has("calendar.txt") and not feed.has("calendar_dates.txt"):
        feed.problems.error("calendar.txt or calendar_dates.txt is present", table="calendar")
    if not feed.has("calendar.txt"):
        feed.problems.note(
            "there is no calendar.txt; service days come from calendar_dates.txt alone", table="calendar"
        )
    weekly = feed.read("calendar.txt", ("service_id", *WEEKDAYS, "start_date", "end_date"))
    single = feed.read("calendar_dates.txt", ("service_id", "date", "exception_type"))
    days = _weekly_days(weekly, dates, feed.problems)
    if single is not None:
        exceptions = pd.DataFrame(
            {
                "service": _text(single["service_id"]),
                "date": _dates(single["date"]),
                "kind": _numbers(single["exception_type"]),
            }
        )
        broken = (
            exceptions["date"].isna() | ~exceptions["kind"].isin([1, 2]) | exceptions["service"].isna()
        ).to_numpy()
        if broken.any():
            feed.problems.repair(
                "exceptions without a service, a date YYYYMMDD or type 1 or 2 were left out",
                table="calendar_dates",
                rows=np.flatnonzero(broken) + 2,
            )
            exceptions = exceptions[~broken]
        added = exceptions.loc[exceptions["kind"] == 1, ["service", "date"]]
        removed = exceptions.loc[exceptions["kind"] == 2, ["service", "date"]]
        if not removed.empty:
            taken = pd.MultiIndex.from_frame(days).isin(pd.MultiIndex.from_frame(removed))
            days = days[~taken]
        days = pd.concat([days, added], ignore_index=True)
    days = days.drop_duplicates().sort_values(["service", "date"], ignore_index=True)
    if dates is not None:
        first, last = pd.Timestamp(dates[0]), pd.Timestamp(dates[1])
        days = days[days["date"].between(first, last)].reset_index(drop=True)
    return days


def _weekly_days(weekly: pa.Table | None, dates: tuple[date, date] | None, problems: Problems) -> pd.DataFrame:
    """Days of the weekly patterns in ``calendar.txt``."""
    if weekly is None or not weekly.num_rows:
        return pd.DataFrame({"service": pd.Series([], dtype="object"), "date": pd.Series([], dtype="datetime64[us]")})
    service = _text(weekly["service_id"])
    first, last = _dates(weekly["start_date"]), _dates(weekly["end_date"])
    runs = np.column_stack([_numbers(weekly[day]) == 1 for day in WEEKDAYS])
    broken = np.isnat(first) | np.isnat(last) | (last < first) | np.array([name is None for name in service])
    if broken.any():
        problems.repair(
            "services without a first and last day YYYYMMDD in this order were left out",
            table="calendar",
            rows=np.flatnonzero(broken) + 2,
        )
    if dates is not None:
        first = np.maximum(first, np.datetime64(dates[0], "D"))
        last = np.minimum(last, np.datetime64(dates[1], "D"))
    n_days = np.where(broken, 0, np.maximum((last - first).astype("timedelta64[D]").astype("int64") + 1, 0))
    endless = n_days > MAX_DAYS
    if endless.any():
        problems.repair(
            f"services longer than three years were read for their first {MAX_DAYS} days; set `dates` for later ones",
            table="calendar",
            rows=service[endless],
        )
        n_days = np.minimum(n_days, MAX_DAYS)
    row = np.repeat(np.arange(len(service)), n_days)
    step = np.arange(len(row)) - np.repeat(np.cumsum(n_days) - n_days, n_days)
    day = first[row] + step.astype("timedelta64[D]")
    weekday = (day.astype("int64") + 3) % 7  # 1970-01-01 was a Thursday
    kept = runs[row, weekday]
    return pd.DataFrame({"service": service[row[kept]], "date": day[kept].astype("datetime64[us]")})


def _read_frequencies(feed: _Feed) -> pd.DataFrame | None:
    """Headways: trip, start_s, end_s, headway_s, exact."""
    read = feed.read("frequencies.txt", ("trip_id", "start_time", "end_time", "headway_secs"), ("exact_times",))
    if read is None or not read.num_rows:
        return None
    frequencies = pd.DataFrame(
        {
            "trip": _text(read["trip_id"]),
            "start_s": _seconds(read["start_time"]),
            "end_s": _seconds(read["end_time"]),
            "headway_s": _numbers(read["headway_secs"]),
            "exact": np.nan_to_num(_numbers(read["exact_times"]), nan=0.0) == 1,
        }
    )
    good = ((frequencies["headway_s"] > 0) & (frequencies["end_s"] > frequencies["start_s"])).to_numpy()
    if not good.all():
        feed.problems.repair(
            "headways that are not positive, or end before they begin, were left out",
            table="frequencies",
            rows=np.flatnonzero(~good) + 2,
        )
    return frequencies[good]


def _read_shapes(feed: _Feed) -> gpd.GeoDataFrame:
    """Ways of vehicles as lines: source_id, geometry."""
    read = feed.read("shapes.txt", ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"))
    if read is None or not read.num_rows:
        if not feed.has("shapes.txt"):
            feed.problems.note("there is no shapes.txt; the ways of vehicles on the ground are unknown", table="shapes")
        return gpd.GeoDataFrame({"source_id": [], "geometry": []}, geometry="geometry", crs=LONLAT)
    names = pd.Index(
        sorted(name for name in pc.unique(read["shape_id"]).to_pylist() if name is not None), dtype="object"
    )
    shape = _codes(read["shape_id"], names)
    points = np.column_stack([_numbers(read["shape_pt_lon"]), _numbers(read["shape_pt_lat"])])
    order = _numbers(read["shape_pt_sequence"])
    good = (shape >= 0) & np.isfinite(order) & (np.abs(points) <= (180.0, 90.0)).all(axis=1)
    if not good.all():
        feed.problems.repair(
            "points without a shape, a position or an order were left out", table="shapes", n_rows=int((~good).sum())
        )
    shape, points, order = shape[good], points[good], order[good]
    rows = np.lexsort((order, shape))
    shape, points = shape[rows], points[rows]
    repeated = np.zeros(len(shape), dtype=bool)
    repeated[1:] = (shape[1:] == shape[:-1]) & (points[1:] == points[:-1]).all(axis=1)
    shape, points = shape[~repeated], points[~repeated]
    n_points = np.bincount(shape, minlength=len(names))
    short = n_points < 2
    if short.any():
        feed.problems.repair(
            "shapes with fewer than two different points were left out", table="shapes", rows=names[short]
        )
        kept = ~short[shape]
        shape, points = shape[kept], points[kept]
    _, part = np.unique(shape, return_inverse=True)
    return gpd.GeoDataFrame(
        {"source_id": names[~short]}, geometry=shapely.linestrings(points, indices=part), crs=LONLAT
    )


def _link_trips(trips: pd.DataFrame, routes: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    """Drop trips of lines that do not exist."""
    known = trips["route"].isin(routes["source_id"]).to_numpy()
    _report_dangling(~known, "trips", "route_id", "routes", trips["source_id"][~known], problems)
    return trips[known].reset_index(drop=True)


def _link_days(
    trips: pd.DataFrame, days: pd.DataFrame, dates: tuple[date, date] | None, problems: Problems
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Number the services; drop trips that run on no day of the period asked for."""
    runs = trips["service"].isin(days["service"]).to_numpy()
    if dates is not None:
        if not runs.all():
            problems.note(
                f"trips that do not run from {dates[0]} to {dates[1]} are not read",
                table="trips",
                n_rows=int((~runs).sum()),
            )
        trips = trips[runs].reset_index(drop=True)
    elif not runs.all():
        problems.note(
            "trips belong to services that run on no day of the calendar",
            table="trips",
            column="service_id",
            rows=trips["source_id"][~runs],
        )
    services = pd.Index(sorted({*trips["service"].dropna(), *days["service"]}), dtype="object")
    unnamed = trips["service"].isna().to_numpy()
    if unnamed.any():
        problems.repair("trips without a service were left out", table="trips", rows=trips["source_id"][unnamed])
        trips = trips[~unnamed].reset_index(drop=True)
    trips = trips.assign(service=services.get_indexer(trips["service"]))
    return trips, days.assign(service=services.get_indexer(days["service"]))


def _link_calls(
    read: pa.Table, trips: pd.DataFrame, stops: pd.DataFrame, problems: Problems
) -> tuple[pd.DataFrame, _Calls]:
    """Calls of known trips at known stops, sorted; trips with fewer than two of them are dropped."""
    calls = _Calls(
        _codes(read["trip_id"], pd.Index(trips["source_id"], dtype="object")),
        _codes(read["stop_id"], pd.Index(stops["source_id"], dtype="object")),
        np.zeros(read.num_rows, dtype="int64"),
        _seconds(read["arrival_time"]),
        _seconds(read["departure_time"]),
        _numbers(read["shape_dist_traveled"]),
    )
    sequence = _numbers(read["stop_sequence"])
    no_trip, no_stop, no_order = calls.trip < 0, calls.stop < 0, ~(sequence >= 0)
    _report_dangling(no_trip, "stop_times", "trip_id", "trips", _examples(read["trip_id"], no_trip), problems)
    _report_dangling(no_stop, "stop_times", "stop_id", "stops", _examples(read["stop_id"], no_stop), problems)
    if no_order.any():
        problems.repair(
            "calls without an order were left out",
            table="stop_times",
            column="stop_sequence",
            n_rows=int(no_order.sum()),
        )
    for column, seconds in (("arrival_time", calls.arrival_s), ("departure_time", calls.departure_s)):
        unread = np.isnan(seconds) & np.asarray(pc.is_valid(read[column]))
        if unread.any():
            problems.repair(
                "times that are not HH:MM:SS were read as blank",
                table="stop_times",
                column=column,
                rows=_examples(read[column], unread),
                n_rows=int(unread.sum()),
            )
    calls.sequence = np.nan_to_num(sequence, nan=-1.0).astype("int64")
    calls = calls.take(~no_trip & ~no_stop & ~no_order)
    calls = calls.take(np.lexsort((calls.sequence, calls.trip)))
    twice = np.zeros(len(calls.trip), dtype=bool)
    twice[1:] = (calls.trip[1:] == calls.trip[:-1]) & (calls.sequence[1:] == calls.sequence[:-1])
    if twice.any():
        problems.repair(
            "calls with the order of another call of the trip were left out",
            table="stop_times",
            n_rows=int(twice.sum()),
        )
        calls = calls.take(~twice)
    n_calls = np.bincount(calls.trip, minlength=len(trips))
    return _keep(trips, calls, n_calls >= 2, "trips with fewer than two calls were left out", problems)


def _keep(
    trips: pd.DataFrame, calls: _Calls, kept: Booleans, rule: str, problems: Problems | None
) -> tuple[pd.DataFrame, _Calls]:
    """Keep some trips with their calls, reporting the others."""
    if kept.all():
        return trips, calls
    if problems is not None:
        problems.repair(rule, table="trips", rows=trips["source_id"][~kept])
    calls = calls.take(kept[calls.trip])
    calls.trip = (np.cumsum(kept) - 1)[calls.trip]
    return trips[kept].reset_index(drop=True), calls


def _fill_times(calls: _Calls, problems: Problems) -> _Calls:
    """
    Fill blank times between timed calls of a trip.

    Linear in the distance along the way where the calls around a gap have it, else in the order of calls.
    An arrival without departure is both, and the other way round.
    """
    arrival = np.where(np.isnan(calls.arrival_s), calls.departure_s, calls.arrival_s)
    departure = np.where(np.isnan(calls.departure_s), calls.arrival_s, calls.departure_s)
    timed = ~np.isnan(arrival)
    if timed.all():
        return _Calls(calls.trip, calls.stop, calls.sequence, arrival, departure, calls.distance)
    row = np.arange(len(arrival))
    before = np.maximum.accumulate(np.where(timed, row, -1))
    after = np.minimum.accumulate(np.where(timed, row, len(row))[::-1])[::-1]
    enclosed = ~timed & (before >= 0) & (after < len(row))
    enclosed[enclosed] = (calls.trip[before[enclosed]] == calls.trip[row[enclosed]]) & (
        calls.trip[after[enclosed]] == calls.trip[row[enclosed]]
    )
    gap, left, right = row[enclosed], before[enclosed], after[enclosed]
    along, start, end = calls.distance[gap], calls.distance[left], calls.distance[right]
    with np.errstate(invalid="ignore", divide="ignore"):
        by_distance = (along - start) / (end - start)
    measured = np.isfinite(by_distance) & (by_distance >= 0) & (by_distance <= 1)
    share = np.where(measured, by_distance, (gap - left) / (right - left))
    arrival[gap] = departure[gap] = departure[left] + share * (arrival[right] - departure[left])
    problems.repair(
        f"blank times were interpolated ({measured.sum()} by distance, {(~measured).sum()} by order of stops)",
        table="stop_times",
        n_rows=len(gap),
    )
    return _Calls(calls.trip, calls.stop, calls.sequence, arrival, departure, calls.distance)


def _drop_backward(trips: pd.DataFrame, calls: _Calls, problems: Problems) -> tuple[pd.DataFrame, _Calls]:
    """Drop trips that begin or end without a time, or run back in time; put times past midnight right."""
    n_trips = len(trips)
    untimed = np.bincount(calls.trip, weights=np.isnan(calls.arrival_s), minlength=n_trips) > 0
    trips, calls = _keep(trips, calls, ~untimed, "trips whose first or last call has no time were left out", problems)
    n_trips = len(trips)
    same = calls.trip[1:] == calls.trip[:-1]
    ride = calls.arrival_s[1:] - calls.departure_s[:-1]
    midnight = same & (ride < -HALF_DAY_S)
    past = calls.departure_s - calls.arrival_s < -HALF_DAY_S  # midnight strikes while the vehicle stands
    if midnight.any() or past.any():
        problems.repair(
            "times fall back by more than 12 h along a trip: 24 h were added after midnight",
            table="stop_times",
            rows=trips["source_id"].iloc[np.unique(np.append(calls.trip[1:][midnight], calls.trip[past]))],
        )
        begins = np.append(True, ~same)
        passed = np.cumsum(np.append(False, midnight) | np.append(False, past[:-1] & same))
        first = np.maximum.accumulate(np.where(begins, np.arange(len(passed)), 0))
        days = passed - passed[first]
        calls.arrival_s = calls.arrival_s + DAY_S * days
        calls.departure_s = calls.departure_s + DAY_S * (days + past)
        ride = calls.arrival_s[1:] - calls.departure_s[:-1]
    backward = np.zeros(n_trips, dtype=bool)
    backward[calls.trip[1:][same & (ride < 0)]] = True
    backward[calls.trip[calls.departure_s < calls.arrival_s]] = True
    if n_trips and backward.mean() > DANGLING_SHARE:
        problems.error(
            "times increase along a trip", table="stop_times", column="arrival_time", rows=trips["source_id"][backward]
        )
    return _keep(trips, calls, ~backward, "trips whose times run backwards were left out", problems)


def _expand(
    trips: pd.DataFrame, calls: _Calls, frequencies: pd.DataFrame | None, problems: Problems
) -> tuple[pd.DataFrame, _Calls]:
    """Replace each trip that stands for a headway by the trips it stands for."""
    if frequencies is None:
        return trips, calls
    trip = pd.Index(trips["source_id"], dtype="object").get_indexer(frequencies["trip"])
    lost = trip < 0
    _report_dangling(lost, "frequencies", "trip_id", "trips", frequencies["trip"][lost], problems)
    frequencies, trip = frequencies[~lost], trip[~lost]
    start, headway = frequencies["start_s"].to_numpy(), frequencies["headway_s"].to_numpy()
    n_runs = np.ceil((frequencies["end_s"].to_numpy() - start) / headway).astype("int64")
    n_calls = np.bincount(calls.trip, minlength=len(trips))
    if float(n_runs @ n_calls[trip]) + len(calls.trip) > MAX_CALLS:
        problems.error(f"headways expand to at most {MAX_CALLS} calls", table="frequencies")
        problems.raise_errors()
    template = np.repeat(trip, n_runs)
    run = np.arange(len(template)) - np.repeat(np.cumsum(n_runs) - n_runs, n_runs)
    begins_s = np.repeat(start, n_runs) + run * np.repeat(headway, n_runs)
    exact = int(frequencies["exact"].to_numpy() @ n_runs)
    problems.note(
        f"headways were expanded into trips ({exact} at exact times, {len(template) - exact} about every so often)",
        table="trips",
        n_rows=len(template),
    )

    first = np.cumsum(n_calls) - n_calls
    counts = n_calls[template]
    rows = np.repeat(first[template] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    runs = calls.take(rows)
    shift = np.repeat(begins_s - calls.departure_s[first[template]], counts)
    runs.arrival_s = runs.arrival_s + shift
    runs.departure_s = runs.departure_s + shift
    # a vehicle may stand at its first stop before it leaves at the beginning of the headway
    runs.arrival_s = np.maximum(runs.arrival_s, 0.0)

    kept = np.ones(len(trips), dtype=bool)
    kept[trip] = False
    rest_trips, rest = _keep(trips, calls, kept, "", None)
    runs.trip = np.repeat(np.arange(len(template)), counts) + len(rest_trips)
    names = trips["source_id"].to_numpy()[template] + np.array(
        [f"@{_clock(time)}" for time in begins_s], dtype="object"
    )
    expanded = trips.iloc[template].assign(source_id=names)
    merged = pd.concat([rest_trips, expanded], ignore_index=True)
    joined = _Calls(*(np.concatenate([getattr(rest, name), getattr(runs, name)]) for name in _Calls.__slots__))
    order = np.argsort(merged["source_id"].to_numpy(), kind="stable")
    position = np.empty(len(order), dtype="int64")
    position[order] = np.arange(len(order))
    joined.trip = position[joined.trip]
    return merged.iloc[order].reset_index(drop=True), joined.take(np.lexsort((joined.sequence, joined.trip)))


def _crop(trips: pd.DataFrame, calls: _Calls, stops: pd.DataFrame, extent: Extent) -> tuple[pd.DataFrame, _Calls]:
    """Calls inside a box, and the trips that have at least two of them."""
    calls = calls.take(_inside(stops, extent)[calls.stop])
    enough = np.bincount(calls.trip, minlength=len(trips)) >= 2
    return _keep(trips, calls, enough, "", None)


def _inside(stops: pd.DataFrame, extent: Extent) -> Booleans:
    west, south, east, north = extent.within(LONLAT)
    inside = stops["x"].between(west, east) & stops["y"].between(south, north)
    return np.asarray(inside, dtype=bool)


def _tables(
    stops: pd.DataFrame,
    routes: pd.DataFrame,
    trips: pd.DataFrame,
    calls: _Calls | None,
    days: pd.DataFrame,
    shapes: gpd.GeoDataFrame,
) -> dict[str, gpd.GeoDataFrame | pd.DataFrame]:
    """Tables as declared, with integer ids."""
    routes = routes.reset_index(drop=True)
    shapes = shapes[shapes["source_id"].isin(trips["shape"])].reset_index(drop=True)
    route = pd.Index(routes["source_id"], dtype="object").get_indexer(trips["route"])
    shape = _nullable(pd.Index(shapes["source_id"], dtype="object").get_indexer(trips["shape"]))
    tables: dict[str, gpd.GeoDataFrame | pd.DataFrame] = {
        "stops": gpd.GeoDataFrame(
            {
                "source_id": stops["source_id"].array,
                "name": stops["name"].array,
                "parent_stop_id": _nullable(pd.Index(stops["source_id"], dtype="object").get_indexer(stops["parent"])),
            },
            geometry=shapely.points(stops["x"].to_numpy(), stops["y"].to_numpy()),
            crs=LONLAT,
        ),
        "routes": gpd.GeoDataFrame(
            routes[["source_id", "short_name", "name", "mode"]],
            geometry=_courses(route, trips["direction"].to_numpy(), shape, shapes, len(routes)),
            crs=LONLAT,
        ),
        "trips": pd.DataFrame(
            {
                "source_id": trips["source_id"],
                "route_id": route,
                "service_id": trips["service"].astype("int64"),
                "direction": trips["direction"].astype("Int64"),
                "headsign": trips["headsign"],
                "shape_id": shape,
            }
        ),
        "calendar": days.rename(columns={"service": "service_id"}).reset_index(drop=True),
        "shapes": shapes,
    }
    if calls is not None:
        position = np.full(int(stops.index.max()) + 1 if len(stops) else 0, -1)
        position[stops.index] = np.arange(len(stops))
        tables["stop_times"] = pd.DataFrame(
            {
                "trip_id": calls.trip,
                "stop_id": position[calls.stop],
                "stop_sequence": calls.sequence,
                "arrival_s": calls.arrival_s,
                "departure_s": calls.departure_s,
            }
        )
    return tables


def _courses(
    route: Integers, direction: Floats, shape: pd.Series, shapes: gpd.GeoDataFrame, n_routes: int
) -> npt.NDArray[np.object_]:
    """Way of each line: the shape most of its trips follow, for each direction."""
    courses = np.full(n_routes, None, dtype=object)
    used = pd.DataFrame({"route": route, "direction": np.nan_to_num(direction, nan=-1.0), "shape": shape}).dropna()
    if used.empty:
        return courses
    counts = used.value_counts(sort=False).rename("n").reset_index()
    counts = counts.sort_values(["route", "direction", "n", "shape"], ascending=[True, True, False, True])
    main = counts.drop_duplicates(["route", "direction"]).drop_duplicates(["route", "shape"])
    lines = shapes.geometry.to_numpy()[main["shape"].to_numpy(dtype="int64")]
    owners, part = np.unique(main["route"].to_numpy(), return_inverse=True)
    courses[owners] = shapely.multilinestrings(lines, indices=part)
    return courses


def _report_dangling(lost: Booleans, table: str, column: str, target: str, rows: Any, problems: Problems) -> None:
    """Report rows that point nowhere: left out, or an error where most of them do."""
    if not lost.any():
        return
    rule = f"occurs in {target}.txt"
    if lost.mean() > DANGLING_SHARE:
        problems.error(
            f"{rule} ({lost.mean():.0%} of the rows do not)",
            table=table,
            column=column,
            rows=rows,
            n_rows=int(lost.sum()),
        )
    else:
        problems.repair(
            f"{rule}; rows that do not were left out", table=table, column=column, rows=rows, n_rows=int(lost.sum())
        )


def _identified(frame: pd.DataFrame, table: str, problems: Problems) -> pd.DataFrame:
    """Drop rows without an identifier, and all but the first of those that share one."""
    unnamed = frame["source_id"].isna().to_numpy()
    if unnamed.any():
        problems.repair("rows without an identifier were left out", table=table, rows=np.flatnonzero(unnamed) + 2)
        frame = frame[~unnamed]
    twice = frame["source_id"].duplicated().to_numpy()
    if twice.any():
        problems.repair(
            "identifiers are unique; the first row of each was kept", table=table, rows=frame["source_id"][twice]
        )
        frame = frame[~twice]
    return frame


def _text(column: Any) -> npt.NDArray[np.object_]:
    """Column as Python text with ``None`` where blank."""
    values: npt.NDArray[np.object_] = np.asarray(column.to_pylist(), dtype=object)
    return values


def _numbers(column: Any) -> Floats:
    """Column as numbers, NaN where blank or not a number."""
    try:
        values = pc.cast(column, pa.float64())
    except pa.ArrowInvalid:
        return np.asarray(pd.to_numeric(pd.Series(_text(column)), errors="coerce"), dtype="float64")
    return np.array(values.to_numpy(), dtype="float64")


def _seconds(column: Any) -> Floats:
    """
    Times as seconds, NaN where blank or not ``H:MM:SS``.

    >>> _seconds(pa.chunked_array([["7:05:00", "26:10:00", None, "noon"]])).tolist()
    [25500.0, 94200.0, nan, nan]
    """
    parts = pc.extract_regex(column, r"^(?P<h>[0-9]{1,3}):(?P<m>[0-5]?[0-9]):(?P<s>[0-5]?[0-9])$")
    hours, minutes, seconds = (_numbers(pc.struct_field(parts, name)) for name in ("h", "m", "s"))
    return 3600.0 * hours + 60.0 * minutes + seconds


def _dates(column: Any) -> npt.NDArray[np.datetime64]:
    """Days written YYYYMMDD, NaT where they are not."""
    text = pd.Series(_text(column), dtype="object")
    good = text.str.fullmatch(r"(19|20|21)\d{6}").fillna(False).astype(bool)
    days = pd.to_datetime(text.where(good), format="%Y%m%d", errors="coerce")
    return np.asarray(days, dtype="datetime64[D]")


def _codes(column: Any, names: pd.Index) -> Integers:
    """Position of each value in a list of names, −1 where it does not occur."""
    chunk = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = chunk.dictionary_encode()
    known = names.get_indexer(pd.Index(encoded.dictionary.to_pylist(), dtype="object"))
    positions = np.append(known, -1)
    return np.asarray(positions[pc.fill_null(encoded.indices, len(known)).to_numpy()], dtype="int64")


def _nullable(positions: npt.NDArray[np.intp]) -> pd.Series:
    """Positions as nullable integers, missing where −1."""
    return pd.Series(positions, dtype="Int64").mask(positions < 0)


def _examples(column: Any, rows: Booleans) -> list[str]:
    """First few values of some rows."""
    return [str(column[int(row)].as_py()) for row in np.flatnonzero(rows)[:3]]


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}"
