"""How far a value can be trusted at a glance: measured, modelled, entered or estimated."""

from __future__ import annotations

from typing import Final, Literal, get_args

Status = Literal["measured", "modelled", "entered", "estimated"]

STATUSES: Final[tuple[Status, ...]] = get_args(Status)
"""
From firm to soft.

- ``measured``: a source gives the value: a survey, a register, a count, a sign at the road.
- ``modelled``: worked out from other data of this very city, or learnt in it.
- ``entered``: typed in by whoever made the scenario.
- ``estimated``: a habit of the country, a class or a rule of thumb stands in for data that the city lacks.
"""

_METHODS: Final[dict[Status, str]] = {
    "measured": "measured",
    "modelled": """
        neighbourhood_model storeys_city height_city floor_area_city footprint_storeys parts
        facility_outline facility_point facility_ground_floor land_use building_function
        census_cell census_block census_ward census_district census_city census_ratio census_households
        terrain tin tin_of_roads_and_buildings terrain_and_buildings painted lowest_point
        roof_level mean_roof highest_point top_of_block height_of_model
        class_median contraflow no_motor_traffic
        void_crossed void_hinted void_largest line_measured_width
        typical geometry
    """,
    "entered": "entered",
    "estimated": """
        estimated place_prior synthetic small_footprint storeys_place height_place height_class
        no_homes floor_area_place floor_area dwellings
        width lanes class lanes_class
        line_usual_width land_cover
    """,
}

STATUS_OF_METHOD: Final[dict[str, Status]] = {
    method: status for status, methods in _METHODS.items() for method in methods.split()
}
"""Status of every method word that stands in a ``…_method`` column, or at a raster."""

_WORKED_OUT: Final[dict[str, str]] = {
    "building_parts": "building_id",
    "surfaces": "building_id kind tilt_deg azimuth_deg area_m2 height_m party_building_id",
    "nodes": "elevation_m component",
    "links": "from_node_id to_node_id reverse_link_id length_m walk bicycle motorbike car bus truck",
    "zones": "name area_m2 dwellings residents jobs floor_area_m2 node_id",
    "facilities": "building_id node_id",
}

WORKED_OUT: Final[frozenset[tuple[str, str]]] = frozenset(
    (table, column) for table, columns in _WORKED_OUT.items() for column in columns.split()
)
"""Table and column of values that no source gives, without a method of their own: they follow from the others."""


def status_of(method: str) -> Status:
    """
    Status of a method word.

    A word that nobody listed claims the least, ``estimated``.

    >>> status_of("census_cell"), status_of("place_prior")
    ('modelled', 'estimated')
    """
    return STATUS_OF_METHOD.get(method, "estimated")


def status_of_column(table: str, column: str) -> Status:
    """Status of values without a method of their own: as the source gives them, unless they were worked out."""
    return "modelled" if (table, column) in WORKED_OUT else "measured"
