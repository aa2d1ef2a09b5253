"""Tags of buildings, places, land, water, rails and barriers in the words of the city tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from dothi.io.osm.roads import on
from dothi.io.osm.values import count, metres, whole, year

Tags = Mapping[str, str | None]

BUILDING_KEYS: Final = (
    "building",
    "building:use",
    "height",
    "building:height",
    "building:levels",
    "min_height",
    "building:min_level",
    "roof:shape",
    "roof:height",
    "start_date",
    "location",
)
"""Keys of the body of a building."""
TREE_KEYS: Final = ("species", "taxon", "genus", "height", "diameter_crown")
PART_KEYS: Final = tuple(key for key in BUILDING_KEYS if key != "building")

FUNCTION_OF_BUILDING: Final[dict[str, str]] = {
    "house": "residential",
    "detached": "residential",
    "semidetached_house": "residential",
    "semi": "residential",
    "terrace": "residential",
    "bungalow": "residential",
    "villa": "residential",
    "cabin": "residential",
    "houseboat": "residential",
    "static_caravan": "residential",
    "stilt_house": "residential",
    "ger": "residential",
    "farm": "residential",
    "residential": "residential",
    "townhouse": "residential",
    "apartments": "apartments",
    "dormitory": "apartments",
    "block": "apartments",
    "tower_block": "apartments",
    "shophouse": "mixed",
    "mixed": "mixed",
    "mixed_use": "mixed",
    "office": "office",
    "commercial": "office",
    "retail": "retail",
    "shop": "retail",
    "supermarket": "retail",
    "kiosk": "retail",
    "mall": "retail",
    "market": "retail",
    "restaurant": "retail",
    "hotel": "hotel",
    "hostel": "hotel",
    "school": "school",
    "kindergarten": "school",
    "university": "university",
    "college": "university",
    "hospital": "health",
    "clinic": "health",
    "museum": "culture",
    "theatre": "culture",
    "cinema": "culture",
    "library": "culture",
    "church": "worship",
    "cathedral": "worship",
    "chapel": "worship",
    "mosque": "worship",
    "pagoda": "worship",
    "temple": "worship",
    "shrine": "worship",
    "synagogue": "worship",
    "monastery": "worship",
    "religious": "worship",
    "presbytery": "residential",
    "sports_hall": "sport",
    "sports_centre": "sport",
    "stadium": "sport",
    "grandstand": "sport",
    "pavilion": "sport",
    "riding_hall": "sport",
    "public": "public",
    "civic": "public",
    "government": "public",
    "townhall": "public",
    "fire_station": "public",
    "police": "public",
    "barracks": "public",
    "military": "public",
    "industrial": "industrial",
    "manufacture": "industrial",
    "factory": "industrial",
    "works": "industrial",
    "warehouse": "warehouse",
    "hangar": "warehouse",
    "storage_tank": "utility",
    "silo": "agricultural",
    "train_station": "transport",
    "transportation": "transport",
    "parking": "transport",
    "bus_station": "transport",
    "ferry_terminal": "transport",
    "barn": "agricultural",
    "cowshed": "agricultural",
    "farm_auxiliary": "agricultural",
    "greenhouse": "agricultural",
    "stable": "agricultural",
    "sty": "agricultural",
    "transformer_tower": "utility",
    "service": "utility",
    "water_tower": "utility",
    "digester": "utility",
    "garage": "outbuilding",
    "garages": "outbuilding",
    "carport": "outbuilding",
    "shed": "outbuilding",
    "hut": "outbuilding",
    "roof": "other",
    "ruins": "other",
    "bunker": "other",
    "bridge": "other",
    "construction": "other",
}
"""Function by `building`, where the value says it (wiki.openstreetmap.org/wiki/Key:building)."""

_FUNCTION_OF_KIND: Final[dict[str, str]] = {
    "kindergarten": "school",
    "school": "school",
    "university": "university",
    "hospital": "health",
    "clinic": "health",
    "fire_station": "public",
    "police": "public",
    "public_office": "public",
    "library": "culture",
    "culture": "culture",
    "worship": "worship",
    "sport": "sport",
    "market": "retail",
    "supermarket": "retail",
    "shop": "retail",
    "restaurant": "retail",
    "hotel": "hotel",
    "fuel": "transport",
    "parking": "transport",
    "bus_station": "transport",
    "railway_station": "transport",
    "ferry_terminal": "transport",
    "bank": "office",
    "post_office": "public",
    "pharmacy": "retail",
}
"""Function by the facility a whole building is, where `building` says no more than yes."""

_FACILITY: Final[dict[str, dict[str, str]]] = {
    "amenity": {
        "kindergarten": "kindergarten",
        "childcare": "kindergarten",
        "school": "school",
        "university": "university",
        "college": "university",
        "hospital": "hospital",
        "clinic": "clinic",
        "doctors": "clinic",
        "dentist": "clinic",
        "health_post": "clinic",
        "pharmacy": "pharmacy",
        "fire_station": "fire_station",
        "police": "police",
        "townhall": "public_office",
        "courthouse": "public_office",
        "public_building": "public_office",
        "embassy": "public_office",
        "prison": "public_office",
        "library": "library",
        "theatre": "culture",
        "cinema": "culture",
        "arts_centre": "culture",
        "community_centre": "culture",
        "concert_hall": "culture",
        "events_venue": "culture",
        "exhibition_centre": "culture",
        "place_of_worship": "worship",
        "monastery": "worship",
        "marketplace": "market",
        "restaurant": "restaurant",
        "cafe": "restaurant",
        "fast_food": "restaurant",
        "food_court": "restaurant",
        "bar": "restaurant",
        "pub": "restaurant",
        "biergarten": "restaurant",
        "ice_cream": "restaurant",
        "bank": "bank",
        "post_office": "post_office",
        "fuel": "fuel",
        "charging_station": "charging_station",
        "parking": "parking",
        "motorcycle_parking": "parking",
        "bus_station": "bus_station",
        "ferry_terminal": "ferry_terminal",
        "toilets": "toilets",
        "grave_yard": "cemetery",
        "crematorium": "cemetery",
        "recycling": "waste",
        "waste_transfer_station": "waste",
        "waste_disposal": "waste",
        "social_facility": "other",
        "nursing_home": "other",
        "veterinary": "other",
        "nightclub": "other",
        "conference_centre": "other",
        "social_centre": "other",
    },
    "healthcare": {
        "hospital": "hospital",
        "clinic": "clinic",
        "doctor": "clinic",
        "doctors": "clinic",
        "centre": "clinic",
        "dentist": "clinic",
        "pharmacy": "pharmacy",
    },
    "railway": {"station": "railway_station", "halt": "railway_station"},
    "tourism": {
        "hotel": "hotel",
        "motel": "hotel",
        "hostel": "hotel",
        "guest_house": "hotel",
        "chalet": "hotel",
        "apartment": "hotel",
        "museum": "culture",
        "gallery": "culture",
        "zoo": "culture",
        "aquarium": "culture",
        "theme_park": "culture",
    },
    "leisure": {
        "playground": "playground",
        "park": "park",
        "sports_centre": "sport",
        "sports_hall": "sport",
        "stadium": "sport",
        "fitness_centre": "sport",
        "ice_rink": "sport",
        "water_park": "sport",
        "swimming_area": "sport",
        "pitch": "sport",
        "track": "sport",
        "golf_course": "sport",
    },
    "office": {"government": "public_office", "diplomatic": "public_office"},
    "landuse": {"cemetery": "cemetery", "landfill": "waste"},
    "aeroway": {"terminal": "other"},
}
_SHOP: Final = {"supermarket": "supermarket", "hypermarket": "supermarket", "vacant": None, "no": None}
_SHOP_FOR: Final = {"pharmacy": "pharmacy", "chemist": "shop"}


USE_KEYS: Final = ("amenity", "healthcare", "railway", "tourism", "leisure", "office", "shop")
"""Keys that say what a whole building is used for."""
FACILITY_KEYS: Final = (*_FACILITY, "shop", "capacity", "beds")


def facility_kind(tags: Tags) -> str | None:
    """What a place offers, in the words of `facilities.kind`; none where it serves nobody."""
    for key, kinds in _FACILITY.items():
        value = tags.get(key)
        if value is not None and value in kinds:
            return kinds[value]
    shop = tags.get("shop")
    if shop is not None:
        return _SHOP.get(shop, _SHOP_FOR.get(shop, "shop"))
    return "clinic" if tags.get("healthcare") not in (None, "no") else None


def building_function(tags: Tags) -> str | None:
    """
    Main function of a building; none where the tags do not say.

    The value of `building` says what it was built for, `building:use` what it is used for; where both are vague,
    the facility that the whole building is decides.
    """
    for key in ("building:use", "building"):
        function = FUNCTION_OF_BUILDING.get((tags.get(key) or "").split(";")[0])
        if function is not None:
            return function
    kind = facility_kind(tags)
    if kind in _FUNCTION_OF_KIND:
        return _FUNCTION_OF_KIND[kind]
    return "office" if tags.get("office") not in (None, "no") else None


STOREY_M: Final = 3.0
"""Height of a storey where only `building:min_level` is known (wiki.openstreetmap.org/wiki/Simple_3D_Buildings)."""


def body(tags: Tags, *, eaves: bool) -> dict[str, Any]:
    """
    Columns that buildings and their parts share.

    Parameters
    ----------
    tags
        Value or none for every key of `PART_KEYS`.
    eaves
        Whether the roof is taken off `height`, which OpenStreetMap measures to its top.
    """
    raw_height = tags["height"] if tags["height"] is not None else tags["building:height"]
    height, roof = metres(raw_height), metres(tags["roof:height"])
    if not 0.0 < height <= 1000.0:
        height = math.nan
    storeys = math.floor(levels + 0.5) if (levels := count(tags["building:levels"])) <= 200.0 else math.nan
    if storeys < 1:
        storeys = math.nan
    underside, min_level = metres(tags["min_height"]), count(tags["building:min_level"])
    if tags["min_height"] is None and min_level <= 200.0:
        underside = min_level * (height / storeys if not math.isnan(height / storeys) else STOREY_M)
    if not 0.0 <= underside <= 1000.0 or underside >= height:
        underside = math.nan
    if eaves and 0.0 < roof < height and tags["roof:shape"] != "flat":
        height -= roof
    return {
        "height_m": height,
        "storeys": storeys,
        "roof_shape": tags["roof:shape"],
        "min_height_m": underside,
        "!height_m": raw_height is not None and math.isnan(height),
        # 0 storeys is said of roofs and platforms and is no mistake
        "!storeys": tags["building:levels"] is not None and math.isnan(storeys) and levels != 0,
        "!min_height_m": tags["min_height"] is not None and math.isnan(underside),
    }


def building(tags: Tags) -> dict[str, Any]:
    """Columns of `buildings` that tags decide."""
    built = year(tags["start_date"])
    return {
        **body(tags, eaves=True),
        "function": building_function(tags),
        "year_built": built if -3000 <= built <= 2200 else math.nan,
        "!year_built": tags["start_date"] is not None and math.isnan(built),
    }


def building_part(tags: Tags) -> dict[str, Any]:
    """Columns of `building_parts` that tags decide."""
    return body(tags, eaves=False)


_LAND_USE: Final[dict[str, dict[str, str]]] = {
    "amenity": {
        "school": "education",
        "kindergarten": "education",
        "university": "education",
        "college": "education",
        "hospital": "health",
        "clinic": "health",
        "place_of_worship": "worship",
        "monastery": "worship",
        "grave_yard": "cemetery",
        "parking": "transport",
        "bus_station": "transport",
        "marketplace": "commercial",
        "prison": "public",
        "townhall": "public",
    },
    "leisure": {
        "park": "park",
        "common": "park",
        "dog_park": "park",
        "garden": "garden",
        "pitch": "sport",
        "track": "sport",
        "stadium": "sport",
        "sports_centre": "sport",
        "golf_course": "sport",
        "playground": "sport",
    },
    "landuse": {
        "residential": "residential",
        "commercial": "commercial",
        "retail": "commercial",
        "industrial": "industrial",
        "quarry": "industrial",
        "landfill": "industrial",
        "port": "industrial",
        "harbour": "industrial",
        "depot": "industrial",
        "military": "military",
        "railway": "transport",
        "garages": "transport",
        "highway": "transport",
        "construction": "construction",
        "brownfield": "construction",
        "greenfield": "bare",
        "farmland": "agriculture",
        "farm": "agriculture",
        "farmyard": "agriculture",
        "orchard": "agriculture",
        "vineyard": "agriculture",
        "greenhouse_horticulture": "agriculture",
        "plant_nursery": "agriculture",
        "aquaculture": "agriculture",
        "salt_pond": "agriculture",
        "paddy": "agriculture",
        "allotments": "agriculture",
        "animal_keeping": "agriculture",
        "forest": "forest",
        "grass": "grass",
        "meadow": "grass",
        "greenery": "grass",
        "village_green": "park",
        "recreation_ground": "park",
        "flowerbed": "garden",
        "cemetery": "cemetery",
        "religious": "worship",
        "education": "education",
        "institutional": "public",
        "civic_admin": "public",
        "healthcare": "health",
    },
    "natural": {
        "wood": "forest",
        "tree_group": "forest",
        "scrub": "scrub",
        "heath": "scrub",
        "shrubbery": "scrub",
        "grassland": "grass",
        "fell": "grass",
        "wetland": "wetland",
        "mud": "wetland",
        "beach": "beach",
        "sand": "bare",
        "shingle": "bare",
        "bare_rock": "bare",
        "scree": "bare",
        "rock": "bare",
    },
    "aeroway": {"aerodrome": "transport", "apron": "transport", "runway": "transport", "taxiway": "transport"},
    "tourism": {"camp_site": "other", "zoo": "park", "theme_park": "park"},
    "place": {"square": "square"},
}
LAND_USE_KEYS: Final = (*_LAND_USE, "highway")
SQUARES: Final = frozenset({"pedestrian", "footway", "living_street", "path", "steps", "platform"})
"""Values of `highway` that, drawn as an area, are a square."""


def land_use_class(tags: Tags) -> str | None:
    """Use or cover of an area; none where its tags say nothing about it."""
    for key, classes in _LAND_USE.items():
        value = tags.get(key)
        if value is not None and value in classes:
            return classes[value]
    return "square" if tags.get("highway") in SQUARES else None


WATER_KEYS: Final = ("natural", "waterway", "landuse", "water")
_WATER: Final = {
    "river": "river",
    "oxbow": "river",
    "rapids": "river",
    "canal": "canal",
    "lock": "canal",
    "moat": "canal",
    "lake": "lake",
    "lagoon": "lake",
    "reservoir": "lake",
    "pond": "pond",
    "fishpond": "pond",
    "basin": "basin",
    "wastewater": "basin",
    "harbour": "basin",
    "reflecting_pool": "basin",
    "fountain": "basin",
    "stream": "stream",
    "stream_pool": "stream",
    "ditch": "drain",
    "drain": "drain",
}


def is_water(tags: Tags) -> bool:
    """Whether an area is open water."""
    return (
        tags.get("natural") in ("water", "bay", "strait")
        or tags.get("waterway") in ("riverbank", "dock", "boatyard")
        or tags.get("landuse") in ("basin", "reservoir")
    )


def water_body(tags: Tags) -> dict[str, Any]:
    """Columns of `water_bodies` that tags decide; `natural=water` without more is of the kind `other`."""
    if tags["natural"] in ("bay", "strait"):
        return {"kind": "sea"}
    if tags["waterway"] == "riverbank":
        return {"kind": "river"}
    if tags["waterway"] in ("dock", "boatyard") or tags["landuse"] == "basin":
        return {"kind": "basin"}
    if tags["landuse"] == "reservoir":
        return {"kind": "lake"}
    return {"kind": _WATER.get(tags["water"] or "", "other")}


WATERWAY_KEYS: Final = ("waterway", "width", "tunnel")
WATERWAYS: Final = {
    "river": "river",
    "tidal_channel": "river",
    "canal": "canal",
    "stream": "stream",
    "drain": "drain",
    "ditch": "drain",
    "fairway": None,
}


def waterway(tags: Tags) -> dict[str, Any]:
    """Columns of `waterways` that tags decide."""
    width = metres(tags["width"])
    good = 0.0 <= width <= 5000.0
    return {
        "kind": WATERWAYS[tags["waterway"] or ""],
        "width_m": width if good else math.nan,
        "tunnel": on(tags["tunnel"]),
        "!width_m": tags["width"] is not None and not good,
    }


RAILWAY_KEYS: Final = ("railway", "layer", "bridge", "tunnel")
RAILWAYS: Final = {
    "rail": "rail",
    "narrow_gauge": "rail",
    "preserved": "rail",
    "tram": "tram",
    "light_rail": "light_rail",
    "subway": "subway",
    "monorail": "monorail",
    "funicular": "funicular",
    "miniature": "other",
}


def railway(tags: Tags) -> dict[str, Any]:
    """Columns of `railways` that tags decide."""
    return {
        "class": RAILWAYS[tags["railway"] or ""],
        "level": max(-10, min(10, whole(tags["layer"]))),
        "bridge": on(tags["bridge"]),
        "tunnel": on(tags["tunnel"]),
    }


BARRIER_KEYS: Final = ("barrier", "man_made", "height")
_BARRIERS: Final = {
    "wall": "wall",
    "city_wall": "wall",
    "retaining_wall": "retaining_wall",
    "fence": "fence",
    "hedge": "hedge",
    "kerb": "kerb",
    "guard_rail": "other",
    "jersey_barrier": "other",
}


def barrier_kind(tags: Tags) -> str | None:
    """What kind of barrier a line is; none where it is none."""
    if tags.get("man_made") in ("dyke", "embankment"):
        return "dyke"
    return _BARRIERS.get(tags.get("barrier") or "")


def barrier(tags: Tags) -> dict[str, Any]:
    """Columns of `barriers` that tags decide."""
    height = metres(tags["height"])
    good = 0.0 <= height <= 100.0
    return {
        "kind": barrier_kind(tags),
        "height_m": height if good else math.nan,
        "!height_m": tags["height"] is not None and not good,
    }


def facility(tags: Tags) -> dict[str, Any]:
    """Columns of `facilities` that tags decide."""
    raw = tags["capacity"] if tags["capacity"] is not None else tags["beds"]
    capacity = count(raw)
    return {
        "kind": facility_kind(tags),
        "capacity": capacity,
        "!capacity": raw not in (None, "yes", "no") and math.isnan(capacity),
    }


def land(tags: Tags) -> dict[str, Any]:
    """Columns of `land_use` that tags decide."""
    return {"class": land_use_class(tags)}


def tree(tags: Tags) -> dict[str, Any]:
    """Columns of `trees` that tags decide."""
    height, crown = metres(tags["height"]), metres(tags["diameter_crown"])
    return {
        "species": next((tags[key] for key in ("species", "taxon", "genus") if tags[key]), None),
        "height_m": height if 0.0 < height <= 130.0 else math.nan,
        "crown_diameter_m": crown if 0.0 < crown <= 60.0 else math.nan,
        "!height_m": tags["height"] is not None and not 0.0 < height <= 130.0,
        "!crown_diameter_m": tags["diameter_crown"] is not None and not 0.0 < crown <= 60.0,
    }


STOP_KEYS: Final = ("railway", "public_transport", "amenity", "highway")
STATION, PRIMARY, SECONDARY = "station", "stop", "secondary"


def stop_rank(tags: Tags) -> str | None:
    """
    What a stop object is; none where it is no stop.

    A `station` is the parent of its stops. A `secondary` object repeats a stop: the position of the vehicle beside
    the place where people wait, or the outline of a platform.
    """
    railway_, transport = tags.get("railway"), tags.get("public_transport")
    if (
        transport == "station"
        or railway_ in ("station", "halt")
        or tags.get("amenity") in ("bus_station", "ferry_terminal")
    ):
        return STATION
    if tags.get("highway") == "bus_stop" or railway_ == "tram_stop":
        return PRIMARY
    if transport == "platform" or tags.get("highway") == "platform" or railway_ == "platform":
        return PRIMARY if transport == "platform" else SECONDARY
    return SECONDARY if transport == "stop_position" or railway_ == "stop" else None


def stop(tags: Tags) -> dict[str, Any]:
    """Rank of a stop."""
    return {"rank": stop_rank(tags)}
