"""Tables of a city: what one row is, and its columns."""

from __future__ import annotations

from typing import Final

from dothi.schema import Column, Table

POLYGONS: Final = ("Polygon", "MultiPolygon")
LINES: Final = ("LineString",)

FUNCTIONS: Final = (
    "residential",
    "apartments",
    "mixed",
    "office",
    "retail",
    "hotel",
    "school",
    "university",
    "health",
    "culture",
    "worship",
    "sport",
    "public",
    "industrial",
    "warehouse",
    "transport",
    "agricultural",
    "utility",
    "outbuilding",
    "other",
)
"""Functions of a building. `mixed` has homes above shops or offices; `outbuilding` is a garage, shed or annexe."""

ROAD_CLASSES: Final = (
    "motorway",
    "trunk",
    "primary",
    "secondary",
    "tertiary",
    "unclassified",
    "residential",
    "living_street",
    "service",
    "alley",
    "track",
    "pedestrian",
    "footway",
    "cycleway",
    "path",
    "steps",
    "busway",
    "ferry",
)
"""Road classes; `alley` is a lane too narrow for cars, `residential` and the like as in OpenStreetMap."""

MODES: Final = ("walk", "bicycle", "motorbike", "car", "bus", "truck")

FACILITY_KINDS: Final = (
    "kindergarten",
    "school",
    "university",
    "hospital",
    "clinic",
    "pharmacy",
    "fire_station",
    "police",
    "public_office",
    "library",
    "culture",
    "worship",
    "sport",
    "playground",
    "park",
    "market",
    "supermarket",
    "shop",
    "restaurant",
    "hotel",
    "bank",
    "post_office",
    "fuel",
    "charging_station",
    "parking",
    "bus_station",
    "railway_station",
    "ferry_terminal",
    "toilets",
    "cemetery",
    "waste",
    "other",
)

LAND_USE_CLASSES: Final = (
    "residential",
    "commercial",
    "industrial",
    "public",
    "education",
    "health",
    "worship",
    "military",
    "transport",
    "construction",
    "agriculture",
    "forest",
    "scrub",
    "grass",
    "park",
    "garden",
    "sport",
    "cemetery",
    "wetland",
    "beach",
    "bare",
    "square",
    "other",
)

WATER_KINDS: Final = ("river", "canal", "lake", "pond", "basin", "sea", "wetland", "stream", "drain", "other")
SURFACE_KINDS: Final = ("roof", "wall", "ground", "closure", "window", "door")
GRID_METHODS: Final = ("source", "synthetic", "nearest")
RAIL_CLASSES: Final = ("rail", "tram", "light_rail", "subway", "monorail", "funicular", "other")

_SOURCE_ID = Column("string", "", "Identifier in the source.", missing=True)
_NAME = Column("string", "", "Name as written in the source.", missing=True)
_LEVEL = Column("integer", "", "Vertical order of crossing lines: 0 ground, 1 above, −1 below.", missing=True)
_BRIDGE = Column("boolean", "", "On a bridge.", missing=True)
_TUNNEL = Column("boolean", "", "In a tunnel.", missing=True)


def _area(description: str) -> Column:
    return Column("geometry", "", description, choices=POLYGONS)


def _line(description: str) -> Column:
    return Column("geometry", "", description, choices=LINES)


def _metres(description: str, maximum: float | None = None, *, inferred: bool = False) -> Column:
    return Column("float", "m", description, 0.0, maximum, missing=True, inferred=inferred)


def _count(description: str, *, inferred: bool = False) -> Column:
    return Column("integer", "", description, 0, missing=True, inferred=inferred)


def _one_of(choices: tuple[str, ...], description: str, *, missing: bool = False, inferred: bool = False) -> Column:
    return Column("category", "", description, choices=choices, missing=missing, inferred=inferred)


def _open_to(who: str) -> Column:
    return Column("boolean", "", f"Open to {who} in this direction.")


_DECLARED = (
    Table(
        "buildings",
        "building_id",
        "A building: one footprint with one height.",
        {
            "geometry": _area("Footprint."),
            "source_id": _SOURCE_ID,
            "name": _NAME,
            "height_m": _metres("Height of the eaves or flat roof above ground.", 1000.0, inferred=True),
            "ground_m": Column("float", "m", "Ground level at the building.", -430, 9000, missing=True, inferred=True),
            "storeys": Column("integer", "", "Storeys above ground.", 1, 200, missing=True, inferred=True),
            "function": _one_of(FUNCTIONS, "Main function.", missing=True, inferred=True),
            "year_built": Column("integer", "", "Year of completion.", -3000, 2200, missing=True),
            "floor_area_m2": Column(
                "float", "m²", "Gross floor area of all storeys.", 0.0, missing=True, inferred=True
            ),
            "dwellings": _count("Dwellings.", inferred=True),
            "residents": _count("People who live here.", inferred=True),
            "jobs": _count("Jobs at this address.", inferred=True),
            "roof_shape": Column("string", "", "Shape of the roof, in the words of OpenStreetMap.", missing=True),
            "min_height_m": _metres("Height of the underside above ground, where the building stands on air.", 1000.0),
        },
    ),
    Table(
        "building_parts",
        "building_part_id",
        "A part of a building with a height of its own.",
        {
            "geometry": _area("Footprint of the part."),
            "building_id": Column(
                "integer", "", "Building it belongs to.", missing=True, refers_to="buildings.building_id"
            ),
            "source_id": _SOURCE_ID,
            "height_m": _metres("Top above ground.", 1000.0),
            "min_height_m": _metres("Underside above ground.", 1000.0),
            "storeys": Column("integer", "", "Storeys above ground.", 1, 200, missing=True),
            "roof_shape": Column("string", "", "Shape of the roof, in the words of OpenStreetMap.", missing=True),
        },
    ),
    Table(
        "surfaces",
        "surface_id",
        "A flat piece of a building's skin: as its source models it, else of the prism over its footprint.",
        {
            "geometry": Column("geometry", "", "Polygon in space.", choices=POLYGONS),
            "building_id": Column("integer", "", "Building it belongs to.", refers_to="buildings.building_id"),
            "kind": _one_of(SURFACE_KINDS, "What the surface is."),
            "lod": Column("string", "", "Level of detail, such as 1, 2.2 (Biljecki et al. 2016)."),
            "method": _one_of(
                ("source", "prism"), "Drawn by the source, or a face of the prism over the footprint.", missing=True
            ),
            "tilt_deg": Column(
                "float", "°", "Angle of the outward normal to the zenith: 0 flat roof, 90 wall.", 0, 180, missing=True
            ),
            "azimuth_deg": Column(
                "float",
                "°",
                "Where the outward normal points, clockwise from grid north; missing where horizontal.",
                0,
                360,
                missing=True,
            ),
            "area_m2": Column("float", "m²", "Area, holes taken off.", 0.0, missing=True),
            "height_m": Column("float", "m", "Mean height above the ground of the building.", missing=True),
            "party_building_id": Column(
                "integer",
                "",
                "Building on the other side of a shared wall, the one that covers most; its own where parts meet.",
                missing=True,
                refers_to="buildings.building_id",
            ),
            "party_area_m2": Column(
                "float", "m²", "Part of the area that neighbours cover: no sun, no heat loss.", 0.0, missing=True
            ),
        },
    ),
    Table(
        "surface_light",
        "surface_id",
        "What a surface sees of sky and sun: handed on by the simulation of the sun, never kept with the city.",
        {
            "building_id": Column("integer", "", "Building it belongs to.", refers_to="buildings.building_id"),
            "kind": _one_of(SURFACE_KINDS, "What the surface is."),
            "tilt_deg": Column("float", "°", "Angle of the outward normal to the zenith.", 0, 180),
            "azimuth_deg": Column(
                "float", "°", "Where the outward normal points, clockwise from true north.", 0, 360, missing=True
            ),
            "lit_area_m2": Column("float", "m²", "Area less what neighbours cover.", 0.0),
            "sky": Column("packed", "", "Share that it sees of each of 145 patches of the sky, in 255ths."),
            "sun": Column("packed", "", "Share of it that the sun reaches from each of its places, in 255ths."),
            "bounce_ground_beam": Column("float", "", "Part of the beam on open ground that comes by reflection.", 0.0),
            "bounce_ground_sky": Column(
                "float", "", "Part of the light of the open sky that the ground reflects.", 0.0
            ),
            "bounce_wall_beam": Column("float", "", "Part of the beam on open walls that comes by reflection.", 0.0),
            "bounce_wall_sky": Column("float", "", "Part of the light of the sky that walls reflect.", 0.0),
        },
    ),
    Table(
        "geometry_checks",
        "geometry_check_id",
        "A rule that solids of buildings should keep, and how many do not.",
        {
            "method": _one_of(("source", "prism"), "Solids drawn by sources, or prisms over footprints."),
            "code": Column("integer", "", "Code of the rule, as val3dity has it.", 100, 999),
            "rule": Column("string", "", "What should hold."),
            "solids": Column("integer", "", "Solids that were tried.", 0),
            "broken": Column("integer", "", "Solids that break the rule.", 0),
            "building_ids": Column("string", "", "Buildings with most faults of this kind.", missing=True),
        },
    ),
    Table(
        "roads",
        "road_id",
        "A road as drawn in the source, before the graph is made.",
        {
            "geometry": _line("Centre line; shared vertices at one level are junctions."),
            "source_id": _SOURCE_ID,
            "name": _NAME,
            "class": _one_of(ROAD_CLASSES, "Road class."),
            "lanes": Column("float", "", "Lanes of both directions together.", 0.0, 20.0, missing=True),
            "width_m": _metres("Width of the carriageway.", 200.0),
            "free_speed_m_s": Column("float", "m s⁻¹", "Speed limit or free speed.", 0.0, 60.0, missing=True),
            "direction": _one_of(("both", "forward", "backward"), "Direction open to motor traffic.", missing=True),
            "level": _LEVEL,
            "bridge": _BRIDGE,
            "tunnel": _TUNNEL,
            "roundabout": Column("boolean", "", "Part of a roundabout.", missing=True),
            "surface": Column("string", "", "Surface, in the words of OpenStreetMap.", missing=True),
            "closed_to": Column("string", "", "Modes that may not use it, separated by blanks.", missing=True),
            "open_to": Column(
                "string", "", "Modes that may use it beyond its class, separated by blanks.", missing=True
            ),
            "contraflow": Column("string", "", "Modes that may go against a one-way street.", missing=True),
        },
    ),
    Table(
        "nodes",
        "node_id",
        "A junction or end of the road graph.",
        {
            "geometry": Column("geometry", "", "Position.", choices=("Point",)),
            "elevation_m": Column("float", "m", "Level of the road surface.", missing=True),
            "component": Column("integer", "", "Connected part of the graph it lies in; 0 is the largest.", 0),
        },
    ),
    Table(
        "links",
        "link_id",
        "One direction of a road between two nodes.",
        {
            "geometry": _line("Centre line, in the direction of travel."),
            "from_node_id": Column("integer", "", "Node it leaves.", refers_to="nodes.node_id"),
            "to_node_id": Column("integer", "", "Node it reaches.", refers_to="nodes.node_id"),
            "reverse_link_id": Column(
                "integer", "", "The same road the other way.", missing=True, refers_to="links.link_id"
            ),
            "source_id": _SOURCE_ID,
            "name": _NAME,
            "class": _one_of(ROAD_CLASSES, "Road class."),
            "length_m": Column("float", "m", "Length along the centre line.", 0.0),
            "lanes": Column("float", "", "Lanes in this direction.", 0.0, 20.0, missing=True, inferred=True),
            "width_m": _metres("Width of the carriageway, both directions.", 200.0, inferred=True),
            "free_speed_m_s": Column(
                "float", "m s⁻¹", "Speed on an empty road.", 0.1, 60.0, missing=True, inferred=True
            ),
            "capacity_veh_h": Column(
                "float", "veh h⁻¹", "Capacity in passenger-car units.", 0.0, missing=True, inferred=True
            ),
            "walk": _open_to("walking"),
            "bicycle": _open_to("bicycles"),
            "motorbike": _open_to("motorbikes"),
            "car": _open_to("cars"),
            "bus": _open_to("buses"),
            "truck": _open_to("trucks"),
            "level": _LEVEL,
            "bridge": _BRIDGE,
            "tunnel": _TUNNEL,
            "roundabout": Column("boolean", "", "Part of a roundabout.", missing=True),
        },
    ),
    Table(
        "railways",
        "railway_id",
        "A railway or tramway track.",
        {
            "geometry": _line("Centre line of the track."),
            "source_id": _SOURCE_ID,
            "name": _NAME,
            "class": _one_of(RAIL_CLASSES, "Kind of railway."),
            "level": _LEVEL,
            "bridge": _BRIDGE,
            "tunnel": _TUNNEL,
        },
    ),
    Table(
        "stops",
        "stop_id",
        "A stop or station of public transport.",
        {
            "geometry": Column("geometry", "", "Position.", choices=("Point",)),
            "source_id": _SOURCE_ID,
            "name": _NAME,
            "parent_stop_id": Column("integer", "", "Station it belongs to.", missing=True, refers_to="stops.stop_id"),
            "method": _one_of(("source", "synthetic"), "As its source has it, or made up.", missing=True),
        },
    ),
    Table(
        "routes",
        "route_id",
        "A line of public transport.",
        {
            "geometry": Column(
                "geometry", "", "Course, where known.", choices=("LineString", "MultiLineString"), missing=True
            ),
            "source_id": _SOURCE_ID,
            "short_name": Column("string", "", "Number or letter.", missing=True),
            "name": _NAME,
            "mode": _one_of(
                (
                    "tram",
                    "subway",
                    "rail",
                    "bus",
                    "ferry",
                    "cable",
                    "gondola",
                    "funicular",
                    "trolleybus",
                    "monorail",
                    "other",
                ),
                "Kind of vehicle.",
            ),
            "headway_s": Column(
                "float", "s", "Time between two vehicles, where no timetable holds.", 0.0, missing=True, inferred=True
            ),
            "first_s": Column("float", "s", "First departure of the day.", 0.0, missing=True),
            "last_s": Column("float", "s", "Last departure of the day.", 0.0, missing=True),
            "speed_m_s": Column("float", "m s⁻¹", "Mean speed, stops included.", 0.0, 100.0, missing=True),
            "vehicle_capacity": Column("float", "", "Places in a vehicle.", 0.0, missing=True),
            "method": _one_of(("source", "synthetic"), "As its source has it, or made up.", missing=True),
        },
    ),
    Table(
        "route_stops",
        "route_stop_id",
        "A stop on a line, where no timetable is known.",
        {
            "route_id": Column("integer", "", "Line.", refers_to="routes.route_id"),
            "stop_id": Column("integer", "", "Stop.", refers_to="stops.stop_id"),
            "stop_sequence": Column("integer", "", "Order along the line.", 0),
        },
    ),
    Table(
        "trips",
        "trip_id",
        "One run of a vehicle.",
        {
            "source_id": _SOURCE_ID,
            "route_id": Column("integer", "", "Line.", refers_to="routes.route_id"),
            "service_id": Column("integer", "", "Set of days on which it runs.", 0),
            "direction": Column("integer", "", "0 or 1.", 0, 1, missing=True),
            "headsign": Column("string", "", "Destination shown on the vehicle.", missing=True),
            "shape_id": Column("integer", "", "Its way on the ground.", missing=True, refers_to="shapes.shape_id"),
        },
    ),
    Table(
        "stop_times",
        "stop_time_id",
        "One call of a trip at a stop.",
        {
            "trip_id": Column("integer", "", "Trip.", refers_to="trips.trip_id"),
            "stop_id": Column("integer", "", "Stop.", refers_to="stops.stop_id"),
            "stop_sequence": Column("integer", "", "Order along the trip.", 0),
            "arrival_s": Column("float", "s", "Arrival after noon less 12 h of the service day.", 0.0),
            "departure_s": Column("float", "s", "Departure after noon less 12 h of the service day.", 0.0),
        },
    ),
    Table(
        "calendar",
        "calendar_id",
        "A day on which a service runs.",
        {
            "service_id": Column("integer", "", "Service.", 0),
            "date": Column("time", "", "Service day."),
        },
    ),
    Table(
        "shapes",
        "shape_id",
        "The way of a trip on the ground.",
        {"geometry": _line("Way."), "source_id": _SOURCE_ID},
    ),
    Table(
        "census",
        "census_id",
        "An area for which people or jobs were counted or estimated.",
        {
            "geometry": _area("Outline."),
            "source_id": _SOURCE_ID,
            "name": _NAME,
            "code": Column("string", "", "Official code.", missing=True),
            "kind": _one_of(("cell", "block", "ward", "district", "city"), "What the area is, finest first."),
            "residents": Column("float", "", "People who live there.", 0.0, missing=True),
            "households": Column("float", "", "Households.", 0.0, missing=True),
            "jobs": Column("float", "", "Jobs.", 0.0, missing=True),
        },
    ),
    Table(
        "wards",
        "ward_id",
        "An administrative unit of the lowest tier.",
        {
            "geometry": _area("Outline."),
            "source_id": _SOURCE_ID,
            "name": _NAME,
            "code": Column("string", "", "Official code.", missing=True),
            "province": Column("string", "", "Province or department.", missing=True),
            "residents": Column("float", "", "Registered people.", 0.0, missing=True),
            "valid_from": Column("string", "", "First day of the unit, ISO 8601.", missing=True),
        },
    ),
    Table(
        "zones",
        "zone_id",
        "A zone in which trips begin and end.",
        {
            "geometry": _area("Outline."),
            "name": _NAME,
            "area_m2": Column("float", "m²", "Area.", 0.0),
            "dwellings": _count("Dwellings."),
            "residents": _count("People who live there."),
            "jobs": _count("Jobs."),
            "floor_area_m2": Column("float", "m²", "Gross floor area.", 0.0, missing=True),
            "node_id": Column(
                "integer", "", "Node nearest to its people and jobs.", missing=True, refers_to="nodes.node_id"
            ),
        },
    ),
    Table(
        "facilities",
        "facility_id",
        "A place that serves people.",
        {
            "geometry": Column("geometry", "", "Position or outline."),
            "source_id": _SOURCE_ID,
            "name": _NAME,
            "kind": _one_of(FACILITY_KINDS, "What it offers.", inferred=True),
            "capacity": Column("float", "", "Places, beds or pupils.", 0.0, missing=True),
            "building_id": Column("integer", "", "Building it is in.", missing=True, refers_to="buildings.building_id"),
            "node_id": Column(
                "integer", "", "Nearest node of the road graph.", missing=True, refers_to="nodes.node_id"
            ),
        },
    ),
    Table(
        "land_use",
        "land_use_id",
        "An area of one use or cover.",
        {
            "geometry": _area("Outline."),
            "source_id": _SOURCE_ID,
            "name": _NAME,
            "class": _one_of(LAND_USE_CLASSES, "Use or cover."),
        },
    ),
    Table(
        "parcels",
        "parcel_id",
        "A parcel of the cadastre.",
        {"geometry": _area("Outline."), "source_id": _SOURCE_ID, "name": _NAME},
    ),
    Table(
        "water_bodies",
        "water_body_id",
        "An area of open water.",
        {
            "geometry": _area("Outline."),
            "source_id": _SOURCE_ID,
            "name": _NAME,
            "kind": _one_of(WATER_KINDS, "Kind of water.", inferred=True),
        },
    ),
    Table(
        "waterways",
        "waterway_id",
        "A watercourse drawn as a line.",
        {
            "geometry": _line("Centre line, downstream."),
            "source_id": _SOURCE_ID,
            "name": _NAME,
            "kind": _one_of(WATER_KINDS, "Kind of water."),
            "width_m": _metres("Width.", 5000.0),
            "tunnel": _TUNNEL,
        },
    ),
    Table(
        "trees",
        "tree_id",
        "A single tree.",
        {
            "geometry": Column("geometry", "", "Position of the trunk.", choices=("Point",)),
            "source_id": _SOURCE_ID,
            "species": Column("string", "", "Botanical name.", missing=True),
            "height_m": _metres("Height.", 130.0, inferred=True),
            "crown_diameter_m": _metres("Diameter of the crown.", 60.0, inferred=True),
        },
    ),
    Table(
        "barriers",
        "barrier_id",
        "A wall, fence or dyke.",
        {
            "geometry": _line("Course."),
            "source_id": _SOURCE_ID,
            "kind": _one_of(("wall", "retaining_wall", "fence", "hedge", "dyke", "kerb", "other"), "What it is."),
            "height_m": _metres("Height above ground.", 100.0),
            "crest_m": Column(
                "float", "m", "Level of its crest; above ground by its height where missing.", missing=True
            ),
        },
    ),
    Table(
        "weather",
        "weather_id",
        "One hour of weather; the time is its beginning.",
        {
            "time": Column("time", "", "Beginning of the hour, UTC.", unique=True),
            "air_temperature_c": Column("float", "°C", "Dry-bulb temperature.", -90, 60),
            "dew_point_c": Column("float", "°C", "Dew point.", -100, 50, missing=True),
            "relative_humidity_pct": Column("float", "%", "Relative humidity.", 0, 110, missing=True),
            "pressure_pa": Column("float", "Pa", "Air pressure at the station.", 30000, 120000, missing=True),
            "ghi_w_m2": Column("float", "W m⁻²", "Global horizontal irradiance.", 0, 1500, missing=True),
            "dni_w_m2": Column("float", "W m⁻²", "Direct normal irradiance.", 0, 1500, missing=True),
            "dhi_w_m2": Column("float", "W m⁻²", "Diffuse horizontal irradiance.", 0, 1000, missing=True),
            "longwave_w_m2": Column("float", "W m⁻²", "Infrared irradiance from the sky.", 0, 700, missing=True),
            "wind_speed_m_s": Column("float", "m s⁻¹", "Wind speed at 10 m.", 0, 120, missing=True),
            "wind_direction_deg": Column(
                "float", "°", "Where the wind comes from, clockwise from north.", 0, 360, missing=True
            ),
            "precipitation_mm": Column("float", "mm", "Rain and melted snow of the hour.", 0, 500, missing=True),
            "method": _one_of(("measured", "typical", "estimated"), "Record, typical year of records, or synthesised."),
        },
    ),
    Table(
        "building_measures",
        "building_measure_id",
        "What a scenario does to the energy of a building.",
        {
            "building_id": Column("integer", "", "Building.", unique=True, refers_to="buildings.building_id"),
            "heat_loss_ratio": Column(
                "float", "", "Heat loss after a retrofit over that before.", 0.0, 2.0, missing=True
            ),
            "retrofit_year": Column("integer", "", "Year of the last retrofit.", 1900, 2200, missing=True),
            "pv_roof_share": Column(
                "float", "", "Share of the usable roof under solar modules.", 0.0, 1.0, missing=True
            ),
            "pv_facade_share": Column(
                "float", "", "Share of the usable walls under solar modules.", 0.0, 1.0, missing=True
            ),
            "electric_car_share": Column("float", "", "Share of its cars that are electric.", 0.0, 1.0, missing=True),
            "electric_motorbike_share": Column(
                "float", "", "Share of its motorbikes that are electric.", 0.0, 1.0, missing=True
            ),
            "cooling_network": Column("string", "", "District cooling that serves it.", missing=True),
        },
    ),
    Table(
        "building_loads",
        "building_id",
        "What a building draws in every hour: handed on by the heat balance, never kept with the city.",
        {
            "electricity": Column("packed", "W", "Electric power in every hour of `weather`."),
            "cooling": Column(
                "packed", "W", "Cold that it takes from a network in every hour of `weather`.", missing=True
            ),
        },
    ),
    Table(
        "building_generation",
        "building_id",
        "Solar modules of a building: handed on by the simulation of solar modules, never kept with the city.",
        {"generation": Column("packed", "W", "Alternating power that they make in every hour of `weather`.")},
    ),
    Table(
        "restrictions",
        "restriction_id",
        "An area that some vehicles may not enter.",
        {
            "geometry": _area("Area."),
            "name": _NAME,
            "mode": _one_of(MODES, "Vehicles concerned."),
            "fuel": _one_of(("any", "petrol", "diesel"), "Of these, those with this fuel."),
            "from_s": Column("float", "s", "Time of day from which it holds.", 0.0, 86400.0, missing=True),
            "to_s": Column("float", "s", "Time of day to which it holds.", 0.0, 86400.0, missing=True),
        },
    ),
    Table(
        "plan_zones",
        "plan_zone_id",
        "A zone of the plan, and what may be built in it.",
        {
            "geometry": _area("Outline."),
            "source_id": _SOURCE_ID,
            "name": _NAME,
            "class": _one_of(LAND_USE_CLASSES, "Use that the plan allows."),
            "floor_area_ratio": Column("float", "", "Greatest floor area over plot area.", 0.0, 30.0, missing=True),
            "coverage_share": Column(
                "float", "", "Greatest share of the plot under buildings.", 0.0, 1.0, missing=True
            ),
            "height_m": _metres("Greatest height.", 1000.0),
        },
    ),
    Table(
        "basins",
        "basin_id",
        "A basin that holds rain back.",
        {
            "geometry": _area("Outline at the brim."),
            "name": _NAME,
            "depth_m": _metres("Depth of its bottom below the lowest ground along its outline, the brim.", 50.0),
            "bottom_m": Column("float", "m", "Level of its bottom.", missing=True),
            "volume_m3": Column(
                "float", "m³", "Water that the earth taken out makes room for, up to the brim.", 0.0, missing=True
            ),
            "excavated_m3": Column("float", "m³", "Earth taken out, above the brim as well.", 0.0, missing=True),
            "outflow_m3_s": Column("float", "m³ s⁻¹", "Greatest throttled outflow.", 0.0, missing=True),
        },
    ),
    Table(
        "storms",
        "storm_id",
        "A storm: its rain is in `hyetographs`, the river and the sea meanwhile in `stages`.",
        {
            "name": _NAME,
            "return_period_years": Column("float", "", "Mean years between two such storms.", 0.0, missing=True),
            "duration_s": Column("float", "s", "Duration of the rain.", 0.0),
            "depth_mm": Column("float", "mm", "Rain altogether.", 0.0, 5000.0),
            "source": Column("string", "", "Where the rain comes from.", missing=True),
        },
    ),
    Table(
        "hyetographs",
        "hyetograph_id",
        "Rain of a storm in a step of time.",
        {
            "storm_id": Column("integer", "", "Storm.", refers_to="storms.storm_id"),
            "time_s": Column("float", "s", "Beginning of the step after that of the storm.", 0.0),
            "intensity_mm_h": Column("float", "mm h⁻¹", "Intensity until the next step.", 0.0, 1000.0),
        },
    ),
    Table(
        "stages",
        "stage_id",
        "Level of a river or the sea at a time of a storm.",
        {
            "storm_id": Column("integer", "", "Storm.", refers_to="storms.storm_id"),
            "kind": _one_of(("river", "sea"), "Whose level."),
            "time_s": Column("float", "s", "Time after the beginning of the storm."),
            "level_m": Column("float", "m", "Level above the datum of the terrain."),
        },
    ),
    Table(
        "climate",
        "climate_id",
        "How the climate of the scenario differs from that of the records; one row.",
        {
            "temperature_offset_k": Column("float", "K", "Added to every air temperature.", -20.0, 20.0),
            "rain_factor": Column(
                "float", "", "Times the rain of every storm; `hyetographs` have it already.", 0.0, 10.0
            ),
            "sea_level_m": Column("float", "m", "Rise of the sea; `stages` have it already.", -5.0, 20.0),
            "weather_of": Column(
                "string", "", "Place whose climate the weather is of, where not its own.", missing=True
            ),
        },
    ),
    Table(
        "transformers",
        "transformer_id",
        "A transformer of the distribution grid.",
        {
            "geometry": Column("geometry", "", "Position.", choices=("Point",)),
            "source_id": _SOURCE_ID,
            "name": _NAME,
            "rating_kva": Column("float", "kVA", "Rated apparent power.", 0.0, missing=True, inferred=True),
            "u_primary_v": Column("float", "V", "Rated voltage of the higher side.", 0.0, missing=True),
            "u_secondary_v": Column("float", "V", "Rated voltage of the lower side.", 0.0, missing=True),
            "raised_m": _metres("Underside of what water must not reach, above ground.", 50.0, inferred=True),
            "primary_grid_node_id": Column(
                "integer", "", "Node of the higher side.", missing=True, refers_to="grid_nodes.grid_node_id"
            ),
            "secondary_grid_node_id": Column(
                "integer", "", "Node of the lower side.", missing=True, refers_to="grid_nodes.grid_node_id"
            ),
            "short_circuit_pct": Column("float", "%", "Short-circuit voltage.", 0.0, 50.0, missing=True),
            "load_loss_pct": Column(
                "float", "%", "Loss in the windings at rated power, of it.", 0.0, 20.0, missing=True
            ),
            "iron_loss_pct": Column("float", "%", "Loss in the iron, of the rated power.", 0.0, 20.0, missing=True),
            "no_load_current_pct": Column("float", "%", "Current without load, of the rated.", 0.0, 50.0, missing=True),
            "tap_ratio": Column(
                "float", "", "Turns ratio over that of the rated voltages, by the tap.", 0.5, 2.0, missing=True
            ),
            "method": _one_of(GRID_METHODS, "From a source, or made up.", missing=True),
        },
    ),
    Table(
        "grid_nodes",
        "grid_node_id",
        "A point of the electricity grid where lines meet, or something is connected.",
        {
            "geometry": Column("geometry", "", "Position.", choices=("Point",)),
            "source_id": _SOURCE_ID,
            "name": _NAME,
            "kind": _one_of(("substation", "station", "customer", "joint"), "What it is."),
            "nominal_v": Column("float", "V", "Nominal voltage, between phases.", 1.0),
            "held_pu": Column(
                "float",
                "",
                "Voltage that the grid above or a tap changer holds here, over the nominal.",
                0.5,
                1.5,
                missing=True,
            ),
            "method": _one_of(GRID_METHODS, "From a source, or made up.", missing=True),
        },
    ),
    Table(
        "grid_lines",
        "grid_line_id",
        "A line or cable of the electricity grid between two nodes.",
        {
            "geometry": _line("Course."),
            "source_id": _SOURCE_ID,
            "from_grid_node_id": Column("integer", "", "One end.", refers_to="grid_nodes.grid_node_id"),
            "to_grid_node_id": Column("integer", "", "Other end.", refers_to="grid_nodes.grid_node_id"),
            "length_m": _metres("Length."),
            "cable": Column("string", "", "Kind of cable.", missing=True),
            "r_ohm_km": Column("float", "Ω km⁻¹", "Resistance of a kilometre, positive sequence.", 0.0),
            "x_ohm_km": Column("float", "Ω km⁻¹", "Reactance of a kilometre, positive sequence.", 0.0),
            "c_nf_km": Column("float", "nF km⁻¹", "Capacitance of a kilometre.", 0.0, missing=True),
            "rating_a": Column("float", "A", "Greatest lasting current.", 0.0, missing=True),
            "open": Column("boolean", "", "Whether it is open: no current unless switched.", missing=True),
            "method": _one_of(GRID_METHODS, "From a source, or made up.", missing=True),
        },
    ),
    Table(
        "grid_connections",
        "grid_connection_id",
        "Where a building is connected to the electricity grid.",
        {
            "building_id": Column("integer", "", "Building.", unique=True, refers_to="buildings.building_id"),
            "grid_node_id": Column("integer", "", "Node.", refers_to="grid_nodes.grid_node_id"),
            "transformer_id": Column(
                "integer",
                "",
                "Transformer that serves it; missing where it takes medium voltage.",
                missing=True,
                refers_to="transformers.transformer_id",
            ),
            "drop_m": _metres("Length of the service line between node and building."),
            "customers": Column("float", "", "Customers: dwellings, and firms.", 0.0, missing=True),
            "design_kva": Column("float", "kVA", "Power that the grid was laid out for.", 0.0, missing=True),
            "method": _one_of(GRID_METHODS, "From a source, or made up.", missing=True),
        },
    ),
    Table(
        "sewer_nodes",
        "sewer_node_id",
        "A manhole, inlet or outfall of the sewers.",
        {
            "geometry": Column("geometry", "", "Position.", choices=("Point",)),
            "source_id": _SOURCE_ID,
            "kind": _one_of(("junction", "outfall", "storage"), "What it is."),
            "ground_m": Column("float", "m", "Level of the ground.", missing=True),
            "invert_m": Column("float", "m", "Level of its bottom.", missing=True, inferred=True),
        },
    ),
    Table(
        "sewers",
        "sewer_id",
        "A sewer between two nodes.",
        {
            "geometry": _line("Course, downstream."),
            "source_id": _SOURCE_ID,
            "from_sewer_node_id": Column("integer", "", "Upper node.", refers_to="sewer_nodes.sewer_node_id"),
            "to_sewer_node_id": Column("integer", "", "Lower node.", refers_to="sewer_nodes.sewer_node_id"),
            "length_m": _metres("Length."),
            "diameter_m": _metres("Inner diameter, or height of the profile.", 20.0, inferred=True),
            "manning_n": Column("float", "", "Manning's n [s m^(-1/3)].", 0.0, 0.5, missing=True, inferred=True),
        },
    ),
    Table(
        "pumps",
        "pump_id",
        "A pump of the sewers or of the water supply.",
        {
            "geometry": Column("geometry", "", "Position.", choices=("Point",)),
            "source_id": _SOURCE_ID,
            "name": _NAME,
            "network": _one_of(("sewer", "surface", "water"), "What it pumps from."),
            "capacity_m3_s": Column("float", "m³ s⁻¹", "Flow with all pumps at work.", 0.0),
            "raised_m": _metres("Underside of what water must not reach, above ground.", 50.0),
            "needs_power": Column("boolean", "", "Stops when the grid is down.", missing=True),
        },
    ),
)

TABLES: Final[dict[str, Table]] = {table.name: table for table in _DECLARED}
"""Declared tables by name."""

RASTERS: Final[dict[str, tuple[str, str]]] = {
    "terrain": ("m", "Ground level, buildings and bridges taken away."),
    "surface": ("m", "Ground level with buildings."),
    "imperviousness": ("1", "Share of the ground that lets no water through."),
    "roughness": ("s m^(-1/3)", "Manning's n of the ground."),
    "land_cover": ("1", "Class of land cover, see `derive.landcover.COVERS`."),
}
"""Unit and meaning of the rasters of a city."""
