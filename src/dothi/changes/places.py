"""Places and selections as people write them in scenarios."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
import shapely
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationInfo, model_validator
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from dothi.changes.vocabulary import number, word
from dothi.crs import LONLAT, transformer
from dothi.shapes import Mask

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.errors import Problems

MAX_BYTES: Final = 50 << 20


def _parsed(value: Any, info: ValidationInfo) -> BaseGeometry:
    """Geometry of a GeoJSON object, a list of places, or a GeoJSON file named by its path in the study."""
    if isinstance(value, BaseGeometry):
        return value
    if isinstance(value, str):
        value = read_geojson(value, info)
    try:
        with np.errstate(invalid="ignore"):  # what is not finite is reported below
            found = _from_list(value) if isinstance(value, list | tuple) else _from_geojson(value)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, shapely.errors.ShapelyError) as error:
        raise ValueError("is GeoJSON, or a list of [longitude, latitude]") from error
    if found.is_empty or not np.isfinite(shapely.get_coordinates(found)).all():
        raise ValueError("has places, all of them finite")
    if not found.is_valid:
        raise ValueError(f"does not cross itself ({shapely.is_valid_reason(found)})")
    return found


def read_geojson(name: str, info: ValidationInfo) -> Any:
    """Content of a file of GeoJSON, named by its path in the study."""
    folder = Path((info.context or {}).get("folder", ".")).resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise ValueError("is a file inside the study")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"is a file of at most {MAX_BYTES >> 20} MiB")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ValueError(f"is a file that can be read ({error.strerror})") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError("is a file of GeoJSON, UTF-8") from error


def _from_list(value: Any) -> BaseGeometry:
    if isinstance(value[0], int | float):
        return shapely.Point(value)
    if len(value) > 3 and list(value[0]) == list(value[-1]):
        return shapely.Polygon(value)
    return shapely.LineString(value)


def _from_geojson(value: Any) -> BaseGeometry:
    match value.get("type"):
        case "FeatureCollection":
            return shapely.union_all([shape(feature["geometry"]) for feature in value["features"]])
        case "Feature":
            return shape(value["geometry"])
        case _:
            return shape(value)


def _must_be(*kinds: str) -> BeforeValidator:
    def check(value: Any, info: ValidationInfo) -> BaseGeometry:
        found = _parsed(value, info)
        if found.geom_type == "LineString" and "Polygon" in kinds and len(found.coords) > 2:
            found = shapely.Polygon(found.coords)
            if not found.is_valid:
                raise ValueError("does not cross itself")
        if found.geom_type not in kinds:
            raise ValueError(f"is a {' or '.join(kinds)}, not a {found.geom_type}")
        return found

    return BeforeValidator(check)


_AS_GEOJSON = PlainSerializer(lambda value: json.loads(json.dumps(mapping(value))), return_type=dict)
Area = Annotated[BaseGeometry, _must_be("Polygon", "MultiPolygon"), _AS_GEOJSON]
Line = Annotated[BaseGeometry, _must_be("LineString", "MultiLineString"), _AS_GEOJSON]
Place = Annotated[BaseGeometry, _must_be("Point"), _AS_GEOJSON]


def on_grid(geometry: BaseGeometry, city: City) -> BaseGeometry:
    """
    Geometry on the grid of the city.

    Coordinates are longitude and latitude; where they are too large for these, they are metres on the grid.
    """
    west, south, east, north = geometry.bounds
    if max(abs(west), abs(east)) > 180.0 or max(abs(south), abs(north)) > 90.0:
        return geometry
    to_grid = transformer(LONLAT, city.crs)
    return shapely.transform(geometry, lambda xy: np.column_stack(to_grid.transform(xy[:, 0], xy[:, 1])))


def area_in(city: City, area: BaseGeometry | None, ward: str | None, problems: Problems) -> BaseGeometry | None:
    """
    Area that was drawn, or that of a ward, on the grid of the city; it is an error where it lies outside.

    Parameters
    ----------
    city
        The city.
    area, ward
        One of them.
    problems
        Collector.
    """
    if ward is not None:
        return ward_of(city, ward, problems)
    found = shapely.force_2d(on_grid(area, city)) if area is not None else None
    if found is not None and not shapely.intersects(found, shapely.box(*city.bounds)):
        problems.error("lies in the city", column="area")
    return found


def ward_of(city: City, name: str, problems: Problems) -> BaseGeometry | None:
    """Area of a ward, whatever the capitals of its name."""
    wards = city["wards"]
    found = wards[wards["name"].str.casefold() == name.casefold()]
    if found.empty:
        problems.error(f"is a ward of this city: {name}", table="wards", column="name")
        return None
    return shapely.union_all(np.asarray(found.geometry.array, dtype=object))


class Range(BaseModel):
    """Numbers from a minimum to a maximum, both included."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)

    minimum: float | None = Field(None, alias="min")
    maximum: float | None = Field(None, alias="max")


Condition = Range | bool | float | str | tuple[str | float, ...]
"""What a column must meet: a range, a value, or one of some values."""


class Selection(BaseModel):
    """
    Rows of a table: those that meet every condition given.

    Written as a list of ids, as a name, or as a table of conditions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    ids: tuple[int, ...] | None = Field(None, description="Ids.")
    name: str | None = Field(None, description="Name, whatever its capitals.")
    within: Area | None = Field(None, description="Area in which the middle of the object lies.")
    ward: str | None = Field(None, description="Ward in which the middle of the object lies.")
    where: Mapping[str, Condition] = Field(
        default_factory=dict, description="Column and its value, its values, or `{min, max}`."
    )
    everything: bool = Field(False, description="All rows.")

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"ids": (value,)}
        if isinstance(value, list | tuple):
            return {"ids": value}
        if isinstance(value, str):
            return {"everything": True} if value == "all" else {"name": value}
        return value

    @model_validator(mode="after")
    def _selects(self) -> Selection:
        if not self.everything and not self.where and not any((self.ids, self.name, self.within, self.ward)):
            raise ValueError('says which: ids, name, within, ward, where, or "all"')
        return self

    def __str__(self) -> str:
        if self.name:
            return self.name
        if self.ids:
            shown = ", ".join(map(str, self.ids[:5]))
            return shown if len(self.ids) <= 5 else f"{shown}, …"
        words = [self.ward] if self.ward else []
        words += [f"{column} {_words(value, column, 'en')}" for column, value in self.where.items()]
        return ", ".join(words) or ("*" if self.everything else "▱")

    def describe(self, language: str = "en", table: str = "") -> str:
        """What it selects, in words: ``buildings in Phường Nam``."""
        if self.name:
            return self.name
        told, colon = word("those", table, language), "\u00a0:" if language == "fr" else ":"
        which = {
            "ids": str(self) if self.ids else "",
            "ward": self.ward,
            "within": self.within is not None,
            "where": ", ".join(
                f"{word('column', column, language)}{colon} {_words(value, column, language)}"
                for column, value in self.where.items()
            ),
            "all": self.everything,
        }
        for way, name in which.items():
            if name:
                told = word("which", way, language).format(those=told, name=name)
        return told.strip()

    def rows(self, city: City, table: str, problems: Problems) -> Mask:
        """
        Rows selected, by position; it is an error to select none.

        Parameters
        ----------
        city
            The city.
        table
            Name of its table.
        problems
            Collector.
        """
        from pandas.api.types import is_numeric_dtype

        frame = city[table]
        chosen = np.ones(len(frame), dtype=bool)
        if frame.empty:
            problems.error(f"has rows to choose from; {city.name} has no {table} yet", table=table)
            return chosen
        if self.ids is not None:
            unknown = sorted(set(self.ids) - set(frame.index))
            if unknown:
                problems.error(f"occurs in {table}", column=table, rows=unknown)
            chosen &= np.asarray(frame.index.isin(self.ids))
        if self.name is not None and "name" not in frame:
            problems.error("have names; choose them by ids, within, ward or where", table=table)
        elif self.name is not None:
            chosen &= np.asarray(frame["name"].str.casefold() == self.name.casefold(), dtype=bool)
        for area in self._areas(city, problems):
            middles = shapely.centroid(np.asarray(frame.geometry.array, dtype=object))
            shapely.prepare(area)
            chosen &= shapely.intersects(area, middles)
        for column, condition in self.where.items():
            if isinstance(condition, Range) and column in frame and not is_numeric_dtype(frame[column].dtype):
                problems.error("holds numbers, to be between others", table=table, column=column)
            elif column in frame:
                chosen &= _meets(frame[column], condition)
            else:
                problems.error(f"is a column of {table}", table=table, column=column)
        if not chosen.any() and not problems.errors:
            problems.error(f"selects at least one of {table}: {self}", table=table)
        return chosen

    def _areas(self, city: City, problems: Problems) -> list[BaseGeometry]:
        areas = [on_grid(self.within, city)] if self.within is not None else []
        if self.ward is not None:
            ward = ward_of(city, self.ward, problems)
            areas += [ward] if ward is not None else []
        return areas


def _meets(values: Any, condition: Condition) -> Mask:
    from pandas.api.types import is_numeric_dtype

    if isinstance(condition, Range):
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        low = -np.inf if condition.minimum is None else condition.minimum
        high = np.inf if condition.maximum is None else condition.maximum
        inside: Mask = (numbers >= low) & (numbers <= high)
        return inside
    wanted = condition if isinstance(condition, tuple) else (condition,)
    if not is_numeric_dtype(values.dtype):  # line 3 is called "3"
        wanted = tuple(f"{value:g}" if isinstance(value, float) else value for value in wanted)
    return np.asarray(values.isin(wanted), dtype=bool)


def _words(value: Condition, column: str, language: str) -> str:
    if isinstance(value, Range):
        low = "" if value.minimum is None else number(value.minimum, language)
        high = "" if value.maximum is None else number(value.maximum, language)
        return f"{low}…{high}"
    topic = {"class": "road", "mode": "transit"}.get(column, column)
    shown = [
        number(item, language) if isinstance(item, float) else word(topic, str(item), language)
        for item in (value if isinstance(value, tuple) else (value,))
    ]
    return ", ".join(shown)
