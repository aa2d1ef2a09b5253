"""Change: roads are built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import shapely
from pydantic import ConfigDict, Field, model_validator

from dothi.changes.base import Change
from dothi.changes.close_links import Mode
from dothi.changes.drawings import FEATURES, Drawn
from dothi.changes.places import Line, on_grid
from dothi.changes.touched import WITH_GROUND
from dothi.shapes import Shapes
from dothi.tables import MODES, ROAD_CLASSES
from dothi.units import M_S_PER_KM_H

if TYPE_CHECKING:
    import geopandas as gpd

    from dothi.city import City
    from dothi.errors import Problems

RoadClass = Literal[ROAD_CLASSES]  # type: ignore[valid-type]


class Road(Drawn):
    """A road as drawn; what it does not say is taken from the change."""

    geometry: Line = Field(description="Centre line: GeoJSON, or a list of [longitude, latitude].")
    name: str | None = Field(None, description="Name.")
    road_class: RoadClass | None = Field(None, alias="class", description="Road class.")
    lanes: float | None = Field(None, gt=0.0, le=20.0, description="Lanes of both directions together.")
    width_m: float | None = Field(None, gt=0.0, le=200.0, description="Width of the carriageway [m].")
    speed_km_h: float | None = Field(None, gt=0.36, le=216.0, description="Speed on the empty road [km/h].")
    modes: tuple[Mode, ...] | None = Field(None, min_length=1, description="Modes that may use it.")
    one_way: bool | None = Field(None, description="Whether motor traffic goes along the line only.")
    bridge: bool | None = Field(None, description="On a bridge.")
    tunnel: bool | None = Field(None, description="In a tunnel.")
    level: int | None = Field(None, ge=-10, le=10, description="Vertical order where it crosses others: 0 ground.")


class AddLinks(Change):
    """
    Build roads, bridges, alleys, cycle tracks.

    Lines are drawn as GeoJSON. Their ends go to the nearest junction or road within `snap_m`; where a line crosses a
    road at its own level, both are split and meet. A bridge or tunnel meets others at its ends alone. What is not given
    follows from the class, as for roads of the city. Roads that are split go on under new ids.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    kind: Literal["add_links"]
    links: Annotated[tuple[Road, ...], FEATURES] = Field(
        min_length=1,
        description="Centre lines: GeoJSON, a file of it in the study, or a list of tables with `geometry`. Each may "
        "say its own `name`, `class`, `lanes`, `width_m`, `speed_km_h`, `modes`, `one_way`, `bridge`, `tunnel` and "
        "`level`.",
    )
    road_class: RoadClass | None = Field(None, alias="class", description="Road class of those that do not say.")
    lanes: float | None = Field(None, gt=0.0, le=20.0, description="Lanes of both directions together.")
    width_m: float | None = Field(None, gt=0.0, le=200.0, description="Width of the carriageway [m].")
    speed_km_h: float | None = Field(None, gt=0.36, le=216.0, description="Speed on the empty road [km/h].")
    modes: tuple[Mode, ...] | None = Field(
        None, min_length=1, description="Modes that may use them; those of the class where not given."
    )
    one_way: bool = Field(False, description="Whether motor traffic goes along the lines only, as they are drawn.")
    bridge: bool = Field(False, description="On a bridge.")
    tunnel: bool = Field(False, description="In a tunnel.")
    name: str | None = Field(None, description="Name.")
    snap_m: float = Field(10.0, ge=0.01, le=100.0, description="Greatest distance from an end to what it meets [m].")

    touches: ClassVar = ("links", "nodes", *WITH_GROUND)
    sentence: ClassVar = {
        "en": "New roads[ ({name})]: {links}[, {road_class}][, {lanes} lanes][, {speed_km_h} km/h][, for {modes}]",
        "fr": "Voies nouvelles[ ({name})] : {links}[, {road_class}][, {lanes} files][, {speed_km_h} km/h]"
        "[, pour {modes}]",
        "vi": "Đường mới[ ({name})]: {links}[, {road_class}][, {lanes} làn][, {speed_km_h} km/h][, dành cho {modes}]",
    }
    words: ClassVar = {"road_class": "road", "modes": "mode"}

    @model_validator(mode="after")
    def _is_on_one_level(self) -> AddLinks:
        for number, each in enumerate(self.links, start=1):
            if self._of(each, "bridge") and self._of(each, "tunnel"):
                raise ValueError(f"is a bridge or a tunnel, not both (feature {number})")
        return self

    def apply(self, city: City, problems: Problems) -> City:
        """City with the roads."""
        from dothi.changes import ground
        from dothi.changes.graph import with_roads
        from dothi.derive.landcover import carriageways

        roads = self._roads(city)
        shapes = np.asarray(roads.geometry.array, dtype=object)
        for column, rule, wrong in (
            ("class", "is given, for all or for each", roads["class"].isna().to_numpy()),
            ("links", "lie in the city", ~shapely.covered_by(shapes, shapely.box(*city.bounds))),
            ("links", "are longer than the distance to which ends are drawn", shapely.length(shapes) <= self.snap_m),
            ("links", "do not cross themselves", ~shapely.is_simple(shapes)),
        ):
            if wrong.any():
                problems.error(rule, column=column, rows=np.unique(roads["feature"][wrong]))
        if "links" not in city or "nodes" not in city:
            problems.error("table is present: this city has no roads", table="links")
        if problems.errors:
            return city
        city, ids = with_roads(city, roads, self.snap_m, problems)
        if problems.errors:
            return city
        areas = carriageways(city["links"].loc[ids], city.country)
        return ground.covered(city, _beside_buildings(areas, city), "road")

    def _of(self, road: Road, name: str) -> Any:
        """What a road says of itself, else what the change says of all."""
        own = getattr(road, name)
        return getattr(self, name) if own is None else own

    def _roads(self, city: City) -> gpd.GeoDataFrame:
        """Roads as a source would have them, one row for each line drawn."""
        import geopandas as gpd
        import pandas as pd

        rows, shapes = [], []
        for number, each in enumerate(self.links, start=1):
            speed, modes = self._of(each, "speed_km_h"), self._of(each, "modes")
            row = {
                "feature": number,
                "name": self._of(each, "name"),
                "class": self._of(each, "road_class"),
                "lanes": self._of(each, "lanes"),
                "width_m": self._of(each, "width_m"),
                "free_speed_m_s": None if speed is None else speed * M_S_PER_KM_H,
                "direction": "forward" if self._of(each, "one_way") else "both",
                "level": each.level,
                "bridge": self._of(each, "bridge"),
                "tunnel": self._of(each, "tunnel"),
                "open_to": None if modes is None else " ".join(modes),
                "closed_to": None if modes is None else " ".join(mode for mode in MODES if mode not in modes),
            }
            for part in shapely.get_parts(shapely.force_2d(on_grid(each.geometry, city))):
                rows.append(row)
                shapes.append(part)
        frame = pd.DataFrame(rows).astype(
            {
                "name": "str",
                "lanes": "float64",
                "width_m": "float64",
                "free_speed_m_s": "float64",
                "level": "Int64",
                "bridge": "boolean",
                "tunnel": "boolean",
                "open_to": "str",
                "closed_to": "str",
            }
        )
        frame["roundabout"] = False
        return gpd.GeoDataFrame(frame, geometry=np.array(shapes, dtype=object), crs=city.crs)


def _beside_buildings(areas: Shapes, city: City) -> Shapes:
    """Areas without the buildings in them, which cover the ground themselves."""
    standing = np.asarray(city["buildings"].geometry.array, dtype=object)
    area, building = shapely.STRtree(standing).query(areas, predicate="intersects")
    left = areas.copy()
    for number in np.unique(area):
        left[number] = shapely.difference(areas[number], shapely.union_all(standing[building[area == number]]))
    return left
