"""Change: buildings are cooled from a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from dothi.changes.base import Change
from dothi.changes.measures import measures_of, put, with_measures
from dothi.changes.places import Selection

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.errors import Problems


class DistrictCooling(Change):
    """Cool buildings from a network of chilled water in place of machines of their own."""

    kind: Literal["district_cooling"]
    buildings: Selection = Field(description="Buildings that are served.")
    network: str = Field("1", min_length=1, description="Name of the network; buildings with one name share one.")

    touches: ClassVar = ("building_measures",)
    sentence: ClassVar = {
        "en": "Cools {buildings} from network {network}",
        "fr": "Raccorde au réseau de froid {network} : {buildings}",
        "vi": "Làm mát {buildings} từ mạng lạnh {network}",
    }

    def apply(self, city: City, problems: Problems) -> City:
        """City whose buildings are on the network."""
        chosen = self.buildings.rows(city, "buildings", problems)
        return with_measures(city, put(measures_of(city, chosen), cooling_network=self.network))
