"""Open data of a box from public services: OpenStreetMap, surface heights, population."""

from __future__ import annotations

import json
import math
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlencode, urlsplit

import osmium
import rasterio
from rasterio.errors import RasterioError
from rasterio.merge import merge
from rasterio.transform import Affine
from rasterio.warp import transform_bounds
from rasterio.windows import Window, from_bounds

from dothi.crs import LONLAT, Bounds, Extent
from dothi.errors import InputError, Problem, Problems
from dothi.io.fetch import Fetcher, Kind, NotFoundError, Progress, download
from dothi.io.files import replacing, sha256, write_text

KM_PER_DEGREE: Final = 111.32
MAX_DEM_TILES: Final = 16
MAX_CELLS: Final = 200_000_000
DEM_NODATA: Final = -32767.0
DEM_MARGIN_DEG: Final = 0.001
"""Margin around the box of a surface model [°]: three of its cells, for interpolation at the edge."""

POPULATION_MARGIN_DEG: Final = 0.002
QUERY_MEMORY_BYTES: Final = 512 << 20
SPLITS: Final = 3
"""How often a tile that is too much for the server is cut into four."""

TAIL: Final = 4096
RECORD: Final = "fetched.json"


@dataclass(frozen=True, slots=True)
class Service:
    """
    One source of open data.

    Attributes
    ----------
    url
        Address, or a template with names in braces; empty where the source is not to be asked.
    licence, attribution
        What to print where the data are shown.
    """

    url: str
    licence: str = ""
    attribution: str = ""


@dataclass(frozen=True, slots=True)
class Services:
    """
    Where open data come from, and within which limits.

    Attributes
    ----------
    osm
        Overpass interpreter, or an extract (an address that ends with ``.pbf``, ``.osm`` or ``.osm.bz2``).
    dem
        Tiles of a surface model; ``{tile}`` is the public name of the tile.
    population
        Raster of people per cell; ``{iso3}`` and ``{ISO3}`` are the country.
    tile_km2, max_km2
        Boxes larger than the first are asked for in tiles [km²]; larger than the second not at all.
    query_s
        What a query may take on the server [s].
    iso3
        Three-letter country codes by two-letter ones.
    """

    osm: Service
    dem: Service
    population: Service
    tile_km2: float = 40.0
    max_km2: float = 2500.0
    query_s: int = 180
    iso3: Mapping[str, str] = field(default_factory=dict)


class Somewhere(Protocol):
    """What `fetch_place` needs to know of a place."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def country(self) -> str: ...  # noqa: D102
    @property
    def extent(self) -> Extent: ...  # noqa: D102


def area_km2(bounds: Bounds) -> float:
    """Area of a box in degrees [km²], to one part in a hundred."""
    west, south, east, north = bounds
    middle = math.cos(math.radians((south + north) / 2.0))
    return abs(east - west) * abs(north - south) * KM_PER_DEGREE**2 * middle


def fetch_osm(
    extent: Extent,
    target: Path,
    problems: Problems,
    *,
    url: str,
    tile_km2: float = 40.0,
    max_km2: float = 2500.0,
    query_s: int = 180,
    progress: Progress | None = None,
    fetcher: Fetcher | None = None,
) -> Path:
    """
    OpenStreetMap data of a box.

    From an Overpass interpreter [1]_: all nodes and ways of the box, with all nodes of those ways; areas, buildings
    and public-transport relations with all their members; routes and turn restrictions without theirs. Authorship is
    left out. A large box is asked for in tiles, tiles the server cannot finish are cut into four, and all are merged
    with every object once. An extract is fetched as it is.

    Parameters
    ----------
    extent
        The box.
    target
        Where the data go; its ending, such as ``.osm.pbf``, says the format.
    problems
        Collector of notes.
    url
        Interpreter, or extract by its ending.
    tile_km2, max_km2, query_s
        As in `Services`.
    progress, fetcher
        As for `download`.

    Returns
    -------
    pathlib.Path
        The target.

    Raises
    ------
    InputError
        The box is too large, the server refuses or fails, or what comes is not OpenStreetMap data.

    References
    ----------
    .. [1] https://wiki.openstreetmap.org/wiki/Overpass_API/Overpass_QL
    """
    if ending := _extract_ending(url):
        kind: Kind = "pbf" if ending == ".osm.pbf" else "any"
        download(url, target, problems, kind=kind, label="OpenStreetMap extract", progress=progress, fetcher=fetcher)
        _check_osm(target, url)
        return target
    bounds = _lonlat(extent)
    size = area_km2(bounds)
    if size > max_km2:
        rule = f"box is at most {max_km2:g} km² for a query (this one has {size:.0f} km²); use an extract (.osm.pbf)"
        raise InputError([Problem(rule, file=url)])
    folder = target.with_name(f".{target.name}.tiles")
    tiles: list[Path] = []
    for number, tile in enumerate(pending := _tiles(bounds, tile_km2), start=1):
        label = f"OpenStreetMap, tile {number} of {len(pending)}"
        tiles += _fetch_tile(tile, folder, url, query_s, problems, label, progress, fetcher, SPLITS)
    _merge_osm(tiles, target, url)
    _remove(folder)
    return target


def overpass_query(bounds: Bounds, query_s: int) -> str:
    """
    Query for a box in the language of Overpass.

    Boundaries are not asked for with their members, nor routes: a line that passes through would bring in the whole
    country.
    """
    west, south, east, north = bounds
    box = f"({south:.6f},{west:.6f},{north:.6f},{east:.6f})"
    return (
        f"[out:xml][timeout:{query_s}][maxsize:{QUERY_MEMORY_BYTES}];"
        f'(node{box};way{box};relation["type"~"^(multipolygon|building|public_transport|site)$"]{box};);'
        f"(._;>;)->.whole;"
        f'relation["type"~"^(route|restriction)$"]{box}->.lines;'
        f"(.whole;.lines;);out body;"
    )


def _lonlat(extent: Extent) -> Bounds:
    west, south, east, north = extent.within(LONLAT)
    finite = all(map(math.isfinite, (west, south, east, north)))
    if not finite or not (-180.0 <= west < east <= 180.0 and -90.0 <= south < north <= 90.0):
        raise InputError([Problem(f"box lies on Earth, west of east and south of north (got {extent.bounds})")])
    return (west, south, east, north)


def _tiles(bounds: Bounds, tile_km2: float) -> list[Bounds]:
    """Equal tiles of at most a given area, as square as they can be, from the south-west."""
    west, south, east, north = bounds
    side = math.sqrt(tile_km2) / KM_PER_DEGREE
    wide = side / math.cos(math.radians((south + north) / 2.0))
    columns, rows = math.ceil((east - west) / wide - 1e-9), math.ceil((north - south) / side - 1e-9)
    if area_km2(bounds) <= tile_km2:
        columns = rows = 1
    return list(_cut(bounds, columns, rows))


def _cut(bounds: Bounds, columns: int, rows: int) -> Iterator[Bounds]:
    west, south, east, north = bounds
    xs = [west + (east - west) * i / columns for i in range(columns)] + [east]
    ys = [south + (north - south) * j / rows for j in range(rows)] + [north]
    for bottom, top in pairwise(ys):
        for left, right in pairwise(xs):
            yield (left, bottom, right, top)


def _fetch_tile(
    bounds: Bounds,
    folder: Path,
    url: str,
    query_s: int,
    problems: Problems,
    label: str,
    progress: Progress | None,
    fetcher: Fetcher | None,
    splits: int,
) -> list[Path]:
    """One tile, or its quarters where the server cannot finish it."""
    west, south, east, north = bounds
    path = folder / f"{west:.6f}_{south:.6f}_{east:.6f}_{north:.6f}.osm"
    if not path.is_file():
        address = f"{url}{'&' if '?' in url else '?'}{urlencode({'data': overpass_query(bounds, query_s)})}"
        # An answer of a query is of the moment: it is not kept for other studies.
        once = _without_cache(fetcher)
        fresh = path.with_suffix(".new")
        download(address, fresh, problems, kind="osm", label=label, progress=progress, fetcher=once)
        remark = _remark(fresh)
        if not remark:
            fresh.replace(path)
        else:
            fresh.unlink()
            if not splits:
                raise InputError([Problem(f"{label}: the server could not finish the query: {remark}", file=url)])
            problems.note(f"{label}: too much for the server ({remark}); asked for in quarters")
            quarters: list[Path] = []
            for quarter in _cut(bounds, 2, 2):
                quarters += _fetch_tile(quarter, folder, url, query_s, problems, label, progress, fetcher, splits - 1)
            return quarters
    return [path]


def _without_cache(fetcher: Fetcher | None) -> Fetcher:
    return replace(fetcher, cache=None) if fetcher else Fetcher()


def _remark(path: Path) -> str:
    """What an Overpass answer with status 200 has to say on why it is not whole; empty where it is."""
    with path.open("rb") as handle:
        handle.seek(0, 2)
        handle.seek(max(0, handle.tell() - TAIL))
        tail = handle.read().decode("utf-8", "replace")
    if "<remark>" in tail:
        return " ".join(tail.partition("<remark>")[2].partition("</remark>")[0].split())[:200]
    return "" if tail.rstrip().endswith("</osm>") else "the answer ends before </osm>"


def _merge_osm(tiles: list[Path], target: Path, url: str) -> None:
    """All tiles as one file, sorted, each object once."""
    try:
        reader = osmium.MergeInputReader()
        for tile in tiles:
            reader.add_file(str(tile))
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary:
            # The temporary name ends with the last ending only; the format is said outright.
            name = target.name.lower()
            form = next((form for form in ("osm.pbf", "osm.bz2", "osm") if name.endswith(form)), "osm")
            output = osmium.io.File(str(temporary), form)
            writer = osmium.SimpleWriter(output, overwrite=True)
            try:
                reader.apply(writer, simplify=True)
            finally:
                writer.close()
    except (RuntimeError, ValueError) as error:
        for tile in tiles:
            tile.unlink(missing_ok=True)
        raise InputError([Problem(f"the answer is not OpenStreetMap data: {error}", file=url)]) from error


def _check_osm(path: Path, url: str) -> None:
    """Read the header of an extract, so that a broken one is found at once."""
    try:
        reader = osmium.io.Reader(str(path))
        reader.header()
        reader.close()
    except (RuntimeError, ValueError) as error:
        path.unlink(missing_ok=True)
        raise InputError([Problem(f"the extract is not OpenStreetMap data: {error}", file=url)]) from error


def dem_tile(lon: float, lat: float) -> str:
    """
    Public name of the Copernicus GLO-30 tile a point lies in [1]_.

    References
    ----------
    .. [1] https://copernicus-dem-30m.s3.amazonaws.com/readme.html

    >>> dem_tile(107.58, 16.46), dem_tile(-1.55, -0.2)
    ('Copernicus_DSM_COG_10_N16_00_E107_00_DEM', 'Copernicus_DSM_COG_10_S01_00_W002_00_DEM')
    """
    x, y = math.floor(lon), math.floor(lat)
    return f"Copernicus_DSM_COG_10_{'SN'[y >= 0]}{abs(y):02d}_00_{'WE'[x >= 0]}{abs(x):03d}_00_DEM"


def fetch_dem(
    extent: Extent,
    target: Path,
    problems: Problems,
    *,
    url_template: str,
    progress: Progress | None = None,
    fetcher: Fetcher | None = None,
) -> Path:
    """
    Heights of the Copernicus GLO-30 surface model in a box, as one GeoTIFF.

    It is a model of the surface: roofs and tree tops, not the ground, about 30 m fine; a note says so. Tiles of the
    open sea do not exist; their cells are left without value.

    Parameters
    ----------
    extent
        The box.
    target
        GeoTIFF to write, in longitude and latitude, heights above the EGM2008 geoid [m].
    problems
        Collector of notes.
    url_template
        Address of a tile, with ``{tile}`` for its name.
    progress, fetcher
        As for `download`.

    Returns
    -------
    pathlib.Path
        The target.

    Raises
    ------
    InputError
        The box needs more than `MAX_DEM_TILES` tiles, there is none at all, or a tile cannot be fetched or read.
    """
    west, south, east, north = _lonlat(extent)
    margin = DEM_MARGIN_DEG
    bounds = (
        max(west - margin, -180.0),
        max(south - margin, -90.0),
        min(east + margin, 180.0),
        min(north + margin, 90.0),
    )
    west, south, east, north = bounds
    names = [
        dem_tile(x, y)
        for y in range(math.floor(south), math.ceil(north))
        for x in range(math.floor(west), math.ceil(east))
    ]
    if len(names) > MAX_DEM_TILES:
        rule = f"box touches at most {MAX_DEM_TILES} tiles of the surface model (this one {len(names)})"
        raise InputError([Problem(rule, file=url_template)])
    folder = target.with_name(f".{target.name}.tiles")
    found, missing = [], []
    for number, name in enumerate(names, start=1):
        url = _fill(url_template, tile=name)
        label = f"surface model, tile {number} of {len(names)}"
        path = folder / f"{name}.tif"
        try:
            if not path.is_file():
                download(url, path, problems, kind="tiff", label=label, progress=progress, fetcher=fetcher)
            found.append(path)
        except NotFoundError:
            missing.append(name)
    if not found:
        raise InputError(
            [Problem("there is no tile of the surface model here: open sea, or not released", file=url_template)]
        )
    if missing:
        problems.note("surface model has no tile here (open sea); cells are left without value", rows=missing)
    _merge_rasters(found, bounds, target, url_template)
    _remove(folder)
    problems.note(
        "heights are of the surface (roofs, tree tops), about 30 m fine: the ground must be derived from them"
    )
    return target


def _merge_rasters(paths: list[Path], bounds: Bounds, target: Path, url: str) -> None:
    """Window of some tiles of one grid as one GeoTIFF."""
    try:
        with _rasters(), ExitStack() as stack:
            tiles = [stack.enter_context(rasterio.open(path)) for path in paths]
            first = tiles[0]
            cells = (bounds[2] - bounds[0]) / first.res[0] * (bounds[3] - bounds[1]) / first.res[1]
            if any(tile.crs != first.crs or tile.crs is None for tile in tiles) or not first.crs.is_geographic:
                raise InputError([Problem("tiles are on one grid of longitude and latitude", file=url)])
            _check_cells(cells, url)
            values, transform = merge(
                tiles, bounds=_on_cells(bounds, first.transform), nodata=DEM_NODATA, dtype="float32", indexes=[1]
            )
            profile = _profile(first.crs, transform, values.shape[1:], DEM_NODATA)
        with replacing(target) as temporary, rasterio.open(temporary, "w", **profile) as out:
            out.write(values)
            out.update_tags(ELEVATION="surface", UNITS="m")
    except RasterioError as error:
        for path in paths:
            path.unlink(missing_ok=True)
        raise InputError([Problem(f"a tile cannot be read as GeoTIFF: {error}", file=url)]) from error


def _on_cells(bounds: Bounds, transform: Affine) -> Bounds:
    """Smallest box of whole cells around a box, so that merging moves no value."""
    west, south, east, north = bounds
    x, y, wide, high = transform.c, transform.f, transform.a, -transform.e
    left, right = math.floor((west - x) / wide), math.ceil((east - x) / wide)
    top, bottom = math.floor((y - north) / high), math.ceil((y - south) / high)
    return (x + left * wide, y - bottom * high, x + right * wide, y - top * high)


def _check_cells(cells: float, url: str) -> None:
    if cells > MAX_CELLS:
        raise InputError(
            [Problem(f"raster of the box has at most {MAX_CELLS:.0e} cells (this one {cells:.1e})", file=url)]
        )


def _profile(crs: Any, transform: Any, shape: tuple[int, ...], nodata: float | None) -> dict[str, Any]:
    return {
        "driver": "GTiff",
        "crs": crs,
        "transform": transform,
        "height": shape[0],
        "width": shape[1],
        "count": 1,
        "dtype": "float32",
        "nodata": nodata,
        "compress": "deflate",
        "predictor": 3,
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
    }


def fetch_population(
    extent: Extent,
    target: Path,
    problems: Problems,
    *,
    url_template: str,
    iso3: str = "",
    progress: Progress | None = None,
    fetcher: Fetcher | None = None,
) -> Path:
    """
    People per cell in a box, cut from a raster of the country as WorldPop and GHSL publish it.

    Parameters
    ----------
    extent
        The box.
    target
        GeoTIFF to write, on the grid of the source, whole cells.
    problems
        Collector of notes.
    url_template
        Address of the raster; ``{iso3}`` and ``{ISO3}`` stand for the country.
    iso3
        Three-letter code of the country.
    progress, fetcher
        As for `download`.

    Returns
    -------
    pathlib.Path
        The target.

    Raises
    ------
    InputError
        The raster cannot be fetched or read, or does not cover the box.
    """
    url = _fill(url_template, iso3=iso3.lower(), ISO3=iso3.upper())
    whole = target.with_name(f".{target.name}.country.tif")
    download(url, whole, problems, kind="tiff", label="population", progress=progress, fetcher=fetcher)
    try:
        with _rasters(), rasterio.open(whole) as source:
            if source.crs is None:
                raise InputError([Problem("raster says which grid it is on", file=url)])
            west, south, east, north = _lonlat(extent)
            margin = POPULATION_MARGIN_DEG
            wanted = (west - margin, south - margin, east + margin, north + margin)
            box = transform_bounds(LONLAT, source.crs, *wanted)
            window = _whole_cells(from_bounds(*box, transform=source.transform))
            inside = Window(0, 0, source.width, source.height)
            if not _overlap(window, inside):
                raise InputError([Problem("raster covers the box", file=url)])
            window = window.intersection(inside)
            _check_cells(window.width * window.height, url)
            values = source.read(1, window=window).astype("float32")
            profile = _profile(source.crs, source.window_transform(window), values.shape, source.nodata)
        with replacing(target) as temporary, rasterio.open(temporary, "w", **profile) as out:
            out.write(values, 1)
            out.update_tags(UNITS="people per cell")
    except RasterioError as error:
        raise InputError([Problem(f"raster cannot be read: {error}", file=url)]) from error
    finally:
        whole.unlink(missing_ok=True)
    return target


@contextmanager
def _rasters() -> Iterator[None]:
    """Work on rasters without the warnings that rasterio 1.4 draws from newer releases of affine."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Use `@` matmul", PendingDeprecationWarning)
        yield


def _whole_cells(window: Window) -> Window:
    left, top = math.floor(window.col_off), math.floor(window.row_off)
    right = math.ceil(window.col_off + window.width)
    bottom = math.ceil(window.row_off + window.height)
    return Window(left, top, right - left, bottom - top)


def _overlap(one: Window, other: Window) -> bool:
    return bool(
        one.col_off < other.col_off + other.width
        and other.col_off < one.col_off + one.width
        and one.row_off < other.row_off + other.height
        and other.row_off < one.row_off + one.height
    )


def _fill(template: str, **names: str) -> str:
    """Template with its names filled in."""
    try:
        return template.format(**names)
    except (KeyError, IndexError, ValueError) as error:
        known = ", ".join(f"{{{name}}}" for name in names)
        raise InputError([Problem(f"template uses only the names {known}", file=template)]) from error


def _remove(folder: Path) -> None:
    """Remove a folder of tiles that were merged."""
    shutil.rmtree(folder, ignore_errors=True)


def fetch_place(
    place: Somewhere,
    folder: Path,
    services: Services,
    problems: Problems,
    *,
    progress: Progress | None = None,
    fetcher: Fetcher | None = None,
) -> list[dict[str, str]]:
    """
    Fetch OpenStreetMap, the surface model and population of a place into a folder.

    A file that was fetched for the same box from the same address, and has not changed since, is not fetched again,
    so a call that was cut off goes on where it stopped. One source that fails does not stop the others: `problems`
    has an error for each that is missing, and the entries of the rest are returned.

    Parameters
    ----------
    place
        Name, country and box.
    folder
        Folder of the files, such as ``data`` of a study; it must lie in the study.
    services
        Where the data come from; a service without address is left out.
    problems
        Collector of errors and notes.
    progress, fetcher
        As for `download`.

    Returns
    -------
    list of dict
        Entries for ``[[source]]``: kind, path (``<folder>/<file>``), licence, attribution, and more by kind.
    """
    extent = place.extent
    iso3 = services.iso3.get(place.country, "")
    shared: dict[str, Any] = {"progress": progress, "fetcher": fetcher}

    def osm(target: Path) -> Path:
        limits: dict[str, Any] = {
            "tile_km2": services.tile_km2,
            "max_km2": services.max_km2,
            "query_s": services.query_s,
        }
        return fetch_osm(extent, target, problems, url=services.osm.url, **limits, **shared)

    def dem(target: Path) -> Path:
        return fetch_dem(extent, target, problems, url_template=services.dem.url, **shared)

    def population(target: Path) -> Path:
        return fetch_population(extent, target, problems, url_template=services.population.url, iso3=iso3, **shared)

    jobs: list[tuple[str, Service, str, Callable[[Path], Path], dict[str, str]]] = [
        ("OpenStreetMap", services.osm, f"map{_extract_ending(services.osm.url) or '.osm.pbf'}", osm, {"kind": "osm"}),
        ("surface model", services.dem, "surface.tif", dem, {"kind": "terrain"}),
        ("population", services.population, "population.tif", population, {"kind": "population", "form": "grid"}),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for what, service, name, fetch, entry in jobs:
        if not service.url:
            continue
        target = folder / name
        request = json.dumps([service.url, list(extent.within(LONLAT)), iso3 if what == "population" else ""])
        try:
            if not _complete(folder, target, request):
                fetch(target)
                _record(folder, target, request)
        except InputError as error:
            for problem in error.problems:
                problems.error(f"{what} of {place.name} is missing: {problem}")
            continue
        except OSError as error:
            problems.error(f"{what} of {place.name} is missing: {target} cannot be written ({error.strerror or error})")
            continue
        about = {"licence": service.licence, "attribution": service.attribution}
        path = {"path": f"{folder.name}/{name}"}
        entries.append(entry | path | {key: value for key, value in about.items() if value})
    return entries


def _extract_ending(url: str) -> str:
    """Ending of the file where an address is one of an extract; empty where it is one of an interpreter."""
    path = urlsplit(url).path
    endings = {".osm.bz2": ".osm.bz2", ".osm": ".osm", ".pbf": ".osm.pbf"}
    return next((ending for suffix, ending in endings.items() if path.endswith(suffix)), "")


def _records(folder: Path) -> dict[str, dict[str, str]]:
    try:
        records = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return records if isinstance(records, dict) else {}


def _complete(folder: Path, target: Path, request: str) -> bool:
    """Whether a file was fetched by the same request and is still as it was."""
    record = _records(folder).get(target.name)
    if not isinstance(record, dict) or record.get("request") != request or not target.is_file():
        return False
    return record.get("sha256") == sha256(target)


def _record(folder: Path, target: Path, request: str) -> None:
    records = _records(folder) | {target.name: {"request": request, "sha256": sha256(target)}}
    write_text(folder / RECORD, json.dumps(records, indent=2, sort_keys=True) + "\n")
