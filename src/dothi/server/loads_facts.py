"""What the app is told of the electric load of buildings."""

from __future__ import annotations

from dothi.catalogue import Facts


class UseFacts(Facts):
    """Electric power for one use."""

    name: str
    days_w: list[list[float]]
    """Average day of each month, 24 hours of local time each [W]."""


class MonthsFacts(Facts):
    """Energy of one carrier."""

    name: str
    months_kwh: list[float]


class CurveFacts(Facts):
    """Load curve of a building, or of all buildings of a ward, a transformer or the city."""

    buildings: int
    uses: list[UseFacts]
    carriers: list[MonthsFacts]
    """What is bought; carriers of which nothing is are left out."""
    peak_w: float
    """Greatest electric power of an hour [W]."""
    peak_time: str
    """When it begins, local time; empty where there is no weather."""
    generation_days_w: list[list[float]]
    """What solar modules make on the average day of each month [W]; empty without any."""
    generation_months_kwh: list[float]


class HoursFacts(Facts):
    """How the load of buildings by the hour is read: code 1 is none, 255 the top and above, 0 no value."""

    rows: int
    top_w_m2: float


class FeederFacts(Facts):
    """Nodes that a transformer feeds, the nearest first."""

    distance_m: list[float]
    """Along the lines."""
    parent: list[int]
    """Position of the node before it; −1 for the transformer's own."""
    lowest_pu: list[float | None]
    """Lowest voltage of the year over the nominal."""
    highest_pu: list[float | None]
