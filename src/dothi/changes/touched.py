"""Tables and rasters that several kinds of change may touch."""

from __future__ import annotations

from typing import Final

WITH_GROUND: Final = ("land_cover", "imperviousness", "roughness")
"""What may change with the cover of the ground."""

WITH_BUILDINGS: Final = (
    "buildings",
    "building_parts",
    "building_measures",
    "surfaces",
    "facilities",
    "trees",
    "zones",
    "surface",
    *WITH_GROUND,
)
"""What may change with buildings."""
