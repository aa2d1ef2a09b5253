"""What the app is told of travel: reach, trips between zones, lines and departures."""

from __future__ import annotations

from dothi.catalogue import Facts


class WithinFacts(Facts):
    """What lies within a time."""

    minutes: float
    area_m2: float
    residents: float
    jobs: float


class IsochroneFacts(Facts):
    """Pieces of streets that one gets to within some times, and what lies beside them."""

    mode: str
    congested: bool
    """Whether times are those of simulated traffic, not of empty roads."""
    start: tuple[float, float]
    """Point of a street at which one starts [m]."""
    within: list[WithinFacts]
    size: list[int]
    """Vertices of each piece."""
    xy: list[float]
    """Their places, x and y in turn, on the grid of the city [m]."""
    time_s: list[int]
    """Time at which one is at each vertex."""


class TerminalFacts(Facts):
    """A zone, or a road that leads out of the city."""

    zone_id: int | None
    """Of a zone; none where a road leads out."""
    name: str
    x: float
    y: float


class ShareFacts(Facts):
    """Trips of a working day of one kind, by mode."""

    kind: str
    """``within`` the city, across its border (``border``), or ``through`` it."""
    trips: list[float]


class TripsFacts(Facts):
    """Trips of people on a working day."""

    modes: list[str]
    totals: list[ShareFacts]
    terminals: list[TerminalFacts]
    pairs: list[tuple[int, int, float]]
    """Positions of two terminals and the trips between them both ways, most first; of the modes that were asked for."""
    all_pairs: float
    """Trips between different terminals, of which the pairs are a part."""


class LineFacts(Facts):
    """A line of public transport and its course."""

    route_id: int
    row: int
    """Position in the table ``routes``."""
    name: str
    mode: str
    xy: list[list[float]]
    """Its parts, x and y in turn, on the grid of the city [m]; none where no course is known."""


class LinesFacts(Facts):
    """The lines of a city."""

    lines: list[LineFacts]


class DepartureFacts(Facts):
    """Departures of one line from a stop."""

    route_id: int
    name: str
    mode: str
    towards: str
    """Destination; empty where it is not known."""
    times_s: list[float]
    """Next departures after noon less 12 h of the day; none of a line that has no timetable."""
    headway_s: float | None
    """Time between two vehicles of a line without a timetable."""
    first_s: float | None
    last_s: float | None


class BoardFacts(Facts):
    """What leaves a stop after a time of day."""

    stop_id: int
    name: str
    day: str | None
    """The working day whose timetable holds, as year, month and day."""
    lines: list[DepartureFacts]


class GridFacts(Facts):
    """A field over the ground that a simulation gave."""

    model: str
    name: str
    unit: str
    columns: int
    rows: int
    box: tuple[float, float, float, float]
    """West, south, east, north on the grid of the city [m]."""
    minimum: float
    """Value of code 1."""
    maximum: float
    step: float
    """Value = minimum + (code − 1) · step; code 0 is missing."""


class GridsFacts(Facts):
    """The fields over the ground that simulations gave a city."""

    grids: list[GridFacts]
