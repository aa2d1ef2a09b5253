"""Change: more people live or work in the buildings there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field, model_validator

from dothi.changes.base import Change
from dothi.changes.places import Selection
from dothi.changes.rows import generator
from dothi.shapes import Floats

if TYPE_CHECKING:
    import geopandas as gpd

    from dothi.city import City
    from dothi.errors import Problems

METHOD: Final = "growth"
MOST: Final = 1_000_000_000


class Grow(Change):
    """
    Let residents or jobs grow, or shrink, in buildings that stand.

    New residents go to buildings in proportion to their dwellings, or to floor area that is homes where no dwelling is
    known; new jobs in proportion to the jobs that floor area and function make room for. Those who leave do so in
    proportion to those who are there. Totals are kept to the last person. Dwellings stay as they are: homes that must
    be built are `add_buildings`.
    """

    kind: Literal["grow"]
    buildings: Selection = Field(Selection.model_validate("all"), description="Buildings in which it happens.")
    residents_growth: float | None = Field(
        None,
        ge=-1.0,
        le=100.0,
        description="Residents more than today, as a share: 0.2 is 20 % more, −0.1 is 10 % fewer.",
    )
    residents_total: int | None = Field(None, ge=0, le=MOST, description="Residents that there are to be.")
    jobs_growth: float | None = Field(None, ge=-1.0, le=100.0, description="Jobs more than today, as a share.")
    jobs_total: int | None = Field(None, ge=0, le=MOST, description="Jobs that there are to be.")
    year: int | None = Field(None, ge=1900, le=2200, description="Year in which this is reached; for the reader.")

    touches: ClassVar = ("buildings", "zones")
    sentence: ClassVar = {
        "en": "Growth[ by {year}], {buildings}[, residents {residents_growth}]"
        "[, {residents_total} residents][, jobs {jobs_growth}][, {jobs_total} jobs]",
        "fr": "Croissance[ à l’horizon {year}], {buildings}[, habitants {residents_growth}]"
        "[, {residents_total} habitants][, emplois {jobs_growth}][, {jobs_total} emplois]",
        "vi": "Tăng trưởng[ đến năm {year}], {buildings}[, dân số {residents_growth}]"
        "[, {residents_total} người][, việc làm {jobs_growth}][, {jobs_total} việc làm]",
    }

    @model_validator(mode="after")
    def _says_what(self) -> Grow:
        residents, jobs = (self.residents_growth, self.residents_total), (self.jobs_growth, self.jobs_total)
        if all(value is None for value in (*residents, *jobs)):
            raise ValueError("says what grows: residents_growth, residents_total, jobs_growth or jobs_total")
        if None not in residents or None not in jobs:
            raise ValueError("has a share or a total, not both")
        return self

    def apply(self, city: City, problems: Problems) -> City:
        """City with other numbers of people."""
        from dothi.changes import consistency
        from dothi.derive.filling import numbers

        chosen = self.buildings.rows(city, "buildings", problems)
        if problems.errors:
            return city
        buildings = city["buildings"]
        rows = buildings[chosen]
        rng = generator(self)
        for name, share, total in (
            ("residents", self.residents_growth, self.residents_total),
            ("jobs", self.jobs_growth, self.jobs_total),
        ):
            if share is None and total is None:
                continue
            now = np.nan_to_num(numbers(rows, name))
            wanted = round(now.sum() * (1.0 + share)) if share is not None else total
            people = _grown(now, float(wanted or 0), _rooms(rows, name, city), rng)
            if people is None:
                problems.error(f"have room for {name}: homes or workplaces of known floor area", table="buildings")
                continue
            _write(buildings, name, chosen, people, now)
        return city if problems.errors else consistency.with_buildings(city, buildings, changed=rows.index)


def _grown(now: Floats, wanted: float, rooms: tuple[Floats, ...], rng: np.random.Generator) -> Floats | None:
    """People of each building, so that they add up; None where nobody can come."""
    from dothi.derive.sharing import allocate

    more = wanted - now.sum()
    where = np.zeros(len(now), dtype=np.int64)
    if more < 0.0:
        fewer: Floats = now - allocate(np.array([-more]), where, now, rng)
        return fewer
    room = next((weight for weight in rooms if weight.sum() > 0.0), None)
    if room is None:
        return now if more == 0.0 else None
    grown: Floats = now + allocate(np.array([more]), where, room, rng)
    return grown


def _rooms(rows: gpd.GeoDataFrame, name: str, city: City) -> tuple[Floats, ...]:
    """Weights by which people find a place, the best first."""
    from dothi.derive.filling import by_function, function_of, numbers
    from dothi.derive.people import residential_area
    from dothi.place import load

    if name == "residents":
        return np.nan_to_num(numbers(rows, "dwellings", above=0.0)), residential_area(rows, city.country)
    area = np.nan_to_num(numbers(rows, "floor_area_m2", above=0.0))
    per_job = load(city.country, "buildings")["floor_area_per_job_m2"]
    return (area / by_function(per_job, function_of(rows), np.inf), np.nan_to_num(numbers(rows, "jobs", above=0.0)))


def _write(buildings: Any, name: str, chosen: Any, people: Floats, now: Floats) -> None:
    moved = np.zeros(len(buildings), dtype=bool)
    moved[np.flatnonzero(chosen)[people != now]] = True
    values = buildings[name].to_numpy(dtype=float, na_value=np.nan)
    values[chosen] = np.where(people != now, people, values[chosen])
    buildings[name] = values
    buildings[f"{name}_method"] = buildings[f"{name}_method"].astype(object).where(~moved, METHOD)
