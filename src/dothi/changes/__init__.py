"""Named changes of a city, one kind in a module."""

from __future__ import annotations

from typing import Annotated, Final, get_args

from pydantic import Field

from dothi.changes.add_buildings import AddBuildings
from dothi.changes.add_links import AddLinks
from dothi.changes.add_pump import AddPump
from dothi.changes.add_transit_line import AddTransitLine
from dothi.changes.base import Change
from dothi.changes.climate import Climate
from dothi.changes.close_links import CloseLinks
from dothi.changes.demolish import Demolish
from dothi.changes.district_cooling import DistrictCooling
from dothi.changes.edit_buildings import EditBuildings
from dothi.changes.edit_links import EditLinks
from dothi.changes.edit_sewer import EditSewer
from dothi.changes.edit_transformer import EditTransformer
from dothi.changes.edit_transit import EditTransit
from dothi.changes.electric_vehicles import ElectricVehicles
from dothi.changes.flood_wall import FloodWall
from dothi.changes.grow import Grow
from dothi.changes.permeable_surface import PermeableSurface
from dothi.changes.restrict_mode import RestrictMode
from dothi.changes.retention_basin import RetentionBasin
from dothi.changes.retrofit import Retrofit
from dothi.changes.rezone import Rezone
from dothi.changes.rooftop_pv import RooftopPv
from dothi.changes.storm import Storm

AnyChange = Annotated[
    CloseLinks
    | EditLinks
    | AddLinks
    | RestrictMode
    | AddTransitLine
    | EditTransit
    | AddBuildings
    | EditBuildings
    | Demolish
    | Rezone
    | Grow
    | AddPump
    | Climate
    | DistrictCooling
    | EditSewer
    | EditTransformer
    | ElectricVehicles
    | FloodWall
    | PermeableSurface
    | RetentionBasin
    | Retrofit
    | RooftopPv
    | Storm,
    Field(discriminator="kind"),
]
CHANGES: Final[dict[str, type[Change]]] = {
    get_args(change.model_fields["kind"].annotation)[0]: change for change in get_args(get_args(AnyChange)[0])
}
"""Kinds of change by name."""
