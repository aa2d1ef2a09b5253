"""Change: the climate is another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from dothi.changes.base import Change
from dothi.changes.weathering import elsewhere, rained, risen, warmed

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.errors import Problems

NEUTRAL = {"temperature_offset_k": 0.0, "rain_factor": 1.0, "sea_level_m": 0.0}


class Climate(Change):
    """
    Warm the weather, strengthen the storms, raise the sea.

    Every hour of the weather is warmer by the offset at the same relative humidity: the dew point follows, and the sky
    radiates as a warmer, moister one. Every storm of the scenario has its rain times the factor and its sea higher by
    the rise, whether the storm stands before or behind. Rain of the hourly weather stays: it is of all days, not of
    storms. Where the climate changes twice, offsets and rises add up and factors multiply.

    The weather may also be that of another place: a typical year is made from its normals, with its temperatures,
    humidity, wind, rain and share of sunshine, under the sun of this city. The path of the sun stays, as light and
    shadows of the buildings are of here; warming comes on top.

    A pathway gives values with their source from the data of the country, as differences from its own period of
    reference; what is written beside it counts in its place.
    """

    kind: Literal["climate"]
    temperature_offset_k: Annotated[float, Field(ge=-20.0, le=20.0)] | None = Field(
        None, description="Added to every air temperature [K]."
    )
    rain_factor: Annotated[float, Field(ge=0.0, le=10.0)] | None = Field(
        None, description="Times the rain of every storm."
    )
    sea_level_m: Annotated[float, Field(ge=-5.0, le=20.0)] | None = Field(None, description="Rise of the sea [m].")
    pathway: str | None = Field(
        None, description="Pathway in the data of the country, such as `tracc-2050` (France), `rcp85-2100` (Vietnam)."
    )

    weather_of: str | None = Field(
        None,
        min_length=1,
        description="Place whose typical year takes the place of the weather, such as `Hanoi`, `Da Nang`, `Nantes`.",
    )

    touches: ClassVar = ("climate", "weather", "storms", "hyetographs", "stages")
    sentence: ClassVar = {
        "en": "Another climate[ ({pathway})][, that of {weather_of}][: {temperature_offset_k} K warmer]"
        "[, storms × {rain_factor}][, sea {sea_level_m} m higher]",
        "fr": "Un autre climat[ ({pathway})][, celui de {weather_of}][ : {temperature_offset_k} K de plus]"
        "[, pluies d’orage × {rain_factor}][, mer plus haute de {sea_level_m} m]",
        "vi": "Khí hậu khác[ ({pathway})][, như ở {weather_of}][: nóng thêm {temperature_offset_k} K]"
        "[, mưa lớn × {rain_factor}][, nước biển dâng {sea_level_m} m]",
    }

    @model_validator(mode="after")
    def _says_something(self) -> Climate:
        if all(getattr(self, name) is None for name in (*NEUTRAL, "pathway", "weather_of")):
            raise ValueError(f"says {', '.join(NEUTRAL)}, pathway or weather_of")
        return self

    def apply(self, city: City, problems: Problems) -> City:
        """City in the other climate."""
        import pandas as pd

        found = self._pathway(city, problems)
        if problems.errors:
            return city
        change = {name: _first(getattr(self, name), found.get(name), none) for name, none in NEUTRAL.items()}
        before = {**NEUTRAL, **(city["climate"].iloc[0].to_dict() if len(city["climate"]) else {})}
        row: dict[str, Any] = {
            "temperature_offset_k": before["temperature_offset_k"] + change["temperature_offset_k"],
            "rain_factor": before["rain_factor"] * change["rain_factor"],
            "sea_level_m": before["sea_level_m"] + change["sea_level_m"],
        }
        place = self.weather_of or before.get("weather_of")
        if isinstance(place, str):
            row["weather_of"] = place
        tables: dict[str, Any] = {"climate": pd.DataFrame([row])}
        if self.weather_of is not None:
            weather = elsewhere(city, self.weather_of, problems)
            tables["weather"] = warmed(weather, row["temperature_offset_k"])
        elif "weather" in city:
            tables["weather"] = warmed(city["weather"], change["temperature_offset_k"])
        if "storms" in city:
            tables |= rained(city["storms"], city["hyetographs"], change["rain_factor"])
        if "stages" in city:
            tables["stages"] = risen(city["stages"], change["sea_level_m"])
        return city.with_tables(**tables)

    def _pathway(self, city: City, problems: Problems) -> dict[str, Any]:
        from dothi.place import load

        if self.pathway is None:
            return {}
        try:
            known = {entry["name"]: entry for entry in load(city.country, "pathways")["pathways"]}
        except KeyError:
            known = {}
        if self.pathway not in known:
            problems.error(
                f"is one of {', '.join(known) or 'none, as no pathway is known here'}; this is {self.pathway!r}",
                column="pathway",
            )
            return {}
        entry: dict[str, Any] = known[self.pathway]
        period, source = entry["reference_period"], entry["source"]
        rule = (
            f"is relative to {period}; source: {source} (compared with the publication)"
            if entry["verified"]
            else f"is relative to {period}; source: {source} (not compared yet with the publication)"
        )
        problems.note(rule, column="pathway")
        return entry


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)
