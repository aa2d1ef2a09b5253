"""The steps from sources to a city, in order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dothi.crs import LONLAT, Extent
from dothi.draft import Draft, Step
from dothi.errors import InputError, Problem, Problems
from dothi.schema import expand
from dothi.tables import TABLES

if TYPE_CHECKING:
    import pandas as pd

    from dothi.config import StudyConfig
    from dothi.sources import Source

POINTS = ("terrain_points", "terrain_lines")
LEARNING = ("sklearn.ensemble", "sklearn.tree")


def steps_of(config: StudyConfig, folder: Path, records: list[dict[str, Any]]) -> list[Step]:
    """
    Steps of a build.

    Parameters
    ----------
    config
        What ``dothi.toml`` says.
    folder
        Study folder.
    records
        By source, everything that its tables depend on.

    Returns
    -------
    list of Step
        Every step stands behind those it comes after.
    """
    options = config.build
    plain = tuple(f"source-{number}" for number, source in enumerate(config.source) if not source.needs_extent)
    reading = [
        Step(
            f"source-{number}",
            f"Reading {source.label}",
            partial(_read, source, folder),
            after=plain if source.needs_extent and config.extent is None else (),
            depends_on=(records[number], config.crs, config.extent),
            source=number,
        )
        for number, source in sorted(enumerate(config.source), key=lambda item: item[1].needs_extent)
    ]
    cell, seed = options.terrain_cell_m, options.seed
    derived = [
        Step("assemble", "Joining the sources", _assemble, tuple(step.name for step in reading), config.extent),
        Step("water", "Water bodies", _water, ("assemble",), options.river_from_void),
        Step(
            "buildings",
            "Functions, heights and floor area of buildings",
            _buildings,
            ("assemble",),
            seed,
            weight=2.0,
            imports=("dothi.derive.heights", *LEARNING),
        ),
        Step(
            "network", "Road graph", _network, ("assemble",), (options.node_crossings, options.snap_m, options.accuracy)
        ),
        Step("terrain", "Terrain", _terrain, ("water",), cell, weight=2.5),
        Step("people", "Dwellings, residents and jobs", _people, ("buildings",), seed),
        Step("transit", "Lines of public transport", _transit, ("network", "people"), options.synthetic_transit),
        Step("grid", "Electricity grid", _grid, ("network", "people"), options.synthetic_grid),
        Step("weather", "Weather", _weather, ("assemble",), (options.climate, seed)),
        Step("cover", "Land cover", _cover, ("water", "network"), cell),
        Step("ground", "Ground of the buildings", _ground, ("people", "terrain")),
        Step("surfaces", "Surfaces of the buildings", _surfaces, ("ground",), weight=2.0),
        Step("places", "Facilities and zones", _places, ("network", "people"), (options.zones, options.zone_cell_m)),
    ]
    if options.accuracy:
        trying = "Trying the methods on known values"
        derived.append(Step("accuracy", trying, _accuracy, ("people",), seed, weight=1.5))
    return [*reading, *derived]


def _read(source: Source, folder: Path, draft: Draft) -> Mapping[str, Any]:
    """Tables of one source, put right and on the grid of the city."""
    from dothi.derive.clean import clean

    config = draft.config
    extent = Extent(config.crs, config.extent) if config.extent else None
    known = extent or (_reach(draft) if source.needs_extent else None)
    own = Problems(source.label)
    tables = source.read(folder, own, known)
    cleaned = clean(tables, crs=config.crs, extent=extent or known, problems=own)
    draft.problems.extend(own)
    return cleaned


def _reach(draft: Draft) -> Extent:
    """Box of what tells where the city is: its buildings, else its roads, else anything else."""
    frames = [part[name] for part in draft.parts.values() for name in ("buildings", "roads") if name in part]
    frames = [frame for frame in frames if len(frame)] or [
        part[name]
        for part in draft.parts.values()
        for name in part
        if hasattr(part[name], "total_bounds") and len(part[name])
    ]
    if frames:
        boxes = [frame.total_bounds for frame in frames]
        west, south = (math.floor(min(box[axis] for box in boxes)) for axis in (0, 1))
        east, north = (math.ceil(max(box[axis] for box in boxes)) for axis in (2, 3))
        draft.bounds = (float(west), float(south), float(east), float(north))
    return draft.extent()


def _assemble(draft: Draft) -> Mapping[str, Any]:
    """All sources together; where two tell the same, the one listed first is believed."""
    from dothi.derive.merge import merge

    parts = [draft.parts[number] for number in sorted(draft.parts)]
    if draft.config.extent:
        draft.bounds = draft.config.extent
    else:
        draft.bounds = _reach(draft).bounds
    labels = [draft.config.source[number].label for number in sorted(draft.parts)]
    return merge(parts, problems=draft.problems, labels=labels)


def _water(draft: Draft) -> Mapping[str, Any]:
    import pandas as pd

    from dothi.derive.water import merge_water, river_from_void

    bodies = merge_water(draft.table("water_bodies"), draft.table("waterways"))
    if draft.config.build.river_from_void:
        borders = draft.table("wards")  # of quarters often run in the river
        river = river_from_void(
            draft.table("buildings"),
            draft.table("roads"),
            None,
            draft.extent(),
            hints=borders if len(borders) else None,
        )
        bodies = pd.concat([bodies, river], ignore_index=True) if len(bodies) else river
    return {"water_bodies": bodies}


def _terrain(draft: Draft) -> Mapping[str, Any]:
    """Terrain of a raster, of points, or of what roads and buildings know."""
    from dothi.derive import terrain as ground
    from dothi.io.terrain import grid_for

    grid = grid_for(draft.extent(), draft.config.build.terrain_cell_m)
    roads, buildings, water = (draft.table(name) for name in ("roads", "buildings", "water_bodies"))
    if "terrain" in draft.rasters:
        terrain, void = ground.fill_voids(ground.resample(draft.rasters["terrain"], grid))
        if void:
            draft.problems.repair(f"holes filled from their rims ({void:.1%} of the city)", table="terrain")
    elif any(name in draft.tables for name in POINTS):
        terrain = ground.tin_raster(*ground.points_and_lines(*(draft.tables[name] for name in POINTS)), grid)
    elif ground.has_levels(roads, buildings):
        terrain = ground.terrain_from_city(roads, buildings, water, grid)
    else:
        draft.problems.note("no source has heights of the ground: add a terrain source", table="terrain")
        return {}
    errors = ground.accuracy(terrain, buildings)
    if errors.get("n"):
        draft.accuracy.append(_tried("ground_m", str(terrain.attrs.get("method", "terrain")), "m", errors))
    return {"terrain": terrain}


def _ground(draft: Draft) -> Mapping[str, Any]:
    """The ground every building stands on, and the surface with all of them."""
    from dothi.derive.terrain import ground_levels, surface_raster

    if "terrain" not in draft.rasters:
        return {}
    terrain = draft.rasters["terrain"]
    buildings = ground_levels(draft.table("buildings"), terrain)
    return {"buildings": buildings, "surface": surface_raster(terrain, buildings)}


def _surfaces(draft: Draft) -> Mapping[str, Any]:
    """The skin of every building, and whether the solids it bounds are sound."""
    from dothi.city import City
    from dothi.mesh.checks import check_table
    from dothi.mesh.skin import MOST_STORED, surface_table
    from dothi.schema import complete

    config = draft.config
    names = ("buildings", "building_parts", "surfaces")
    tables = {name: complete(draft.table(name), TABLES[name]) for name in names}
    n_buildings = len(tables["buildings"])
    if not n_buildings:
        return {}
    city = City(config.name, config.country, config.crs, draft.extent().bounds, tables)
    if n_buildings > MOST_STORED:
        draft.problems.note(
            f"walls and roofs of more than {MOST_STORED:,} buildings are not kept as a table: they are made of the "
            "footprints where they are needed",
            table="surfaces",
        )
    return {
        "surfaces": surface_table(city, prisms=n_buildings <= MOST_STORED),
        "geometry_checks": check_table(city),
    }


def _network(draft: Draft) -> Mapping[str, Any]:
    from dothi.derive.link_attributes import link_accuracy, link_attributes
    from dothi.derive.roads import number_components, road_graph

    options = draft.config.build
    roads = draft.table("roads")
    if not len(roads):
        draft.problems.note("no source has roads", table="links")
        return {}
    nodes, links = road_graph(
        roads, snap_m=options.snap_m, node_crossings=options.node_crossings, problems=draft.problems
    )
    if options.accuracy:
        draft.accuracy += _rows(link_accuracy(links, draft.config.country))
    links = link_attributes(links, draft.config.country, problems=draft.problems)
    nodes = number_components(nodes, links, draft.problems)
    return {"nodes": nodes, "links": links[[name for name in expand(TABLES["links"].columns) if name in links]]}


def _buildings(draft: Draft) -> Mapping[str, Any]:
    import pandas as pd

    from dothi.derive.buildings import infer_floor_area, infer_storeys
    from dothi.derive.form import form
    from dothi.derive.functions import infer_function
    from dothi.derive.heights import infer_height

    country = draft.config.country
    buildings = draft.table("buildings")
    shape = form(buildings)
    buildings = infer_function(
        buildings,
        country=country,
        rng=draft.rng("function"),
        facilities=draft.table("facilities"),
        land_use=draft.table("land_use"),
        shape=shape,
    )
    rows: list[dict[str, object]] = []
    buildings = infer_height(buildings, country=country, rng=draft.rng("height"), shape=shape, accuracy=rows)
    draft.accuracy += _rows(pd.DataFrame(rows))
    buildings = infer_storeys(buildings, country=country)
    return {"buildings": infer_floor_area(buildings, country=country, parts=draft.table("building_parts"))}


def _people(draft: Draft) -> Mapping[str, Any]:
    from shapely import box

    from dothi.derive.people import infer_dwellings, infer_jobs, infer_residents

    country, census = draft.config.country, draft.table("census")
    extent = box(*draft.extent().bounds)
    buildings = infer_dwellings(draft.table("buildings"), country=country)
    for infer in (infer_residents, infer_jobs):
        buildings = infer(
            buildings,
            country=country,
            rng=draft.rng(infer.__name__),
            census=census,
            extent=extent,
            problems=draft.problems,
        )
    return {"buildings": buildings}


def _places(draft: Draft) -> Mapping[str, Any]:
    from dothi.derive.facilities import derive_facilities
    from dothi.derive.zones import make_zones

    options = draft.config.build
    nodes, links, buildings = (draft.table(name) for name in ("nodes", "links", "buildings"))
    areas = None if options.zones == "cells" else draft.table(options.zones)
    return {
        "facilities": derive_facilities(draft.table("facilities"), buildings, nodes, problems=draft.problems),
        "zones": make_zones(
            buildings,
            nodes,
            links,
            areas=areas,
            extent=draft.extent(),
            cell_m=options.zone_cell_m,
            problems=draft.problems,
        ),
    }


def _transit(draft: Draft) -> Mapping[str, Any]:
    """Lines with what they lack; made-up ones where the study asks for them and no source has stops."""
    from dothi.derive.transit import complete_lines, synthetic_lines

    country = draft.config.country
    if len(draft.table("route_stops")):
        return {"routes": complete_lines(draft.table("routes"), draft.table("route_stops"), country=country)}
    if not draft.config.build.synthetic_transit or len(draft.table("stops")):
        return {}
    return synthetic_lines(
        *(draft.table(name) for name in ("railways", "nodes", "links", "buildings")),
        extent=draft.extent(),
        country=country,
        problems=draft.problems,
    )


def _grid(draft: Draft) -> Mapping[str, Any]:
    """Connections to the grid of a source; a made-up grid where the study asks for it and no source has one."""
    from dothi.derive.grid import connected, synthetic_grid

    config = draft.config
    buildings = draft.table("buildings")
    if len(draft.table("grid_nodes")):
        nodes, lines, transformers = (draft.table(name) for name in ("grid_nodes", "grid_lines", "transformers"))
        return {"grid_connections": connected(nodes, lines, transformers, buildings, country=config.country)}
    if not config.build.synthetic_grid or not len(draft.table("links")):
        return {}
    return synthetic_grid(draft.table("links"), buildings, country=config.country, problems=draft.problems)


def _cover(draft: Draft) -> Mapping[str, Any]:
    from dothi.derive.landcover import imperviousness, land_cover, roughness
    from dothi.io.terrain import grid_for

    grid = grid_for(draft.extent(), draft.config.build.terrain_cell_m)
    country = draft.config.country
    roads = draft.table("links")
    cover = land_cover(
        grid,
        draft.table("buildings"),
        roads,
        **{name: draft.table(name) for name in ("water_bodies", "land_use", "trees", "railways")},
        country=country,
    )
    return {
        "land_cover": cover,
        "imperviousness": imperviousness(cover, country),
        "roughness": roughness(cover, country),
    }


def _weather(draft: Draft) -> Mapping[str, Any]:
    """Weather of a source; without one a typical year made from the normals of the nearest station."""
    from dothi.crs import transformer
    from dothi.derive.weather import normals, typical_year

    if len(draft.table("weather")):
        return {}
    west, south, east, north = draft.extent().bounds
    place = transformer(draft.config.crs, LONLAT).transform((west + east) / 2, (south + north) / 2)
    try:
        station = normals(draft.config.build.climate or place)
    except KeyError as error:
        raise InputError(
            [Problem(f"is a station with climate normals ({error.args[0]})", column="build.climate")]
        ) from error
    draft.problems.note(
        f"no weather file: a typical year was made from the normals of {station.name} "
        f"({station.distance_km:.0f} km away, {station.period}, {station.source}"
        f"{'' if station.verified else ', unverified'})",
        table="weather",
    )
    year = typical_year(
        station,
        latitude=station.latitude,
        longitude=station.longitude,
        elevation_m=station.elevation_m,
        time_zone_h=station.time_zone_h,
        rng=draft.rng("weather"),
    )
    return {"weather": year}


def _accuracy(draft: Draft) -> Mapping[str, Any]:
    """Hide what is known, predict it, compare: how good each method is in this city."""
    from dothi.derive.accuracy import accuracy_of

    buildings = draft.table("buildings")
    # Where the model of heights was learnt, its errors were found with it.
    learnt = "height_m_method" in buildings and bool((buildings["height_m_method"] == "neighbourhood_model").any())
    draft.accuracy += _rows(
        accuracy_of(
            buildings,
            country=draft.config.country,
            rng=draft.rng("accuracy"),
            census=draft.table("census"),
            tried=("height_m",) if learnt else (),
        )
    )
    return {}


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Accuracy rows as plain values: what is not a number is None."""
    return [
        {str(key): (None if isinstance(value, float) and math.isnan(value) else value) for key, value in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]


def _tried(quantity: str, method: str, unit: str, errors: Mapping[str, float]) -> dict[str, Any]:
    keys = ("mae", "rmse", "bias", "median_relative_error")
    return {"quantity": quantity, "method": method, "unit": unit, "n": int(errors["n"]), "note": ""} | {
        key: errors.get(key) for key in keys
    }
