"""A new study from files or from the name of a place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dothi.errors import InputError, Problem, Problems
from dothi.io.files import replacing, sha256, short_message, write_text
from dothi.io.recognise import recognise
from dothi.place import COUNTRIES
from dothi.place.gazetteer import find_place
from dothi.place.grids import grid_for_point
from dothi.study import CONFIG

if TYPE_CHECKING:
    from dothi.crs import Bounds, Extent
    from dothi.place.gazetteer import Place

DATA = "data"


def initialise(
    folder: Path,
    files: Iterable[Path],
    *,
    place: str | None = None,
    name: str | None = None,
    country: str | None = None,
    crs: str | None = None,
    link: bool = False,
    services: Path | None = None,
    notify: Callable[[str], object] = lambda _: None,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> tuple[Path, Problems]:
    """
    Write a new study.

    Parameters
    ----------
    folder
        Folder of the study; it may exist, but hold no ``dothi.toml``.
    files
        Files and folders to build from, the most trusted first.
    place
        Name of a place of which open data are fetched.
    name, country, crs
        As in ``dothi.toml``; found out where None.
    link
        Whether files are referred to where they are, not copied into the study.
    services
        File with the addresses to fetch from; the public ones where None.
    notify, progress
        Told of what is going on, and of bytes fetched.

    Returns
    -------
    config : pathlib.Path
        The ``dothi.toml`` written.
    problems : Problems
        What could not be fetched, and notes. The study can be built without it.

    Raises
    ------
    InputError
        There is a study already, a file is not recognised, nothing tells where the city is, or no map could be fetched.
    """
    config = folder / CONFIG
    if config.exists():
        raise InputError([Problem("there is no study yet: remove it, or choose another folder", file=str(config))])
    if blocking := next((above for above in (folder, *folder.parents) if above.exists() and not above.is_dir()), None):
        raise InputError([Problem("is a folder, or not there yet", file=str(blocking))])
    listed = list(dict.fromkeys(files))
    if not listed and not place:
        raise InputError([Problem("files or the name of a place (--place) are given")])
    problems = Problems()
    entries = _recognised(listed, problems)
    problems.raise_errors()

    found = find_place(place) if place else None
    box = found.box if found else _lonlat_box(entries)
    if box is not None:
        choice = grid_for_point((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        country = country or _country(found.country if found else "vn" if choice.province else "fr", notify)
        crs = crs or choice.crs
        notify(choice.why if crs == choice.crs else f"Grid: {crs}, as given.")
    if not (crs and country):
        raise InputError([Problem("a file tells where the city is: else give --crs and --country")])
    title = name or (found.name if found else folder.resolve().name)
    _check(title, country, crs, entries, box)
    extent = None
    if found:
        entries += _fetched(found, folder, services, problems, progress)
        extent = [round(value) for value in found.extent.within(crs)]
    elif held := _osm_extent(entries):
        extent = _allowed([round(value) for value in held.within(crs)])
        if extent:
            notify("Extent: the box in the head of the OpenStreetMap file; ways that reach beyond it are cut there.")
    lines = _header(title, country, crs, extent)
    made: list[Path] = []
    try:
        for path, entry in entries:
            kept = {} if path is None else {"path": _kept(path, folder, link, notify, made)}
            habits = {"narrow_alleys": True} if (entry["kind"], country) == ("osm", "vn") else {}
            lines += ["", "[[source]]", *_as_toml({"kind": entry["kind"]} | kept | entry | habits)]
        write_text(config, "\n".join(lines) + "\n")
    except (OSError, shutil.Error) as error:
        _unmake(folder, made)
        raise InputError([Problem(f"files can be written there ({_reason(error)})", file=str(folder))]) from error
    return config, problems


def _check(
    name: str, country: str, crs: str, entries: list[tuple[Path | None, dict[str, Any]]], box: Bounds | None
) -> None:
    """Refuse what no build could take, before anything is fetched or copied."""
    from pydantic import ValidationError

    from dothi.config import StudyConfig
    from dothi.io.placement import check_scale
    from dothi.io.toml import report_invalid

    problems = Problems()
    # What is yet to be fetched is no matter here, but a study without any source would be refused.
    sources = [entry | {"path": str(path)} for path, entry in entries] or [{"kind": "osm", "path": DATA}]
    try:
        StudyConfig.model_validate({"name": name, "country": country, "crs": crs, "source": sources})
    except ValidationError as error:
        report_invalid(error, "", problems)
    problems.raise_errors()
    if box is not None:
        check_scale(crs, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, problems)
    problems.raise_errors()


def _unmake(folder: Path, made: list[Path]) -> None:
    """Remove what was copied, and folders that are empty then."""
    for path in made:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    for empty in (folder / DATA, folder):
        with suppress(OSError):
            empty.rmdir()


def _reason(error: OSError) -> str:
    return error.strerror or " ".join(str(error).split())[:200]


def _fetched(
    place: Place, folder: Path, services: Path | None, problems: Problems, progress: Any
) -> list[tuple[Path | None, dict[str, Any]]]:
    """Entries of what was fetched. A map is the least a city needs."""
    from dothi.io.fetch import Fetcher, user_cache
    from dothi.io.remote import fetch_place
    from dothi.place.services import load_services

    fetcher = Fetcher(cache=user_cache())
    entries = fetch_place(place, folder / DATA, load_services(services), problems, progress=progress, fetcher=fetcher)
    if not any(entry["kind"] == "osm" for entry in entries):
        problems.raise_errors()
    return [(None, dict(entry)) for entry in entries]


def _recognised(files: list[Path], problems: Problems) -> list[tuple[Path | None, dict[str, Any]]]:
    entries: list[tuple[Path | None, dict[str, Any]]] = []
    for path in files:
        own = Problems(str(path))
        if not path.name.isprintable():
            own.file = repr(str(path))
            own.error("name of the file has no line breaks or control characters: rename it")
        else:
            entries += [(path, entry) for entry in recognise(path, own)]
        problems.extend(own)
    return entries


def _kept(path: Path, folder: Path, link: bool, notify: Callable[[str], object], made: list[Path]) -> str:
    """Path for ``dothi.toml``: of the copy in the study, or of the file itself."""
    if link:
        return path.resolve().as_posix()
    target = folder / DATA / path.name
    number = 1
    while target.exists() and sha256(target) != sha256(path):  # another file of the same name
        number += 1
        target = folder / DATA / str(number) / path.name
    if not target.exists():
        notify(f"Copying {path.name}")
        made += [target] if number == 1 else [target.parent]
        if path.is_dir():
            shutil.copytree(path, target)
        else:
            with replacing(target) as temporary:
                shutil.copyfile(path, temporary)
            for part in path.parent.glob(f"{escape(path.stem)}.*") if path.suffix.lower() == ".shp" else ():
                if part != path:
                    made.append(target.with_name(part.name))
                    shutil.copyfile(part, made[-1])
    return target.relative_to(folder).as_posix()


def _country(code: str, notify: Callable[[str], object]) -> str:
    """Country with place data: the place's own, else France."""
    if code not in COUNTRIES:
        notify(f"There are no place data for {code!r} yet: those of France are used.")
        return "fr"
    return code


def _header(name: str, country: str, crs: str, extent: list[int] | None) -> list[str]:
    box = f"extent = {extent}" if extent else "# extent = [west, south, east, north]"
    return [
        f"name = {json.dumps(name, ensure_ascii=False)}",
        f'country = "{country}"',
        f"crs = {json.dumps(crs, ensure_ascii=False)}",
        f"{box}   # metres on the grid; the box of the sources where absent",
    ]


def _as_toml(entry: dict[str, Any]) -> list[str]:
    return [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items() if value is not None]


def _lonlat_box(entries: list[tuple[Path | None, dict[str, Any]]]) -> Bounds | None:
    """Where the first file that tells lies, in degrees."""
    for path, entry in entries:
        if path is not None and (box := _box_of(path, entry)):
            west, south, east, north = box
            if -180.0 <= west <= east <= 180.0 and -90.0 <= south <= north <= 90.0:
                return box
            where = ", ".join(f"{value:.6g}" for value in box)
            raise InputError([Problem(f"lies on Earth; its box in degrees is {where}: check its grid", file=str(path))])
    return None


def _box_of(path: Path, entry: dict[str, Any]) -> Bounds | None:
    from dothi.crs import LONLAT, Extent

    kind = entry["kind"]
    if kind == "osm":
        return _osm_box(path)
    if kind == "terrain":
        import rasterio
        from rasterio.errors import RasterioError

        from dothi.io.terrain import raster_driver

        try:
            with rasterio.open(path, driver=raster_driver(path)) as raster:
                crs, bounds = raster.crs, raster.bounds
        except RasterioError as error:
            message = f"is a whole GeoTIFF or Esri ASCII grid ({short_message(error, path)})"
            raise InputError([Problem(message, file=str(path))]) from error
        return Extent(crs.to_string(), _box4(bounds)).within(LONLAT) if crs else None
    if kind == "vector" and path.suffix.lower() not in (".csv", ".parquet"):
        import pyogrio

        facts = pyogrio.read_info(path, layer=entry.get("layer"), force_total_bounds=True)
        crs, bounds = facts["crs"], facts["total_bounds"]
        return Extent(crs, _box4(bounds)).within(LONLAT) if crs and bounds is not None else None
    if kind in ("cityjson", "citygml", "gtfs"):
        from dothi.sources import CityGml, CityJson, Gtfs

        source = {"cityjson": CityJson, "citygml": CityGml, "gtfs": Gtfs}[kind](kind=kind, path=str(path.resolve()))
        tables = source.read(Path(), Problems(str(path)), None)
        frame = tables.get("buildings", tables.get("stops"))
        if frame is None or not len(frame) or frame.crs is None:
            return None
        return Extent(frame.crs.to_string(), _box4(frame.total_bounds)).within(LONLAT)
    return None


def _box4(bounds: Iterable[Any]) -> Bounds:
    west, south, east, north = map(float, bounds)
    return (west, south, east, north)


def _osm_extent(entries: list[tuple[Path | None, dict[str, Any]]]) -> Extent | None:
    """
    Box that OpenStreetMap extracts were cut by, in degrees, as their heads say.

    An extract has whole ways and relations, so that what it holds reaches beyond what was asked for. None where one has
    no box in its head, or where other files bring buildings or roads: those may lie anywhere.
    """
    from dothi.crs import LONLAT, Extent

    boxes = []
    for path, entry in entries:
        if entry["kind"] in ("cityjson", "citygml") or entry.get("table") in ("buildings", "roads"):
            return None
        if entry["kind"] == "osm" and path is not None:
            box = _osm_header_box(path)
            if box is None:
                return None
            boxes.append(box)
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return Extent(LONLAT, (min(west), min(south), max(east), max(north)))


def _allowed(extent: list[int]) -> list[int] | None:
    """An extent, where it is none that a study refuses: some heads have the box of a country, or of the world."""
    from dothi.config import LARGEST_M, SMALLEST_M

    west, south, east, north = extent
    return extent if all(SMALLEST_M <= side <= LARGEST_M for side in (east - west, north - south)) else None


def _osm_header_box(path: Path) -> Bounds | None:
    """Box in the head of an extract."""
    import osmium

    try:
        with osmium.io.Reader(str(path), osmium.osm.osm_entity_bits.NOTHING) as reader:
            box = reader.header().box()
    except RuntimeError as error:
        raise _unreadable(path, error) from error
    if not box.valid():
        return None
    return (box.bottom_left.lon, box.bottom_left.lat, box.top_right.lon, box.top_right.lat)


def _osm_box(path: Path) -> Bounds | None:
    """Box in the head of an extract, else the box of its nodes."""
    import osmium

    if box := _osm_header_box(path):
        return box
    try:
        nodes = osmium.FileProcessor(str(path), osmium.osm.NODE)
        places = [(node.lon, node.lat) for node in nodes if isinstance(node, osmium.osm.Node)]
    except RuntimeError as error:
        raise _unreadable(path, error) from error
    if not places:
        return None
    lon, lat = (sorted(values) for values in zip(*places, strict=True))
    few = len(places) // 100  # relations bring in a few nodes from far away
    return (lon[few], lat[few], lon[-1 - few], lat[-1 - few])


def _unreadable(path: Path, error: RuntimeError) -> InputError:
    return InputError([Problem(f"is a readable OpenStreetMap file ({error})", file=str(path))])
