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
    notify: Callable[[str], object] = lambda _: None,
) -> Path:
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
    notify
        Told of what is going on.

    Returns
    -------
    pathlib.Path
        The ``dothi.toml`` written.

    Raises
    ------
    InputError
        There is a study already, a file is not recognised, or nothing tells where the city is.
    """
    config = folder / CONFIG
    if config.exists():
        raise InputError([Problem("there is no study yet: remove it, or choose another folder", file=str(config))])
    files = list(files)
    if not files and not place:
        raise InputError([Problem("files or the name of a place (--place) are given")])
    problems = Problems()
    entries = _recognised(files, problems)
    problems.raise_errors()

    found = find_place(place) if place else None
    box = found.box if found else _lonlat_box(files, entries)
    if box is None and not (crs and country):
        raise InputError([Problem("a file tells where the city is: else give --crs and --country")])
    if box is not None:
        choice = grid_for_point((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        notify(f"Grid: {choice.crs} ({choice.why})" if crs is None else f"Grid: {crs}")
        crs = crs or choice.crs
        country = country or (found.country if found else _country(box))
    if found:
        from dothi.io.fetch import fetch_place

        entries += [(None, entry) for entry in fetch_place(found, folder / DATA, problems=problems, progress=notify)]
    lines = _header(name or (found.name if found else folder.resolve().name), str(country), str(crs))
    for path, entry in entries:
        kept = entry.get("path") or _kept(path, folder, link, notify)
        lines += ["", "[[source]]", *_as_toml({"kind": entry["kind"], "path": kept} | entry)]
    write_text(config, "\n".join(lines) + "\n")
    for problem in problems:
        notify(str(problem))
    return config


def _recognised(files: list[Path], problems: Problems) -> list[tuple[Path | None, dict[str, Any]]]:
    entries: list[tuple[Path | None, dict[str, Any]]] = []
    for path in files:
        own = Problems(str(path))
        entries += [(path, entry) for entry in recognise(path, own)]
        problems.extend(own)
    return entries


def _kept(path: Path | None, folder: Path, link: bool, notify: Callable[[str], object]) -> str:
    """Path for ``dothi.toml``: of the copy in the study, or of the file itself."""
    if path is None:
        raise ValueError("a source without a file")
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


def _header(name: str, country: str, crs: str) -> list[str]:
    return [
        f"name = {json.dumps(name, ensure_ascii=False)}",
        f'country = "{country}"',
        f'crs = "{crs}"',
        "# extent = [west, south, east, north]   # metres on the grid; the box of the sources where absent",
    ]


def _as_toml(entry: dict[str, Any]) -> list[str]:
    return [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items() if value is not None]


def _lonlat_box(files: list[Path], entries: list[tuple[Path | None, dict[str, Any]]]) -> Bounds | None:
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
            return Extent(raster.crs.to_string(), tuple(raster.bounds)).within(LONLAT) if raster.crs else None
    if kind == "vector" and path.suffix.lower() not in (".csv", ".parquet"):
        import pyogrio

        facts = pyogrio.read_info(path, layer=entry.get("layer"), force_total_bounds=True)
        crs, bounds = facts["crs"], facts["total_bounds"]
        return Extent(crs, tuple(map(float, bounds))).within(LONLAT) if crs and bounds is not None else None
    if kind in ("cityjson", "citygml", "gtfs"):
        from dothi.sources import CityGml, CityJson, Gtfs

        source = {"cityjson": CityJson, "citygml": CityGml, "gtfs": Gtfs}[kind](kind=kind, path=str(path.resolve()))
        tables = source.read(Path(), Problems(str(path)), None)
        frame = tables.get("buildings", tables.get("stops"))
        if frame is None or not len(frame) or frame.crs is None:
            return None
        return Extent(frame.crs.to_string(), tuple(map(float, frame.total_bounds))).within(LONLAT)
    return None


def _osm_box(path: Path) -> Bounds | None:
    """Box in the header of an extract, else the box of its nodes."""
    import osmium

    try:
        with osmium.io.Reader(str(path), osmium.osm.osm_entity_bits.NOTHING) as reader:
            box = reader.header().box()
        if box.valid():
            return (box.bottom_left.lon, box.bottom_left.lat, box.top_right.lon, box.top_right.lat)
        lon: list[float] = []
        lat: list[float] = []
        for node in osmium.FileProcessor(str(path), osmium.osm.NODE):
            lon.append(node.lon)
            lat.append(node.lat)
    except RuntimeError as error:
        raise InputError([Problem(f"is a readable OpenStreetMap file ({error})", file=str(path))]) from error
    return (min(lon), min(lat), max(lon), max(lat)) if lon else None


def _country(box: Bounds) -> str:
    """Vietnam east of India, France elsewhere: two countries have data so far."""
    return "vn" if box[0] > 90.0 else "fr"
