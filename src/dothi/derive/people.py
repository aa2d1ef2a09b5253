"""
Where people live and work: dwellings, residents and jobs of every building.

Totals that a census or register gives for an area are kept to the last person; inside an area people go to
buildings by weight. ``docs/theory/people.md`` has the equations and their limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from dothi.derive.filling import (
    FEWEST_KNOWN,
    Filling,
    Floats,
    Integers,
    Mask,
    Texts,
    begin,
    by_function,
    finish,
    function_of,
    measured,
    numbers,
    shapes_of,
)
from dothi.derive.sharing import allocate, integers_of
from dothi.errors import Problems
from dothi.place import load

HOMES: Final = ("residential", "apartments", "mixed")
"""Functions with dwellings."""
LEVELS: Final = ("cell", "block", "ward", "district", "city")
"""Kinds of census units, finest first."""
FEWEST_UNITS: Final = 5
PLAUSIBLE_DWELLING_M2: Final = (15.0, 1000.0)
FEW_HOUSEHOLDS: Final = 0.8
"""Below this part of the usual share of occupied dwellings, a count leaves households out, or is of another time."""
LEAST_M2_PER_PERSON: Final = 8.0
"""
Gross floor area of homes below which the people of a whole area have implausibly little.

The average that Vietnam's housing strategy set as the least goal for floor of homes (General Statistics Office, Results
of the 2019 Population and Housing Census, section 10.2; read in a copy, not checked against the strategy). That an area
below it rather lacks buildings or storeys is an estimate.
"""
FEWEST_CROWDED: Final = 100.0
"""Areas with fewer people are not looked at: a house that is missing decides there."""
MOST_NAMED: Final = 5
What = Literal["residents", "jobs"]


# --- dwellings -----------------------------------------------------------------------------------------------


def infer_dwellings(buildings: gpd.GeoDataFrame, *, country: str) -> gpd.GeoDataFrame:
    """
    Fill the dwellings of every building.

    The source (``measured``); none where the function has no homes (``no_homes``); else the floor area that is
    homes over the gross floor area of a dwelling of this function, in this city where at least 100 buildings
    tell it (``floor_area_city``), or in the country (``floor_area_place``), rounded, at least 1.

    Parameters
    ----------
    buildings
        Table with ``function`` and ``floor_area_m2``.
    country
        ISO code of the place data.

    Returns
    -------
    geopandas.GeoDataFrame
        New table with ``dwellings``, ``dwellings_method``, ``dwellings_confidence``.
    """
    confidence = load(country, "buildings")["confidence"]
    filling = begin(buildings, "dwellings", numbers(buildings, "dwellings", above=-0.5))
    per_dwelling, learnt = area_per_dwelling(buildings, country)
    homes = residential_area(buildings, country)
    with np.errstate(divide="ignore", invalid="ignore"):
        count = np.maximum(np.round(homes / per_dwelling), 1.0)
    none = np.zeros(len(buildings))
    lived_in = np.isin(function_of(buildings), HOMES)
    filling.fill(~lived_in, none, "no_homes", confidence["dwellings_none"])
    filling.fill(learnt & np.isfinite(count), count, "floor_area_city", confidence["dwellings_city"])
    filling.fill(np.isfinite(count), count, "floor_area_place", confidence["dwellings_place"])
    return finish(buildings, "dwellings", filling)


def residential_area(buildings: gpd.GeoDataFrame, country: str) -> Floats:
    """Gross floor area of each building that is homes [m²]; 0 where its function has none."""
    share = by_function(load(country, "buildings")["residential_share"], function_of(buildings), 0.0)
    return np.nan_to_num(numbers(buildings, "floor_area_m2")) * np.nan_to_num(share)


def area_per_dwelling(buildings: gpd.GeoDataFrame, country: str) -> tuple[Floats, Mask]:
    """
    Gross floor area of a dwelling in each building, and where it was learnt in this city.

    The median over buildings of a function with measured dwellings and a plausible quotient (15 to 1000 m²),
    where there are at least 100 of them; otherwise place data.

    Returns
    -------
    area : (n_buildings,)
        Gross floor area [m²], NaN where the function has no homes.
    learnt : (n_buildings,)
        True where it is this city's own.
    """
    functions = function_of(buildings)
    area = by_function(load(country, "buildings")["floor_area_per_dwelling_m2"], functions)
    quotient = residential_area(buildings, country) / numbers(buildings, "dwellings", above=0.0)
    low, high = PLAUSIBLE_DWELLING_M2
    known = measured(buildings, "dwellings") & (quotient >= low) & (quotient <= high)
    learnt = np.zeros(len(buildings), dtype=bool)
    for name in HOMES:
        alike = functions == name
        if np.count_nonzero(known & alike) >= FEWEST_KNOWN:
            area[alike] = np.median(quotient[known & alike])
            learnt |= alike
    return area, learnt


# --- residents and jobs --------------------------------------------------------------------------------------


def infer_residents(
    buildings: gpd.GeoDataFrame,
    *,
    country: str,
    rng: np.random.Generator,
    census: gpd.GeoDataFrame | None = None,
    extent: BaseGeometry | None = None,
    problems: Problems | None = None,
) -> gpd.GeoDataFrame:
    """
    Fill the residents of every building.

    The source (``measured``); the total of the finest census unit that holds the building, shared out by
    dwellings (``census_cell``, ``census_block``, ``census_ward``, ``census_district``, ``census_city``). In no
    unit, from 5 counted units on: dwellings × occupied share × household size of the units, where they count
    households too (``census_households``, see `per_dwelling`); dwellings × residents per dwelling of the units
    (``census_ratio``). Else dwellings × occupied share × household size of the country (``dwellings``).

    Totals are kept exactly at the level they were given: a finer unit has its own total, a coarser one shares
    out what its finer ones leave. Totals with decimals are rounded without bias by `integers_of`. Where a unit
    has people but no dwelling, they go by floor area, then by footprint; with no building at all they stay out.
    Each of these cases is noted, and so is a unit whose people have implausibly little floor.

    Parameters
    ----------
    buildings
        Table on a metric grid, with ``dwellings`` and ``floor_area_m2``.
    country
        ISO code of the place data.
    rng
        Source of randomness.
    census
        Table ``census`` on the same grid.
    extent
        Area of the city on the same grid. A unit partly outside it brings the share of its people that its
        area has inside. None: all units lie inside.
    problems
        Collector of notes.

    Returns
    -------
    geopandas.GeoDataFrame
        New table with ``residents``, ``residents_method``, ``residents_confidence``.
    """
    data = load(country, "buildings")
    confidence = data["confidence"]
    filling = begin(buildings, "residents", numbers(buildings, "residents", above=-0.5))
    dwellings = np.nan_to_num(numbers(buildings, "dwellings", above=0.0))
    weights = (dwellings, residential_area(buildings, country))
    counted = Counted()
    if census is not None and len(census):
        counted = _share_out(buildings, census, "residents", weights, extent, confidence, filling, rng, problems)
    household = data["household"]
    if counted.in_households.units >= FEWEST_UNITS:
        method, sure = "census_households", confidence["residents_census_households"]
        ratio = per_dwelling(counted.in_households, float(dwellings.sum()), household["occupied_share"])
        if problems is not None:
            _note_few_households(counted.in_households, household["occupied_share"], problems)
    elif np.isfinite(counted.ratio):
        method, sure, ratio = "census_ratio", confidence["residents_census_ratio"], counted.ratio
    else:
        method, sure = "dwellings", confidence["residents_dwellings"]
        ratio = household["size"] * household["occupied_share"]
    _fill_expected(filling, dwellings * ratio, method, sure, rng)
    if census is not None and len(census) and problems is not None:
        _note_crowding(buildings, census, np.nan_to_num(filling.values), weights[1], problems)
    return finish(buildings, "residents", filling)


def infer_jobs(
    buildings: gpd.GeoDataFrame,
    *,
    country: str,
    rng: np.random.Generator,
    census: gpd.GeoDataFrame | None = None,
    extent: BaseGeometry | None = None,
    problems: Problems | None = None,
) -> gpd.GeoDataFrame:
    """
    Fill the jobs of every building.

    The source (``measured``); totals of census units, shared out by the jobs that floor area and function
    suggest (``census_…``, as in `infer_residents`); in no unit, floor area over the floor area of a job of the
    function (``floor_area``), or the like scaled to the covered part of this city (``census_ratio``).

    Parameters
    ----------
    buildings
        Table on a metric grid, with ``function`` and ``floor_area_m2``.
    country
        ISO code of the place data.
    rng
        Source of randomness.
    census
        Table ``census`` on the same grid.
    extent
        Area of the city on the same grid, as in `infer_residents`.
    problems
        Collector of notes.

    Returns
    -------
    geopandas.GeoDataFrame
        New table with ``jobs``, ``jobs_method``, ``jobs_confidence``.
    """
    data = load(country, "buildings")
    confidence = data["confidence"]
    filling = begin(buildings, "jobs", numbers(buildings, "jobs", above=-0.5))
    floor_area = np.nan_to_num(numbers(buildings, "floor_area_m2"))
    expected = floor_area / by_function(data["floor_area_per_job_m2"], function_of(buildings), np.inf)
    ratio = Counted().ratio
    if census is not None and len(census):
        weights = expected, floor_area
        ratio = _share_out(buildings, census, "jobs", weights, extent, confidence, filling, rng, problems).ratio
    method = "census_ratio" if np.isfinite(ratio) else "floor_area"
    scaled = expected * ratio if np.isfinite(ratio) else expected
    _fill_expected(filling, scaled, method, confidence["jobs_floor_area"], rng)
    return finish(buildings, "jobs", filling)


@dataclass(frozen=True, slots=True)
class Households:
    """What census units count that tell households: residents, households, dwellings of their buildings, how many."""

    residents: float = 0.0
    households: float = 0.0
    dwellings: float = 0.0
    units: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """
    What was shared out from census units that lie in the city whole.

    Attributes
    ----------
    people
        Residents or jobs.
    weight
        What they were shared out by: dwellings, or expected jobs.
    units
        Number of units.
    in_households
        Of the units that tell households.
    """

    people: float = 0.0
    weight: float = 0.0
    units: int = 0
    in_households: Households = Households()

    @property
    def ratio(self) -> float:
        """People per weight; NaN from fewer than 5 units."""
        return self.people / self.weight if self.units >= FEWEST_UNITS and self.weight > 0.0 else float("nan")


def per_dwelling(counted: Households, dwellings: float, occupied_share: float) -> float:
    r"""
    Residents per dwelling where no census unit speaks, from units that count residents and households.

    The size of a household carries from the units to the rest of the city. The share of dwellings that are
    occupied carries as far as the units cover the city; beyond that, it is that of the country:

    .. math:: r = \frac{N}{H} \left( c \, \min(H / D, 1) + (1 - c) \, s \right), \quad c = D / D_\text{city}

    So a handful of units that lie in an unusual part, or that count tax households only and leave out students,
    does not empty a city, and units that cover most of it decide.

    Parameters
    ----------
    counted
        Residents :math:`N`, households :math:`H` and dwellings :math:`D` of the units.
    dwellings
        Those of the whole city.
    occupied_share
        Share of dwellings that are main residences in the country, :math:`s`.
    """
    covered = min(counted.dwellings / dwellings, 1.0) if dwellings > 0.0 else 0.0
    own = min(counted.households / counted.dwellings, 1.0) if counted.dwellings > 0.0 else occupied_share
    return counted.residents / counted.households * (covered * own + (1.0 - covered) * occupied_share)


def _note_few_households(counted: Households, occupied_share: float, problems: Problems) -> None:
    """Note that a count knows far fewer households than there are dwellings."""
    own = counted.households / counted.dwellings if counted.dwellings > 0.0 else occupied_share
    if own < FEW_HOUSEHOLDS * occupied_share:
        problems.note(
            f"households are counted in {own:.0%} of the dwellings of the units, {occupied_share:.0%} is usual: the "
            "count leaves some out, as one of tax households does with students, or is of another time; its totals are "
            "kept, buildings elsewhere get its size of a household and mostly the usual share of occupied dwellings",
            table="census",
            column="residents",
        )


def _note_crowding(
    buildings: gpd.GeoDataFrame, census: gpd.GeoDataFrame, residents: Floats, homes_m2: Floats, problems: Problems
) -> None:
    """Note census units whose homes have implausibly little floor for each resident, those with most people by name."""
    points = shapely.point_on_surface(shapes_of(buildings))
    shapes = shapes_of(census)
    kinds: Texts = census["kind"].astype(object).to_numpy()
    people, floor = np.zeros(len(census)), np.zeros(len(census))
    for level in LEVELS:
        rows = np.flatnonzero(kinds == level)
        unit = _unit_of(points, shapes[rows])
        there = unit >= 0
        people[rows] = np.bincount(unit[there], weights=residents[there], minlength=len(rows))
        floor[rows] = np.bincount(unit[there], weights=homes_m2[there], minlength=len(rows))
    crowded = (people >= FEWEST_CROWDED) & (floor > 0.0) & (floor < LEAST_M2_PER_PERSON * people)
    if not crowded.any():
        return
    found = np.flatnonzero(crowded)
    found = found[np.argsort(-people[found], kind="stable")]
    named = "; ".join(
        f"{_called(census, row)}: {people[row]:,.0f} people on {floor[row]:,.0f} m² ({floor[row] / people[row]:.1f} m²)"
        for row in found[:MOST_NAMED]
    )
    more = f"; and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    problems.note(
        f"homes have less than {LEAST_M2_PER_PERSON:g} m² of floor for each resident: {named}{more}; their totals are "
        "kept, but buildings or storeys may be missing, or the count be of another area or time",
        table="census",
        column="residents",
        rows=census.index[crowded],
    )


def _called(census: gpd.GeoDataFrame, row: int) -> str:
    """Name of a census unit, else its code, else its kind and id."""
    for column in ("name", "code"):
        if column in census and isinstance(text := census[column].iloc[row], str) and text:
            return text
    return f"{census['kind'].iloc[row]} {census.index[row]}"


def _fill_expected(filling: Filling, expected: Floats, method: str, sure: float, rng: np.random.Generator) -> None:
    """Fill the gaps with whole numbers whose sum and mean are those of the expected values."""
    gaps = filling.gaps
    expected = np.where(gaps & np.isfinite(expected), expected, 0.0)
    whole = integers_of(expected, rng).astype(np.float64)
    filling.fill(gaps, whole, method, sure)


def _share_out(
    buildings: gpd.GeoDataFrame,
    census: gpd.GeoDataFrame,
    what: What,
    weights: tuple[Floats, Floats],
    extent: BaseGeometry | None,
    confidence: dict[str, Any],
    filling: Filling,
    rng: np.random.Generator,
    problems: Problems | None,
) -> Counted:
    """Share census totals out to buildings, from the finest level to the coarsest."""
    notes = Problems() if problems is None else problems
    points = shapely.point_on_surface(shapes_of(buildings))
    total = numbers(census, what, above=-0.5)
    shapes = shapes_of(census)
    inside = _share_inside(shapes, extent)
    cut = (inside < 1.0 - 1e-9) & (inside > 0.0) & (total > 0.0)
    if cut.any():
        notes.note(
            f"units cut by the edge of the city bring the share of their {what} that their area has inside",
            table="census",
            column=what,
            rows=census.index[cut],
        )
    total = total * inside
    footprint = shapely.area(shapes_of(buildings))
    kinds: Texts = census["kind"].astype(object).to_numpy()
    free = filling.gaps
    people, weight, n_units, own = 0.0, 0.0, 0, Households()
    households = numbers(census, "households", above=0.0)
    for level in LEVELS:
        rows = np.flatnonzero((kinds == level) & np.isfinite(total))
        if not len(rows):
            continue
        unit = _unit_of(points, shapes[rows])
        there = unit >= 0
        given = np.zeros(len(rows))
        np.add.at(given, unit[there & ~free], filling.values[there & ~free])
        left = total[rows] - given
        if (left < -0.5).any():
            notes.note(
                f"finer units or measured buildings inside already hold more {what} than this unit",
                table="census",
                column=what,
                rows=census.index[rows[left < -0.5]],
            )
        left = np.maximum(left, 0.0)
        weighted, unplaced = _first_weights(unit, free, left, (*weights, footprint))
        if unplaced.any():
            notes.note(
                f"{left[unplaced].sum():.0f} {what} are counted where no building can take them; they stay out",
                table="census",
                column=what,
                rows=census.index[rows[unplaced]],
            )
        by_area = (np.bincount(unit[there & free], weights=weights[0][there & free], minlength=len(rows)) == 0) & (
            left > 0.5
        )
        if (by_area & ~unplaced).any():
            notes.note(
                f"{what} of units without {'dwellings' if what == 'residents' else 'workplaces'} go by floor area",
                table="census",
                column=what,
                rows=census.index[rows[by_area & ~unplaced]],
            )
        mine = there & free
        shared = allocate(np.where(unplaced, 0.0, left), np.where(mine, unit, -1), weighted, rng)
        filling.fill(mine, shared.astype(np.float64), f"census_{level}", confidence[f"people_{level}"])
        whole = inside[rows] > 1.0 - 1e-9
        counted = mine & whole[np.maximum(unit, 0)]
        people += float(shared[counted].sum())
        weight += float(weights[0][counted].sum())
        n_units += int(np.count_nonzero(whole & (left > 0.0)))
        told = whole & (left > 0.0) & np.isfinite(households[rows]) & (given == 0.0)
        homes = np.bincount(unit[mine], weights=weights[0][mine], minlength=len(rows))
        own = Households(
            own.residents + float(total[rows][told].sum()),
            own.households + float(households[rows][told].sum()),
            own.dwellings + float(homes[told].sum()),
            own.units + int(np.count_nonzero(told)),
        )
        free = free & ~there
    return Counted(people, weight, n_units, own)


def _share_inside(shapes: Any, extent: BaseGeometry | None) -> Floats:
    """Share of each unit's area that lies inside the city."""
    if extent is None:
        return np.ones(len(shapes))
    area = shapely.area(shapes)
    part = shapely.area(shapely.intersection(shapes, extent))
    return np.asarray(np.clip(np.divide(part, area, out=np.zeros(len(shapes)), where=area > 0.0), 0.0, 1.0))


def units_of(buildings: gpd.GeoDataFrame, census: gpd.GeoDataFrame) -> Integers:
    """Row number of the smallest census unit that holds each building's inner point, −1 for none."""
    return _unit_of(shapely.point_on_surface(shapes_of(buildings)), shapes_of(census))


def _unit_of(points: Any, shapes: Any) -> Integers:
    """Number of the smallest unit that holds each point, −1 for none."""
    unit = np.full(len(points), -1, dtype=np.int64)
    row, point = shapely.STRtree(points).query(shapes, predicate="intersects")
    order = np.lexsort((row, -shapely.area(shapes)[row]))  # the smallest is written last and stays
    unit[point[order]] = row[order]
    return unit


def _first_weights(unit: Integers, free: Mask, left: Floats, choices: tuple[Floats, ...]) -> tuple[Floats, Mask]:
    """Weight of each building: the first choice that has any weight in its unit; and units where none has."""
    result = np.zeros(len(unit))
    open_units = np.ones(len(left), dtype=bool)
    mine = free & (unit >= 0)
    for choice in choices:
        weight = np.where(mine, np.nan_to_num(choice), 0.0)
        use = open_units & (np.bincount(unit[mine], weights=weight[mine], minlength=len(left)) > 0.0)
        rows = mine & use[np.maximum(unit, 0)]
        result[rows] = weight[rows]
        open_units &= ~use
    return result, open_units & (left > 0.0)
