"""Transit routing in rounds over arrays, and walks along a graph up to a limit."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from dothi.compiled import kernel

Times = npt.NDArray[np.int32]
Ids = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NEVER: Final = 2**30
"""Later than every time [s]."""


class Lines(NamedTuple):
    """
    A timetable as arrays. A pattern is a sequence of stops whose trips do not overtake each other.

    Attributes
    ----------
    pattern_ptr : (n_patterns + 1,)
        First call of each pattern.
    pattern_stop : (n_calls,)
        Stop of each call.
    trip_ptr : (n_patterns + 1,)
        First trip of each pattern; its trips are in the order in which they run.
    trip_pattern : (n_trips,)
        Pattern of each trip.
    time_ptr : (n_patterns + 1,)
        First time of each pattern; those of one trip follow each other.
    arrival_s, departure_s : (n_times,)
        Times of every trip at every call of its pattern [s].
    stop_ptr : (n_stops + 1,)
        First call at each stop.
    stop_pattern, stop_position : (n_calls,)
        Pattern of a call at a stop, and which call of it that is.
    """

    pattern_ptr: Ids
    pattern_stop: Ids
    trip_ptr: Ids
    trip_pattern: Ids
    time_ptr: Ids
    arrival_s: Times
    departure_s: Times
    stop_ptr: Ids
    stop_pattern: Ids
    stop_position: Ids


class Walks(NamedTuple):
    """
    Walks from some places to some others.

    Attributes
    ----------
    ptr : (n_places + 1,)
        First walk from each place.
    to : (n_walks,)
        Where it leads.
    time_s : (n_walks,)
        How long it takes [s].
    """

    ptr: Ids
    to: Ids
    time_s: Times


class Labels(NamedTuple):
    """
    What a search knows, by number of rides at most so many and by stop.

    Attributes
    ----------
    ready_s : (n_rounds + 1, n_stops)
        Earliest time at the stop, on foot or by vehicle [s].
    ready_from : (n_rounds + 1, n_stops)
        Where one was before: the stop itself after a ride, another stop after a walk, −1 after the first walk.
    ready_round : (n_rounds + 1, n_stops)
        Rides until then.
    ride_s : (n_rounds + 1, n_stops)
        Earliest arrival by vehicle [s].
    ride_trip, ride_board, ride_alight : (n_rounds + 1, n_stops)
        Trip of that ride, and the calls of its pattern where one gets on and off.
    ride_round : (n_rounds + 1, n_stops)
        Rides, with this one.
    access_s : (n_stops,)
        Walk from the origin [s]; `NEVER` where too far.
    """

    ready_s: Times
    ready_from: Ids
    ready_round: Ids
    ride_s: Times
    ride_trip: Ids
    ride_board: Ids
    ride_alight: Ids
    ride_round: Ids
    access_s: Times


class Desk(NamedTuple):
    """
    Room for lists that a search makes.

    Attributes
    ----------
    marked, alighted : (n_stops,)
        Stops that were reached earlier in this round, and those of them by vehicle.
    is_marked, is_alighted : (n_stops,)
        Which stops these are; all false between searches.
    queued : (n_patterns,)
        Patterns to follow.
    first : (n_patterns,)
        Call from which each is followed; −1 between searches.
    """

    marked: Ids
    alighted: Ids
    is_marked: Flags
    is_alighted: Flags
    queued: Ids
    first: Ids


@kernel()
def forget(access: Walks, origin: int, labels: Labels) -> None:
    """
    Begin anew from another origin.

    Parameters
    ----------
    access
        Walks from origins to stops.
    origin
        Origin.
    labels
        On return, nothing is reached but what one walks to.
    """
    labels.ready_s[:] = NEVER
    labels.ride_s[:] = NEVER
    labels.access_s[:] = NEVER
    for e in range(access.ptr[origin], access.ptr[origin + 1]):
        labels.access_s[access.to[e]] = access.time_s[e]


@kernel()
def reach(labels: Labels, k: int, stop: int, time: int, origin: int) -> bool:
    """Note that a stop is reached at a time with `k` rides, from where; whether that is earlier than known."""
    if time >= labels.ready_s[k, stop]:
        return False
    for j in range(k, labels.ready_s.shape[0]):
        if time >= labels.ready_s[j, stop]:
            break
        labels.ready_s[j, stop] = time
        labels.ready_from[j, stop] = origin
        labels.ready_round[j, stop] = k
    return True


@kernel()
def follow_pattern(lines: Lines, p: int, k: int, change_s: int, labels: Labels, desk: Desk, n_alighted: int) -> int:
    """
    Follow a pattern from its first marked call: get off wherever that is earlier, get on earlier trips.

    Parameters
    ----------
    lines, p
        Timetable and pattern.
    k
        Rides, with this one.
    change_s
        Least time between two rides [s].
    labels, desk
        As in `search`.
    n_alighted
        Stops in the list of those reached by vehicle in this round; gives how many there are then.
    """
    begin = lines.pattern_ptr[p]
    n_calls = lines.pattern_ptr[p + 1] - begin
    n_trips = lines.trip_ptr[p + 1] - lines.trip_ptr[p]
    base = lines.time_ptr[p]
    n_rounds = labels.ride_s.shape[0]
    slack = change_s if k > 1 else 0
    trip, board = -1, -1
    for i in range(desk.first[p], n_calls):
        s = lines.pattern_stop[begin + i]
        if trip >= 0:
            time = lines.arrival_s[base + trip * n_calls + i]
            if time < labels.ride_s[k, s]:
                for j in range(k, n_rounds):
                    if time >= labels.ride_s[j, s]:
                        break
                    labels.ride_s[j, s] = time
                    labels.ride_trip[j, s] = lines.trip_ptr[p] + trip
                    labels.ride_board[j, s] = board
                    labels.ride_alight[j, s] = i
                    labels.ride_round[j, s] = k
                if not desk.is_alighted[s]:
                    desk.is_alighted[s] = True
                    desk.alighted[n_alighted] = s
                    n_alighted += 1
        ready = labels.ready_s[k - 1, s]
        if ready >= NEVER:
            continue
        ready += slack
        if trip < 0:
            low, high = 0, n_trips
            while low < high:
                middle = (low + high) >> 1
                if lines.departure_s[base + middle * n_calls + i] >= ready:
                    high = middle
                else:
                    low = middle + 1
            if low < n_trips:
                trip, board = low, i
        else:
            earlier = trip
            while earlier > 0 and lines.departure_s[base + (earlier - 1) * n_calls + i] >= ready:
                earlier -= 1
            if earlier < trip:
                trip, board = earlier, i
    return n_alighted


@kernel()
def search(
    lines: Lines,
    walks: Walks,
    access: Walks,
    origin: int,
    departure: int,
    change_s: int,
    last_walk: bool,
    labels: Labels,
    desk: Desk,
) -> None:
    """
    Earliest arrivals at all stops for one departure: RAPTOR [1]_.

    Round k finds what is reached with k rides. Arrivals by vehicle and on foot are kept apart, and only arrivals by
    vehicle are followed by a walk: so nobody walks twice between two rides, whether the set of walks is closed or not.
    Labels may hold those of later departures from the same origin (rRAPTOR): they stay where they are better.

    Parameters
    ----------
    lines, walks
        Timetable; walks from stop to stop.
    access, origin
        Walks from origins to stops; origin.
    departure
        When one leaves [s].
    change_s
        Least time between two rides, walk not counted [s].
    last_walk
        Whether walks behind the last ride are noted.
    labels
        Made by `forget`, or by a later departure from the same origin; on return, those of this one.
    desk
        Room to work in.

    References
    ----------
    .. [1] D. Delling, T. Pajor and R. F. Werneck, Round-based public transit routing, Transportation Science 49 (2015),
       doi:10.1287/trsc.2014.0534.
    """
    n_rounds = labels.ride_s.shape[0] - 1
    n_marked = 0
    for e in range(access.ptr[origin], access.ptr[origin + 1]):
        s = access.to[e]
        if reach(labels, 0, s, departure + access.time_s[e], -1):
            desk.is_marked[s] = True
            desk.marked[n_marked] = s
            n_marked += 1
    for k in range(1, n_rounds + 1):
        n_queued = 0
        for m in range(n_marked):
            s = desk.marked[m]
            desk.is_marked[s] = False
            for e in range(lines.stop_ptr[s], lines.stop_ptr[s + 1]):
                p, i = lines.stop_pattern[e], lines.stop_position[e]
                if desk.first[p] < 0:
                    desk.queued[n_queued] = p
                    n_queued += 1
                    desk.first[p] = i
                elif i < desk.first[p]:
                    desk.first[p] = i
        n_marked, n_alighted = 0, 0
        ready = labels.ready_s[k]
        for q in range(n_queued):
            p = desk.queued[q]
            n_alighted = follow_pattern(lines, p, k, change_s, labels, desk, n_alighted)
            desk.first[p] = -1
        for m in range(n_alighted):
            u = desk.alighted[m]
            desk.is_alighted[u] = False
            if k == n_rounds and not last_walk:
                continue
            time = labels.ride_s[k, u]
            if time < ready[u]:
                reach(labels, k, u, time, u)
                if not desk.is_marked[u]:
                    desk.is_marked[u] = True
                    desk.marked[n_marked] = u
                    n_marked += 1
            for e in range(walks.ptr[u], walks.ptr[u + 1]):
                s = walks.to[e]
                there = time + walks.time_s[e]
                if there < ready[s]:
                    for j in range(k, n_rounds + 1):  # as `reach` does, without the cost of a call
                        if there >= labels.ready_s[j, s]:
                            break
                        labels.ready_s[j, s] = there
                        labels.ready_from[j, s] = u
                        labels.ready_round[j, s] = k
                    if not desk.is_marked[s]:
                        desk.is_marked[s] = True
                        desk.marked[n_marked] = s
                        n_marked += 1
        if not n_marked:
            break
    for m in range(n_marked):
        desk.is_marked[desk.marked[m]] = False


@kernel()
def alighting(labels: Labels, egress: Walks, destination: int) -> tuple[int, int]:
    """Stop where one gets off for a destination, and when one is there [s]; −1 where it cannot be reached."""
    last = labels.ride_s.shape[0] - 1
    best, at, rides, on_foot = NEVER, -1, NEVER, NEVER
    for e in range(egress.ptr[destination], egress.ptr[destination + 1]):
        s = egress.to[e]
        if labels.ride_s[last, s] >= NEVER:
            continue
        walk = egress.time_s[e]
        time, n = labels.ride_s[last, s] + walk, labels.ride_round[last, s]
        if time < best or (time == best and (n < rides or (n == rides and walk < on_foot))):
            best, at, rides, on_foot = time, s, n, walk
    return at, best


@kernel()
def trace(lines: Lines, labels: Labels, stop: int, legs: Ids) -> tuple[int, int, int]:
    """
    Way back from where one gets off.

    Parameters
    ----------
    lines, labels
        Timetable, and labels that `search` gave.
    stop
        Where one gets off last.
    legs : (n_rounds, 3)
        On return, trip and calls of getting on and off of every ride, the last one first.

    Returns
    -------
    tuple
        Rides, time in vehicles [s], time on foot to the first stop and between stops [s].
    """
    k = labels.ride_s.shape[0] - 1
    n_rides, ride, walk, s = 0, 0, 0, stop
    while True:
        trip, board, alight = labels.ride_trip[k, s], labels.ride_board[k, s], labels.ride_alight[k, s]
        p = lines.trip_pattern[trip]
        n_calls = lines.pattern_ptr[p + 1] - lines.pattern_ptr[p]
        at = lines.time_ptr[p] + (trip - lines.trip_ptr[p]) * n_calls
        legs[n_rides, 0], legs[n_rides, 1], legs[n_rides, 2] = trip, board, alight
        n_rides += 1
        ride += lines.arrival_s[at + alight] - lines.departure_s[at + board]
        k, s = labels.ride_round[k, s] - 1, lines.pattern_stop[lines.pattern_ptr[p] + board]
        came = labels.ready_from[k, s]
        if came < 0:
            return n_rides, ride, walk + labels.access_s[s]
        if came != s:
            walk += labels.ready_s[k, s] - labels.ride_s[labels.ready_round[k, s], came]
        k, s = labels.ready_round[k, s], came


@kernel()
def one_to_all(
    lines: Lines,
    walks: Walks,
    access: Walks,
    origins: Ids,
    departures: Times,
    change_s: int,
    labels: Labels,
    desk: Desk,
    arrivals: Times,
) -> None:
    """
    Earliest arrivals at all stops, on foot or by vehicle.

    Parameters
    ----------
    lines, walks, access, change_s, labels, desk
        As in `search`.
    origins, departures : (n_queries,)
        From where and when [s].
    arrivals : (n_queries, n_stops)
        On return, earliest arrivals [s]; `NEVER` where there is none.
    """
    last = labels.ready_s.shape[0] - 1
    for q in range(len(origins)):
        forget(access, origins[q], labels)
        search(lines, walks, access, origins[q], departures[q], change_s, True, labels, desk)
        arrivals[q] = labels.ready_s[last]


@kernel()
def skim(
    lines: Lines,
    walks: Walks,
    access: Walks,
    egress: Walks,
    departures: Times,
    change_s: int,
    labels: Labels,
    desk: Desk,
    legs: Ids,
    sums: Floats,
) -> None:
    """
    Sums of door-to-door times over departures, from all origins to all destinations: rRAPTOR [1]_.

    Journeys have at least one ride. Waiting is what is neither walk nor ride, before the first ride as well.

    Parameters
    ----------
    lines, walks, change_s, labels, desk
        As in `search`.
    access, egress
        Walks from origins to stops; by destination, stops from where one walks to it.
    departures : (n_departures,)
        When one leaves, the latest first [s].
    legs : (n_rounds, 3)
        Room to work in.
    sums : (n_origins, n_destinations, 5)
        Added to: departures from which it is reached, time from door to door, on foot, in vehicles [s], and rides.

    References
    ----------
    .. [1] D. Delling, T. Pajor and R. F. Werneck, 2015, sec. 4.2, doi:10.1287/trsc.2014.0534.
    """
    for origin in range(sums.shape[0]):
        forget(access, origin, labels)
        for d in range(len(departures)):
            search(lines, walks, access, origin, departures[d], change_s, False, labels, desk)
            for z in range(sums.shape[1]):
                s, time = alighting(labels, egress, z)
                if s < 0:
                    continue
                n_rides, ride, walk = trace(lines, labels, s, legs)
                total = time - departures[d]
                sums[origin, z, 0] += 1.0
                sums[origin, z, 1] += total
                sums[origin, z, 2] += walk + (time - labels.ride_s[labels.ride_s.shape[0] - 1, s])
                sums[origin, z, 3] += ride
                sums[origin, z, 4] += n_rides


@kernel()
def load(
    lines: Lines,
    walks: Walks,
    access: Walks,
    egress: Walks,
    departures: Times,
    change_s: int,
    labels: Labels,
    desk: Desk,
    legs: Ids,
    travellers: Floats,
    boardings: Floats,
    alightings: Floats,
    unserved: Floats,
) -> None:
    """
    Put travellers on the journeys that bring them there first.

    Parameters
    ----------
    lines, walks, access, egress, departures, change_s, labels, desk, legs
        As in `skim`.
    travellers : (n_origins, n_destinations)
        Travellers that leave at each of the departures.
    boardings, alightings : (n_times,)
        Added to: travellers who get on and off, by trip and call.
    unserved : (n_origins, n_destinations)
        Added to: travellers who find no journey.
    """
    for origin in range(travellers.shape[0]):
        forget(access, origin, labels)
        for d in range(len(departures)):
            search(lines, walks, access, origin, departures[d], change_s, False, labels, desk)
            for z in range(travellers.shape[1]):
                people = travellers[origin, z]
                if not people:
                    continue
                s, _ = alighting(labels, egress, z)
                if s < 0:
                    unserved[origin, z] += people
                    continue
                n_rides, _, _ = trace(lines, labels, s, legs)
                for r in range(n_rides):
                    p = lines.trip_pattern[legs[r, 0]]
                    n_calls = lines.pattern_ptr[p + 1] - lines.pattern_ptr[p]
                    at = lines.time_ptr[p] + (legs[r, 0] - lines.trip_ptr[p]) * n_calls
                    boardings[at + legs[r, 1]] += people
                    alightings[at + legs[r, 2]] += people


@kernel()
def sift_up(heap: Ids, where: Ids, key: Floats, slot: int) -> None:
    """Move an entry of a binary heap towards its top until its parent is nearer."""
    v = heap[slot]
    while slot > 0:
        parent = (slot - 1) >> 1
        u = heap[parent]
        if key[u] <= key[v]:
            break
        heap[slot], where[u] = u, slot
        slot = parent
    heap[slot], where[v] = v, slot


@kernel()
def sift_down(heap: Ids, where: Ids, key: Floats, size: int) -> None:
    """Move the top entry of a binary heap down until its children are farther."""
    v, slot = heap[0], 0
    while True:
        child = 2 * slot + 1
        if child >= size:
            break
        if child + 1 < size and key[heap[child + 1]] < key[heap[child]]:
            child += 1
        u = heap[child]
        if key[v] <= key[u]:
            break
        heap[slot], where[u] = u, slot
        slot = child
    heap[slot], where[v] = v, slot


@kernel()
def walk_bounded(
    ptr: Ids,
    head: Ids,
    length: Floats,
    source_node: Ids,
    source_m: Floats,
    door_ptr: Ids,
    door_to: Ids,
    door_m: Floats,
    limit: float,
    begin: int,
    n_found: Ids,
    found_to: Ids,
    found_m: Floats,
) -> int:
    """
    Shortest ways up to a limit from many sources to the doors at the nodes they reach (Dijkstra).

    Parameters
    ----------
    ptr : (n_nodes + 1,)
        First arc of each node.
    head, length : (n_arcs,)
        Where arcs lead, and their lengths [m].
    source_node, source_m : (n_sources,)
        Node of each source, and the way to it [m].
    door_ptr : (n_nodes + 1,)
        First door at each node.
    door_to, door_m : (n_doors,)
        What is behind a door, and the way from the node to it [m].
    limit
        Longest way [m].
    begin
        First source to start from.
    n_found : (n_sources,)
        On return, doors found from each source.
    found_to, found_m : (n_room,)
        On return, what is behind these doors, one source after the other, and the way to them [m].

    Returns
    -------
    int
        First source for which there was no room any more; the number of sources where all are done.
    """
    n_nodes = len(ptr) - 1
    distance = np.full(n_nodes, np.inf)
    heap, where, seen = np.empty(n_nodes, np.int32), np.full(n_nodes, -1, np.int32), np.empty(n_nodes, np.int32)
    filled = 0
    for source in range(begin, len(source_node)):
        start, size, n_seen, kept = source_node[source], 0, 0, filled
        full = False
        if source_m[source] <= limit:
            distance[start] = source_m[source]
            heap[0], where[start], seen[0] = start, 0, start
            size, n_seen = 1, 1
        while size and not full:
            u = heap[0]
            size -= 1
            if size:
                heap[0] = heap[size]
                sift_down(heap, where, distance, size)
            where[u] = -2
            for e in range(door_ptr[u], door_ptr[u + 1]):
                if distance[u] + door_m[e] <= limit:
                    if filled == len(found_to):
                        full = True
                        break
                    found_to[filled], found_m[filled] = door_to[e], distance[u] + door_m[e]
                    filled += 1
            for e in range(ptr[u], ptr[u + 1]):
                v, way = head[e], distance[u] + length[e]
                if way < distance[v] and way <= limit:
                    if where[v] == -1:
                        seen[n_seen] = v
                        n_seen += 1
                        heap[size], where[v] = v, size
                        size += 1
                    distance[v] = way
                    sift_up(heap, where, distance, where[v])
        for m in range(n_seen):
            distance[seen[m]] = np.inf
            where[seen[m]] = -1
        if full:
            return source
        n_found[source] = filled - kept
    return len(source_node)


def labels_for(n_stops: int, n_rounds: int) -> Labels:
    """Labels of a search, not begun."""
    shape = (n_rounds + 1, n_stops)
    return Labels._make([*(np.zeros(shape, dtype=np.int32) for _ in range(8)), np.zeros(n_stops, dtype=np.int32)])


def desk_for(n_stops: int, n_patterns: int) -> Desk:
    """Room for lists that a search makes."""
    return Desk(
        np.empty(n_stops, dtype=np.int32),
        np.empty(n_stops, dtype=np.int32),
        np.zeros(n_stops, dtype=np.bool_),
        np.zeros(n_stops, dtype=np.bool_),
        np.empty(n_patterns, dtype=np.int32),
        np.full(n_patterns, -1, dtype=np.int32),
    )
