"""Trips between zones as an Open Matrix file, for other programs of transport planning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dothi.errors import InputError, Problem
from dothi.io.omx import Matrices, write_omx
from dothi.publish.written import Notify, Written, nobody

if TYPE_CHECKING:
    from dothi.study import Study

TODAY = "today"


def write_matrices(study: Study, path: Path, scenarios: Sequence[str] = (), notify: Notify = nobody) -> Written:
    """
    Write the trips of a scenario as Open Matrix (OMX) 0.2.

    Matrices named by mode hold trips of people in a working day; ``car_peak`` and the like vehicles in the morning peak
    hour, ``car_peak_time_s`` its times. The lookup ``zone_id`` has the ids of zones, then −1 − id of gateways.

    Parameters
    ----------
    study
        Study that was run.
    path
        File to write.
    scenarios
        The scenario; the city as it is where empty.
    notify
        Told of the scenario.

    Raises
    ------
    InputError
        Several scenarios were asked for, or traffic was not simulated.
    """
    if len(scenarios) > 1:
        raise InputError([Problem("omx carries one scenario", column=", ".join(scenarios))])
    name = scenarios[0] if scenarios else TODAY
    notify(name)
    results = study.evidence(name).results
    if "traffic" not in results:
        raise InputError([Problem("has simulated traffic: dothi run", column=name)])
    fields = results["traffic"].fields
    data, units = {}, {}
    for field, ending, unit in (
        ("od_trips", "", "trips of people in a working day"),
        ("od_peak_veh_h", "_peak", "vehicles per hour, morning peak hour"),
        ("od_peak_time_s", "_peak_time_s", "seconds, morning peak hour"),
    ):
        values = fields[field]
        for mode in values["mode"].to_numpy():
            key = f"{str(mode).replace(' ', '_')}{ending}"
            data[key] = np.asarray(values.sel(mode=mode), dtype=np.float64)
            units[key] = {"units": unit}
    ids = fields["od_trips"]["origin"].to_numpy().astype(np.int64)
    write_omx(path, Matrices(data, {"zone_id": ids}, units))
    return Written({"zones": int((ids >= 0).sum()), "gateways": int((ids < 0).sum()), "matrices": len(data)})
