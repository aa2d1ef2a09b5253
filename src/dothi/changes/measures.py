"""What several changes of energy share: the table of measures by building."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City
    from dothi.shapes import Mask


def measures_of(city: City, chosen: Mask) -> pd.DataFrame:
    """
    Measures of the chosen buildings, one row each, by building; missing where there was none yet.

    Parameters
    ----------
    city
        The city.
    chosen : (n_buildings,)
        Buildings.
    """
    known = city["building_measures"].set_index("building_id")
    return known.reindex(city["buildings"].index[chosen].rename("building_id"))


def with_measures(city: City, measures: pd.DataFrame) -> City:
    """City with these measures in place of those that the buildings had; the id of each is that of its building."""
    import pandas as pd

    known = city["building_measures"].set_index("building_id")
    rest = known[~known.index.isin(measures.index)]
    together = pd.concat([rest, measures]) if len(rest) else measures
    together = together.sort_index()
    return city.with_tables(building_measures=together.assign(building_id=together.index))


def put(measures: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """Measures with values that count for all of them; None leaves a column as it is."""
    given = {name: value for name, value in values.items() if value is not None}
    return measures.assign(**{name: np.full(len(measures), value) for name, value in given.items()})
