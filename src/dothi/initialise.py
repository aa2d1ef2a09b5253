"""A new study from files or from the name of a place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dothi.errors import InputError, Problem, Problems
from dothi.io.files import replacing, write_text
from dothi.io.recognise import recognise
from dothi.place.gazetteer import find_place
from dothi.place.grids import grid_for_point
from dothi.study import CONFIG

if TYPE_CHECKING:
    from dothi.crs import Bounds
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
    listed = list(files)
    if not listed and not place:
        raise InputError([Problem("files or the name of a place (--place) are given")])
    problems = Problems()
    entries = _recognised(listed, problems)
    problems.raise_errors()

    found = find_place(place) if place else None
    box = found.box if found else _lonlat_box(entries)
    if box is not None:
        choice = grid_for_point((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        country = country or (found.country if found else "vn" if choice.province else "fr")
        crs = crs or choice.crs
        notify(choice.why if crs == choice.crs else f"Grid: {crs}, as given.")
    if not (crs and country):
        raise InputError([Problem("a file tells where the city is: else give --crs and --country")])
    extent = None
    if found:
        entries += _fetched(found, folder, services, problems, progress)
        extent = [round(value) for value in found.extent.within(crs)]
    lines = _header(name or (found.name if found else folder.resolve().name), country, crs, extent)
    for path, entry in entries:
        kept = {} if path is None else {"path": _kept(path, folder, link, notify)}
        lines += ["", "[[source]]", *_as_toml({"kind": entry["kind"]} | kept | entry)]
    write_text(config, "\n".join(lines) + "\n")
    return config, problems


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
        entries += [(path, entry) for entry in recognise(path, own)]
        problems.extend(own)
    return entries


def _kept(path: Path, folder: Path, link: bool, notify: Callable[[str], object]) -> str:
    """Path for ``dothi.toml``: of the copy in the study, or of the file itself."""
    if link:
        return path.resolve().as_posix()
    target = folder / DATA / path.name
    if not target.exists():
        notify(f"Copying {path.name}")
        if path.is_dir():
            shutil.copytree(path, target)
        else:
            with replacing(target) as temporary:
                shutil.copyfile(path, temporary)
            for part in path.parent.glob(f"{path.stem}.*") if path.suffix.lower() == ".shp" else ():
                if part != path:
                    shutil.copyfile(part, target.with_name(part.name))
    return target.relative_to(folder).as_posix()


def _header(name: str, country: str, crs: str, extent: list[int] | None) -> list[str]:
    box = f"extent = {extent}" if extent else "# extent = [west, south, east, north]"
    return [
        f"name = {json.dumps(name, ensure_ascii=False)}",
        f'country = "{country}"',
        f'crs = "{crs}"',
        f"{box}   # metres on the grid; the box of the sources where absent",
    ]


def _as_toml(entry: dict[str, Any]) -> list[str]:
    return [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items() if value is not None]


def _lonlat_box(entries: list[tuple[Path | None, dict[str, Any]]]) -> Bounds | None:
    """Where the first file that tells lies, in degrees."""
    for path, entry in entries:
        if path is not None and (box := _box_of(path, entry)):
            return box
    return None


def _box_of(path: Path, entry: dict[str, Any]) -> Bounds | None:
    from dothi.crs import LONLAT, Extent

    kind = entry["kind"]
    if kind == "osm":
        return _osm_box(path)
    if kind == "terrain":
        import rasterio

        with rasterio.open(path) as raster:
            return Extent(raster.crs.to_string(), _box4(raster.bounds)).within(LONLAT) if raster.crs else None
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


def _osm_box(path: Path) -> Bounds | None:
    """Box in the header of an extract, else the box of its nodes."""
    import osmium

    try:
        with osmium.io.Reader(str(path), osmium.osm.osm_entity_bits.NOTHING) as reader:
            box = reader.header().box()
        if box.valid():
            return (box.bottom_left.lon, box.bottom_left.lat, box.top_right.lon, box.top_right.lat)
        nodes = osmium.FileProcessor(str(path), osmium.osm.NODE)
        places = [(node.lon, node.lat) for node in nodes if isinstance(node, osmium.osm.Node)]
    except RuntimeError as error:
        raise InputError([Problem(f"is a readable OpenStreetMap file ({error})", file=str(path))]) from error
    if not places:
        return None
    lon, lat = (sorted(values) for values in zip(*places, strict=True))
    few = len(places) // 100  # relations bring in a few nodes from far away
    return (lon[few], lat[few], lon[-1 - few], lat[-1 - few])
