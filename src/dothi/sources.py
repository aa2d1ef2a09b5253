"""Sources of a study: what may stand in `[[source]]`, and which reader takes it."""

from __future__ import annotations

import datetime as dt
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from dothi.errors import Problems

if TYPE_CHECKING:
    from dothi.crs import Extent

Tables = dict[str, Any]
ODBL = "ODbL 1.0"


class Source(BaseModel):
    """
    One entry `[[source]]`.

    Attributes
    ----------
    attribution, licence, date
        What to print where results are shown, and the day the data stand for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    attribution: str = ""
    licence: str = ""
    date: str = ""

    reader: ClassVar[str] = ""
    needs_extent: ClassVar[bool] = False
    takes_extent: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """What the source is called in progress lines and reports."""
        return str(getattr(self, "path", None) or getattr(self, "kind", ""))

    def files(self, folder: Path) -> list[Path]:  # noqa: ARG002 - most sources have some
        """Files and folders the source is read from."""
        return []

    def read(self, folder: Path, problems: Problems, extent: Extent | None) -> Tables:
        """
        Tables of the source, in its own grid.

        Raises
        ------
        InputError
            The source cannot be read.
        """
        module, function = self.reader.split(":")
        own = set(Source.model_fields) | {"kind", "path"}
        options = self.model_dump(exclude=own, exclude_none=True)
        if self.takes_extent:
            options["extent"] = extent
        tables: Tables = getattr(import_module(module), function)(*self.files(folder), problems, **options)
        return tables


class FileSource(Source):
    """
    A source in one file or folder.

    Attributes
    ----------
    path
        Path, taken from the study folder where it is not absolute.
    """

    path: str = Field(min_length=1)

    def files(self, folder: Path) -> list[Path]:
        """The one path."""
        return [folder / self.path]


class Nantes(Source):
    """Real tables of central Nantes from the extra `demo`."""

    kind: Literal["nantes"]

    def files(self, folder: Path) -> list[Path]:  # noqa: ARG002 - they lie in the package
        """Modules of the package that hold the tables."""
        from dothi.io.demo_package import MODULES, package_file

        return [package_file(module) for module in MODULES]

    def read(self, folder: Path, problems: Problems, extent: Extent | None) -> Tables:  # noqa: ARG002
        """Tables of the package."""
        from dothi.io.nantes import read_nantes

        return dict(read_nantes(problems))


class Osm(FileSource):
    """OpenStreetMap extract."""

    kind: Literal["osm"]
    narrow_alleys: bool | None = None
    layers: list[str] | None = None
    attribution: str = "© OpenStreetMap contributors"
    licence: str = ODBL
    reader: ClassVar[str] = "dothi.io.osm:read_osm"


class Vector(FileSource):
    """GeoPackage, GeoJSON, Shapefile, FlatGeobuf, GeoParquet or CSV with a mapping to one table."""

    kind: Literal["vector"]
    table: str
    layer: str | None = None
    mapping: str | None = None
    columns: dict[str, str] | None = None
    values: dict[str, dict[str, str | float | bool]] | None = None
    defaults: dict[str, str | float | bool] | None = None
    factors: dict[str, str | float] | None = None
    crs: str | None = None
    encoding: str | None = None
    where: str | dict[str, Any] | None = None
    swap_axes: bool | None = None
    decimal: str | None = None
    reader: ClassVar[str] = "dothi.io.vector:read_vector"


class CityJson(FileSource):
    """CityJSON 1.0 to 2.0, or CityJSONSeq."""

    kind: Literal["cityjson"]
    lod: str | None = None
    crs: str | None = None
    reader: ClassVar[str] = "dothi.io.cityjson:read_cityjson"


class CityGml(FileSource):
    """CityGML 2.0 or 3.0 buildings."""

    kind: Literal["citygml"]
    lod: str | None = None
    crs: str | None = None
    reader: ClassVar[str] = "dothi.io.citygml:read_citygml"


class Gtfs(FileSource):
    """Timetable in GTFS, as a zip file or a folder."""

    kind: Literal["gtfs"]
    dates: tuple[dt.date, dt.date] | None = None
    schedule_required: bool | None = None
    reader: ClassVar[str] = "dothi.io.gtfs:read_gtfs"


class Terrain(FileSource):
    """Terrain raster: GeoTIFF or ASCII grid."""

    kind: Literal["terrain"]
    crs: str | None = None
    reader: ClassVar[str] = "dothi.io.terrain:read_terrain"
    needs_extent: ClassVar[bool] = True


class TerrainPoints(FileSource):
    """Terrain points and breaklines with heights."""

    kind: Literal["terrain_points"]
    crs: str | None = None
    layer: str | None = None
    reader: ClassVar[str] = "dothi.io.terrain:read_terrain_points"
    needs_extent: ClassVar[bool] = True


class Weather(FileSource):
    """EnergyPlus weather file."""

    kind: Literal["epw"]
    reader: ClassVar[str] = "dothi.io.epw:read_epw"
    takes_extent: ClassVar[bool] = False


class Population(FileSource):
    """
    People or jobs by area.

    Attributes
    ----------
    form
        Outlines with counts (`zones`), a raster of people per cell (`grid`), or a table of wards (`wards`).
    level
        What the areas are, finest first: cell, block, ward, district, city.
    wards
        Outlines of the wards, where `path` is a table of wards.
    """

    kind: Literal["population"]
    form: Literal["zones", "grid", "wards"]
    level: Literal["cell", "block", "ward", "district", "city"] | None = None
    columns: dict[str, str] | None = None
    wards: str | None = None
    province: str | None = None
    valid_from: str | None = None
    crs: str | None = None
    encoding: str | None = None
    reader: ClassVar[str] = "dothi.io.population:read_population"
    needs_extent: ClassVar[bool] = True

    def files(self, folder: Path) -> list[Path]:
        """The table or raster, and the outlines where given."""
        return [folder / self.path, *([folder / self.wards] if self.wards else [])]

    def read(self, folder: Path, problems: Problems, extent: Extent | None) -> Tables:
        """Tables of the source, in its own grid."""
        from dothi.io.population import read_population

        own = set(Source.model_fields) | {"kind", "path", "form", "wards"}
        options = self.model_dump(exclude=own, exclude_none=True)
        path, *outlines = self.files(folder)
        return read_population(
            path, problems, kind=self.form, extent=extent, wards=outlines[0] if outlines else None, **options
        )


class Pandapower(FileSource):
    """Electricity grid that `pandapower.to_json` wrote."""

    kind: Literal["pandapower"]
    crs: str | None = None
    reader: ClassVar[str] = "dothi.io.pandapower_json:read_pandapower"


class OpenDss(FileSource):
    """Electricity grid in a script of OpenDSS; what it redirects to lies beside it."""

    kind: Literal["opendss"]
    crs: str | None = None
    reader: ClassVar[str] = "dothi.io.opendss:read_opendss"

    def files(self, folder: Path) -> list[Path]:
        """The script, first, and the other scripts and tables of its folder."""
        script = folder / self.path
        endings = {".dss", ".txt", ".csv"}
        beside = sorted(script.parent.glob("*")) if script.parent.is_dir() else []
        return [script, *(file for file in beside if file.suffix.lower() in endings and file != script)]

    def read(self, folder: Path, problems: Problems, extent: Extent | None) -> Tables:
        """Tables of the script."""
        from dothi.io.opendss import read_opendss

        return read_opendss(self.files(folder)[0], problems, crs=self.crs, extent=extent)


AnySource = Annotated[
    Nantes
    | Osm
    | Vector
    | CityJson
    | CityGml
    | Gtfs
    | Terrain
    | TerrainPoints
    | Weather
    | Population
    | Pandapower
    | OpenDss,
    Field(discriminator="kind"),
]
