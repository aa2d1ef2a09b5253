"""The build report: what a city holds, how each value came about, and every problem met."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from dothi.city import City
from dothi.content import code_digest
from dothi.draft import Draft, Step
from dothi.io.files import copy_file, write_text
from dothi.schema import expand
from dothi.tables import RASTERS, TABLES
from dothi.units import M2_PER_HA, M_PER_KM, words_of
from dothi.workers import Inline

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import pandas as pd

    from dothi.build import Built
    from dothi.study import Study

REPORT = "build-report.html"
PAINTERS: Final = {"map": "dothi.publish.pictures", "view": "dothi.publish.view"}
"""Modules that draw the pictures, by name; imported where a picture is drawn."""
SHOWN: Final = {"map": ("buildings", "network", "terrain"), "view": ("network", "ground")}
"""Steps of a build whose results each picture shows."""


def describe(city: City) -> dict[str, Any]:
    """
    What a city holds.

    Returns
    -------
    dict
        ``tables`` with rows and, by column, unit, missing values and the share of each method; ``rasters``; grid,
        bounds and sources.
    """
    return {
        "name": city.name,
        "country": city.country,
        "crs": city.crs,
        "bounds": list(city.bounds),
        "tables": {name: _describe_table(name, city.tables[name]) for name in city.tables},
        "rasters": {
            name: {
                "unit": RASTERS[name][0],
                "description": RASTERS[name][1],
                "shape": list(city.rasters[name].shape),
                "cell_m": abs(float(city.rasters[name]["x"][1] - city.rasters[name]["x"][0])),
                "minimum": float(city.rasters[name].min()),
                "maximum": float(city.rasters[name].max()),
            }
            for name in city.rasters
        },
        "provenance": dict(city.provenance),
    }


def _describe_table(name: str, frame: pd.DataFrame) -> dict[str, Any]:
    import pandas as pd

    declared = expand(TABLES[name].columns) if name in TABLES else {}
    columns = {}
    for column in frame.columns:
        if column.endswith(("_method", "_confidence")) and column in declared:
            continue
        facts: dict[str, Any] = {
            "unit": declared[column].unit if column in declared else "",
            "missing": int(frame[column].isna().sum()),
            "methods": {},
        }
        if f"{column}_method" in frame:
            shares = frame[f"{column}_method"].value_counts(normalize=True)
            facts["methods"] = {str(method): round(float(share), 4) for method, share in shares.items() if share > 0}
            confidence = frame[f"{column}_confidence"].mean()
            facts["confidence"] = None if pd.isna(confidence) else round(float(confidence), 3)
        columns[column] = facts
    return {"rows": len(frame), "columns": columns}


def summary(study: Study, built: Built) -> dict[str, Any]:
    """
    What a build did, for programs.

    Returns
    -------
    dict
        ``counts``, ``coverage`` by table, column and method, ``problems``, ``accuracy``, ``seconds``, ``changed`` and
        ``folder``.
    """
    description = describe(built.city)
    return {
        "name": study.config.name,
        "changed": built.changed,
        "folder": str(built.folder),
        "counts": {name: table["rows"] for name, table in description["tables"].items()},
        "coverage": {
            name: {column: facts["methods"] for column, facts in table["columns"].items() if facts["methods"]}
            for name, table in description["tables"].items()
        },
        "problems": [{"severity": problem.severity, "text": str(problem)} for problem in built.problems],
        "accuracy": [dict(row) for row in built.accuracy],
        "seconds": {title: round(seconds, 3) for title, seconds in built.seconds.items()},
    }


def write_build_report(study: Study, built: Built, executor: Executor | None = None) -> Path:
    """
    Write ``build-report.html`` and its pictures into the study folder, unless they are there for this very city.

    Parameters
    ----------
    study
        The study.
    built
        What its build did.
    executor
        Where it is written; in this process where None.

    Returns
    -------
    pathlib.Path
        The report.
    """
    report = study.folder / REPORT
    if (
        not built.changed
        and report.exists()
        and f'content="{built.folder.name}"' in report.read_text(encoding="utf-8")[:2000]
    ):
        return report
    (executor or Inline()).submit(_write, report, built).result()
    return report


def picture_steps() -> tuple[Step, ...]:
    """Steps of a build that draw the pictures of its report, each as soon as there is what it shows."""
    return tuple(
        Step(
            name,
            f"Drawing the {name}",
            partial(_picture, name),
            after=SHOWN[name],
            depends_on=code_digest(module),
            weight=2.0,
            imports=(module,),
        )
        for name, module in PAINTERS.items()
    )


def _picture(name: str, draft: Draft) -> Mapping[str, bytes]:
    """File of a picture of the city in the making; none where there is nothing to be shown."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.png"
        _painter(name)(draft.city(), path)
        return {path.name: path.read_bytes()} if path.exists() else {}


def _painter(name: str) -> Callable[[City, Path], None]:
    paint: Callable[[City, Path], None] = getattr(import_module(PAINTERS[name]), f"draw_{name}")
    return paint


def _write(report: Path, built: Built) -> None:
    """Write the report, with pictures that its build drew or else with new ones."""
    import jinja2

    city = built.city
    pictures = {name: report.parent / "pictures" / f"{name}.png" for name in PAINTERS}
    for name, path in pictures.items():
        drawn = built.looked[name] / path.name if name in built.looked else None
        if drawn is None:
            _painter(name)(city, path)
        elif drawn.exists():
            copy_file(drawn, path)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dothi.publish"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "words": words_of,
        "percent": lambda share: f"{share:.0%}" if share >= 0.01 else "< 1%",
        "thousands": "{:,}".format,
    }
    html = environment.get_template("build-report.html.jinja").render(
        key=built.folder.name,
        city=describe(city),
        declared=TABLES,
        problems=_by_severity(built),
        accuracy=built.accuracy,
        geometry=_geometry(city),
        seconds=built.seconds,
        facts=_facts(city),
        pictures={name: _inline(path) for name, path in pictures.items() if path.exists()},
    )
    write_text(report, html)


def _geometry(city: City) -> list[dict[str, Any]]:
    """Solids by the way they came about, rules they were tried on, and those that some break."""
    checks = city["geometry_checks"]
    return [
        {
            "method": method,
            "solids": int(rows["solids"].max()),
            "rules": len(rows),
            "broken": rows[rows["broken"] > 0].to_dict("records"),
        }
        for method, rows in checks.groupby("method", observed=True)
    ]


def _by_severity(built: Built) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {"repair": [], "note": []}
    for problem in built.problems:
        found.setdefault(problem.severity, []).append(str(problem))
    return found


def _inline(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _facts(city: City) -> list[tuple[str, str]]:
    """The few numbers that say what city this is: label and value."""
    west, south, east, north = city.bounds
    buildings, links = city["buildings"], city["links"]
    facts = [
        (f"{(east - west) / M_PER_KM:.1f} × {(north - south) / M_PER_KM:.1f} km", "extent"),
        (f"{len(buildings):,}", "buildings"),
    ]
    if len(links):
        streets = links[links["reverse_link_id"].isna() | (links["reverse_link_id"] > links.index)]
        facts.append((f"{streets.loc[streets['car'], 'length_m'].sum() / M_PER_KM:.0f} km", "streets for cars"))
    for column, label in (("residents", "residents"), ("dwellings", "dwellings"), ("jobs", "jobs")):
        if column in buildings and buildings[column].notna().any():
            facts.append((f"{int(buildings[column].sum()):,}", label))
    if "height_m" in buildings and buildings["height_m"].notna().any():
        facts.append((f"{buildings['height_m'].median():.1f} m", "median height"))
    water = city["water_bodies"]
    if len(water):
        facts.append((f"{water.geometry.area.sum() / M2_PER_HA:,.0f} ha", "open water"))
    return facts
