"""Calls of GTFS trips at stops: blank times, times past midnight, headways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dothi.crs import LONLAT, Extent
from dothi.errors import Problems
from dothi.io.gtfs_text import (
    DANGLING_SHARE,
    Booleans,
    Feed,
    Floats,
    Integers,
    as_numbers,
    as_seconds,
    clock,
    examples_of,
    positions_in,
    report_dangling,
)

MAX_CALLS: Final = 20_000_000
"""Calls after headways are expanded; a feed of all France has about ten million."""

HALF_DAY_S: Final = 12 * 3600.0
DAY_S: Final = 24 * 3600.0


@dataclass(slots=True)
class Calls:
    """Calls as flat arrays, sorted by trip and order; trips and stops by position in their tables."""

    trip: Integers
    stop: Integers
    sequence: Integers
    arrival_s: Floats
    departure_s: Floats
    distance: Floats

    def take(self, rows: Booleans | Integers) -> Calls:
        """Some of the calls, in the order asked for."""
        return Calls(*(getattr(self, name)[rows] for name in self.__slots__))


def read_calls(feed: Feed, *, required: bool) -> pa.Table | None:
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


def link_calls(
    read: pa.Table, trips: pd.DataFrame, stops: pd.DataFrame, problems: Problems
) -> tuple[pd.DataFrame, Calls]:
    """Calls of known trips at known stops, sorted; trips with fewer than two of them are dropped."""
    calls = Calls(
        positions_in(read["trip_id"], pd.Index(trips["source_id"], dtype="object")),
        positions_in(read["stop_id"], pd.Index(stops["source_id"], dtype="object")),
        np.zeros(read.num_rows, dtype="int64"),
        as_seconds(read["arrival_time"]),
        as_seconds(read["departure_time"]),
        as_numbers(read["shape_dist_traveled"]),
    )
    sequence = as_numbers(read["stop_sequence"])
    no_trip, no_stop, no_order = calls.trip < 0, calls.stop < 0, ~(sequence >= 0)
    report_dangling(no_trip, "stop_times", "trip_id", "trips", examples_of(read["trip_id"], no_trip), problems)
    report_dangling(no_stop, "stop_times", "stop_id", "stops", examples_of(read["stop_id"], no_stop), problems)
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
                rows=examples_of(read[column], unread),
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
    return keep_trips(trips, calls, n_calls >= 2, "trips with fewer than two calls were left out", problems)


def keep_trips(
    trips: pd.DataFrame, calls: Calls, kept: Booleans, rule: str, problems: Problems | None
) -> tuple[pd.DataFrame, Calls]:
    """Keep some trips with their calls, reporting the others."""
    if kept.all():
        return trips, calls
    if problems is not None:
        problems.repair(rule, table="trips", rows=trips["source_id"][~kept])
    calls = calls.take(kept[calls.trip])
    calls.trip = (np.cumsum(kept) - 1)[calls.trip]
    return trips[kept].reset_index(drop=True), calls


def fill_times(calls: Calls, problems: Problems) -> Calls:
    """
    Fill blank times between timed calls of a trip.

    Linear in the distance along the way where the calls around a gap have it, else in the order of calls.
    An arrival without departure is both, and the other way round.
    """
    arrival = np.where(np.isnan(calls.arrival_s), calls.departure_s, calls.arrival_s)
    departure = np.where(np.isnan(calls.departure_s), calls.arrival_s, calls.departure_s)
    timed = ~np.isnan(arrival)
    if timed.all():
        return Calls(calls.trip, calls.stop, calls.sequence, arrival, departure, calls.distance)
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
    if len(gap):
        problems.repair(
            f"blank times were interpolated ({measured.sum()} by distance, {(~measured).sum()} by order of stops)",
            table="stop_times",
            n_rows=len(gap),
        )
    return Calls(calls.trip, calls.stop, calls.sequence, arrival, departure, calls.distance)


def drop_backward(trips: pd.DataFrame, calls: Calls, problems: Problems) -> tuple[pd.DataFrame, Calls]:
    """Drop trips that begin or end without a time, or run back in time; put times past midnight right."""
    n_trips = len(trips)
    untimed = np.bincount(calls.trip, weights=np.isnan(calls.arrival_s), minlength=n_trips) > 0
    trips, calls = keep_trips(
        trips, calls, ~untimed, "trips whose first or last call has no time were left out", problems
    )
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
    return keep_trips(trips, calls, ~backward, "trips whose times run backwards were left out", problems)


def expand_headways(
    trips: pd.DataFrame, calls: Calls, frequencies: pd.DataFrame | None, problems: Problems
) -> tuple[pd.DataFrame, Calls]:
    """Replace each trip that stands for a headway by the trips it stands for."""
    if frequencies is None:
        return trips, calls
    trip = pd.Index(trips["source_id"], dtype="object").get_indexer(frequencies["trip"])
    lost = trip < 0
    report_dangling(lost, "frequencies", "trip_id", "trips", frequencies["trip"][lost], problems)
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
    rest_trips, rest = keep_trips(trips, calls, kept, "", None)
    runs.trip = np.repeat(np.arange(len(template)), counts) + len(rest_trips)
    names = trips["source_id"].to_numpy()[template] + np.array([f"@{clock(time)}" for time in begins_s], dtype="object")
    expanded = trips.iloc[template].assign(source_id=names)
    merged = pd.concat([rest_trips, expanded], ignore_index=True)
    joined = Calls(*(np.concatenate([getattr(rest, name), getattr(runs, name)]) for name in Calls.__slots__))
    order = np.argsort(merged["source_id"].to_numpy(), kind="stable")
    position = np.empty(len(order), dtype="int64")
    position[order] = np.arange(len(order))
    joined.trip = position[joined.trip]
    return merged.iloc[order].reset_index(drop=True), joined.take(np.lexsort((joined.sequence, joined.trip)))


def crop_calls(trips: pd.DataFrame, calls: Calls, stops: pd.DataFrame, extent: Extent) -> tuple[pd.DataFrame, Calls]:
    """Calls inside a box, and the trips that have at least two of them."""
    calls = calls.take(is_inside(stops, extent)[calls.stop])
    enough = np.bincount(calls.trip, minlength=len(trips)) >= 2
    return keep_trips(trips, calls, enough, "", None)


def is_inside(stops: pd.DataFrame, extent: Extent) -> Booleans:
    """Whether each stop lies in a box."""
    west, south, east, north = extent.within(LONLAT)
    inside = stops["x"].between(west, east) & stops["y"].between(south, north)
    return np.asarray(inside, dtype=bool)
