"""What kind of source a file is, by its ending and its first bytes."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any, Final

from dothi.errors import Problems
from dothi.io.archive import members_of
from dothi.io.files import short_message
from dothi.io.mapping import load_mapping, mapping_names
from dothi.io.wholeness import FORMATS, check_kind

HEAD_BYTES: Final = 1 << 16
RASTERS: Final = (".tif", ".tiff", ".asc", ".vrt")
VECTORS: Final = (".gpkg", ".geojson", ".geojsonl", ".shp", ".fgb", ".parquet", ".csv")
REPEATED: Final = ("plan_d_eau", "cours_d_eau")
"""Layers of BD TOPO that tell again what another layer tells."""
WORDS: Final = {
    "buildings": ("building", "batiment", "bati", "nha", "cong_trinh", "footprint"),
    "roads": ("road", "street", "highway", "route", "voirie", "duong", "giao_thong"),
    "railways": ("rail", "tram", "duong_sat"),
    "water_bodies": ("water", "river", "lake", "eau", "song", "ho_nuoc", "mat_nuoc"),
    "land_use": ("landuse", "land_use", "occupation_sol", "su_dung_dat"),
    "trees": ("tree", "arbre", "cay"),
    "parcels": ("parcel", "cadastre", "thua_dat"),
    "wards": ("ward", "phuong", "xa_phuong", "quartier", "commune"),
    "census": ("census", "population", "carreau", "iris", "dan_so"),
    "barriers": ("wall", "fence", "barrier", "dyke", "de_dieu"),
    "facilities": ("facilit", "amenit", "equipement", "poi"),
    "stops": ("stop", "arret", "tram_dung"),
}


def recognise(path: Path, problems: Problems) -> list[dict[str, Any]]:
    """
    Entries for `[[source]]` that a file or folder calls for.

    Parameters
    ----------
    path
        File, or folder with a timetable.
    problems
        Collector; a file that is not recognised is reported.

    Returns
    -------
    list of dict
        ``kind`` and options, without ``path``; several where a file has several layers.
    """
    name = path.name.lower()
    if path.is_dir():
        if (path / "stops.txt").exists():
            return [{"kind": "gtfs"}]
        problems.error("is a file, or a folder with a timetable (stops.txt): name the files in it")
        return []
    if not path.stat().st_size:
        problems.error("file is not empty")
        return []
    if name.endswith((".osm", ".pbf", ".osm.bz2", ".osm.gz")):
        return [{"kind": "osm"}]
    if name.endswith(".epw"):
        return [{"kind": "epw"}]
    if name.endswith(RASTERS):
        return [{"kind": "terrain"}]
    if name.endswith(".zip"):
        found = _in_zip(path, problems)
        if found or problems.errors:
            return found
    elif name.endswith((".gml", ".citygml")) or (name.endswith(".xml") and b"CityModel" in _head(path)):
        return [{"kind": "citygml"}]
    elif name.endswith((".city.json", ".city.jsonl")) or (
        name.endswith((".json", ".jsonl")) and b"CityJSON" in _head(path)
    ):
        return [{"kind": "cityjson"}]
    elif name.endswith(".json") and b"pandapowerNet" in _head(path):
        return [{"kind": "pandapower"}]
    elif name.endswith(".dss"):
        return [{"kind": "opendss"}]
    elif name.endswith((*VECTORS, ".json")):
        return _layers(path, problems)
    problems.error(
        "is of a kind that Dothi recognises; this one has to be named in dothi.toml by hand, with its `kind`"
    )
    return []


def _head(path: Path) -> bytes:
    with path.open("rb") as handle:
        return handle.read(HEAD_BYTES)


def _in_zip(path: Path, problems: Problems) -> list[dict[str, Any]]:
    names = [name.lower() for name in members_of(path, problems)]
    if any(name.rsplit("/", 1)[-1] == "stops.txt" for name in names):
        return [{"kind": "gtfs"}]
    if any(name.endswith((".city.json", ".json", ".jsonl")) for name in names):
        return [{"kind": "cityjson"}]
    if any(name.endswith((".gml", ".xml")) for name in names):
        return [{"kind": "citygml"}]
    shapefiles = [name for name in names if name.endswith(".shp")]
    found = [(stem, entry) for stem in map(_stem, shapefiles) if (entry := _entry(stem))]
    return [entry | ({"layer": stem} if len(shapefiles) > 1 else {}) for stem, entry in found]


def _stem(name: str) -> str:
    return Path(name).stem


def _layers(path: Path, problems: Problems) -> list[dict[str, Any]]:
    import pyogrio
    from pyogrio.errors import DataSourceError

    check_kind(path, FORMATS[path.suffix.lower()], problems)
    if problems.errors:
        return []
    if path.suffix.lower() in (".csv", ".parquet"):
        names = [path.stem]
    else:
        try:
            names = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
        except DataSourceError as error:
            problems.error(f"is a readable vector file ({short_message(error, path)})")
            return []
    entries = [
        entry | ({"layer": name} if len(names) > 1 else {})
        for name in names
        if (entry := _entry(name) or (_entry(path.stem) if len(names) == 1 else {}))
    ]
    if not entries:
        problems.error(
            f"has a layer whose name tells what it holds; these do not: {', '.join(names)}. Rename it, such as "
            "buildings or roads, or name it in dothi.toml by hand, with its `table`"
        )
    return entries


def _entry(layer: str) -> dict[str, Any]:
    plain = "".join(
        letter for letter in unicodedata.normalize("NFD", layer.lower()) if not unicodedata.combining(letter)
    )
    plain = plain.replace("đ", "d").replace("-", "_").replace(" ", "_")
    for mapping in (f"bdtopo3:{plain}", f"bdtopo2:{plain}"):
        if mapping in mapping_names() and plain not in REPEATED:
            return {"kind": "vector", "table": load_mapping(mapping).table, "mapping": mapping}
    for table, words in WORDS.items():
        if any(word in plain for word in words):
            return {"kind": "vector", "table": table}
    return {}
