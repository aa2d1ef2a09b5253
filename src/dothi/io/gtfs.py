"""GTFS timetables: stops, lines, trips, calls, service days and the ways of vehicles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from dothi.crs import LONLAT, Extent
from dothi.errors import Problems
from dothi.io.gtfs_calls import (
    Calls,
    crop_calls,
    drop_backward,
    expand_headways,
    fill_times,
    is_inside,
    link_calls,
    read_calls,
)
from dothi.io.gtfs_text import (
    Feed,
    Floats,
    Integers,
    as_days,
    as_numbers,
    as_seconds,
    as_text,
    identified,
    nullable,
    positions_in,
    report_dangling,
)

MAX_DAYS: Final = 3 * 366
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
        feed = Feed(folder, problems)
        stops = _read_stops(feed)
        routes = _read_routes(feed)
        trips = _read_trips(feed)
        calls = read_calls(feed, required=schedule_required)
        days = _read_days(feed, dates)
        shapes = _read_shapes(feed)
        frequencies = _read_frequencies(feed)
        if not feed.has("agency.txt"):
            problems.note("there is no agency.txt; names of operators are unknown", table="routes")
        problems.raise_errors()

    trips = _link_trips(trips, routes, problems)
    trips, days = _link_days(trips, days, dates, problems)
    if calls is not None:
        trips, calls = link_calls(calls, trips, stops, problems)
        calls = fill_times(calls, problems)
        trips, calls = drop_backward(trips, calls, problems)
        trips, calls = expand_headways(trips, calls, frequencies, problems)
        if extent is not None:
            trips, calls = crop_calls(trips, calls, stops, extent)
    if extent is not None:
        stops = stops[is_inside(stops, extent)]
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


def _read_stops(feed: Feed) -> pd.DataFrame:
    """Stops and stations with usable positions: source_id, name, parent, x, y."""
    read = feed.read("stops.txt", ("stop_id", "stop_lat", "stop_lon"), ("stop_name", "location_type", "parent_station"))
    if read is None:
        if not feed.has("stops.txt"):
            feed.problems.error("stops.txt is present", table="stops")
        return pd.DataFrame(columns=["source_id", "name", "parent", "x", "y"])
    stops = pd.DataFrame(
        {
            "source_id": as_text(read["stop_id"]),
            "name": as_text(read["stop_name"]),
            "parent": as_text(read["parent_station"]),
            "x": as_numbers(read["stop_lon"]),
            "y": as_numbers(read["stop_lat"]),
            "kind": np.nan_to_num(as_numbers(read["location_type"]), nan=0.0),
        }
    )
    stops = identified(stops, "stops", feed.problems)
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


def _read_routes(feed: Feed) -> pd.DataFrame:
    """Lines: source_id, short_name, name, mode."""
    read = feed.read("routes.txt", ("route_id", "route_type"), ("route_short_name", "route_long_name"))
    if read is None:
        if not feed.has("routes.txt"):
            feed.problems.error("routes.txt is present", table="routes")
        return pd.DataFrame(columns=["source_id", "short_name", "name", "mode"])
    types = as_numbers(read["route_type"])
    routes = pd.DataFrame(
        {
            "source_id": as_text(read["route_id"]),
            "short_name": as_text(read["route_short_name"]),
            "name": as_text(read["route_long_name"]),
            "mode": _modes(types),
            "known": [value in BASIC_MODES or 100 <= value < 1800 for value in types],
        }
    )
    routes = identified(routes, "routes", feed.problems)
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


def _read_trips(feed: Feed) -> pd.DataFrame:
    """Trips: source_id, route, service, direction, headsign, shape."""
    read = feed.read("trips.txt", ("trip_id", "route_id", "service_id"), ("direction_id", "trip_headsign", "shape_id"))
    if read is None:
        if not feed.has("trips.txt"):
            feed.problems.error("trips.txt is present", table="trips")
        return pd.DataFrame(columns=["source_id", "route", "service", "direction", "headsign", "shape"])
    direction = as_numbers(read["direction_id"])
    trips = pd.DataFrame(
        {
            "source_id": as_text(read["trip_id"]),
            "route": as_text(read["route_id"]),
            "service": as_text(read["service_id"]),
            "direction": np.where(np.isin(direction, (0, 1)), direction, np.nan),
            "headsign": as_text(read["trip_headsign"]),
            "shape": as_text(read["shape_id"]),
        }
    )
    return identified(trips, "trips", feed.problems).sort_values("source_id", ignore_index=True)


def _read_days(feed: Feed, dates: tuple[date, date] | None) -> pd.DataFrame:
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
                "service": as_text(single["service_id"]),
                "date": as_days(single["date"]),
                "kind": as_numbers(single["exception_type"]),
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
    service = as_text(weekly["service_id"])
    first, last = as_days(weekly["start_date"]), as_days(weekly["end_date"])
    runs = np.column_stack([as_numbers(weekly[day]) == 1 for day in WEEKDAYS])
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


def _read_frequencies(feed: Feed) -> pd.DataFrame | None:
    """Headways: trip, start_s, end_s, headway_s, exact."""
    read = feed.read("frequencies.txt", ("trip_id", "start_time", "end_time", "headway_secs"), ("exact_times",))
    if read is None or not read.num_rows:
        return None
    frequencies = pd.DataFrame(
        {
            "trip": as_text(read["trip_id"]),
            "start_s": as_seconds(read["start_time"]),
            "end_s": as_seconds(read["end_time"]),
            "headway_s": as_numbers(read["headway_secs"]),
            "exact": np.nan_to_num(as_numbers(read["exact_times"]), nan=0.0) == 1,
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


def _read_shapes(feed: Feed) -> gpd.GeoDataFrame:
    """Ways of vehicles as lines: source_id, geometry."""
    read = feed.read("shapes.txt", ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"))
    if read is None or not read.num_rows:
        if not feed.has("shapes.txt"):
            feed.problems.note("there is no shapes.txt; the ways of vehicles on the ground are unknown", table="shapes")
        return gpd.GeoDataFrame({"source_id": [], "geometry": []}, geometry="geometry", crs=LONLAT)
    names = pd.Index(
        sorted(name for name in pc.unique(read["shape_id"]).to_pylist() if name is not None), dtype="object"
    )
    shape = positions_in(read["shape_id"], names)
    points = np.column_stack([as_numbers(read["shape_pt_lon"]), as_numbers(read["shape_pt_lat"])])
    order = as_numbers(read["shape_pt_sequence"])
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
    report_dangling(~known, "trips", "route_id", "routes", trips["source_id"][~known], problems)
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


def _tables(
    stops: pd.DataFrame,
    routes: pd.DataFrame,
    trips: pd.DataFrame,
    calls: Calls | None,
    days: pd.DataFrame,
    shapes: gpd.GeoDataFrame,
) -> dict[str, gpd.GeoDataFrame | pd.DataFrame]:
    """Tables as declared, with integer ids."""
    routes = routes.reset_index(drop=True)
    shapes = shapes[shapes["source_id"].isin(trips["shape"])].reset_index(drop=True)
    route = pd.Index(routes["source_id"], dtype="object").get_indexer(trips["route"])
    shape = nullable(pd.Index(shapes["source_id"], dtype="object").get_indexer(trips["shape"]))
    tables: dict[str, gpd.GeoDataFrame | pd.DataFrame] = {
        "stops": gpd.GeoDataFrame(
            {
                "source_id": stops["source_id"].array,
                "name": stops["name"].array,
                "parent_stop_id": nullable(pd.Index(stops["source_id"], dtype="object").get_indexer(stops["parent"])),
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
