"""Things that people draw: GeoJSON features with their properties, in the scenario or in a file of the study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from dothi.changes.places import read_geojson

MOST: Final = 100_000
"""Features of one drawing."""


class Drawn(BaseModel):
    """A feature: its geometry, and those of its properties that are known here; others are passed over."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, arbitrary_types_allowed=True, validate_by_name=True, validate_by_alias=True
    )


def _features(value: Any, info: ValidationInfo) -> Any:
    """One entry per feature, of whatever form of GeoJSON."""
    if isinstance(value, str):
        value = read_geojson(value, info)
    if isinstance(value, Mapping):
        value = value.get("features") if value.get("type") == "FeatureCollection" else [value]
    if not isinstance(value, list | tuple):
        raise ValueError("is GeoJSON, a file of it, or a list of what is drawn")  # noqa: TRY004 - pydantic reads these
    if value and _is_place(value[0]):  # one shape, as a list of places
        value = [{"geometry": value}]
    if not value:
        raise ValueError("has something drawn")
    if len(value) > MOST:
        raise ValueError(f"has at most {MOST:,} features")
    return [_flat(feature) for feature in value]


def _is_place(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], int | float)


def _flat(feature: Any) -> Any:
    """Geometry and properties side by side."""
    if not isinstance(feature, Mapping):
        return {"geometry": feature} if isinstance(feature, list | tuple) else feature
    if feature.get("type") == "Feature":
        properties = feature.get("properties")
        given = properties if isinstance(properties, Mapping) else {}
        return {**{name: each for name, each in given.items() if each is not None}, "geometry": feature.get("geometry")}
    return {"geometry": feature} if "coordinates" in feature else feature


FEATURES: Final = BeforeValidator(_features)
"""Put before the validation of a tuple of `Drawn`."""
