"""A little town whose buildings take cold, with a short made-up summer."""

import numpy as np
import pandas as pd
import shapely

from dothi.packed import packed

HOURS = 96


def weather(*, humidity=True):
    hour = np.arange(HOURS)
    return pd.DataFrame(
        {
            "time": pd.date_range("2023-07-01", periods=HOURS, freq="h", tz="UTC"),
            "air_temperature_c": 27.0 + 6.0 * np.sin(2.0 * np.pi * (hour - 8) / 24.0),
            "relative_humidity_pct": 60.0 if humidity else np.nan,
            "dew_point_c": 18.0 if humidity else np.nan,
            "method": "estimated",
        },
        index=pd.RangeIndex(HOURS, name="weather_id"),
    )


def day_loads(n, peak_w=200_000.0):
    """Loads that come and go with the day, each building a little larger than the one before [W]."""
    day = np.clip(np.sin(2.0 * np.pi * (np.arange(HOURS) - 6) / 24.0), 0.0, None)
    return np.outer(peak_w * (1.0 + 0.1 * np.arange(n)), day)


def cold_city(city, networks, load_w=None, *, humidity=True):
    """City with buildings on networks, by id; all of one load but for their place in the order."""
    ids = np.array(sorted(networks))
    load_w = day_loads(len(ids)) if load_w is None else load_w
    index = pd.Index(ids, name="building_id")
    loads = pd.DataFrame(
        {
            "electricity": packed(np.zeros((len(ids), HOURS), dtype=np.float32), index),
            "cooling": packed(load_w.astype(np.float32), index),
        }
    )
    measures = pd.DataFrame({"building_id": ids, "cooling_network": [networks[i] for i in ids]}, index=ids)
    return city.with_tables(
        weather=weather(humidity=humidity),
        building_loads=loads,
        building_measures=measures.rename_axis("building_measure_id"),
    )


def lines_of(pipes):
    return np.asarray(pipes.geometry.array, dtype=object)


def length_of(pipes):
    return shapely.length(lines_of(pipes))
